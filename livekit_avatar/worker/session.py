"""One session of a worker: a face in a room, from joining to leaving."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, Literal

from livekit import rtc

from livekit_avatar import metrics
from livekit_avatar.avatar import Avatar
from livekit_avatar.errors import AvatarError, RequestRefusedError
from livekit_avatar.room import wire
from livekit_avatar.room.face import PublishedFace
from livekit_avatar.room.receiver import StreamAudioReceiver
from livekit_avatar.runtime.runtime import AvatarRuntime
from livekit_avatar.worker.attendance import Attendance
from livekit_avatar.worker.controls import Controls
from livekit_avatar.worker.faces import Faces
from livekit_avatar.worker.launch import Ticket
from livekit_avatar.worker.logs import SESSION
from livekit_avatar.worker.options import WorkerOptions
from livekit_avatar.worker.places import Places

logger = logging.getLogger(__name__)

Status = Literal["starting", "running", "ended"]

_TRACKS = 2
_LEAVE_SECONDS = 5.0
"""A server that is gone does not answer; the participant is dropped without its word then."""

Connect = Callable[[rtc.Room], Awaitable[None]]
"""Joins a room."""

Find = Callable[[], Awaitable[AbstractAsyncContextManager[Avatar]]]
"""Finds whose face it is."""


class Session:
    """A face in a room.

    Args:
        ticket: where, as whom, and for whom.
        faces: of the worker.
        places: of the worker.
        options: of the worker.
    """

    def __init__(self, ticket: Ticket, faces: Faces, places: Places, options: WorkerOptions) -> None:
        self.id = secrets.token_urlsafe(12)
        self.ticket = ticket
        self.status: Status = "starting"
        self.reason = ""  # why it ended
        self.avatar = ""
        self.failure: AvatarError | None = None
        self.ended_at = 0.0  # on the monotonic clock
        self._faces = faces
        self._places = places
        self._options = options
        self._began = time.monotonic()
        self._settled = asyncio.Event()  # it runs, or never will
        self._left = asyncio.Event()
        self._over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._face: PublishedFace | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, find: Find, connect: Connect, room: rtc.Room) -> None:
        """Begin to join; `started` says when that is done.

        Args:
            find: finds whose face it is; forgotten when it is found, for it may hold a picture.
            connect: joins the room.
            room: not connected yet.
        """
        self._task = asyncio.create_task(self._run(find, connect, room))
        self._task.add_done_callback(self._finish)

    async def started(self) -> None:
        """Wait until it has joined and published.

        Raises:
            AvatarError: it could not.
        """
        await self._settled.wait()
        if self.failure is not None:
            raise self.failure

    def end(self, reason: str) -> None:
        """Let it end; `ended` says when that is done."""
        if self.reason:
            return
        self.reason = reason
        if self.status == "starting" and self._task is not None:
            self._task.cancel()
        elif not self._over.done():
            self._over.set_result(reason)

    def when_ended(self, call: Callable[[], None]) -> None:
        """Have something called when it has left."""
        if self._task is not None:
            self._task.add_done_callback(lambda _: call())

    async def ended(self) -> None:
        """Wait until it has left."""
        await self._left.wait()

    def describe(self) -> dict[str, Any]:
        """What may be told about it."""
        return {
            wire.SESSION_ID: self.id,
            wire.STATUS: self.status,
            wire.AVATAR_IDENTITY: self.ticket.identity,
            wire.ROOM_NAME: self.ticket.room,
            "avatar": self.avatar,
            "position": round(self._face.position, 3) if self._face and self.status == "running" else 0.0,
            "reason": self.reason,
        }

    async def _run(self, find: Find, connect: Connect, room: rtc.Room) -> None:
        SESSION.set(self.id)
        try:
            async with AsyncExitStack() as stack:
                await self._begin(stack, find, connect, room)
                del find
                self.status = "running"
                metrics.JOIN_SECONDS.observe(time.monotonic() - self._began)
                logger.info("joined room %r as %r", self.ticket.room, self.ticket.identity)
                self._settled.set()
                self.reason = await self._over
        except asyncio.CancelledError:
            self.failure = _gone(self.reason)
        except AvatarError as error:
            self.failure = error
        except Exception:
            logger.exception("the session failed")
            self.failure = _refused("the session failed", "The worker's log says why.", 500, "failed")

    def _finish(self, *_: object) -> None:
        if self.failure is None and self.reason and not self._settled.is_set():
            self.failure = _gone(self.reason)  # ended before its task ran at all
        self.reason = self.reason or (self.failure.problem if self.failure else "")
        self.status = "ended"
        self.ended_at = time.monotonic()
        self._face = None
        self._settled.set()
        self._left.set()
        logger.info("left room %r: %s", self.ticket.room, self.reason)

    async def _begin(
        self,
        stack: AsyncExitStack,
        find: Find,
        connect: Connect,
        room: rtc.Room,
    ) -> None:
        """Join and publish.

        Raises:
            AvatarError: it cannot, or not in time.
        """
        try:
            await asyncio.wait_for(self._join(stack, find, connect, room), self._options.launch_timeout)
        except asyncio.TimeoutError:
            raise _refused(
                f"it has not joined after {self._options.launch_timeout:.0f} s", "Try again.", 504, "too_slow"
            ) from None

    async def _join(
        self,
        stack: AsyncExitStack,
        find: Find,
        connect: Connect,
        room: rtc.Room,
    ) -> None:
        place = stack.enter_context(self._places.take())
        avatar = await stack.enter_async_context(await find())
        self.avatar = avatar.name
        await self._places.seat(place, avatar)
        runtime = AvatarRuntime(avatar.engine, avatar.face, seed=secrets.randbelow(1 << 31), paced=False)
        await runtime.start()
        stack.push_async_callback(runtime.stop)
        agent = self.ticket.agent
        receiver = StreamAudioReceiver(room, agent)
        stack.push_async_callback(receiver.aclose)
        receiver.listen()
        await _connected(room, connect)
        stack.push_async_callback(_leave, room)
        attendance = Attendance(
            room, agent, self.end, grace=self._options.owner_grace, idle=self._options.idle_timeout
        )
        face = self._face = PublishedFace(runtime, room, receiver, blind={agent})
        stack.push_async_callback(face.aclose)
        controls = Controls(room, agent, receiver, face, self._faces)
        stack.push_async_callback(controls.aclose)
        controls.start()
        await _published(room, face)
        stack.push_async_callback(attendance.aclose)
        attendance.start(face)


async def _connected(room: rtc.Room, connect: Connect) -> None:
    """Join a room; one that is joined after all when nobody waits any more is left again.

    Raises:
        RequestRefusedError: the LiveKit server refused, or is not there.
    """
    connecting = asyncio.ensure_future(connect(room))
    try:
        await asyncio.shield(connecting)
    except asyncio.CancelledError:
        await asyncio.wait({connecting})
        if not (connecting.cancelled() or connecting.exception()):
            await _leave(room)
        raise
    except rtc.ConnectError as error:  # its text may have the token in it
        if "401" in error.message or "403" in error.message:
            raise _refused(
                "the LiveKit server refused the token",
                "Make one for this server's key, with room_join, that has not expired.",
                400,
                "token_refused",
            ) from None
        raise _refused(
            "the LiveKit server cannot be reached", "Check livekit_url.", 502, "room_unreachable"
        ) from None


async def _leave(room: rtc.Room) -> None:
    try:
        await asyncio.wait_for(room.disconnect(), _LEAVE_SECONDS)
    except asyncio.TimeoutError:
        logger.warning("the server did not answer when the room was left")


async def _published(room: rtc.Room, face: PublishedFace) -> None:
    """Publish, and wait until both tracks are there.

    Raises:
        RequestRefusedError: the server does not let them.
    """
    tracks = asyncio.Event()

    def count(*_: object) -> None:
        if len(room.local_participant.track_publications) >= _TRACKS:
            tracks.set()

    room.on("local_track_published", count)
    await face.start()
    waits = [asyncio.ensure_future(tracks.wait()), asyncio.ensure_future(face.wait_for_complete())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        room.off("local_track_published", count)
        for each in waits:
            each.cancel()
    if not tracks.is_set():
        raise _refused("the tracks cannot be published", "Grant can_publish.", 502, "not_published")


def _gone(reason: str) -> RequestRefusedError:
    return _refused(f"the session was ended ({reason})", "Launch it again.", 503, "ended")


def _refused(problem: str, fix: str, status: int, code: str) -> RequestRefusedError:
    return RequestRefusedError(problem, fix=fix, status=status, code=code)
