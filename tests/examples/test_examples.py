"""Every example runs as its own first lines say, and shows what it is there to show."""

from __future__ import annotations

import asyncio
import re
import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from places import ROOT
from viewer import until, viewer

from livekit_avatar.demo.livekit_server import LiveKitServer
from livekit_avatar.demo.tts import DEFAULT_PITCH, DEFAULT_RATE, DEFAULT_VOICE, espeak
from livekit_avatar.settings import settings

EXAMPLES = ROOT / "examples"
Run = Callable[..., str]


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A spoken sentence as a wav file, and its seconds."""
    voice = espeak()
    samples = voice.speak("Hello, my lips are moving.", DEFAULT_VOICE, rate=DEFAULT_RATE, pitch=DEFAULT_PITCH)
    path = tmp_path_factory.mktemp("speech") / "speech.wav"
    with av.open(str(path), "w", format="wav") as file:
        stream = file.add_stream("pcm_s16le", rate=voice.sample_rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = voice.sample_rate
        file.mux(stream.encode(frame))
    return path, len(samples) / voice.sample_rate


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run(name, *arguments)`: what an example prints."""

    def run(name: str, *arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return run


def test_frames_are_rendered_without_a_room(run: Run, speech: tuple[Path, float]) -> None:
    lines = run("frames.py", speech[0]).splitlines()
    assert len(lines) == pytest.approx(speech[1] * 25, abs=1)
    assert lines[0].startswith("picture 0: 512x512, ")


def test_a_film_is_made(run: Run, speech: tuple[Path, float], tmp_path: Path) -> None:
    run("mp4.py", "ada", speech[0], tmp_path / "ada.mp4")
    with av.open(str(tmp_path / "ada.mp4")) as film:
        assert film.streams.video[0].frames == pytest.approx(speech[1] * 25, abs=1)
        assert film.streams.audio


def test_a_live_face_is_interrupted_at_the_next_frame(run: Run, speech: tuple[Path, float]) -> None:
    assert run("live_runtime.py", speech[0]).splitlines() == [
        "frame 0: speaks",
        "frame 11: is silent",
        "frame 21: speaks",
    ]


def test_another_face_takes_over_and_nothing_of_the_speech_is_lost(
    run: Run, speech: tuple[Path, float], tmp_path: Path, portraits: Path, face_model: Path
) -> None:
    sheet = tmp_path / "faces.png"
    printed = run("swap_avatar.py", portraits / "mona_lisa.jpg", "ada", speech[0], sheet)
    spoken, pushed = (int(number) for number in re.findall(r"\d+", printed)[:2])
    assert spoken == pushed
    pictures = np.asarray(Image.open(sheet)).astype(int)
    height = pictures.shape[0]
    first, last = pictures[:, :height], pictures[:, -height:]
    assert np.abs(first - last).mean() > 20


async def test_an_agent_with_a_face_is_seen_and_heard_in_a_room(
    run: Run, speech: tuple[Path, float], livekit_server: LiveKitServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVEKIT_URL", livekit_server.url)
    monkeypatch.setenv("LIVEKIT_API_KEY", livekit_server.api_key)
    monkeypatch.setenv("LIVEKIT_API_SECRET", livekit_server.api_secret)
    settings.cache_clear()
    async with viewer(livekit_server, room="lobby") as watching:
        example = asyncio.create_task(asyncio.to_thread(run, "agent_in_a_room.py", "lobby", speech[0]))
        await until(lambda: (watching.heard() and watching.video) or example.done(), timeout=60)
        assert watching.size == (512, 512) and watching.heard()
        await example


def test_a_program_for_bithuman_speaks(run: Run, speech: tuple[Path, float]) -> None:
    lines = run("bithuman_program.py", "ada", speech[0]).splitlines()
    assert len(lines) == pytest.approx(speech[1] * 25, abs=1)
    assert lines[0] == "frame 0: (512, 512, 3), 0.04 s of speech"


def test_every_example_is_short_and_tested() -> None:
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    for example in EXAMPLES.glob("*.py"):
        assert example.name in tests, f"{example.name} has no test"
        assert len(example.read_text().splitlines()) < 60 or example.name == "custom_engine.py"
