"""The agents to deploy, as they are run."""

from __future__ import annotations

import asyncio
import os
import runpy
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from livekit import rtc
from livekit.agents import AgentServer, utils
from viewer import Viewer, joined, until

from livekit_avatar.demo.livekit_server import LiveKitServer

AGENTS = Path(__file__).parents[2] / "agents"


@pytest.mark.parametrize("name", ["local_agent", "cloud_agent", "offline_agent"])
def test_an_agent_is_a_program_of_livekit_agents(name: str) -> None:
    program = runpy.run_path(str(AGENTS / f"{name}.py"))
    assert isinstance(program["server"], AgentServer)
    assert f"python agents/{name}.py dev" in program["__doc__"]


@asynccontextmanager
async def running(name: str, server: LiveKitServer, *arguments: str) -> AsyncIterator[None]:
    account = {
        "LIVEKIT_URL": server.url,
        "LIVEKIT_API_KEY": server.api_key,
        "LIVEKIT_API_SECRET": server.api_secret,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(AGENTS / f"{name}.py"),
        *arguments,
        env={**os.environ, **account},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        limit=1 << 20,
    )
    log = asyncio.create_task(_log(process, registered := asyncio.Event()))
    try:
        await asyncio.wait_for(registered.wait(), 60)
        yield  # a room that is made from now on gets the agent
    finally:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 5)  # `start` lets its jobs end by themselves
        except asyncio.TimeoutError:
            process.kill()
            await process.wait()
        print("".join(await log))


async def _log(process: asyncio.subprocess.Process, registered: asyncio.Event) -> list[str]:
    """What the program says; shown if the test fails."""
    assert process.stdout is not None
    lines = []
    while line := (await process.stdout.readline()).decode(errors="replace"):
        lines.append(line)
        if "registered worker" in line:
            registered.set()
    return lines


@pytest.mark.parametrize("mode", [("dev", "--no-reload"), ("start",)], ids=["dev", "start"])
async def test_the_offline_agent_answers_in_a_room_with_its_face(
    livekit_server: LiveKitServer, mode: tuple[str, ...]
) -> None:
    watching, answers = Viewer(), []
    async with (
        running("offline_agent", livekit_server, *mode),
        joined(livekit_server, "visitor") as visitor,
    ):

        async def read(reader: rtc.TextStreamReader) -> None:
            answers.append(await reader.read_all())

        visitor.on("track_subscribed", watching.watch)
        visitor.register_text_stream_handler(
            "lk.transcription", lambda reader, _: watching.tasks.append(asyncio.create_task(read(reader)))
        )
        await until(lambda: len(watching.video) > 10, timeout=90)
        await until(watching.heard, timeout=60)  # the greeting
        await visitor.local_participant.send_text("what is 2 + 3", topic="lk.chat")
        await until(lambda: any("5" in answer or "five" in answer for answer in answers), timeout=90)
        await utils.aio.cancel_and_wait(*watching.tasks)
