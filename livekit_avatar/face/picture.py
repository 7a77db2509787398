"""Read any picture into the one form the package works with."""

from __future__ import annotations

import io
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from PIL import ImageOps, UnidentifiedImageError

from livekit_avatar.errors import PictureError, PictureTooLargeError, UnreadablePictureError
from livekit_avatar.types import Image

MAX_BYTES: Final = 32 << 20
MAX_PIXELS: Final = 40_000_000
WEB_FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
"""What is taken of strangers, by Pillow's names: no format whose reader runs another program (EPS), or is so
seldom used that few have looked for its faults."""

_SAVE_AS = "Open it in a picture editor and save it as PNG or JPEG."
_PICTURE_BRANDS: Final = (b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1")
"""Kinds of the mp4 family that are pictures (ISO/IEC 23008-12)."""

_FILM_BEGINNINGS: Final = (
    b"\x1a\x45\xdf\xa3", b"OggS", b"FLV\x01", b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3", b"\x47\x40",
    b"\x30\x26\xb2\x75",
)  # fmt: skip
"""Matroska and WebM, Ogg, Flash, MPEG program and elementary stream, MPEG transport stream, ASF."""

_WIDE_GREY: Final = ("I", "I;16", "I;16L", "I;16B", "I;16N", "F")
"""Pillow's modes of more than 8 bits; its own conversion would clip them to white."""


def read_picture(
    source: Path | bytes | Pillow.Image | npt.NDArray[np.uint8],
    *,
    max_bytes: int = MAX_BYTES,
    max_pixels: int = MAX_PIXELS,
    label: str = "The picture",
) -> Image:
    """Read a picture: a fresh (H, W, 4) uint8 RGBA, straight alpha, turned upright as its EXIF data says.

    Args:
        source: a file, the bytes of one, a Pillow picture, or an array: (H, W) grey, (H, W, 1 | 2 | 3 | 4)
            uint8 grey, grey and alpha, RGB or RGBA. Of an animation the first frame is taken.
        max_bytes: of a file.
        max_pixels: width times height, known from the header before anything is decoded.
        label: how errors name it, if it is not a file.

    Raises:
        UnreadablePictureError: no such file, or not a picture, or a broken one.
        PictureTooLargeError: more bytes or pixels than allowed.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source, max_pixels)
    if isinstance(source, Pillow.Image):
        return _decode(source, label, max_pixels)
    if isinstance(source, Path):
        label, source = label_of(source), load_picture(source, max_bytes=max_bytes)
    _check_bytes(source, label, max_bytes)
    with _opened(source, label, max_pixels) as picture:
        return _decode(picture, label, max_pixels)


def label_of(path: Path) -> str:
    """How errors name the picture of a file."""
    return f"The picture {path.name!r}"


def load_picture(path: Path, *, max_bytes: int = MAX_BYTES) -> bytes:
    """The bytes of a file that may be a picture.

    Raises:
        UnreadablePictureError: no such file, or it is empty or a film.
        PictureTooLargeError: more bytes than allowed.
    """
    label = label_of(path)
    data = _load(path, label, max_bytes)
    _check_bytes(data, label, max_bytes)
    return data


def check_picture(
    data: bytes,
    *,
    max_bytes: int = MAX_BYTES,
    max_pixels: int = MAX_PIXELS,
    formats: Collection[str] = WEB_FORMATS,
) -> None:
    """Check a picture that a stranger sent by its header alone: nothing is decoded.

    Args:
        data: the bytes of a file.
        max_bytes: of the file.
        max_pixels: width times height.
        formats: what may be sent, by Pillow's names.

    Raises:
        UnreadablePictureError: not a picture in one of the formats.
        PictureTooLargeError: more bytes or pixels than allowed.
    """
    _check_bytes(data, "The picture", max_bytes)
    with _opened(data, "The picture", max_pixels, formats):
        pass


def _check_bytes(data: bytes, name: str, max_bytes: int) -> None:
    if is_film(data):
        raise UnreadablePictureError(
            f"{name} is a film, and a picture is needed",
            fix="Save one frame of it, with the eyes open and the mouth closed, as PNG, and give that.",
        )
    if len(data) > max_bytes:
        raise PictureTooLargeError(
            f"{name} has more than {max_bytes / 1e6:.0f} MB",
            fix="Make it smaller: 1500 pixels a side are plenty, as a JPEG.",
        )
    if not data:
        raise UnreadablePictureError(f"{name} is empty", fix="Copy or download it again.")


def is_film(data: bytes) -> bool:
    """Whether it begins as a film: mp4, mov, WebM, Matroska, AVI, Ogg, FLV, MPEG or Windows Media."""
    if data[4:8] == b"ftyp":
        return data[8:12] not in _PICTURE_BRANDS
    riff = (data[:4], data[8:12]) == (b"RIFF", b"AVI ")
    return riff or data[4:8] in (b"moov", b"mdat", b"wide") or data.startswith(_FILM_BEGINNINGS)


def _load(path: Path, name: str, max_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            return file.read(min(size, max_bytes + 1))
    except IsADirectoryError as error:
        raise UnreadablePictureError(f"{name} is a folder", fix="Name one picture in it.") from error
    except FileNotFoundError as error:
        raise UnreadablePictureError(f"{name} does not exist", fix="Check the path.") from error
    except OSError as error:  # Windows calls a folder a missing permission
        raise UnreadablePictureError(
            f"{name} cannot be opened ({error.strerror})", fix="Check that it is a file you may read."
        ) from error


@contextmanager
def _opened(
    data: bytes, name: str, max_pixels: int, formats: Collection[str] | None = None
) -> Iterator[Pillow.Image]:
    """A picture of which only the header has been read."""
    try:
        with Pillow.open(io.BytesIO(data), formats=None if formats is None else list(formats)) as picture:
            _check_pixels(picture.width, picture.height, name, max_pixels)
            yield picture
    except PictureError:
        raise
    except (Pillow.DecompressionBombError, Pillow.DecompressionBombWarning) as error:
        raise _too_many_pixels(name, max_pixels) from error
    except UnidentifiedImageError as error:
        raise UnreadablePictureError(f"{name} is not a picture in a known format", fix=_SAVE_AS) from error
    except Exception as error:  # Pillow's parsers raise whatever a broken file makes them meet
        raise UnreadablePictureError(f"{name} is broken", fix=_SAVE_AS) from error


def _decode(picture: Pillow.Image, name: str, max_pixels: int) -> Image:
    _check_pixels(picture.width, picture.height, name, max_pixels)
    try:
        upright = ImageOps.exif_transpose(picture)
        if upright.mode == "La":  # the only mode that Pillow converts to nothing but its own kind
            upright = upright.convert("LA")
        return np.array(_eight_bit(upright).convert("RGBA"))
    except MemoryError:
        raise
    except Exception as error:  # as above
        raise UnreadablePictureError(f"{name} is broken or cut short", fix=_SAVE_AS) from error


def _eight_bit(picture: Pillow.Image) -> Pillow.Image:
    """Wide grey brought to 8 bits: integers by the range of 16 bits, floats by their own."""
    if picture.mode not in _WIDE_GREY:
        return picture
    values = np.asarray(picture).astype(np.float64)
    low, high = (values.min(), values.max()) if picture.mode == "F" else (0, max(65535, values.max()))
    scaled = (values - low) * (255 / max(high - low, 1e-9))
    return Pillow.fromarray(scaled.round().clip(0, 255).astype(np.uint8))


def _from_array(array: npt.NDArray[np.uint8], max_pixels: int) -> Image:
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or array.size == 0 or array.shape[2:] > (4,):
        raise UnreadablePictureError(
            f"An array of shape {array.shape} and type {array.dtype} is not a picture",
            fix="Pass (H, W, 3) RGB or (H, W, 4) RGBA as uint8.",
        )
    height, width = array.shape[:2]
    _check_pixels(width, height, "The picture", max_pixels)
    planes = array.reshape(height, width, -1)
    alpha = planes[..., -1:] if planes.shape[2] in (2, 4) else np.full((height, width, 1), 255, np.uint8)
    colour = planes[..., :3] if planes.shape[2] >= 3 else np.repeat(planes[..., :1], 3, axis=2)
    return np.ascontiguousarray(np.concatenate([colour, alpha], axis=2))


def _check_pixels(width: int, height: int, name: str, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise _too_many_pixels(name, max_pixels)


def _too_many_pixels(name: str, max_pixels: int) -> PictureTooLargeError:
    return PictureTooLargeError(
        f"{name} has more than {max_pixels / 1e6:.0f} million pixels",
        fix="Make it smaller: 1500 pixels a side are plenty.",
    )
