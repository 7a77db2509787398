"""Joins and leaves leave nothing behind in the worker's process; bench/worker.py --soak does 200 of them."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from viewer import until
from workers import Serve, launch_body, speaker

from livekit_avatar.demo.livekit_server import LiveKitServer

JOINS = 8
A_ROOM = 10  # threads, at least, that LiveKit's native part has for a room


def native_threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
async def test_tasks_threads_and_files_of_sessions_go_with_them(
    livekit_server: LiveKitServer, serve: Serve
) -> None:
    async with serve() as worker, speaker(livekit_server) as agent:

        async def come_and_go() -> None:
            _, answer = await worker.launch(json=launch_body(livekit_server))
            await agent.say(0.1)
            await agent.output.wait_for_playout()
            await worker.ask("DELETE", f"/sessions/{answer['session_id']}")

        await come_and_go()  # what is made at first use stays
        await asyncio.sleep(2)
        tasks, threads, open_files = len(asyncio.all_tasks()), native_threads(), files()
        for _ in range(JOINS):
            await come_and_go()
        await until(lambda: native_threads() < threads + A_ROOM, timeout=30)
        await until(lambda: files() < open_files + A_ROOM)
        await until(lambda: len(asyncio.all_tasks()) <= tasks)
