"""A worker on loopback, and the agent's side of its wire, as livekit-agents has it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import numpy as np
from aiohttp import web
from livekit import api, rtc
from livekit.agents.voice.avatar import DataStreamAudioOutput
from viewer import ROOM, joined

from livekit_avatar.demo.livekit_server import LiveKitServer
from livekit_avatar.room import wire
from livekit_avatar.worker.app import SESSIONS, create_app
from livekit_avatar.worker.options import WorkerOptions
from livekit_avatar.worker.sessions import Sessions


@dataclass
class Worker:
    """A worker that runs in this process."""

    url: str
    sessions: Sessions
    http: aiohttp.ClientSession

    async def launch(self, *, key: str = "a-key", **request: Any) -> tuple[int, dict[str, Any]]:
        """The status and body of the answer; `json=` or `data=` as for aiohttp."""
        headers = {"Authorization": f"Bearer {key}", **request.pop("headers", {})}
        async with self.http.post(f"{self.url}/launch", headers=headers, **request) as answer:
            return answer.status, await answer.json()

    async def ask(self, method: str, path: str, *, key: str = "a-key") -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {key}"}
        async with self.http.request(method, self.url + path, headers=headers) as answer:
            return answer.status, await answer.json()


LINGERING_SECONDS = 1.0

Serve = Callable[..., AbstractAsyncContextManager[Worker]]
"""The fixture `serve`."""


@asynccontextmanager
async def serving(options: WorkerOptions) -> AsyncIterator[Worker]:
    """A worker on a free port."""
    app = create_app(options)
    runner = web.AppRunner(app, lingering_time=LINGERING_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with aiohttp.ClientSession() as http:
            yield Worker(f"http://127.0.0.1:{runner.addresses[0][1]}", app[SESSIONS], http)
    finally:
        await runner.cleanup()
        await _lingering_ends()


async def _lingering_ends() -> None:
    """aiohttp goes on for a while to read a body that was refused, also when its connection is lost."""
    reading = [task for task in asyncio.all_tasks() if task.get_coro().__qualname__ == "RequestHandler.start"]
    if reading:
        await asyncio.wait(reading, timeout=2 * LINGERING_SECONDS)


def avatar_token(
    server: LiveKitServer,
    *,
    agent: str = "agent",
    identity: str = "avatar",
    room: str = ROOM,
    attributes: bool = True,
    **grants: Any,
) -> str:
    """A token as a plugin makes it for its worker."""
    access = api.AccessToken(server.api_key, server.api_secret).with_kind("agent").with_identity(identity)
    access = access.with_grants(api.VideoGrants(**{"room_join": True, "room": room, **grants}))
    if attributes:
        access = access.with_attributes({"lk.publish_on_behalf": agent})
    return access.to_jwt()


def launch_body(server: LiveKitServer, avatar_id: str = "white", **token: Any) -> dict[str, str]:
    """A launch as bitHuman's plugin sends it to bitHuman's hosts."""
    return {
        "livekit_url": server.url,
        "livekit_token": avatar_token(server, **token),
        "room_name": token.get("room", ROOM),
        "mode": "cpu",
        "agent_id": avatar_id,
    }


@dataclass
class Speaker:
    """An agent whose voice goes to an avatar, and what it was told."""

    room: rtc.Room
    output: DataStreamAudioOutput
    started: list[float] = field(default_factory=list)
    finished: list[tuple[float, bool]] = field(default_factory=list)

    async def say(self, seconds: float, *, hertz: float = 440.0, flush: bool = True) -> None:
        for frame in tone(seconds, hertz=hertz):
            await self.output.capture_frame(frame)
        if flush:
            self.output.flush()


@asynccontextmanager
async def speaker(
    server: LiveKitServer, *, agent: str = "agent", avatar: str = "avatar", room: str = ROOM
) -> AsyncIterator[Speaker]:
    """An agent in the room, for as long as the block lasts."""
    async with joined(server, agent, agent=True, room=room) as connection:
        output = DataStreamAudioOutput(connection, destination_identity=avatar, wait_playback_start=True)
        speaking = Speaker(connection, output)
        output.on("playback_started", lambda _: speaking.started.append(time.monotonic()))
        output.on(
            "playback_finished",
            lambda event: speaking.finished.append((event.playback_position, event.interrupted)),
        )
        try:
            yield speaking
        finally:
            left = [task for task in (output._start_atask, *output._tasks) if task is not None]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)


def tone(seconds: float, *, hertz: float = 440.0, rate: int = 24_000) -> Iterator[rtc.AudioFrame]:
    """A loud tone, in frames of 100 ms: livekit-agents waits a moment for each to be sent."""
    count = rate // 10
    for start in range(0, round(seconds * rate), count):
        wave = 12_000 * np.sin(2 * np.pi * hertz * np.arange(start, start + count) / rate)
        yield rtc.AudioFrame(wave.astype(np.int16).tobytes(), rate, 1, count)


async def stream(room: rtc.Room, seconds: float, *, hertz: float = 440.0, avatar: str = "avatar") -> None:
    """A tone as one utterance, sent by whoever is in the room; no state of livekit-agents is involved."""
    writer = await room.local_participant.stream_bytes(
        name="tone",
        topic=wire.AUDIO_STREAM_TOPIC,
        destination_identities=[avatar],
        attributes={"sample_rate": "24000", "num_channels": "1"},
    )
    for frame in tone(seconds, hertz=hertz):
        await writer.write(bytes(frame.data))
    await writer.aclose()
