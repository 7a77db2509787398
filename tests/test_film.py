"""Films keep what is transparent where they can, and put a background behind it where they cannot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from engines_for_tests.flash import FlashEngine

from livekit_avatar.audio.decode import sound_frames
from livekit_avatar.avatar import Avatar
from livekit_avatar.avatars.bundle import Bundle, Manifest
from livekit_avatar.engines.base import Step
from livekit_avatar.errors import ConfigurationError
from livekit_avatar.film import check_output, film_of, new_film
from livekit_avatar.types import Image

SIZE = (64, 48)


@dataclass
class ClearEngine(FlashEngine):
    """Draws a red square on nothing, whose hidden colour is green."""

    clear: bool = field(default=True)

    def render(self, steps: Sequence[Step]) -> list[Image]:
        image = np.zeros((SIZE[1], SIZE[0], 4), np.uint8)
        image[..., 1] = 255
        image[..., 3] = 0 if self.clear else 255
        image[12:36, 16:48] = 255, 0, 0, 255
        return [image.copy() for _ in steps]


def avatar(*, clear: bool = True) -> Avatar:
    engine = ClearEngine(clear=clear)
    return Avatar(Bundle(Manifest("flash", 1, "square", SIZE, 25), {}), engine, engine.face(SIZE))


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    """A fifth of a second of sound."""
    path = tmp_path / "speech.wav"
    with av.open(str(path), "w", format="wav") as container:
        stream = container.add_stream("pcm_s16le", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.full((1, 3_200), 4_000, np.int16), format="s16", layout="mono")
        frame.sample_rate = 16_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def pictures(path: Path) -> Iterator[np.ndarray]:
    """RGBA, read by the decoder that knows of alpha."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        name = "libvpx-vp9" if video.codec_context.name == "vp9" else "h264"
        decoder = av.CodecContext.create(name, "r")
        decoder.extradata = video.codec_context.extradata
        for packet in container.demux(video):
            for frame in decoder.decode(packet):
                yield frame.to_ndarray(format="rgba")


def near(pixel: np.ndarray, colour: Sequence[int]) -> bool:
    return bool(np.abs(pixel.astype(int) - colour).max() < 24)


def test_webm_keeps_what_is_transparent(speech: Path, tmp_path: Path) -> None:
    report = film_of(avatar(), speech, tmp_path / "a.webm")
    frames = list(pictures(tmp_path / "a.webm"))
    assert (report["alpha"], report["frames"], len(frames)) == (True, 5, 5)
    assert all(frame[4, 4, 3] < 8 and frame[24, 32, 3] > 247 for frame in frames)
    assert near(frames[-1][24, 32], (255, 0, 0, 255))
    with av.open(str(tmp_path / "a.webm")) as container:
        assert container.streams.audio[0].codec_context.name == "opus"
        assert sum(frame.samples for frame in container.decode(audio=0)) >= 9_600 * 0.95


def test_webm_of_an_opaque_face_has_no_second_video_for_alpha(speech: Path, tmp_path: Path) -> None:
    assert film_of(avatar(clear=False), speech, tmp_path / "a.webm")["alpha"] is False
    with av.open(str(tmp_path / "a.webm")) as container:
        assert "alpha_mode" not in container.streams.video[0].metadata


@pytest.mark.parametrize("name", ["a.mp4", "a.webm", "frames"])
def test_a_background_is_put_behind(name: str, speech: Path, tmp_path: Path) -> None:
    assert film_of(avatar(), speech, tmp_path / name, background="#0000ff")["alpha"] is False
    if name == "frames":
        last = cv2.cvtColor(cv2.imread(str(tmp_path / name / "00004.png"), -1), cv2.COLOR_BGRA2RGBA)
    else:
        *_, last = pictures(tmp_path / name)
    assert near(last[4, 4], (0, 0, 255, 255)) and near(last[24, 32], (255, 0, 0, 255))


def test_mp4_without_a_background_is_white(speech: Path, tmp_path: Path) -> None:
    film_of(avatar(), speech, tmp_path / "a.mp4")
    assert near(next(pictures(tmp_path / "a.mp4"))[4, 4], (255, 255, 255, 255))


@pytest.mark.parametrize(("name", "first"), [("frames", "00000.png"), ("new/face-%d.png", "face-0.png")])
def test_numbered_pictures_are_written_pixel_for_pixel(
    name: str, first: str, speech: Path, tmp_path: Path
) -> None:
    assert film_of(avatar(), speech, tmp_path / name)["alpha"] is True
    folder = tmp_path / name.split("/")[0]
    assert len(list(folder.iterdir())) == 5
    image = cv2.cvtColor(cv2.imread(str(folder / first), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA)
    assert image[4, 4].tolist() == [0, 255, 0, 0] and image[24, 32].tolist() == [255, 0, 0, 255]


def test_a_film_that_breaks_off_leaves_nothing(speech: Path, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    for name in ("a.webm", "frames", "there"):
        (tmp_path / "there").mkdir(exist_ok=True)
        with pytest.raises(KeyboardInterrupt):
            film_of(avatar(), speech, tmp_path / name, progress=stop)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["speech.wav", "there"]
    assert not list((tmp_path / "there").iterdir())


def test_pictures_replace_those_of_before_and_nothing_else(speech: Path, tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    (folder / "00000.png").write_bytes(b"old")
    (folder / "notes.txt").write_text("mine")
    film_of(avatar(), speech, folder)
    assert (folder / "00000.png").stat().st_size > 3 and (folder / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["a.avi", "a.png", "speech.wav", "%d%d.png", "%q.png"])
def test_other_names_are_refused_with_those_that_are_taken(name: str, speech: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"\.mp4 or \.webm"):
        check_output(speech.with_name(name))


def test_a_film_of_no_pictures_is_a_film_still(speech: Path, tmp_path: Path) -> None:
    with new_film(tmp_path / "a.mp4", SIZE, sound_frames(speech)) as film:
        pass
    assert film.frames == 0 and (tmp_path / "a.mp4").stat().st_size > 0
