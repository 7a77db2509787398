"""A participant who watches a room and keeps what arrived."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
from livekit import api, rtc
from livekit.agents import utils

from livekit_avatar.demo.livekit_server import LiveKitServer

ROOM = "test"


def token(server: LiveKitServer, identity: str, *, agent: bool = False, room: str = ROOM) -> str:
    grants = api.VideoGrants(room_join=True, room=room, agent=agent)
    access = api.AccessToken(server.api_key, server.api_secret).with_identity(identity).with_grants(grants)
    return access.with_kind("agent" if agent else "standard").to_jwt()


@asynccontextmanager
async def joined(
    server: LiveKitServer, identity: str, *, agent: bool = False, room: str = ROOM
) -> AsyncIterator[rtc.Room]:
    """A connected room."""
    connection = rtc.Room()
    await connection.connect(server.url, token(server, identity, agent=agent, room=room))
    try:
        yield connection
    finally:
        await connection.disconnect()


@dataclass
class Viewer:
    """What arrived: for each picture its time and mean luma, for each 10 ms of sound its time and peak."""

    video: list[tuple[float, float]] = field(default_factory=list)
    audio: list[tuple[float, int]] = field(default_factory=list)
    size: tuple[int, int] = (0, 0)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    tracks: list[rtc.Track] = field(default_factory=list)

    def watch(self, track: rtc.Track, *_: object) -> None:
        self.tracks.append(track)
        watching = self._see(track) if track.kind == rtc.TrackKind.KIND_VIDEO else self._listen(track)
        self.tasks.append(asyncio.create_task(watching))

    async def _see(self, track: rtc.Track) -> None:
        stream = rtc.VideoStream(track, format=rtc.VideoBufferType.I420)
        try:
            async for event in stream:
                frame = event.frame
                self.size = frame.width, frame.height
                luma = np.frombuffer(frame.data, np.uint8, frame.width * frame.height)
                self.video.append((time.monotonic(), float(luma.mean())))
        finally:
            await stream.aclose()

    async def _listen(self, track: rtc.Track) -> None:
        stream = rtc.AudioStream(track, sample_rate=48_000, num_channels=1)
        try:
            async for event in stream:
                peak = int(np.abs(np.frombuffer(event.frame.data, np.int16).astype(np.int32)).max())
                self.audio.append((time.monotonic(), peak))
        finally:
            await stream.aclose()

    async def jitter_buffer(self) -> float | None:
        """Seconds that this listener's jitter buffer has held sound back, in the mean; None before any."""
        for track in self.tracks:
            for report in await track.get_stats() if track.kind == rtc.TrackKind.KIND_AUDIO else []:
                inbound = report.inbound_rtp.inbound
                if inbound.jitter_buffer_emitted_count:
                    return inbound.jitter_buffer_delay / inbound.jitter_buffer_emitted_count
        return None

    def fps(self, since: float) -> float:
        """Pictures a second that arrived after a time."""
        times = [at for at, _ in self.video if at >= since]
        return (len(times) - 1) / (times[-1] - times[0])

    def heard(self, since: float = 0.0, threshold: int = 1_000) -> list[float]:
        """Times at which sound was loud."""
        return [at for at, peak in self.audio if at >= since and peak > threshold]

    def seen(self, since: float = 0.0, threshold: float = 128.0) -> list[float]:
        """Times at which the picture was bright."""
        return [at for at, luma in self.video if at >= since and luma > threshold]


@asynccontextmanager
async def viewer(server: LiveKitServer, *, room: str = ROOM) -> AsyncIterator[Viewer]:
    """A viewer in the room, for as long as the block lasts."""
    watching = Viewer()
    connection = rtc.Room()
    connection.on("track_subscribed", watching.watch)
    await connection.connect(server.url, token(server, "viewer", room=room))
    try:
        yield watching
    finally:
        connection.off("track_subscribed", watching.watch)
        await utils.aio.cancel_and_wait(*watching.tasks)
        await connection.disconnect()


async def until(condition: Callable[[], object], *, timeout: float = 20.0) -> None:
    """Wait until the condition holds.

    Raises:
        TimeoutError: it did not come to hold in time.
    """
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the condition did not come to hold")
        await asyncio.sleep(0.02)
