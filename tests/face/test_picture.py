"""Any picture becomes upright RGBA; what is none is refused in one line that says what to do."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from livekit_avatar.errors import PictureError, PictureTooLargeError, UnreadablePictureError
from livekit_avatar.face.picture import read_picture

RAMP = np.dstack([np.mgrid[0:20, 0:30][1] * 8, np.mgrid[0:20, 0:30][0] * 12, np.full((20, 30), 90)]).astype(
    np.uint8
)
COLOUR = Pillow.fromarray(RAMP)
GREY = COLOUR.convert("L")


def as_file(picture: Pillow.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def is_picture(image: np.ndarray, size: tuple[int, int] = (30, 20)) -> None:
    assert image.shape == (size[1], size[0], 4)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous and image.flags.writeable


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr", "HSV"])
def test_every_colour_mode_keeps_its_colours(mode: str) -> None:
    picture = COLOUR.convert("RGBA").convert(mode) if mode == "RGBa" else COLOUR.convert(mode)
    image = read_picture(picture)
    is_picture(image)
    assert np.abs(image[..., :3].astype(int) - RAMP).max() <= 6
    assert (image[..., 3] == 255).all()


@pytest.mark.parametrize("mode", ["L", "LA", "La", "1", "I", "I;16", "F"])
def test_every_grey_mode_keeps_its_greys(mode: str) -> None:
    wide = np.asarray(GREY).astype(np.uint16) * 257
    made: dict[str, Callable[[], Pillow.Image]] = {
        "I": lambda: Pillow.fromarray(wide.astype(np.int32)),
        "I;16": lambda: Pillow.fromarray(wide),
        "F": lambda: Pillow.fromarray(np.asarray(GREY).astype(np.float32) / 255),
        "La": lambda: GREY.convert("LA").convert("La"),
    }
    picture = made[mode]() if mode in made else GREY.convert(mode)
    image = read_picture(picture)
    is_picture(image)
    assert (image[..., 0] == image[..., 1]).all() and (image[..., 0] == image[..., 2]).all()
    if mode == "F":
        assert (image[..., 0].min(), image[..., 0].max()) == (0, 255), "floats by their own range"
    elif mode != "1":
        assert np.abs(image[..., 0].astype(int) - np.asarray(GREY)).max() <= 1


def test_alpha_is_kept_from_rgba_grey_and_palette() -> None:
    alpha = np.mgrid[0:20, 0:30][1].astype(np.uint8) * 8
    for picture in (COLOUR.convert("RGBA"), GREY.convert("LA")):
        picture.putalpha(Pillow.fromarray(alpha))
        np.testing.assert_array_equal(read_picture(as_file(picture, "PNG"))[..., 3], alpha)
    palette = COLOUR.quantize(8)
    image = read_picture(as_file(palette, "PNG", transparency=0))
    np.testing.assert_array_equal(image[..., 3] == 0, np.asarray(palette) == 0)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM"])
def test_every_usual_format_is_read(kind: str) -> None:
    image = read_picture(as_file(COLOUR, kind))
    is_picture(image)
    assert np.abs(image[..., :3].astype(int) - RAMP).mean() < 8


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_frame_is_taken(kind: str) -> None:
    red, blue = (Pillow.new("RGB", (30, 20), colour) for colour in ("red", "blue"))
    image = read_picture(as_file(red, kind, save_all=True, append_images=[blue]))
    is_picture(image)
    assert image[10, 10, 0] > 200 and image[10, 10, 2] < 60


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_camera_that_was_held_otherwise_is_turned_upright(orientation: int) -> None:
    """Each EXIF orientation names how the stored picture must be moved to be upright."""
    backwards = {
        2: Pillow.Transpose.FLIP_LEFT_RIGHT,
        3: Pillow.Transpose.ROTATE_180,
        4: Pillow.Transpose.FLIP_TOP_BOTTOM,
        5: Pillow.Transpose.TRANSPOSE,
        6: Pillow.Transpose.ROTATE_90,
        7: Pillow.Transpose.TRANSVERSE,
        8: Pillow.Transpose.ROTATE_270,
    }
    stored = COLOUR.transpose(backwards[orientation]) if orientation in backwards else COLOUR
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    np.testing.assert_array_equal(read_picture(as_file(stored, "PNG", exif=exif))[..., :3], RAMP)


@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4])
def test_arrays_of_any_number_of_channels(channels: int | None) -> None:
    shape = (20, 30) if channels is None else (20, 30, channels)
    array = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    image = read_picture(array)
    is_picture(image)
    if channels in (3, 4):
        np.testing.assert_array_equal(image[..., :channels], array)
    else:
        np.testing.assert_array_equal(image[..., 1], array if channels is None else array[..., 0])
    opaque = channels not in (2, 4)
    np.testing.assert_array_equal(image[..., 3], 255 if opaque else array[..., -1])


def test_an_array_is_copied_and_may_be_a_view() -> None:
    array = np.zeros((20, 60, 4), np.uint8)
    image = read_picture(array[:, ::2])
    is_picture(image)
    image[:] = 1
    assert not array.any()


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4, 5), np.uint8),
        np.zeros((4,), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((2, 4, 4, 3), np.uint8),
    ],
)
def test_an_array_that_is_no_picture(array: np.ndarray) -> None:
    with pytest.raises(UnreadablePictureError, match=r"not a picture.*\(H, W, 4\) RGBA as uint8"):
        read_picture(array)


def test_a_file_is_read_like_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "me.png"
    path.write_bytes(as_file(COLOUR, "PNG"))
    np.testing.assert_array_equal(read_picture(path), read_picture(path.read_bytes()))


def _png_that_claims(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))

    header = struct.pack(">2L5B", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


BROKEN: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty.*again"),
    "text": (b"I am not a picture, but I am long enough to be one." * 9, "not a picture in a known format"),
    "truncated jpeg": (as_file(COLOUR.resize((600, 400)), "JPEG")[:2000], "broken or cut short"),
    "truncated png": (as_file(COLOUR.resize((600, 400)), "PNG")[:900], "broken or cut short"),
    "header only": (b"\x89PNG\r\n\x1a\n", "not a picture|broken"),
    "jpeg start only": (b"\xff\xd8\xff\xe0", "not a picture|broken"),
    "no pixels behind the header": (_png_that_claims(100, 100), "broken or cut short"),
    "zip": (b"PK\x03\x04" + bytes(100), "not a picture in a known format"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_pictures(name: str, tmp_path: Path) -> None:
    data, match = BROKEN[name]
    path = tmp_path / "portrait.jpg"
    path.write_bytes(data)
    for source in (data, path):
        with pytest.raises(UnreadablePictureError, match=match) as caught:
            read_picture(source)
        assert "\n" not in str(caught.value)
        assert caught.value.fix.endswith(".")
    assert "'portrait.jpg'" in str(caught.value)


def test_a_missing_file_and_a_folder_say_so(tmp_path: Path) -> None:
    with pytest.raises(UnreadablePictureError, match=r"'none\.png' does not exist.*Check the path"):
        read_picture(tmp_path / "none.png")
    with pytest.raises(UnreadablePictureError, match=r"folder|file you may read"):
        read_picture(tmp_path)


def test_a_header_that_claims_a_giant_is_refused_before_memory_is_spent() -> None:
    tracemalloc.start()
    try:
        for width in (8_000, 12_000, 100_000):
            with pytest.raises(PictureTooLargeError, match=r"more than 40 million pixels.*Make it smaller"):
                read_picture(_png_that_claims(width, width))
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_a_file_of_too_many_bytes_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    with path.open("wb") as file:
        file.truncate(10 << 30)  # sparse: takes no room
    with pytest.raises(PictureTooLargeError, match="more than 1 MB"):
        read_picture(path, max_bytes=1_000_000)


def test_the_limits_are_inclusive() -> None:
    data = as_file(COLOUR, "PNG")
    is_picture(read_picture(data, max_bytes=len(data), max_pixels=600))
    for limits in ({"max_bytes": len(data) - 1}, {"max_pixels": 599}):
        with pytest.raises(PictureTooLargeError):
            read_picture(data, **limits)
    for source in (COLOUR, RAMP):
        with pytest.raises(PictureTooLargeError):
            read_picture(source, max_pixels=599)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_damaged_picture_is_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"]))
    damaged = bytearray(as_file(COLOUR, kind))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        patch = data.draw(st.binary(min_size=1, max_size=8))
        damaged[place : place + len(patch)] = patch
    try:
        image = read_picture(bytes(damaged), max_pixels=10_000_000)
    except PictureError as error:
        assert "\n" not in str(error)
    else:
        assert image.ndim == 3 and image.shape[2] == 4
