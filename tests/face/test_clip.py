"""Reading films: whatever their rate and turn, 25 upright pictures a second."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from livekit_avatar.errors import ClipLengthError, UnreadableClipError
from livekit_avatar.face.clip import open_clip

WIDTH, HEIGHT = 64, 48
QUARTER = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, HEIGHT << 16, 0, 1 << 30)
UPRIGHT = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
"""Matrices of a track header (ISO/IEC 14496-12, 8.3.2)."""


def film(times: Iterable[float], container: str = "mp4", codec: str = "libx264") -> bytes:
    """A picture at each time; the left half is bright, and the level counts the pictures."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream = out.add_stream(codec, rate=Fraction(1000))
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, at in enumerate(times):
            pixels = np.full((HEIGHT, WIDTH, 3), 20 + number % 200, np.uint8)
            pixels[:, : WIDTH // 2] = 250
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = round(1000 * at), Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return file.getvalue()


def saved(folder: Path, data: bytes, name: str = "clip.mp4") -> Path:
    (folder / name).write_bytes(data)
    return folder / name


@pytest.mark.parametrize("rate", [12, 25, 30, 60])
def test_there_are_25_pictures_a_second_whatever_the_rate(tmp_path: Path, rate: int) -> None:
    clip = open_clip(saved(tmp_path, film(n / rate for n in range(6 * rate))))
    pictures = list(clip.pictures(clip.size))
    assert abs(len(pictures) - 150) <= 25 / rate + 1
    assert pictures[0].shape == (HEIGHT, WIDTH, 4)


def test_a_picture_stays_until_the_next_one_comes(tmp_path: Path) -> None:
    slow = [0.0, 1.0, 2.0, 4.0, 4.04, 4.08, 6.0]
    clip = open_clip(saved(tmp_path, film(slow)))
    levels = [round(float(p[:, WIDTH * 3 // 4 :, :3].mean())) - 20 for p in clip.pictures(clip.size)]
    shown = [levels[tick] for tick in (12, 37, 75, 99, 101, 140)]
    assert np.abs(np.array(shown) - [0, 1, 2, 2, 4, 5]).max() <= 1


@pytest.mark.parametrize(("container", "codec"), [("webm", "libvpx"), ("avi", "mpeg4"), ("matroska", "ffv1")])
def test_other_kinds_of_film_are_read(tmp_path: Path, container: str, codec: str) -> None:
    clip = open_clip(saved(tmp_path, film((n / 10 for n in range(60)), container, codec)))
    assert sum(1 for _ in clip.pictures((32, 24))) > 140


def test_a_film_that_says_so_is_turned_upright(tmp_path: Path) -> None:
    data = film(n / 10 for n in range(60))
    assert UPRIGHT in data
    at = data.index(UPRIGHT, data.index(b"tkhd"))
    clip = open_clip(saved(tmp_path, data[:at] + QUARTER + data[at + len(QUARTER) :]))
    picture = next(iter(clip.pictures(clip.size)))
    assert clip.size == (HEIGHT, WIDTH)
    assert picture.shape == (WIDTH, HEIGHT, 4)
    assert picture[: WIDTH // 2 - 4, :, :3].mean() > 200  # what was left is above: turned clockwise
    assert picture[WIDTH // 2 + 4 :, :, :3].mean() < 60


def test_a_short_film_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClipLengthError, match=r"1\.9 s long"):
        open_clip(saved(tmp_path, film(n / 10 for n in range(20))))


def test_a_long_film_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClipLengthError, match="longer than 10 minutes"):
        open_clip(saved(tmp_path, film(float(n) for n in range(0, 700, 10))))


@pytest.mark.parametrize("data", [b"", b"no film", b"\x00\x00\x00\x18ftypisom" + bytes(100)])
def test_what_is_no_film_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(UnreadableClipError, match="not a film"):
        open_clip(saved(tmp_path, data))


def test_a_film_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableClipError, match="cannot be opened"):
        open_clip(tmp_path / "clip.mp4")


def test_a_list_of_films_opens_no_other_file(tmp_path: Path) -> None:
    saved(tmp_path, film(n / 10 for n in range(60)), "secret.mp4")
    listed = saved(tmp_path, b"ffconcat version 1.0\nfile secret.mp4\n")
    with pytest.raises(UnreadableClipError):
        open_clip(listed)
