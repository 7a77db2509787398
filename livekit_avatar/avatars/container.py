"""The zip of a .avatar file: the strictest form that every zip program can still read.

Members are stored and lie end to end from the first byte to the directory; nothing is compressed, encrypted,
linked, commented, padded or named twice. So a file has no room for anything that its members do not show:
every header is checked before a member is read, and reading takes no more memory than the file is long.

It is read here and not by `zipfile`, which takes many more kinds of zip, each with its own way to be odd.
"""

from __future__ import annotations

import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final

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

_CENTRAL: Final = struct.Struct("<4sH26sHHHLL")
"""A directory's entry up to the name (4.3.12): signature, version made by, what the local header repeats,
length of the comment, disk, internal and external attributes, place of the local header."""

_COMMON: Final = struct.Struct("<5H3L2H")
"""What an entry and its local header share: version needed, flags, method, time, date, crc-32, compressed
size, size, length of the name, length of the extra field."""

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

    file_bytes: int = 40 << 20
    members: int = 256
    member_bytes: int = 32 << 20
    picture_pixels: int = 4 << 20
    array_elements: int = 8 << 20


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


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a member lies.

    Attributes:
        name: of the member.
        start: of its local header in the file.
        header: that header, which must be there byte for byte.
        size: of the data that follows it.
        crc: its CRC-32.
    """

    name: str
    start: int
    header: bytes
    size: int
    crc: int


def read_directory(file: BinaryIO, size: int, limits: Limits) -> list[Slot]:
    """Where the members lie, `manifest.json` first, after every entry has been found harmless.

    Args:
        file: the zip.
        size: its length in bytes.
        limits: the most it may hold.

    Raises:
        BundleError: it is no such zip, or above the limits.
    """
    check_size(size, 0, limits)
    count, start, length = _read_end(file, size, limits)
    file.seek(start)
    entries, slots, place, end = file.read(length), list[Slot](), 0, 0
    for _ in range(count):
        slot, place = _read_entry(entries, place, limits)
        if slot.start != end:
            raise BundleError(f"has a gap or an overlap before its member {slot.name!r}", fix=_REPACK)
        slots.append(slot)
        end += len(slot.header) + slot.size
    if end != start or place != length:
        raise BundleError("has bytes that belong to no member", fix=_REPACK)
    if not slots or slots[0].name != MANIFEST:
        raise BundleError(f"does not begin with {MANIFEST!r}", fix=_REPACK)
    if len({slot.name for slot in slots}) != len(slots):
        raise BundleError("has two members of one name", fix=_REPACK)
    return slots


def read_slot(file: BinaryIO, slot: Slot) -> bytes:
    """The data of a member.

    Raises:
        BundleError: it is cut short or damaged.
    """
    file.seek(slot.start)
    if file.read(len(slot.header)) != slot.header:
        raise BundleError(f"has a member {slot.name!r} that its directory denies", fix=_REPACK)
    data = file.read(slot.size)
    if len(data) != slot.size or zlib.crc32(data) != slot.crc:
        raise BundleError(f"has a damaged member {slot.name!r}", fix=COPY_AGAIN)
    return data


def _read_end(file: BinaryIO, size: int, limits: Limits) -> tuple[int, int, int]:
    """Number of members, start and length of the directory, which is known to be small before it is read."""
    if size < _END.size:
        raise BundleError("is empty or cut short", fix=COPY_AGAIN)
    end = size - _END.size
    file.seek(end)
    magic, disk, first_disk, here, count, length, start, comment = _END.unpack(file.read(_END.size))
    if magic != b"PK\5\6" or comment:
        raise BundleError("is not a zip file, or was cut short", fix=COPY_AGAIN)
    check_size(size, count, limits)
    longest = count * (_CENTRAL.size + _LONGEST_NAME)
    if disk or first_disk or here != count or start + length != end or length > longest:
        raise BundleError("has a zip directory with more in it than its members", fix=_REPACK)
    return count, start, length


def _read_entry(entries: bytes, place: int, limits: Limits) -> tuple[Slot, int]:
    """The entry at a place of the directory, and the place of the next one."""
    try:
        magic, _, common, comment, disk, _, attributes, start = _CENTRAL.unpack_from(entries, place)
    except struct.error:
        raise BundleError("has a zip directory that is cut short", fix=COPY_AGAIN) from None
    _, flags, method, _, _, crc, packed, size, name_length, extra = _COMMON.unpack(common)
    place += _CENTRAL.size
    raw = entries[place : place + name_length]
    name = raw.decode("ascii", "replace")
    if magic != b"PK\1\2" or disk or len(raw) != name_length:
        raise BundleError("has a zip directory with more in it than its members", fix=_REPACK)
    check_member(name, size, limits)
    if stat.S_IFMT(attributes >> 16) not in (0, stat.S_IFREG):
        raise BundleError(f"has a member {name!r} that is a link or a device", fix=_REPACK)
    if method != zipfile.ZIP_STORED or packed != size:
        raise BundleError(f"has a compressed member {name!r}", fix=_REPACK)
    if flags or extra or comment:
        raise BundleError(f"has a member {name!r} that is encrypted or carries extra fields", fix=_REPACK)
    return Slot(name, start, b"PK\3\4" + common + raw, size, crc), place + name_length
