"""The .avatar file: one avatar as a zip of plain members that a hostile sender cannot abuse.

`docs/avatar-format.md` is the specification. In short: members are stored, not deflated, one after the
other without gaps; `manifest.json` comes first and gives the sha256 and length of every other member;
arrays are safetensors, pictures PNG or WebP, video mp4. Nothing is ever unpickled or extracted to disk, and
nothing is handed out before its hash has been verified. The same content always gives the same bytes.
"""

from __future__ import annotations

import io
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

import numpy.typing as npt

from livekit_avatar.avatars.container import (
    DEFAULT_LIMITS,
    Limits,
    check_member,
    check_size,
    pack,
    read_directory,
    read_slot,
)
from livekit_avatar.avatars.manifest import (
    FORMAT_VERSION,
    MANIFEST,
    Entry,
    Manifest,
    check_length,
    decode_manifest,
    encode_manifest,
)
from livekit_avatar.avatars.members import (
    COPY_AGAIN,
    check_arrays,
    decode_arrays,
    decode_picture,
    decode_picture_size,
    encode_arrays,
    encode_picture,
)
from livekit_avatar.errors import BundleError
from livekit_avatar.types import Image

__all__ = [
    "DEFAULT_LIMITS",
    "FORMAT_VERSION",
    "Bundle",
    "Limits",
    "Manifest",
    "encode_arrays",
    "encode_bundle",
    "encode_picture",
    "read_bundle",
    "write_bundle",
    "write_whole",
]


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """An avatar in memory.

    Attributes:
        manifest: what it is, and whose.
        members: file name -> bytes, without the manifest.
        limits: what reading, writing and decoding it accept.
    """

    manifest: Manifest
    members: Mapping[str, bytes]
    limits: Limits = DEFAULT_LIMITS

    def read(self, name: str) -> bytes:
        """The bytes of a member.

        Raises:
            BundleError: there is none of that name.
        """
        try:
            return self.members[name]
        except KeyError:
            raise BundleError(
                f"{self.label} has no member {name!r}",
                fix=f"Prepare it again with the engine {self.manifest.engine!r} of this version.",
            ) from None

    def arrays(
        self, name: str, expected: Mapping[str, tuple[int, ...]] | None = None
    ) -> dict[str, npt.NDArray[Any]]:
        """The arrays of a safetensors member: name -> fresh C-contiguous array.

        Args:
            name: of the member.
            expected: which arrays there are, and their shapes: all float32 and finite. Any, if None.

        Raises:
            BundleError: no such member, not safetensors, an element type numpy lacks, above the limit, or
                not as expected.
        """
        data = self.read(name)
        with self._about_member(name):
            arrays = decode_arrays(data, most=self.limits.array_elements)
            if expected is not None:
                check_arrays(arrays, expected)
            return arrays

    def picture(self, name: str) -> Image:
        """A PNG or WebP member as a fresh picture, (H, W, 4) uint8 RGBA, straight alpha.

        Raises:
            BundleError: no such member, not a PNG or WebP, broken, or above the limit.
        """
        data = self.read(name)
        with self._about_member(name):
            return decode_picture(data, most=self.limits.picture_pixels)

    def picture_size(self, name: str) -> tuple[int, int]:
        """(width, height) of a PNG or WebP member, by its header.

        Raises:
            BundleError: no such member, or not a PNG or WebP.
        """
        data = self.read(name)
        with self._about_member(name):
            return decode_picture_size(data)

    def _about_member(self, name: str) -> AbstractContextManager[None]:
        return _about(f"The member {name!r} of the avatar {self.manifest.name!r}")

    @property
    def label(self) -> str:
        """How errors name it."""
        return f"The avatar {self.manifest.name!r}"


def read_bundle(source: Path | bytes, *, limits: Limits = DEFAULT_LIMITS) -> Bundle:
    """Read an avatar and verify all of it.

    Args:
        source: a .avatar file, or its bytes.
        limits: the most it may hold.

    Raises:
        BundleError: it cannot be read, is broken, hostile or too new, or holds more than `limits` allow.
    """
    label = "The avatar" if isinstance(source, bytes) else f"The avatar {source.name!r}"
    with _about(label), _opened(source) as (file, size):
        return _read(file, size, limits)


def write_bundle(path: Path, bundle: Bundle) -> None:
    """Write an avatar aside, then rename it into place: readers see the old file or the whole new one.

    Raises:
        BundleError: the bundle breaks a rule of the format, or the file cannot be written.
    """
    data = encode_bundle(bundle)
    try:
        write_whole(path, data)
    except OSError as error:
        raise BundleError(
            f"The avatar cannot be written to {str(path)!r} ({error.strerror})",
            fix="Choose a folder that exists, may be written to and has free space.",
        ) from error


def write_whole(path: Path, data: bytes) -> None:
    """Write a file aside and rename it into place, so that it is whole also after a power cut.

    Raises:
        OSError: the disk refuses; nothing is left behind.
    """
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)


def encode_bundle(bundle: Bundle) -> bytes:
    """The bytes of the .avatar file; equal bundles give equal bytes.

    Raises:
        BundleError: the bundle breaks a rule of the format.
    """
    with _about(bundle.label):
        members = dict(sorted(bundle.members.items()))
        for name, data in members.items():
            check_member(name, len(data), bundle.limits)
        members = {MANIFEST: encode_manifest(bundle.manifest, members), **members}
        data = pack(members)
        check_size(len(data), len(members), bundle.limits)
        return data


@contextmanager
def _about(subject: str) -> Iterator[None]:
    """Complete the sentence of an error: inner functions say what is wrong, this says with what."""
    try:
        yield
    except BundleError as error:
        raise BundleError(f"{subject} {error.problem}", fix=error.fix) from error


@contextmanager
def _opened(source: Path | bytes) -> Iterator[tuple[BinaryIO, int]]:
    """A file to read, and its length."""
    if isinstance(source, bytes):
        yield io.BytesIO(source), len(source)
        return
    try:
        if source.exists() and not source.is_file():  # opening a pipe would wait for a writer
            raise BundleError("is not a file", fix="Name a .avatar file.")
        with source.open("rb") as file:
            yield file, os.fstat(file.fileno()).st_size
    except OSError as error:
        raise BundleError(f"cannot be opened ({error.strerror})", fix="Check the path.") from error


def _read(file: BinaryIO, size: int, limits: Limits) -> Bundle:
    """Headers, then the manifest, then one member after the other, each verified before the next is read."""
    first, *others = read_directory(file, size, limits)
    check_length(first.size)
    manifest, entries = decode_manifest(read_slot(file, first))
    sizes = {slot.name: slot.size for slot in others}
    for name in sorted(sizes.keys() ^ entries.keys()):
        what = "is listed in its manifest and missing" if name in entries else "is not listed in its manifest"
        raise BundleError(f"has a member {name!a} that {what}", fix=COPY_AGAIN)
    for name, length in sizes.items():
        if length != entries[name].length:
            raise BundleError(
                f"has a damaged member {name!r}: its length is not the manifest's", fix=COPY_AGAIN
            )
    members = {slot.name: _verified(read_slot(file, slot), slot.name, entries) for slot in others}
    return Bundle(manifest, MappingProxyType(members), limits)


def _verified(data: bytes, name: str, entries: Mapping[str, Entry]) -> bytes:
    if Entry.of(data) != entries[name]:
        raise BundleError(f"has a damaged member {name!r}: its sha256 is not the manifest's", fix=COPY_AGAIN)
    return data
