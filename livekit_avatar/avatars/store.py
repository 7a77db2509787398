"""The library: a user's avatars by name, and pictures that were prepared before.

    avatars/
      content/<sha256>.avatar   every avatar once, however many names it has
      names/<name>              the sha256 that a name stands for
      prepared/<sha256 of key>  the sha256 of what a picture became; its time is that of the last use
      locks/

What has a name stays until the name is removed. What only pictures lead to is a cache: above a cap, what
was not used for longest goes. Several processes and threads may use one folder: files are written aside and
renamed, and a lock lets one prepare a picture while the others wait for it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from filelock import FileLock

from livekit_avatar.avatars.bundle import Bundle, encode_bundle, read_bundle, write_whole
from livekit_avatar.errors import AvatarExistsError, AvatarNotFoundError, ConfigurationError, StoreError
from livekit_avatar.settings import settings

DEFAULT_CAP: Final = 1 << 30
"""Bytes of prepared pictures that are kept: hundreds of them."""

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
"""Without dots and capitals: never a path, nor equal to another on any file system."""

_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)

_JUST_USED = 60.0
"""Seconds in which whoever was told a path may not have opened it yet: it is not thrown away."""

_ABANDONED = 3600.0
"""Seconds after which a file that is still aside belongs to a process that died."""

_ALL = "all"
"""The lock of the folder as a whole; the others, named by two hexadecimal digits, share the keys."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An avatar of the library.

    Attributes:
        name: under which it is found.
        path: of the .avatar file; replaced, never changed.
        sha256: of that file, 64 hexadecimal digits.
        size: of that file in bytes.
        added: when it got the name, in seconds since 1970.
    """

    name: str
    path: Path
    sha256: str
    size: int
    added: float


class Store:
    """The library in a folder, which is made at the first use that writes.

    Args:
        folder: `avatars` in the home folder (LIVEKIT_AVATAR_HOME) if None.
        cap: bytes of prepared pictures to keep; avatars with a name do not count.
    """

    def __init__(self, folder: Path | None = None, *, cap: int = DEFAULT_CAP) -> None:
        self.folder = settings().home / "avatars" if folder is None else folder
        self._cap = cap
        self._content = self.folder / "content"
        self._names = self.folder / "names"
        self._prepared = self.folder / "prepared"
        self._locks = self.folder / "locks"

    def find(self, name: str) -> Path:
        """The .avatar file of a name.

        Raises:
            AvatarNotFoundError: the library has none of that name.
        """
        with self._disk():
            digest = self._digest(self._names / name) if _NAME.fullmatch(name) else None
            path = self._place(digest or "")
            if digest is None or not path.is_file():
                names = ", ".join(entry.name for entry in self.list())
                has = f"It has: {names}." if names else "It is empty."
                raise AvatarNotFoundError(f"The library has no avatar {name[:64]!r}", fix=has)
            return path

    def list(self) -> list[Entry]:
        """All avatars that have a name, sorted by it."""
        with self._disk():
            return sorted(self._entries(), key=lambda entry: entry.name)

    def add(self, source: Path | Bundle, name: str, *, replace: bool = False) -> Entry:
        """Copy an avatar into the library.

        Args:
            source: a .avatar file, or what one holds.
            name: a to z, 0 to 9, - and _; at most 64 characters.
            replace: whether the name may have stood for another avatar.

        Raises:
            AvatarExistsError: it does, and may not.
            BundleError: the file is broken or hostile.
            ConfigurationError: no avatar can have that name.
            StoreError: the library cannot be written to.
        """
        check_name(name)
        bundle = source if isinstance(source, Bundle) else read_bundle(source)
        with self._disk(), self._locked(_ALL):
            pointer, digest = self._names / name, self._keep(bundle)
            if not replace and self._digest(pointer) not in (None, digest):
                raise AvatarExistsError(
                    f"The library has another avatar {name!r}", fix="Choose another name, or replace it."
                )
            self._point(pointer, digest)
            self._sweep()
            return self._entry(pointer, digest)

    def remove(self, name: str) -> None:
        """Forget a name, and its avatar if nothing else leads to it.

        Raises:
            AvatarNotFoundError: the library has none of that name.
            StoreError: the library cannot be written to.
        """
        path = self.find(name)
        with self._disk(), self._locked(_ALL):
            (self._names / name).unlink(missing_ok=True)
            if path.stem not in self._wanted():
                path.unlink(missing_ok=True)

    def clear(self) -> int:
        """Throw away all prepared pictures; the number of bytes that became free."""
        with self._disk(), self._locked(_ALL):
            for pointer in _files(self._prepared):
                pointer.unlink(missing_ok=True)
            return self._drop_unwanted(age=0.0)

    def prepared_bytes(self) -> int:
        """Bytes of all prepared pictures."""
        with self._disk():
            digests = {self._digest(pointer) for pointer in _files(self._prepared)}
            return sum(_size(self._place(digest)) for digest in digests if digest)

    def prepared(self, key: str, make: Callable[[], Bundle]) -> Path:
        """The .avatar file of a source that was prepared before, or is prepared now.

        Of all threads and processes that ask for a key at once, one prepares and the others wait. Whatever
        `make` raises is raised, and the next one tries.

        Args:
            key: names the source and everything that decides what becomes of it.
            make: prepares it.

        Raises:
            StoreError: the library cannot be written to.
        """
        hashed = sha256(key.encode()).hexdigest()
        pointer = self._prepared / hashed
        with self._disk():
            path = self._used(pointer)
        if path is not None:
            return path
        with self._locked(hashed[:2]):
            with self._disk():
                path = self._used(pointer)
            if path is not None:
                return path
            bundle = make()
            with self._disk(), self._locked(_ALL):
                digest = self._keep(bundle)
                self._point(pointer, digest)
                self._sweep()
                return self._place(digest)

    def _used(self, pointer: Path) -> Path | None:
        """What a key stands for, if it is whole; the time of its use is noted."""
        digest = self._digest(pointer)
        if digest is None or not self._whole(digest):
            return None
        with suppress(OSError):  # a library that may only be read still serves
            pointer.touch()
        return self._place(digest)

    def _keep(self, bundle: Bundle) -> str:
        """Have an avatar among the content; its sha256."""
        data = encode_bundle(bundle)
        digest = sha256(data).hexdigest()
        if not self._whole(digest):
            self._content.mkdir(parents=True, exist_ok=True)
            write_whole(self._place(digest), data)
        return digest

    def _whole(self, digest: str) -> bool:
        try:
            return sha256(self._place(digest).read_bytes()).hexdigest() == digest
        except FileNotFoundError:
            return False

    def _place(self, digest: str) -> Path:
        return self._content / f"{digest}.avatar"

    def _point(self, pointer: Path, digest: str) -> None:
        pointer.parent.mkdir(parents=True, exist_ok=True)
        write_whole(pointer, digest.encode())

    def _digest(self, pointer: Path) -> str | None:
        try:
            digest = pointer.read_bytes()[:65].decode("ascii", "replace")
        except FileNotFoundError:
            return None
        return digest if _SHA256.fullmatch(digest) else None

    def _entries(self) -> Iterator[Entry]:
        for pointer in _files(self._names):
            digest = self._digest(pointer)
            with suppress(FileNotFoundError):  # another process has just removed it
                if digest is not None:
                    yield self._entry(pointer, digest)

    def _entry(self, pointer: Path, digest: str) -> Entry:
        path = self._place(digest)
        return Entry(pointer.name, path, digest, path.stat().st_size, pointer.stat().st_mtime)

    def _sweep(self) -> None:
        """Keep the prepared pictures that were used last and fit under the cap."""
        total, now = 0, time.time()
        for pointer in sorted(_files(self._prepared), key=_used_at, reverse=True):
            total += _size(self._place(self._digest(pointer) or ""))
            if total > self._cap and now - _used_at(pointer) > _JUST_USED:
                pointer.unlink(missing_ok=True)
        self._drop_unwanted(age=_JUST_USED)

    def _drop_unwanted(self, *, age: float) -> int:
        """Delete content that nothing leads to and that is older than so many seconds; its bytes."""
        wanted, now, freed = self._wanted(), time.time(), 0
        for path in _files(self._content):
            if path.stem not in wanted and now - _used_at(path) >= age:
                freed += _size(path)
                with suppress(PermissionError):  # Windows: somebody is reading it
                    path.unlink(missing_ok=True)
        for path in self.folder.glob("*/.*"):
            if now - _used_at(path) > _ABANDONED:
                path.unlink(missing_ok=True)
        return freed

    def _wanted(self) -> set[str | None]:
        return {self._digest(pointer) for pointer in (*_files(self._names), *_files(self._prepared))}

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        lock = FileLock(self._locks / f"{name}.lock")
        with self._disk():
            self._locks.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _disk(self) -> Iterator[None]:
        """What the disk refuses becomes a StoreError."""
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"The library in {str(self.folder)!r} cannot be used ({error.strerror or error})",
                fix="Free some space, or set LIVEKIT_AVATAR_HOME to a folder that may be written to.",
            ) from error


def check_name(name: str) -> None:
    """Check that an avatar of the library can have this name.

    Raises:
        ConfigurationError: it cannot.
    """
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{name[:64]!r} cannot be a name in the library",
            fix="Use a to z, 0 to 9, - and _, at most 64 characters, a letter or digit first.",
        )


def name_for(text: str) -> str:
    """A name for the library out of any text, such as "me-and-you" for "Me and You!".

    Raises:
        ConfigurationError: nothing is left of it.
    """
    name = re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-_")[:64].rstrip("-_")
    check_name(name)
    return name


def _files(folder: Path) -> list[Path]:
    """Files of a folder that are not being written."""
    return [path for path in folder.glob("*") if not path.name.startswith(".")]


def _used_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
