"""`livekit-avatar render` as a user meets it: a film, or one line that says what to do."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from livekit_avatar.demo.tts import DEFAULT_PITCH, DEFAULT_RATE, DEFAULT_VOICE, espeak


def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from livekit_avatar.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120)


def write_wav(path: Path, samples: np.ndarray, rate: int) -> None:
    """(n,) or (n, 2) int16."""
    layout = "mono" if samples.ndim == 1 else "stereo"
    with av.open(str(path), "w", format="wav") as container:
        stream = container.add_stream("pcm_s16le", rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate = rate
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def beep(path: Path, channels: int = 1) -> None:
    samples = (9_000 * np.sin(np.arange(11_025) / 20)).astype(np.int16)
    write_wav(path, samples if channels == 1 else np.stack([samples, samples], axis=1), 22_050)


def speech(path: Path, text: str) -> float:
    """Spoken text as a wav file; its length in seconds."""
    voice = espeak()
    samples = voice.speak(text, DEFAULT_VOICE, rate=DEFAULT_RATE, pitch=DEFAULT_PITCH)
    write_wav(path, samples, voice.sample_rate)
    return len(samples) / voice.sample_rate


def streams(path: Path) -> tuple[list[np.ndarray], float, set[str]]:
    """Pictures, seconds of sound, codec names."""
    with av.open(str(path)) as container:
        codecs = {stream.codec_context.name for stream in container.streams}
        pictures = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    with av.open(str(path)) as container:
        sound = sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))
    return pictures, sound, codecs


def test_ada_speaks_a_recording(tmp_path: Path) -> None:
    seconds = speech(tmp_path / "speech.wav", "Hello, I am a picture, and I can talk.")
    result = run("render", "ada", "speech.wav", "-o", "out.mp4", "--json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout.splitlines()[-1])
    pictures, sound, codecs = streams(tmp_path / "out.mp4")
    assert codecs == {"h264", "aac"}
    assert len(pictures) == report["frames"]
    assert abs(len(pictures) / 25 - seconds) <= 0.04
    assert abs(sound - seconds) < 0.1
    assert pictures[0].shape == (512, 512)


def test_the_same_seed_makes_the_same_film(tmp_path: Path) -> None:
    speech(tmp_path / "speech.wav", "Good morning.")
    for name in ("one", "two"):
        run("render", "ada", "speech.wav", "-o", f"{name}.mp4", "--seed", "7", cwd=tmp_path)
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()


def test_stereo_sound_stays_stereo(tmp_path: Path) -> None:
    beep(tmp_path / "stereo.wav", channels=2)
    assert run("render", "ada", "stereo.wav", "-o", "out.mp4", cwd=tmp_path).returncode == 0
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.audio[0].codec_context.layout.name == "stereo"


def truncated(path: Path) -> None:
    Image.new("RGB", (600, 600), "teal").save(path, "JPEG")
    path.write_bytes(path.read_bytes()[:200])


def huge(path: Path) -> None:
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    )


PICTURES: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: None,
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("not a picture"),
    "folder": lambda path: path.mkdir(),
    "truncated": truncated,
    "huge": huge,
    "no face": lambda path: Image.linear_gradient("L").resize((600, 600)).save(path, "PNG"),
    "broken avatar": lambda path: path.write_bytes(b"PK\x03\x04" + bytes(100)),
}

SOUNDS: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: None,
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("not a sound"),
    "folder": lambda path: path.mkdir(),
    "picture": lambda path: Image.new("RGB", (8, 8)).save(path, "PNG"),
    "half a header": lambda path: path.write_bytes(b"RIFF\x24\x00\x00\x00WAVEfm"),
}


def refused(result: subprocess.CompletedProcess[str], folder: Path) -> None:
    """Exit status 2, one line that says what to do, no film and no half of one."""
    assert result.returncode == 2, result.stderr
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: "), result.stderr
    assert not [path for path in folder.iterdir() if "out" in path.name]


@pytest.mark.usefixtures("face_model")
@pytest.mark.parametrize("kind", PICTURES)
def test_a_picture_that_will_not_do_is_refused(kind: str, tmp_path: Path) -> None:
    PICTURES[kind](tmp_path / "me.jpg")
    beep(tmp_path / "speech.wav")
    refused(run("render", "me.jpg", "speech.wav", "-o", "out.mp4", cwd=tmp_path), tmp_path)


@pytest.mark.parametrize("kind", SOUNDS)
def test_a_sound_that_will_not_do_is_refused(kind: str, tmp_path: Path) -> None:
    SOUNDS[kind](tmp_path / "speech.wav")
    refused(run("render", "ada", "speech.wav", "-o", "out.mp4", cwd=tmp_path), tmp_path)


@pytest.mark.parametrize(
    "arguments",
    [
        ("ada", "speech.wav", "-o", "out.avi"),
        ("ada", "speech.wav", "-o", "nowhere/out.mp4"),
        ("nobody", "speech.wav", "-o", "out.mp4"),
        ("ada", "speech.wav", "-o", "out.mp4", "--size", "511"),
        ("ada", "speech.wav", "-o", "out.mp4", "--size", "4000"),
    ],
    ids=["not mp4", "no folder", "unknown avatar", "odd size", "too large"],
)
def test_arguments_that_cannot_work_are_refused(arguments: tuple[str, ...], tmp_path: Path) -> None:
    beep(tmp_path / "speech.wav")
    refused(run("render", *arguments, cwd=tmp_path), tmp_path)


def test_without_the_face_model_the_way_to_get_it_is_said(tmp_path: Path, portraits: Path) -> None:
    beep(tmp_path / "speech.wav")
    result = run("render", portraits / "mona_lisa.jpg", "speech.wav", "-o", "out.mp4", cwd=tmp_path)
    refused(result, tmp_path)
    assert "livekit-avatar models download face-landmarker" in result.stderr
