"""`open(...).render(...)` and `Bithuman`: a whole recording at a time."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
import soxr

from livekit_avatar.compat import bithuman
from livekit_avatar.demo.tts import DEFAULT_PITCH, DEFAULT_RATE, DEFAULT_VOICE, espeak
from livekit_avatar.errors import AudioFormatError
from livekit_avatar.types import VISEMES

RATE = 16_000


def voice(seconds: float) -> npt.NDArray[np.int16]:
    """Something that makes the mouth open: a buzz with the first two formants of "a"."""
    time = np.arange(round(seconds * RATE)) / RATE
    buzz = sum(np.sin(2 * np.pi * 120 * k * time) / (1 + abs(120 * k - 700) / 200) for k in range(1, 20))
    return np.asarray(9_000 * buzz / np.abs(buzz).max(), np.int16)


def hello() -> npt.NDArray[np.int16]:
    """Somebody who says hello."""
    said = espeak().speak("Hello to all of you.", DEFAULT_VOICE, rate=DEFAULT_RATE, pitch=DEFAULT_PITCH)
    return np.asarray(soxr.resample(said, espeak().sample_rate, RATE))


@pytest.fixture(scope="module")
def ada() -> bithuman.Avatar:
    return bithuman.open("ada")


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "speech.wav"
    with av.open(str(path), "w", format="wav") as file:
        stream = file.add_stream("pcm_s16le", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(voice(0.4)[None], format="s16", layout="mono")
        frame.sample_rate = RATE
        file.mux(stream.encode(frame))
    return path


def test_every_way_to_give_audio_gives_the_same_pictures(ada: bithuman.Avatar, recording: Path) -> None:
    samples = voice(0.4)
    ways = [
        samples.tobytes(),
        bytearray(samples.tobytes()),
        memoryview(samples.tobytes()),
        str(recording),
        iter([samples[:1_000], samples[1_000:].tobytes()]),
        (samples / 32767).astype(np.float32),
    ]
    wanted = list(ada.render(samples))
    assert len(wanted) == 10
    assert all(picture.shape == (512, 512, 3) and picture.dtype == np.uint8 for picture in wanted)
    for way in ways:
        pictures = list(ada.render(way))
        difference = [np.abs(a.astype(int) - b).max() for a, b in zip(pictures, wanted, strict=True)]
        assert max(difference) <= 8, type(way)


def test_colours_are_rgb(ada: bithuman.Avatar) -> None:
    (picture,) = ada.render(np.zeros(640, np.int16))
    with bithuman.Bithuman.load("ada") as other:
        (frame,) = other.compose(np.zeros(640, np.float32), output_size=None)
    assert (picture == frame.bgr[..., ::-1]).all()
    assert picture[300, 256, 0] > picture[300, 256, 2] + 20  # a face has more red than blue


def test_pictures_of_a_stream_come_before_it_ends(ada: bithuman.Avatar) -> None:
    taken = 0

    def microphone() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield voice(0.2).tobytes()

    pictures = ada.render(microphone())
    for _ in range(10):
        next(pictures)
    assert taken <= 5
    assert inspect.isgenerator(pictures)
    pictures.close()


def test_a_film_has_the_pictures_and_the_speech(ada: bithuman.Avatar, tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    assert ada.render(voice(0.6), out_mp4=str(path)) == 15
    with av.open(str(path)) as film:
        video, audio = film.streams.video[0], film.streams.audio[0]
        assert (video.frames, video.average_rate) == (15, 25)
        sound = np.concatenate([frame.to_ndarray()[0] for frame in film.decode(audio)])
        assert 0.55 < len(sound) / audio.rate < 0.75 and np.abs(sound).max() > 0.1


def test_refusals_lead_to_different_fixes(ada: bithuman.Avatar, tmp_path: Path) -> None:
    (tmp_path / "agent.imx").write_bytes(b"IMX\x00" + bytes(60))
    (tmp_path / "notes.txt").write_text("hello")
    for source, kind in [
        ("/nowhere/agent.avatar", bithuman.InvalidAvatar),
        (tmp_path / "notes.txt", bithuman.InvalidAvatar),
        (tmp_path / "agent.imx", bithuman.NotSupported),
    ]:
        with pytest.raises(kind) as caught:
            bithuman.open(source)
        assert isinstance(caught.value, bithuman.AvatarError) and caught.value.fix
    with pytest.raises(bithuman.AvatarError):
        ada.render(str(tmp_path / "notes.txt"))
    with pytest.raises(bithuman.Failed, match="folder"):
        ada.render(voice(0.1), out_mp4=str(tmp_path / "no" / "out.mp4"))


def test_an_avatar_is_closed_at_the_end_of_its_block() -> None:
    with bithuman.open("ada") as avatar:
        assert next(avatar.render(voice(0.1))).any()
    with pytest.raises(bithuman.Failed, match="closed"):
        avatar.render(voice(0.1))


def test_composed_frames_have_the_size_that_was_asked_for_and_their_viseme() -> None:
    speech = np.concatenate([np.zeros(6_400, np.int16), hello()])
    with bithuman.Bithuman.load("ada", api_secret="bh-not-a-secret") as avatar:
        frames = list(avatar.compose((speech / 32767).astype(np.float32), output_size=(640, 360)))
        assert [frame.frame_idx for frame in frames] == list(range(-(-len(speech) // 640)))
        assert all(frame.bgr.shape == (360, 640, 3) for frame in frames)
        assert not frames[0].bgr[:, :140].any()  # a square face has bars at its sides
        said = [VISEMES[frame.cluster_idx] for frame in frames]
        assert said[3] == "sil" and any(viseme != "sil" for viseme in said[12:])
        assert avatar.cluster_count == len(VISEMES)
        assert (avatar.frame_width, avatar.frame_height) == (512, 512)
        assert next(avatar.compose(speech)).bgr.shape == (720, 1280, 3)
    with pytest.raises(RuntimeError, match="closed"):
        _ = avatar.frame_width


def test_composed_frames_may_share_one_buffer() -> None:
    buffer = np.empty((512, 512, 3), np.uint8)
    with bithuman.Bithuman.load("ada") as avatar:
        for frame in avatar.compose(voice(0.2), buffer, output_size=None):
            assert frame.bgr is buffer and buffer.any()
        with pytest.raises(ValueError, match="720, 1280, 3"):
            next(avatar.compose(voice(0.2), buffer))


def test_stereo_is_mixed_down() -> None:
    with bithuman.Bithuman.load("ada") as avatar:
        stereo = np.stack([voice(0.2), voice(0.2)], axis=1)
        assert len(list(avatar.compose(stereo, output_size=None))) == 5


def test_a_model_that_is_not_there_is_a_file_that_is_not_there() -> None:
    with pytest.raises(FileNotFoundError) as caught:
        bithuman.Bithuman.load("/nowhere/agent.avatar")
    assert isinstance(caught.value, bithuman.ModelNotFoundError)
    assert str(caught.value).startswith("[model_not_found] ")


def test_values_convert_as_theirs_do() -> None:
    floats = bithuman.AudioChunk(np.array([0.5, -1.0, 2.0], np.float32), RATE)
    assert floats.array.tolist() == [16_383, -32_767, 32_767] and floats.last_chunk
    assert bithuman.AudioChunk.from_bytes(floats.bytes, RATE, last_chunk=False).array.tolist() == [
        16_383,
        -32_767,
        32_767,
    ]
    assert bithuman.AudioChunk(np.zeros(8_000, np.int16), RATE).duration == 0.5
    with pytest.raises(AudioFormatError):
        bithuman.AudioChunk(np.zeros(3, np.uint8), RATE)
    prediction = bithuman.EmotionPrediction.from_dict({"emotion": "joy", "score": "0.5"})
    assert prediction.to_dict() == {"emotion": "joy", "score": 0.5}
    assert bithuman.Emotion.JOY == "joy"
    assert bithuman.VideoControl().is_idle and not bithuman.VideoControl(action="nod").is_idle
    assert bithuman.VideoControl.from_audio(b"\0\0", RATE).is_speaking
    assert bithuman.VideoFrame().rgb_image is None and not bithuman.VideoFrame().has_image


def test_their_errors_may_be_made_with_a_text_alone() -> None:
    assert str(bithuman.TokenError("expired")) == "[token_error] expired"
    assert str(bithuman.BithumanError("odd", code="mine")) == "[mine] odd"
    assert str(bithuman.ModelError()) == "[model_error]"
    assert str(bithuman.NotSupported("not here")) == "not here"
