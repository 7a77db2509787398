"""Opens avatars off the event loop, each once, however many sessions show it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256

from livekit_avatar.avatar import Avatar, open_avatar
from livekit_avatar.avatars.catalogue import builtin_names
from livekit_avatar.avatars.store import Store
from livekit_avatar.creation import prepare
from livekit_avatar.errors import AvatarNotFoundError
from livekit_avatar.face.picture import check_picture, read_picture
from livekit_avatar.guard import fetch_public
from livekit_avatar.worker.casting import check_engine, for_picture, pinned
from livekit_avatar.worker.launch import Launch
from livekit_avatar.worker.options import WorkerOptions

KEPT = 8
"""Avatars that stay open although no session shows them."""


OPENING = 2
"""Avatars that are opened at once: a picture takes seconds of a core, and faces that speak need theirs."""


@dataclass(slots=True, eq=False)
class _Opened:
    opening: asyncio.Future[Avatar]
    sessions: int = 0


class Faces:
    """The avatars of a worker.

    Args:
        options: of the worker.
        store: the library; the user's if None.
    """

    def __init__(self, options: WorkerOptions, store: Store | None = None) -> None:
        self._options = options
        self._store = store or Store()
        self._threads = ThreadPoolExecutor(OPENING, thread_name_prefix="livekit-avatar-opening")
        self._opened: OrderedDict[str, _Opened] = OrderedDict()  # the one used last is at the end

    def keep(self, name: str, avatar: Avatar) -> None:
        """Have an avatar that comes with the package, and is open already."""
        opening: asyncio.Future[Avatar] = asyncio.get_running_loop().create_future()
        opening.set_result(avatar)
        self._opened[name] = _Opened(opening)

    async def of_launch(self, launch: Launch) -> AbstractAsyncContextManager[Avatar]:
        """The avatar that a launch asks for, open for as long as the block lasts.

        Nothing of the launch is kept.

        Raises:
            AvatarNotFoundError: the worker knows no avatar of that name.
            AvatarError: it cannot be fetched, or, when the block is entered, prepared or opened.
        """
        accepted = pinned(launch.model, self._options.engines)
        engine = for_picture(accepted, launch.mode)
        if launch.avatar_id is not None:
            key, work = await self._known(launch.avatar_id)
        elif launch.avatar_file is not None:
            key = await asyncio.to_thread(_digest, "file", launch.avatar_file)
            work = partial(open_avatar, launch.avatar_file)
        else:
            picture = launch.picture or await self._fetch(launch.picture_url or "")
            key = await asyncio.to_thread(_digest, f"picture {engine}", picture)
            work = partial(self._prepared, key, picture, engine)
        return self._open(key, work, accepted)

    async def named(self, name: str) -> AbstractAsyncContextManager[Avatar]:
        """An avatar of the library, or one that comes with the package, open while the block lasts.

        Raises:
            AvatarNotFoundError: there is none of that name.
        """
        return self._open(*await self._known(name), None)

    async def aclose(self) -> None:
        """Free all avatars that no session shows."""
        await asyncio.gather(*(opened.opening for opened in self._opened.values()), return_exceptions=True)
        await self._free_unused()
        while idle := self._idle():
            await self._free(idle[0])
        self._threads.shutdown(wait=False)

    async def _known(self, name: str) -> tuple[str, Callable[[], Avatar]]:
        if name in builtin_names():
            return name, partial(open_avatar, name)
        try:
            path = await asyncio.to_thread(self._store.find, name)
        except AvatarNotFoundError:  # whose text lists the library, which is not for every caller
            raise AvatarNotFoundError(
                f"the worker knows no avatar {name[:64]!r}", fix="Ask whoever runs it, or send a picture."
            ) from None
        return path.name, partial(open_avatar, path)

    async def _fetch(self, url: str) -> bytes:
        options = self._options
        return await fetch_public(
            url, limit=options.max_picture, timeout=options.fetch_timeout, allow=options.fetch_from
        )

    def _prepared(self, key: str, picture: bytes, engine: str) -> Avatar:
        """The avatar of a picture; slow."""
        check_picture(picture, max_bytes=self._options.max_picture)
        path = self._store.prepared(key, lambda: prepare(read_picture(picture), engine=engine))
        return open_avatar(path)

    @asynccontextmanager
    async def _open(
        self, key: str, work: Callable[[], Avatar], accepted: Sequence[str] | None
    ) -> AsyncIterator[Avatar]:
        """What `work` opens, once for all who ask for the key."""
        if key not in self._opened:
            loop = asyncio.get_running_loop()
            self._opened[key] = _Opened(loop.run_in_executor(self._threads, work))
        del work  # it may hold a picture
        opened = self._opened[key]
        self._opened.move_to_end(key)
        opened.sessions += 1
        try:
            avatar = await asyncio.shield(opened.opening)
            check_engine(avatar.engine.info.name, accepted, avatar.name)
            yield avatar
        finally:
            opened.sessions -= 1
            await self._free_unused()

    async def _free_unused(self) -> None:
        """Keep what is shown, what was shown last, and nothing that could not be opened."""
        unused = [key for key, opened in self._opened.items() if not opened.sessions]
        for key in [key for key in unused if _is_broken(self._opened[key].opening)]:
            del self._opened[key]  # the next one tries again
        while len(idle := self._idle()) > KEPT:  # looked at anew each time: freeing one takes a while
            await self._free(idle[0])

    def _idle(self) -> list[str]:
        """What no session shows, the one that was shown last at the end."""
        return [key for key, opened in self._opened.items() if not opened.sessions and opened.opening.done()]

    async def _free(self, key: str) -> None:
        avatar = await self._opened.pop(key).opening
        await asyncio.to_thread(avatar.engine.unload, avatar.face)


def _is_broken(opening: asyncio.Future[Avatar]) -> bool:
    return opening.done() and (opening.cancelled() or opening.exception() is not None)


def _digest(kind: str, data: bytes) -> str:
    return f"{kind} {sha256(data).hexdigest()}"
