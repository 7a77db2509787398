"""The demo from the command line: it speaks to a real participant, who measures and records."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from livekit import api

from livekit_avatar.avatars.catalogue import builtin_names
from livekit_avatar.demo.livekit_server import LiveKitServer
from livekit_avatar.demo.show import VIEWER
from livekit_avatar.demo.tts import EspeakTTS

TEXT = "Hello there. She sells sea shells by the sea shore."
PROGRAM = [sys.executable, "-c", "from livekit_avatar.cli import main; main()", "demo"]
SECONDS = 120


@pytest.fixture
def avatar(request: pytest.FixtureRequest) -> str:
    """A face that talks: the built-in one, else a portrait."""
    if "ada" in builtin_names():
        return "ada"
    request.getfixturevalue("face_model")
    portraits: Path = request.getfixturevalue("portraits")
    return str(portraits / "pearl_earring.jpg")


@pytest.fixture
def environment(livekit_server: LiveKitServer) -> dict[str, str]:
    """Of the program: it uses a server that runs already."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]),
        "LIVEKIT_URL": livekit_server.url,
        "LIVEKIT_API_KEY": livekit_server.api_key,
        "LIVEKIT_API_SECRET": livekit_server.api_secret,
    }


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def run(arguments: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments], env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )


def test_what_was_received_is_measured_and_recorded(
    avatar: str, environment: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "out.mp4"
    arguments = ["--avatar", avatar, "--say", TEXT, "--record", str(path), "--json"]
    done = run(arguments, environment)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["file"] == str(path)
    assert report["fps"] > 0
    assert report["first_audio_ms"] > 0
    assert report["first_frame_ms"] > 0
    assert abs(report["av_offset_ms"]) < 300
    spoken = len(EspeakTTS().speak(TEXT)) / EspeakTTS().sample_rate
    assert spoken < report["duration_s"] < spoken + 8
    assert_plays(path, report)
    assert names(tmp_path) == ["out.mp4"]


def assert_plays(path: Path, report: dict[str, float]) -> None:
    with av.open(str(path)) as film:
        pictures = [frame.to_ndarray(format="gray") for frame in film.decode(video=0)]
        film.seek(0)
        sound = np.concatenate([frame.to_ndarray()[0] for frame in film.decode(audio=0)])
        rate = film.streams.audio[0].rate
    assert len(pictures) == round(report["duration_s"] * 25)
    assert pictures[0].shape == (report["height"], report["width"])
    assert abs(len(sound) / rate - report["duration_s"]) < 0.1
    assert np.abs(sound).max() > 0.1
    moved = np.abs(pictures[0].astype(np.int16) - pictures[len(pictures) // 2]).max()
    assert moved > 10


def test_without_json_the_report_is_a_sentence(avatar: str, environment: dict[str, str]) -> None:
    done = run(["--avatar", avatar, "--say", "Hello."], environment)
    assert done.returncode == 0, done.stderr
    assert re.search(r"s received, .* pictures a second, first sound after \d+ ms", done.stdout)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--say", "", "--record", "out.mp4"], "the text to say is empty"),
        (["--say", "  "], "the text to say is empty"),
        (["--say", "a " * 10_000], "longer than"),
        (["--say", "Hello.", "--record", "no/such/folder/out.mp4"], "cannot be written"),
        (["--say", "Hello.", "--record", "."], "is not an mp4 file"),
        (["--say", "Hello.", "--record", "out.webm"], "is not an mp4 file"),
        (["--say", "Hello.", "--avatar", "nobody"], "no avatar 'nobody'"),
        (["--say", "Hello.", "--avatar", "ada", "--avatar", "ada"], "takes one --avatar"),
        (["--avatar", "ada", "--avatar", "nobody"], "no avatar 'nobody'"),
        (["--stt", "json:JSONDecoder"], "is not a livekit-agents STT"),
        (["--record", "out.mp4"], "need --say"),
        (["--json"], "need --say"),
    ],
)
def test_a_refusal_is_one_line_status_2_and_no_file(
    arguments: list[str], problem: str, tmp_path: Path
) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "LIVEKIT_AVATAR_HOME": str(tmp_path / "home"),
    }
    folder = tmp_path / "here"
    folder.mkdir()
    done = subprocess.run(
        [*PROGRAM, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 2
    assert not done.stdout
    assert len(done.stderr.splitlines()) == 1
    assert problem in done.stderr
    assert not names(folder)


def test_ctrl_c_stops_the_server_the_agent_and_the_page(
    avatar: str, environment: dict[str, str], livekit_program: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "livekit-server").write_text(
        f'#!/bin/sh\necho $$ > "{folder}/pid"\nexec "{livekit_program}" "$@"\n'
    )
    (folder / "livekit-server").chmod(0o755)
    own = {name: value for name, value in environment.items() if not name.startswith("LIVEKIT_URL")}
    own["PATH"] = f"{folder}{os.pathsep}{own['PATH']}"
    demo = subprocess.Popen([*PROGRAM, "--avatar", avatar], env=own, stdout=subprocess.PIPE, text=True)
    assert demo.stdout is not None
    try:
        assert re.search(r"http://127\.0\.0\.1:\d+/", demo.stdout.readline())
        server = int((folder / "pid").read_text())
        os.kill(server, 0)
        demo.send_signal(signal.SIGINT)
        assert demo.wait(30) == 0
    finally:
        demo.kill()
        demo.wait()
        demo.stdout.close()
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)


async def someone_watches(server: LiveKitServer) -> bool:
    """Whether the second participant is in a room."""
    async with api.LiveKitAPI(server.url, server.api_key, server.api_secret) as livekit:
        for room in (await livekit.room.list_rooms(api.ListRoomsRequest())).rooms:
            there = await livekit.room.list_participants(api.ListParticipantsRequest(room=room.name))
            if any(participant.identity == VIEWER for participant in there.participants):
                return True
    return False


async def test_ctrl_c_while_it_speaks_leaves_no_file(
    avatar: str, environment: dict[str, str], livekit_server: LiveKitServer, tmp_path: Path
) -> None:
    arguments = ["--avatar", avatar, "--say", TEXT * 5, "--record", str(tmp_path / "out.mp4")]
    demo = await asyncio.create_subprocess_exec(
        *PROGRAM, *arguments, env=environment, stderr=asyncio.subprocess.PIPE
    )
    while not await someone_watches(livekit_server):
        assert demo.returncode is None
        await asyncio.sleep(0.1)
    demo.send_signal(signal.SIGINT)
    _, complaint = await demo.communicate()
    assert demo.returncode == 130
    assert not complaint
    assert not names(tmp_path)
