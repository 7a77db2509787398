"""The zip of a .avatar file: the strictest form that every zip program can still read.

Members are stored and lie end to end from the first byte to the directory; nothing is compressed, encrypted,
linked, commented, padded or named twice. So a file has no room for anything that its members do not show,
and reading it takes no more memory than it is long.
"""

from __future__ import annotations

import io
import re
import stat
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from livekit_avatar.avatars.manifest import MANIFEST
from livekit_avatar.avatars.members import COPY_AGAIN
from livekit_avatar.errors import BundleError

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


def check_size(size: int, count: int, limits: Limits) -> None:
    """A file of so many bytes and members is within the limits, or BundleError."""
    if size > limits.file_bytes:
        raise BundleError(f"has more than {limits.file_bytes} bytes", fix=_LIMITS)
    if count > limits.members:
        raise BundleError(f"has {count} members, more than {limits.members}", fix=_LIMITS)


def check_member(name: str, size: int, limits: Limits) -> None:
    """A member of this name and length is allowed, or BundleError."""
    if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        raise BundleError(
            f"has a member named {name[:_LONGEST_NAME]!a}",
            fix="Members are relative, lower case and end in .json, .safetensors, .png, .webp or .mp4.",
        )
    if size > limits.member_bytes:
        raise BundleError(f"has a member {name!r} of more than {limits.member_bytes} bytes", fix=_LIMITS)


def pack(members: Mapping[str, bytes]) -> bytes:
    """A zip of these members in their order; nothing in it depends on the clock, the machine or zlib."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system = 3  # Unix, whatever this machine is
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(info, data)
    return file.getvalue()


def unpack(data: bytes, limits: Limits) -> dict[str, bytes]:
    """Members by name, `manifest.json` first, after every header has been found harmless.

    Raises:
        BundleError: it is no such zip, or above the limits.
    """
    check_size(len(data), 0, limits)
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
    """Number of members and start of the directory, which is known to be small before it is parsed."""
    if len(data) < _END.size:
        raise BundleError("is empty or cut short", fix=COPY_AGAIN)
    end = len(data) - _END.size
    magic, disk, first_disk, here, count, size, start, comment = _END.unpack_from(data, end)
    if magic != b"PK\5\6" or comment:
        raise BundleError("is not a zip file, or was cut short", fix=COPY_AGAIN)
    check_size(len(data), count, limits)
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
        check_member(info.orig_filename, info.file_size, limits)
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
