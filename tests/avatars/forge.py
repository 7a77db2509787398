"""Zip files that no well-behaved program writes."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any


@dataclass
class Forged:
    """One member of a forged zip; whatever is not given is as an honest writer would have it."""

    name: str
    data: bytes
    method: int = 0
    flags: int = 0
    mode: int = 0o100644
    extra: bytes = b""
    length: int | None = None
    offset: int | None = None
    comment: bytes = b""

    def stored(self) -> bytes:
        if self.method == 8:
            packer = zlib.compressobj(9, zlib.DEFLATED, -15)
            return packer.compress(self.data) + packer.flush()
        return self.data


def forge(entries: Iterable[Forged], *, before_directory: bytes = b"", comment: bytes = b"") -> bytes:
    """The bytes of a zip file, however crooked."""
    body, directory = b"", b""
    entries = list(entries)
    for entry in entries:
        stored, name = entry.stored(), entry.name.encode()
        length = len(entry.data) if entry.length is None else entry.length
        packed = len(stored) if entry.length is None else length
        common = struct.pack(
            "<4H3L2H", entry.flags, entry.method, 0, 33, zlib.crc32(entry.data), packed, length, len(name),
            len(entry.extra),
        )  # fmt: skip
        offset = len(body) if entry.offset is None else entry.offset
        if entry.offset is None:
            body += struct.pack("<4sH", b"PK\3\4", 20) + common + name + entry.extra + stored
        directory += struct.pack("<4s2H", b"PK\1\2", 3 << 8 | 20, 20) + common
        directory += struct.pack("<3H2L", len(entry.comment), 0, 0, entry.mode << 16, offset)
        directory += name + entry.extra + entry.comment
    body += before_directory
    end = struct.pack(
        "<4s4H2LH", b"PK\5\6", 0, 0, len(entries), len(entries), len(directory), len(body), len(comment)
    )
    return body + directory + end + comment


def manifest_of(members: dict[str, bytes], /, **fields: Any) -> Forged:
    """An honest manifest of these members, with fields changed."""
    entries = {
        name: {"sha256": sha256(data).hexdigest(), "length": len(data)} for name, data in members.items()
    }
    document = {
        "format": 1, "engine": "portrait", "engine_version": 1, "name": "Ada", "size": [64, 64], "fps": 25,
        "source_sha256": "", "licence": "", "consent": "", "warnings": [], "members": entries, **fields,
    }  # fmt: skip
    return Forged("manifest.json", json.dumps(document).encode())
