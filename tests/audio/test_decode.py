from __future__ import annotations

import contextlib
import io
import wave
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livekit_avatar.audio.decode import decode
from livekit_avatar.errors import AudioError, AudioFormatError, UnreadableAudioError
from livekit_avatar.types import Samples


def tone(rate: int, seconds: float = 1.0, frequency: float = 440) -> Samples:
    return (9000 * np.sin(2 * np.pi * frequency * np.arange(int(rate * seconds)) / rate)).astype(np.int16)


def wav(samples: Samples, rate: int, channels: int = 1) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(samples.tobytes())
    return file.getvalue()


def encoded(samples: Samples, rate: int, container: str, codec: str) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container) as writer:
        stream = writer.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            writer.mux(packet)
    return file.getvalue()


def silent_video() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as writer:
        stream = writer.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 64
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            writer.mux(packet)
    return file.getvalue()


def pitch(samples: Samples, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples.astype(np.float64)))
    return float(np.argmax(spectrum) * rate / len(samples))


def test_a_wav_comes_back_sample_for_sample(tmp_path: Path) -> None:
    path = tmp_path / "speech.wav"
    path.write_bytes(wav(tone(22050), 22050))
    chunk = decode(path)
    assert chunk.sample_rate == 22050
    assert np.array_equal(chunk.samples, tone(22050))
    assert np.array_equal(decode(str(path)).samples, chunk.samples)


def test_bytes_are_read_like_a_path() -> None:
    assert np.array_equal(decode(wav(tone(16000), 16000)).samples, tone(16000))


def test_another_rate_on_request() -> None:
    chunk = decode(wav(tone(48000), 48000), 16000)
    assert chunk.sample_rate == 16000
    assert len(chunk.samples) == 16000
    assert np.abs(chunk.samples - tone(16000).astype(int))[400:-400].max() < 40


def test_stereo_is_mixed_down() -> None:
    left, right = tone(16000), np.zeros(16000, np.int16)
    chunk = decode(wav(np.stack([left, right], 1).reshape(-1), 16000, channels=2))
    assert chunk.samples.shape == (16000,)
    assert np.abs(chunk.samples).max() > 2000


@pytest.mark.parametrize(
    ("container", "codec", "rate"),
    [("mp3", "mp3", 44100), ("ogg", "libopus", 48000), ("flac", "flac", 24000), ("ipod", "aac", 44100)],
)
def test_compressed_sounds_are_read(container: str, codec: str, rate: int) -> None:
    chunk = decode(encoded(tone(rate), rate, container, codec))
    assert chunk.sample_rate == rate
    assert chunk.duration == pytest.approx(1, abs=0.12)
    assert pitch(chunk.samples, rate) == pytest.approx(440, abs=5)


@pytest.mark.parametrize(
    "data", [b"", b"RIFF", b"not a sound at all" * 100, wav(np.zeros(0, np.int16), 16000)]
)
def test_what_is_no_sound_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableAudioError, match="Give an intact sound file"):
        decode(data)


def test_a_video_without_sound_is_refused() -> None:
    with pytest.raises(UnreadableAudioError, match="no sound in it"):
        decode(silent_video())


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.wav", tmp_path):
        with pytest.raises(UnreadableAudioError, match="cannot be opened"):
            decode(path)


def test_a_longer_sound_than_allowed_is_refused() -> None:
    with pytest.raises(AudioError, match="too long"):
        decode(wav(tone(16000), 16000), max_seconds=0.5)


def test_a_playlist_cannot_name_other_files(tmp_path: Path) -> None:
    (tmp_path / "secret.wav").write_bytes(wav(tone(16000), 16000))
    for text in (
        f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{tmp_path}/secret.wav\n#EXT-X-ENDLIST\n",
        f"ffconcat version 1.0\nfile {tmp_path}/secret.wav\n",
    ):
        playlist = tmp_path / "list.m3u8"
        playlist.write_text(text)
        for source in (playlist, text.encode()):
            with pytest.raises(UnreadableAudioError):
                decode(source)


def test_a_wrong_rate_is_refused_before_anything_is_read() -> None:
    with pytest.raises(AudioFormatError):
        decode(b"", 12)


def test_an_unknown_codec_is_refused() -> None:
    data = bytearray(wav(tone(16000, 0.1), 16000))
    data[20] = 0  # the format tag of PCM
    with pytest.raises(UnreadableAudioError, match="no sound that can be decoded"):
        decode(bytes(data))


@given(st.binary(max_size=2000), st.integers(0, 3999))
def test_broken_bytes_raise_audio_errors_only(junk: bytes, place: int) -> None:
    whole = wav(tone(16000, 0.1), 16000)
    place = min(place, len(whole))
    with contextlib.suppress(AudioError):
        decode(whole[:place] + junk + whole[place + len(junk) :])
