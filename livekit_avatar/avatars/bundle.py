"""The .avatar file: one avatar as a zip of plain members that a hostile sender cannot abuse.

`docs/avatar-format.md` is the specification. In short: members are stored, not deflated, one after the
other without gaps; `manifest.json` comes first and gives the sha256 and length of every other member;
arrays are safetensors, pictures PNG or WebP, video mp4. Nothing is ever unpickled or extracted to disk, and
nothing is handed out before its hash has been verified. The same content always gives the same bytes.
"""

from __future__ import annotations

import io
import re
import secrets
import stat
import struct
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy.typing as npt

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
]

_LONGEST_NAME = 100
_NAME: Final = re.compile(
    r"[a-z0-9][a-z0-9_.-]*(/[a-z0-9][a-z0-9_.-]*)*\.(json|safetensors|png|webp|mp4)", re.ASCII
)
"""Lower case and relative, so that no name is special, or equal to another, on any file system."""

_END: Final = struct.Struct("<4s4H2LH")
"""End of central directory record without a comment (APPNOTE.TXT, 4.3.16)."""

_LOCAL_HEADER, _CENTRAL_HEADER = 30, 46
"""Bytes before the name (APPNOTE.TXT, 4.3.7 and 4.3.12)."""

_ZIP_ERRORS = (zipfile.BadZipFile, struct.error, RuntimeError, ValueError, OverflowError, EOFError, OSError)
"""What zipfile raises on broken files, over all Pythons."""

_LIMITS = "Raise the limit in `Limits` if you trust where it came from."
_REPACK = "Prepare the avatar again; do not repack it with another program."


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that a .avatar file may hold; each is checked before the memory is spent.

    Attributes:
        file_bytes: of the whole file.
        members: number of members, the manifest included.
        member_bytes: of one member.
        picture_pixels: width times height of one picture, known from its header before it is decoded.
        array_elements: numbers in one array.
    """

    file_bytes: int = 256 << 20
    members: int = 256
    member_bytes: int = 128 << 20
    picture_pixels: int = 16 << 20
    array_elements: int = 64 << 20


DEFAULT_LIMITS: Final = Limits()


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
        members = _unpack(data, limits)
        manifest, entries = decode_manifest(members.pop(MANIFEST))
        _verify(members, entries)
        return Bundle(manifest, MappingProxyType(members), limits)


def write_bundle(path: Path, bundle: Bundle) -> None:
    """Write an avatar aside, then rename it into place: readers see the old file or the whole new one.

    Raises:
        BundleError: the bundle breaks a rule of the format, or the file cannot be written.
    """
    data = encode_bundle(bundle)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        aside.write_bytes(data)
        aside.replace(path)
    except OSError as error:
        raise BundleError(
            f"The avatar cannot be written to {str(path)!r} ({error.strerror})",
            fix="Choose a folder that exists, may be written to and has free space.",
        ) from error
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
            _check_member(name, len(data), bundle.limits)
        members = {MANIFEST: encode_manifest(bundle.manifest, members), **members}
        data = _pack(members)
        _check_size(len(data), len(members), bundle.limits)
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
            data = file.read(limits.file_bytes + 1)
    except OSError as error:
        raise BundleError(f"cannot be opened ({error.strerror})", fix="Check the path.") from error
    _check_size(len(data), 0, limits)
    return data


def _check_size(size: int, count: int, limits: Limits) -> None:
    if size > limits.file_bytes:
        raise BundleError(f"has more than {limits.file_bytes} bytes", fix=_LIMITS)
    if count > limits.members:
        raise BundleError(f"has {count} members, more than {limits.members}", fix=_LIMITS)


def _check_member(name: str, size: int, limits: Limits) -> None:
    if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        raise BundleError(
            f"has a member named {name[:_LONGEST_NAME]!a}",
            fix="Members are relative, lower case and end in .json, .safetensors, .png, .webp or .mp4.",
        )
    if size > limits.member_bytes:
        raise BundleError(f"has a member {name!r} of more than {limits.member_bytes} bytes", fix=_LIMITS)


def _pack(members: Mapping[str, bytes]) -> bytes:
    """A zip with nothing in it that depends on the clock, the machine or zlib."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system = 3  # Unix, whatever this machine is
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(info, data)
    return file.getvalue()


def _unpack(data: bytes, limits: Limits) -> dict[str, bytes]:
    """Members by name, after every header has been found harmless."""
    _check_size(len(data), 0, limits)
    try:
        count, directory = _check_end(data, limits)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            if len(infos) != count:
                raise BundleError("has a zip directory with more in it than its members", fix=_REPACK)
            _check_headers(infos, directory, limits)
            return {info.filename: archive.read(info) for info in infos}
    except BundleError:
        raise
    except _ZIP_ERRORS as error:
        raise BundleError(f"is not a whole zip file ({str(error)!a})", fix=COPY_AGAIN) from error


def _check_end(data: bytes, limits: Limits) -> tuple[int, int]:
    """Number of members and start of the directory, once it is sure that it can be parsed in little memory."""
    if len(data) < _END.size:
        raise BundleError("is empty or cut short", fix=COPY_AGAIN)
    end = len(data) - _END.size
    magic, disk, first_disk, here, count, size, start, comment = _END.unpack_from(data, end)
    if magic != b"PK\5\6" or comment:
        raise BundleError("is not a zip file, or was cut short", fix=COPY_AGAIN)
    _check_size(len(data), count, limits)
    longest = count * (_CENTRAL_HEADER + _LONGEST_NAME)
    if disk or first_disk or here != count or start + size != end or size > longest:
        raise BundleError("has a zip directory with more in it than its members", fix=_REPACK)
    return count, start


def _check_headers(infos: list[zipfile.ZipInfo], directory: int, limits: Limits) -> None:
    """Plain stored files, each name once, laid end to end from the first byte to the directory."""
    if not infos or infos[0].filename != MANIFEST:
        raise BundleError(f"does not begin with {MANIFEST!r}", fix=_REPACK)
    if len({info.filename for info in infos}) != len(infos):
        raise BundleError("has two members of one name", fix=_REPACK)
    offset = 0
    for info in infos:
        _check_member(info.orig_filename, info.file_size, limits)
        _check_plain(info)
        if info.header_offset != offset:
            raise BundleError(f"has a gap or an overlap before its member {info.filename!r}", fix=_REPACK)
        offset += _LOCAL_HEADER + len(info.filename) + info.file_size
    if offset != directory:
        raise BundleError("has bytes that belong to no member", fix=_REPACK)


def _check_plain(info: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise BundleError(f"has a member {info.filename!r} that is a link or a device", fix=_REPACK)
    if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
        raise BundleError(f"has a compressed member {info.filename!r}", fix=_REPACK)
    if info.flag_bits or info.extra or info.comment:
        raise BundleError(
            f"has a member {info.filename!r} that is encrypted or carries extra fields", fix=_REPACK
        )


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
