"""`livekit-avatar worker` as a program: it is started, launched at, told to stop."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from room.test_remote import agent_with
from viewer import until, viewer
from workers import launch_body, speaker

from livekit_avatar.demo.livekit_server import LiveKitServer
from livekit_avatar.room import AvatarSession, wire

KEY = "the-key-of-a-program"


def command(*arguments: str) -> list[str]:
    program = "from livekit_avatar.cli import main; main()"
    return [sys.executable, "-c", program, "worker", *arguments]


@asynccontextmanager
async def program(*arguments: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The command, ended if it lives when the block ends."""
    process = await asyncio.create_subprocess_exec(
        *command(*arguments),
        env={**os.environ, "LIVEKIT_AVATAR_KEYS": KEY, **environment},
        stderr=asyncio.subprocess.PIPE,
        limit=1 << 20,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]


async def line_with(process: asyncio.subprocess.Process, pattern: str, within: float = 120.0) -> str:
    """The first line of the program's log that has a pattern; what its group matched."""
    assert process.stderr is not None
    seen = []

    async def read() -> str:
        assert process.stderr is not None
        async for line in process.stderr:
            seen.append(line.decode())
            if found := re.search(pattern, seen[-1]):
                return found.group(found.lastindex or 0)
        raise AssertionError(f"it ended without {pattern!r}: {''.join(seen)}")

    return await asyncio.wait_for(read(), within)


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        ((), {"LIVEKIT_AVATAR_KEYS": ""}, "LIVEKIT_AVATAR_KEYS"),
        (("--no-auth", "--host", "0.0.0.0"), {}, "--no-auth"),
        (("--key-file", "no-such-file"), {}, "no-such-file"),
        (("--livekit-url", "elsewhere"), {}, "elsewhere"),
        (("--model", "expression"), {}, "NAME=ENGINE"),
        (("--dispatch", "faces"), {}, "LIVEKIT_URL"),
    ],
)
async def test_a_worker_that_could_not_work_or_is_open_to_all_does_not_start(
    arguments: tuple[str, ...], environment: dict[str, str], words: str
) -> None:
    async with program(*arguments, **environment) as worker:
        assert words in await line_with(worker, "error: (.*)")
        assert await worker.wait() == 2


async def test_told_to_stop_a_worker_lets_its_sessions_end_first(
    livekit_server: LiveKitServer, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.txt"
    keys.write_text(f"# who may launch\n\n{KEY}\n")
    arguments = ("--port", "0", "--key-file", str(keys), "--livekit-url", livekit_server.url, "--json-logs")
    async with (
        program(*arguments, LIVEKIT_AVATAR_KEYS="") as worker,
        aiohttp.ClientSession(headers={"api-secret": KEY}) as http,
        viewer(livekit_server) as watching,
        speaker(livekit_server) as agent,
    ):
        url = await line_with(worker, "(http://[^ ]+)/launch")
        async with http.post(f"{url}/launch", json=launch_body(livekit_server, "ada")) as answer:
            assert answer.status == 200, await answer.text()
        await agent.say(3)
        await until(watching.heard)
        worker.send_signal(signal.SIGTERM)
        await line_with(worker, "draining")
        late = launch_body(livekit_server, "ada", identity="late")
        async with http.post(f"{url}/launch", json=late) as answer:
            assert answer.status == 503 and int(answer.headers["Retry-After"]) > 0
        event = await asyncio.wait_for(agent.output.wait_for_playout(), 30)
        assert not event.interrupted  # what was being said is said to its end
        await agent.room.disconnect()
        assert await asyncio.wait_for(worker.wait(), 60) == 0


async def test_a_face_is_dispatched_by_livekit(livekit_server: LiveKitServer) -> None:
    server = livekit_server
    environment = {
        "LIVEKIT_URL": server.url,
        "LIVEKIT_API_KEY": server.api_key,
        "LIVEKIT_API_SECRET": server.api_secret,
    }
    arguments = ("--dispatch", "faces", "--port", "0", "--capacity", "2", "--verbose")
    async with program(*arguments, **environment) as worker, viewer(server) as watching:
        await line_with(worker, "registered worker")
        async with agent_with(server, AvatarSession(worker="faces", avatar_id="ada")) as agent:
            await asyncio.wait_for(agent.avatar.wait_for_join(), 90)
            avatar = agent.room.remote_participants[agent.avatar.avatar_identity]
            assert avatar.attributes[wire.PUBLISH_ON_BEHALF] == "agent"
            await agent.say(1).wait_for_playout()
            assert [event.interrupted for event in agent.finished] == [False]
            assert watching.heard() and watching.fps(watching.heard()[0]) > 5
        await line_with(worker, "left room")
        worker.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(worker.wait(), 60) == 0
