"""The .avatar file: one avatar as a zip of plain members that a hostile sender cannot abuse.

`docs/avatar-format.md` is the specification. In short: members are stored, not deflated, one after the
other without gaps; `manifest.json` comes first and gives the sha256 and length of every other member;
arrays are safetensors, pictures PNG or WebP, video mp4. Nothing is ever unpickled or extracted to disk, and
nothing is handed out before its hash has been verified. The same content always gives the same bytes.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy.typing as npt

from livekit_avatar.avatars.container import (
    DEFAULT_LIMITS,
    Limits,
    check_member,
    check_size,
    pack,
    unpack,
)
from livekit_avatar.avatars.manifest import (
    FORMAT_VERSION,
    MANIFEST,
    Entry,
    Manifest,
    decode_manifest,
    encode_manifest,
)
from livekit_avatar.avatars.members import (
    COPY_AGAIN,
    decode_arrays,
    decode_picture,
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

    def arrays(self, name: str) -> dict[str, npt.NDArray[Any]]:
        """The arrays of a safetensors member: name -> fresh C-contiguous array.

        Raises:
            BundleError: no such member, not safetensors, an element type numpy lacks, or above the limit.
        """
        data = self.read(name)
        with _about(f"The member {name!r} of the avatar {self.manifest.name!r}"):
            return decode_arrays(data, most=self.limits.array_elements)

    def picture(self, name: str) -> Image:
        """A PNG or WebP member as a fresh picture, (H, W, 4) uint8 RGBA, straight alpha.

        Raises:
            BundleError: no such member, not a PNG or WebP, broken, or above the limit.
        """
        data = self.read(name)
        with _about(f"The member {name!r} of the avatar {self.manifest.name!r}"):
            return decode_picture(data, most=self.limits.picture_pixels)

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
    with _about("The avatar" if isinstance(source, bytes) else f"The avatar {source.name!r}"):
        data = source if isinstance(source, bytes) else _load(source, limits)
        members = unpack(data, limits)
        manifest, entries = decode_manifest(members.pop(MANIFEST))
        _verify(members, entries)
        return Bundle(manifest, MappingProxyType(members), limits)


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


def _load(path: Path, limits: Limits) -> bytes:
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            check_size(size, 0, limits)
            return file.read(size)
    except OSError as error:
        raise BundleError(f"cannot be opened ({error.strerror})", fix="Check the path.") from error


def _verify(members: Mapping[str, bytes], entries: Mapping[str, Entry]) -> None:
    """The members are those the manifest lists, byte for byte."""
    for name in sorted(members.keys() ^ entries.keys()):
        what = "is listed in its manifest and missing" if name in entries else "is not listed in its manifest"
        raise BundleError(f"has a member {name!a} that {what}", fix=COPY_AGAIN)
    for name, data in members.items():
        if Entry.of(data) != entries[name]:
            raise BundleError(
                f"has a damaged member {name!r}: its sha256 is not the manifest's", fix=COPY_AGAIN
            )
