"""A worker as its agents and subscribers have it: launches, interruptions, A/V, and 200 joins and leaves.

    PYTHONPATH=tests python bench/worker.py [--rounds 20] [--burst] [--json]
    PYTHONPATH=tests python bench/worker.py --soak 200

The worker runs in a process of its own; the agent (our output for a face elsewhere; with `--burst`,
livekit-agents' own, which sends a text of ten seconds all at once) and the subscriber in this one.
`launch, no face` is the yardstick: the same launch, refused, so HTTP alone. How many sessions a machine
holds, and the encoders' share, is measured by bench/capacity.py.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
from viewer import joined, until, viewer
from worker_program import KEY, Program, worker_program
from workers import Speaker, launch_body, speaker

from livekit_avatar.demo.livekit_server import LiveKitServer, dev_server
from livekit_avatar.room.lines import AvatarLine
from livekit_avatar.room.remote_output import RemoteAudioOutput

AT_ONCE = 4  # sessions of the soak
EVERY = 20  # joins between two readings
QUIET = 3.0  # seconds before a reading


class Client:
    """Launches and ends sessions."""

    def __init__(self, server: LiveKitServer, worker: Program, http: aiohttp.ClientSession) -> None:
        self._server = server
        self._worker = worker
        self._http = http

    async def launch(self, avatar: str, *, room: str = "test", identity: str = "avatar") -> str:
        """The id of a session that has joined and published."""
        body = launch_body(self._server, avatar, room=room, identity=identity)
        async with self._http.post(self._worker.url, json=body) as answer:
            told: dict[str, str] = await answer.json()
            return told.get("session_id", "")

    async def end(self, session: str) -> None:
        url = self._worker.url.replace("/launch", f"/sessions/{session}")
        async with self._http.delete(url) as answer:
            answer.raise_for_status()

    async def reading(self) -> dict[str, float]:
        """What the worker's process holds."""
        async with self._http.get(self._worker.url.replace("/launch", "/metrics")) as answer:
            text = await answer.text()
        return {
            "rss MB": _metric(text, "process_resident_memory_bytes") * 1e-6,
            "fds": _metric(text, "process_open_fds"),
            "tasks": _metric(text, "livekit_avatar_tasks"),
            "threads": _threads(self._worker.process.pid),
        }


def _threads(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return float(re.findall(r"Threads:\s+(\d+)", status)[0])


def _metric(text: str, name: str) -> float:
    return float(re.findall(rf"^{name} (\S+)$", text, re.MULTILINE)[0])


async def launches(client: Client, rounds: int, figures: dict[str, list[float]]) -> None:
    await client.end(await client.launch("ada"))  # opened once, as by a worker that has started
    for name, avatar in (("launch, no face ms", "nobody"), ("launch -> joined and published ms", "ada")):
        for _ in range(rounds):
            since = time.monotonic()
            session = await client.launch(avatar)
            figures.setdefault(name, []).append(1000 * (time.monotonic() - since))
            if session:
                await client.end(session)


@asynccontextmanager
async def paced_speaker(server: LiveKitServer) -> AsyncIterator[Speaker]:
    """An agent whose voice goes to an avatar as our sessions send it."""
    async with joined(server, "agent", agent=True) as room:
        output, line = RemoteAudioOutput(), AvatarLine(room, "avatar")
        await output.use(line)
        try:
            yield Speaker(room, output)
        finally:
            await output.aclose()
            await line.aclose()


async def speech(
    client: Client, server: LiveKitServer, rounds: int, burst: bool, figures: dict[str, list[float]]
) -> None:
    """A face that is bright while it hears a tone."""

    def add(name: str, value: float) -> None:
        figures.setdefault(name, []).append(1000 * value)

    async with viewer(server) as seen, (speaker if burst else paced_speaker)(server) as agent:
        session = await client.launch("white")
        await until(lambda: len(seen.video) > 25)
        for n in range(rounds):
            pushed = time.monotonic()
            await agent.say(0.4)
            await agent.output.wait_for_playout()
            await asyncio.sleep(0.5 + 0.004 * (n % 10))  # at every phase of the frames
            sound, picture = seen.heard(pushed)[0], seen.seen(pushed)[0]
            add("push -> audible ms", sound - pushed)
            add("video - audio ms", picture - sound)
        for n in range(rounds):
            since = time.monotonic()
            await agent.say(10)
            await until(lambda since=since: seen.heard(since))
            await asyncio.sleep(0.7 + 0.017 * (n % 10))
            cut = time.monotonic()
            agent.output.clear_buffer()
            await agent.output.wait_for_playout()
            add("interrupt -> finished ms", time.monotonic() - cut)
            await asyncio.sleep(0.7)
            add("interrupt -> silence ms", max(seen.heard(cut), default=cut) - cut)
            add("interrupt -> mouth stops ms", max(seen.seen(cut), default=cut) - cut)
        await client.end(session)


async def soak(client: Client, server: LiveKitServer, joins: int) -> list[dict[str, float]]:
    """Agents come, launch a face, say something, and leave."""

    async def one(number: int) -> None:
        room, identity = f"room-{number}", f"avatar-{number}"  # upstream tells avatars apart by identity
        async with speaker(server, room=room, avatar=identity) as agent:
            session = await client.launch("ada", room=room, identity=identity)
            await agent.say(0.2)
            await asyncio.wait_for(agent.output.wait_for_playout(), 30)
            await client.end(session)

    readings = []
    for start in range(0, joins, AT_ONCE):
        await asyncio.gather(*(one(start + n) for n in range(AT_ONCE)))
        if start % EVERY == EVERY - AT_ONCE:
            await asyncio.sleep(QUIET)
            readings.append({"joins": start + AT_ONCE, **await client.reading()})
            print(" ".join(f"{name} {value:.0f}" for name, value in readings[-1].items()), flush=True)
    return readings


async def measure(options: argparse.Namespace) -> Any:
    async with (
        dev_server() as server,
        worker_program() as worker,
        aiohttp.ClientSession(headers={"api-secret": KEY}) as http,
    ):
        client = Client(server, worker, http)
        if options.soak:
            return await soak(client, server, options.soak)
        figures: dict[str, list[float]] = {}
        print("launches ...", file=sys.stderr)
        await launches(client, options.rounds, figures)
        print("speech ...", file=sys.stderr)
        await speech(client, server, options.rounds, options.burst, figures)
        return figures


def table(figures: dict[str, list[float]]) -> None:
    print(f"{'':36s} {'median':>8s} {'p95':>8s}")
    for name, values in figures.items():
        print(f"{name:36s} {np.median(values):8.1f} {np.percentile(values, 95):8.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--burst", action="store_true", help="speak as livekit-agents does by itself")
    parser.add_argument("--soak", type=int, default=0, metavar="JOINS")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    logging.getLogger("livekit").setLevel(logging.ERROR)
    result = asyncio.run(measure(options))
    if options.json:
        print(json.dumps(result))
    elif not options.soak:
        table(result)


if __name__ == "__main__":
    main()
