"""A recording has a constant frame rate, whatever the jitter, and is a file that plays."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livekit_avatar.demo.mp4 import FrameGrid, Mp4Recording
from livekit_avatar.types import Image

RATE = 48_000


def picture(brightness: int, width: int = 64, height: int = 48) -> Image:
    planes = np.full((height * 3 // 2, width), 128, np.uint8)
    planes[:height] = brightness
    return planes


@given(
    st.floats(0, 1000),
    st.lists(st.floats(-0.012, 0.012), min_size=30, max_size=200),
)
def test_jitter_neither_repeats_nor_drops_a_picture(start: float, jitter: list[float]) -> None:
    arrivals = [start + number / 25 + late for number, late in enumerate(jitter)]
    grid = FrameGrid(arrivals[:25])
    assert [grid.place(arrival) for arrival in arrivals] == list(range(len(arrivals)))


def test_a_pause_leaves_places_free() -> None:
    arrivals = [number / 25 for number in range(50)]
    grid = FrameGrid(arrivals[:25])
    assert [grid.place(arrival) for arrival in arrivals[:30] + arrivals[40:]] == [*range(30), *range(40, 50)]


def test_a_burst_takes_one_place_and_the_rest_is_dropped() -> None:
    grid = FrameGrid([number / 25 for number in range(25)])
    assert grid.place(0.0) == 0
    assert grid.place(0.01) == 1
    assert grid.place(0.02) is None


def test_missing_pictures_are_repeated_and_the_sound_is_as_long_as_the_video(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    recording = Mp4Recording(path, 64, 48, rate=RATE)
    for place in [*range(20), *range(25, 50)]:
        recording.add(place, picture(place * 5))
    tone = 8000 * np.sin(np.arange(RATE * 3) * 0.05)
    recording.finish(tone.astype(np.int16))
    assert recording.repeated == 5
    with av.open(str(path)) as film:
        assert film.streams.video[0].average_rate == 25
        assert film.streams.video[0].codec_context.name == "h264"
        assert film.streams.audio[0].codec_context.name == "aac"
        shown = [frame.to_ndarray(format="gray").mean() for frame in film.decode(video=0)]
        film.seek(0)
        samples = sum(frame.samples for frame in film.decode(audio=0))
    assert len(shown) == 50
    assert shown[24] == pytest.approx(shown[19], abs=3)
    assert shown[25] - shown[24] > 20
    assert samples / RATE == pytest.approx(2.0, abs=0.05)


def test_a_picture_of_another_size_is_fitted(tmp_path: Path) -> None:
    recording = Mp4Recording(tmp_path / "a.mp4", 64, 48, rate=RATE)
    recording.add(0, picture(100))
    recording.add(1, picture(100, 32, 24))
    recording.finish(np.zeros(RATE, np.int16))
    with av.open(str(tmp_path / "a.mp4")) as film:
        assert {(frame.width, frame.height) for frame in film.decode(video=0)} == {(64, 48)}


def test_a_discarded_recording_leaves_no_file(tmp_path: Path) -> None:
    recording = Mp4Recording(tmp_path / "a.mp4", 64, 48, rate=RATE)
    recording.add(0, picture(100))
    recording.discard()
    assert not list(tmp_path.iterdir())


def test_a_finished_recording_survives_discarding_and_replaces_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("old")
    recording = Mp4Recording(tmp_path / "a.mp4", 64, 48, rate=RATE)
    recording.add(0, picture(100))
    recording.finish(np.zeros(RATE, np.int16))
    recording.discard()
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    assert (tmp_path / "a.mp4").read_bytes()[4:8] == b"ftyp"
