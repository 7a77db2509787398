"""What the members of an avatar hold: arrays as safetensors, pictures as PNG or WebP."""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save

from livekit_avatar.errors import BundleError
from livekit_avatar.types import Image

_DTYPES: Final = {
    "BOOL": "|b1",
    "U8": "|u1",
    "I8": "|i1",
    "U16": "<u2",
    "I16": "<i2",
    "U32": "<u4",
    "I32": "<i4",
    "U64": "<u8",
    "I64": "<i8",
    "F16": "<f2",
    "F32": "<f4",
    "F64": "<f8",
}
"""safetensors' names of the element types that numpy has too."""

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PIXEL_CHUNKS: Final = (
    b"IHDR",
    b"PLTE",
    b"tRNS",
    b"IDAT",
    b"IEND",
    b"gAMA",
    b"cHRM",
    b"sRGB",
    b"pHYs",
    b"sBIT",
)
_MOST_CHUNKS: Final = 4096
_PLAIN_PNG: Final = "Save it without text, profiles and animation."

COPY_AGAIN: Final = "Copy the file again from where it came from, or prepare the avatar again."

_LONGEST_HEADER = 1 << 20
"""Bytes of a header, before anybody parses it: room for thousands of arrays."""

_deserialize: Callable[[bytes], list[tuple[str, dict[str, Any]]]] = deserialize
"""safetensors' own parser (it checks that shapes, types and lengths agree), with the types it lacks."""


def encode_arrays(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """Arrays as a safetensors member; equal arrays give equal bytes.

    Raises:
        BundleError: an array's elements are not booleans, integers or floats of at most 64 bits.
    """
    little = {name: np.asarray(array, array.dtype.newbyteorder("<"), "C") for name, array in arrays.items()}
    for name, array in little.items():
        if array.dtype.str not in _DTYPES.values():
            raise BundleError(
                f"The array {name!r} holds elements of type {array.dtype}",
                fix="Convert them to booleans, integers or floats of at most 64 bits.",
            )
    return save(little)


def decode_arrays(data: bytes, *, most: int) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a safetensors member: name -> fresh C-contiguous array of at most `most` elements.

    Raises:
        BundleError: not safetensors, an element type that numpy lacks, or too many elements.
    """
    if len(data) >= 8 and int.from_bytes(data[:8], "little") > _LONGEST_HEADER:
        raise BundleError("is not safetensors (its header is too long)", fix=COPY_AGAIN)
    try:
        return {name: _array(name, view, most) for name, view in _deserialize(data)}
    except (SafetensorError, ValueError, OverflowError) as error:
        if isinstance(error, BundleError):
            raise
        raise BundleError(f"is not safetensors ({str(error)[:200]!a})", fix=COPY_AGAIN) from error


def check_arrays(arrays: Mapping[str, npt.NDArray[Any]], expected: Mapping[str, tuple[int, ...]]) -> None:
    """Check that these are float32 arrays of these shapes, all of their elements finite.

    Raises:
        BundleError: they are not.
    """
    for name in sorted(arrays.keys() ^ expected.keys()):
        raise BundleError(f"has {'no' if name in expected else 'an unknown'} array {name!a}", fix=COPY_AGAIN)
    for name, array in arrays.items():
        if array.dtype != np.float32 or array.shape != expected[name]:
            raise BundleError(
                f"has an array {name!a} of {array.dtype} {array.shape}, not of float32 {expected[name]}",
                fix=COPY_AGAIN,
            )
        if not np.isfinite(array).all():
            raise BundleError(f"has an array {name!a} with an element that is no number", fix=COPY_AGAIN)


def _array(name: str, view: dict[str, Any], most: int) -> npt.NDArray[Any]:
    shape: list[int] = view["shape"]
    if view["dtype"] not in _DTYPES:
        raise BundleError(f"has an array {name!r} of type {view['dtype']}", fix=COPY_AGAIN)
    if math.prod(shape) > most:
        raise BundleError(f"has an array {name!r} of more than {most} elements", fix=COPY_AGAIN)
    flat: npt.NDArray[Any] = np.frombuffer(view["data"], _DTYPES[view["dtype"]])
    return flat.reshape(shape)


def encode_picture(image: Image, lossless: bool = True) -> bytes:
    """A picture as a member: PNG when lossless, else WebP at quality 92 with its alpha kept lossless.

    Args:
        image: (H, W, 4) uint8 RGBA, straight alpha.
        lossless: whether every pixel survives, those under full transparency too.
    """
    file = io.BytesIO()
    if lossless:
        Pillow.fromarray(image).save(file, "PNG")
    else:
        Pillow.fromarray(image).save(file, "WEBP", quality=92, exact=True)
    return file.getvalue()


def decode_picture(data: bytes, *, most: int) -> Image:
    """A PNG or WebP member as fresh (H, W, 4) uint8 RGBA of at most `most` pixels.

    Raises:
        BundleError: not a PNG or WebP, broken, too many pixels, animated, or with more in it than pixels.
    """
    with _opened(data) as picture:
        if picture.width * picture.height > most:
            raise BundleError(f"has more than {most} pixels", fix=COPY_AGAIN)
        return np.array(picture.convert("RGBA"))


def decode_picture_size(data: bytes) -> tuple[int, int]:
    """(width, height) of a PNG or WebP member, by its header.

    Raises:
        BundleError: not a PNG or WebP, or with more in it than pixels.
    """
    with _opened(data) as picture:
        return picture.size


@contextmanager
def _opened(data: bytes) -> Iterator[Pillow.Image]:
    """A picture whose header was read; what is wrong with it, also later, becomes a BundleError."""
    try:
        _check_beginning(data)
        with Pillow.open(io.BytesIO(data), formats=("PNG", "WEBP")) as picture:
            yield picture
    except BundleError:
        raise
    except (Pillow.DecompressionBombError, Pillow.DecompressionBombWarning) as error:
        raise BundleError("has too many pixels", fix=COPY_AGAIN) from error
    except Exception as error:  # Pillow's decoders raise whatever their parsing meets
        raise BundleError("is not a PNG or WebP that can be decoded", fix=COPY_AGAIN) from error


def _check_beginning(data: bytes) -> None:
    """A PNG or a WebP, or BundleError; Pillow would ask all of its formats first."""
    if data.startswith(_PNG):
        _check_chunks(data)
    elif (data[:4], data[8:12]) != (b"RIFF", b"WEBP"):
        raise BundleError("is not a PNG or WebP", fix=COPY_AGAIN)


def _check_chunks(data: bytes) -> None:
    """A PNG holds pixels only: its other chunks may be compressed, and expand far beyond the picture."""
    place, chunks = len(_PNG), 0
    while place < len(data):
        chunks += 1
        if chunks > _MOST_CHUNKS:
            raise BundleError(f"has more than {_MOST_CHUNKS} PNG chunks", fix=_PLAIN_PNG)
        length, kind = struct.unpack_from(">L4s", data, place)
        if kind not in _PIXEL_CHUNKS:
            raise BundleError(f"has a PNG chunk {kind!r} that is not of pixels", fix=_PLAIN_PNG)
        place += length + 12
