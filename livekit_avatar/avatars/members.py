"""What the members of an avatar hold: arrays as safetensors, pictures as PNG or WebP."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping
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

COPY_AGAIN: Final = "Copy the file again from where it came from, or prepare the avatar again."

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
    try:
        return {name: _array(name, view, most) for name, view in _deserialize(data)}
    except (SafetensorError, ValueError, OverflowError) as error:
        if isinstance(error, BundleError):
            raise
        raise BundleError(f"is not safetensors ({str(error)!a})", fix=COPY_AGAIN) from error


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
        BundleError: not a PNG or WebP, broken, or too many pixels.
    """
    try:
        with Pillow.open(io.BytesIO(data), formats=("PNG", "WEBP")) as picture:
            if picture.width * picture.height > most:
                raise BundleError(f"has more than {most} pixels", fix=COPY_AGAIN)
            return np.array(picture.convert("RGBA"))
    except BundleError:
        raise
    except (Pillow.DecompressionBombError, Pillow.DecompressionBombWarning) as error:
        raise BundleError(f"has more than {most} pixels", fix=COPY_AGAIN) from error
    except Exception as error:  # Pillow's decoders raise whatever their parsing meets
        raise BundleError("is not a PNG or WebP that can be decoded", fix=COPY_AGAIN) from error
