"""Files that somebody made to do harm, by what is wrong with them."""

from __future__ import annotations

import json
import pickle
import struct
import zlib
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import numpy as np
from forge import Forged, forge, manifest_of

from livekit_avatar.avatars.bundle import encode_arrays, encode_picture, read_bundle
from livekit_avatar.avatars.catalogue import named

DATA = b"x" * 1000
_PNG = b"\x89PNG\r\n\x1a\n"
_ADA = read_bundle(named("ada") or Path())


def with_manifest(entries: Iterable[Forged]) -> bytes:
    """A zip with a manifest that lists the entries truly."""
    entries = list(entries)
    return forge([manifest_of({entry.name: entry.data for entry in entries}), *entries])


def portrait(picture: bytes = b"", **arrays: np.ndarray) -> bytes:
    """A portrait with some of its members changed, in a zip with nothing wrong."""
    members = {
        "picture.png": picture or _BLANK,
        "portrait.safetensors": encode_arrays({**_ADA.arrays("portrait.safetensors"), **arrays}),
    }
    return with_manifest(Forged(name, data) for name, data in members.items())


def png(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of RGBA with these chunks between its header and its end."""
    header = (b"IHDR", struct.pack(">2L5B", width, height, 8, 6, 0, 0, 0))
    return _PNG + b"".join(
        struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))
        for kind, data in (header, *chunks, (b"IEND", b""))
    )


_BLANK = encode_picture(np.zeros((960, 960, 4), np.uint8))


def safetensors(header: object, data: bytes = b"1234") -> bytes:
    """What calls itself safetensors."""
    text = json.dumps(header).encode()
    return with_manifest(
        [
            Forged("picture.png", _BLANK),
            Forged("portrait.safetensors", struct.pack("<Q", len(text)) + text + data),
        ]
    )


def _overlapping() -> bytes:
    manifest = manifest_of({f"m{i}.png": DATA for i in range(250)})
    start = 30 + len(manifest.name) + len(manifest.data)
    entries = [Forged("m0.png", DATA), *(Forged(f"m{i}.png", DATA, offset=start) for i in range(1, 250))]
    return forge([manifest, *entries])


def _zip64() -> bytes:
    """A directory that says "see the Zip64 record", which tells of four thousand million members."""
    honest = forge([manifest_of({"a.png": DATA}), Forged("a.png", DATA)])
    body, end = honest[:-22], bytearray(honest[-22:])
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1 << 32, 1 << 32, 1 << 40, 0)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(body), 1)
    struct.pack_into("<2H2L", end, 8, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
    return body + record + locator + bytes(end)


def _zip64_sizes() -> bytes:
    """Sizes that stand in a Zip64 extra field."""
    extra = struct.pack("<2H2Q", 1, 16, 1 << 40, 1 << 40)
    return with_manifest([Forged("a.png", DATA, extra=extra, length=0xFFFFFFFF)])


def _local_header_differs() -> bytes:
    """The directory and the local header name different members, so that two programs see two files."""
    data = with_manifest([Forged("a.png", DATA)])
    place = data.index(b"a.png", data.index(b"PK\3\4", 4))
    return data[:place] + b"b.png" + data[place + 5 :]


def _hidden_in_local_extra() -> bytes:
    data = with_manifest([Forged("a.png", DATA)])
    place = data.index(b"PK\3\4", 4)
    return data[: place + 28] + struct.pack("<H", 10) + data[place + 30 :]


class _Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return exec, ("raise SystemExit('unpickled')",)


def _wrong_hash(length: int) -> bytes:
    manifest = manifest_of({"a.mp4": bytes(length)})
    return forge([manifest, Forged("a.mp4", bytes(length - 1) + b"\1")])


_NAN = np.full((478, 3), np.nan, np.float32)
_HUGE_TEXT = zlib.compress(bytes(1 << 20), 9)

HOSTILE: dict[str, Callable[[], bytes]] = {
    "a member that is not listed": lambda: forge([manifest_of({}), Forged("a.png", DATA)]),
    "a listed member that is missing": lambda: forge([manifest_of({"a.png": DATA})]),
    "a path to the folder above": lambda: with_manifest([Forged("../a.png", DATA)]),
    "an absolute path": lambda: with_manifest([Forged("/etc/a.png", DATA)]),
    "a path with a drive": lambda: with_manifest([Forged("C:\\a.png", DATA)]),
    "a name that ends early": lambda: with_manifest([Forged("a.png\0.exe", DATA)]),
    "a symbolic link": lambda: with_manifest([Forged("a.png", b"/etc/passwd", mode=0o120777)]),
    "a device": lambda: with_manifest([Forged("a.png", b"", mode=0o020666)]),
    "a zip bomb": lambda: with_manifest([Forged("a.png", bytes(20_000_000), method=8)]),
    "a wrong hash": partial(_wrong_hash, 1000),
    "a wrong hash of a long member": partial(_wrong_hash, 8 << 20),
    "a truncated file": lambda: portrait()[:-100],
    "a file of nothing but zeros": lambda: bytes(39 << 20),
    "a pickle as arrays": lambda: with_manifest(
        [
            Forged("picture.png", _BLANK),
            Forged("portrait.safetensors", pickle.dumps(_Bomb())),
        ]
    ),
    "a pickle as a picture": lambda: portrait(pickle.dumps(_Bomb())),
    "a pickle by its name": lambda: with_manifest([Forged("a.pkl", pickle.dumps(_Bomb()))]),
    "entries that overlap": _overlapping,
    "two members of one name": lambda: with_manifest([Forged("a.png", DATA), Forged("a.png", DATA)]),
    "a Zip64 record that lies": _zip64,
    "Zip64 sizes that lie": _zip64_sizes,
    "a count that lies": lambda: forge([manifest_of({})])[:-14] + b"\xff\xff\xff\xff" + bytes(10),
    "a local header that differs": _local_header_differs,
    "bytes hidden in a local header": _hidden_in_local_extra,
    "an encrypted member": lambda: with_manifest([Forged("a.png", DATA, flags=1)]),
    "bytes before the zip": lambda: b"#!/bin/sh\n" + portrait(),
    "bytes behind the zip": lambda: portrait() + b"tail",
    "a manifest of a megabyte of brackets": lambda: forge([Forged("manifest.json", b"[" * (1 << 20))]),
    "a manifest that is too long": lambda: forge([Forged("manifest.json", b" " * (8 << 20))]),
    "a video of 8192 pixels": lambda: forge(
        [
            manifest_of({"picture.png": png(1, 1)}, size=[8192, 8192]),
            Forged("picture.png", png(1, 1)),
        ]
    ),
    "a huge shape": lambda: safetensors(
        {"points": {"dtype": "F32", "shape": [1 << 40, 1 << 20], "data_offsets": [0, 4]}}
    ),
    "a shape that holds nothing": lambda: safetensors(
        {"points": {"dtype": "F32", "shape": [0, 1 << 60], "data_offsets": [0, 0]}}, b""
    ),
    "a header of arrays of megabytes": lambda: safetensors(
        {f"{i:064}": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]} for i in range(40_000)}, b""
    ),
    "arrays without numbers": lambda: portrait(points=_NAN),
    "arrays without end": lambda: portrait(lips=np.full((2, 21, 2), np.inf, np.float32)),
    "arrays of the wrong type": lambda: portrait(points=np.zeros((478, 3), np.float64)),
    "arrays of the wrong shape": lambda: portrait(points=np.zeros((3, 478), np.float32)),
    "landmarks all in one place": lambda: portrait(points=np.full((478, 3), 0.5, np.float32)),
    "landmarks far away": lambda: portrait(points=np.full((478, 3), 1e30, np.float32)),
    "a picture of ten thousand million pixels": lambda: portrait(png(100_000, 100_000)),
    "a picture of sixteen million pixels": lambda: portrait(png(4000, 4000)),
    "a picture cut short": lambda: portrait(png(960, 960, (b"IDAT", zlib.compress(b"", 9)))),
    "a picture with texts that expand": lambda: portrait(
        png(960, 960, *[(b"zTXt", b"k\0\0" + _HUGE_TEXT)] * 200)
    ),
    "a picture of a hundred thousand chunks": lambda: portrait(png(960, 960, *[(b"IDAT", b"")] * 100_000)),
    "a picture in another format": lambda: portrait(b"GIF89a" + bytes(100)),
}
