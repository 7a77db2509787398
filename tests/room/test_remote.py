"""A face on another machine, as its agent and a listener get it: a real worker in a process of its own."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from engines_for_tests import flash
from hosts import hosting
from livekit import api, rtc
from livekit.agents import Agent, AgentSession, APIConnectOptions
from livekit.agents.voice.avatar import AvatarOptions, AvatarRunner, DataStreamAudioReceiver
from livekit.agents.voice.io import PlaybackFinishedEvent
from livekit.agents.voice.room_io import RoomOptions
from viewer import ROOM, Viewer, joined, until, viewer
from worker_program import KEY, Program, worker_program

from livekit_avatar.demo.livekit_server import LiveKitServer
from livekit_avatar.errors import WishRefusedError
from livekit_avatar.room import AvatarSession, wire
from livekit_avatar.room.generator import ROOM_RATE, RuntimeGenerator
from livekit_avatar.runtime.runtime import AvatarRuntime
from livekit_avatar.types import Emotion

PATIENT = APIConnectOptions(max_retry=100, retry_interval=0.2, timeout=60)


@pytest.fixture(autouse=True)
def log_of_faces(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "livekit_avatar")


@pytest_asyncio.fixture
async def worker() -> AsyncIterator[Program]:
    async with worker_program() as program:
        yield program


@dataclass
class Acting:
    """An agent with a face elsewhere."""

    avatar: AvatarSession
    session: AgentSession[Any]
    room: rtc.Room
    finished: list[PlaybackFinishedEvent] = field(default_factory=list)
    states: list[str] = field(default_factory=list)

    @property
    def output(self) -> Any:
        return self.session.output.audio

    def say(self, seconds: float) -> Any:
        return self.session.say("beep", audio=tone(seconds))

    async def face_is_there(self) -> None:
        await self.avatar.wait_for_join()
        await until(lambda: self.output.can_pause)


STEP = 2_500
"""Amplitude of the first second of a tone; each second is louder by as much."""


async def tone(seconds: float, rate: int = 24_000) -> AsyncIterator[rtc.AudioFrame]:
    count = rate // 50
    for start in range(0, round(seconds * rate), count):
        amplitude = STEP * (1 + start // rate)
        wave = amplitude * np.sin(2 * np.pi * 440 * np.arange(start, start + count) / rate)
        yield rtc.AudioFrame(wave.astype(np.int16).tobytes(), rate, 1, count)


def agent(server: LiveKitServer, url: str, **arguments: Any) -> AbstractAsyncContextManager[Acting]:
    options = {"api_url": url, "api_token": KEY, "avatar_id": "white", "conn_options": PATIENT, **arguments}
    return agent_with(server, AvatarSession(**options))


@asynccontextmanager
async def agent_with(server: LiveKitServer, avatar: AvatarSession) -> AsyncIterator[Acting]:
    account = {"livekit_api_key": server.api_key, "livekit_api_secret": server.api_secret}
    async with joined(server, "agent", agent=True) as room:
        session: AgentSession[Any] = AgentSession(vad=None)
        acting = Acting(avatar, session, room)
        session.on("agent_state_changed", lambda event: acting.states.append(event.new_state))
        try:
            await avatar.start(session, room, livekit_url=server.url, **account)
            session.output.audio.on("playback_finished", acting.finished.append)
            room_options = RoomOptions(audio_input=False, text_input=False, close_on_disconnect=False)
            await session.start(Agent(instructions=""), room=room, room_options=room_options, record=False)
            yield acting
        finally:
            await session.aclose()
            await avatar.aclose()


@asynccontextmanager
async def watched(server: LiveKitServer, url: str, **arguments: Any) -> AsyncIterator[tuple[Acting, Viewer]]:
    async with viewer(server) as watching, agent(server, url, **arguments) as acting:
        await acting.face_is_there()
        await until(lambda: len(watching.video) > 10)
        yield acting, watching


def loud(watching: Viewer, since: float = 0.0) -> float:
    """Seconds of sound that were heard."""
    return len(watching.heard(since)) / 100


async def heard_all(watching: Viewer, since: float = 0.0) -> float:
    """Seconds of sound that were heard, once it is quiet."""
    await until(lambda: not watching.heard(time.monotonic() - 0.4))
    return loud(watching, since)


def steps(watching: Viewer, since: float) -> list[int]:
    """Which second of a tone was heard, every 10 ms; what is not level for 50 ms is a concealed loss."""
    levels = [peak / STEP for at, peak in watching.audio if at >= since and peak > STEP / 2]
    near = [round(level) if abs(level - round(level)) < 0.25 else 0 for level in levels]
    runs = [(level, len(list(same))) for level, same in groupby(near)]
    return [level for level, length in runs for _ in range(length) if level and length >= 5]


async def test_an_agent_speaks_through_a_face_elsewhere(
    livekit_server: LiveKitServer, worker: Program
) -> None:
    async with watched(livekit_server, worker.url) as (acting, watching):
        assert acting.avatar.avatar_identity != acting.room.local_participant.identity
        since = time.monotonic()
        await acting.say(2).wait_for_playout()
        assert [(round(event.playback_position, 1), event.interrupted) for event in acting.finished] == [
            (2.0, False)
        ]
        assert "speaking" in acting.states
        assert await heard_all(watching, since) > 1.7
        assert len(watching.seen(since)) > 30


async def test_an_interruption_ends_the_speech_and_the_next_one_is_heard(
    livekit_server: LiveKitServer, worker: Program
) -> None:
    async with watched(livekit_server, worker.url) as (acting, watching):
        for _ in range(3):
            since = time.monotonic()
            speech = acting.say(10)
            await until(lambda since=since: watching.heard(since))
            await acting.session.interrupt()
            await speech.wait_for_playout()
            await until(lambda: not watching.heard(time.monotonic() - 0.3))
        assert [event.interrupted for event in acting.finished] == [True] * 3
        assert all(0 < event.playback_position < 3 for event in acting.finished)
        since = time.monotonic()
        await acting.say(1).wait_for_playout()
        assert await heard_all(watching, since) > 0.7


async def test_a_face_elsewhere_can_pause(livekit_server: LiveKitServer, worker: Program) -> None:
    async with watched(livekit_server, worker.url) as (acting, watching):
        since = time.monotonic()
        speech = acting.say(2)
        await until(lambda: loud(watching, since) > 0.5)
        acting.output.pause()
        paused = time.monotonic()
        await asyncio.sleep(0.8)
        assert not watching.heard(paused + 0.4)
        acting.output.resume()
        await speech.wait_for_playout()
        assert await heard_all(watching, since) > 1.7
        assert acting.finished[0].playback_position == pytest.approx(2, abs=0.05)


async def test_a_face_elsewhere_does_what_it_is_asked(livekit_server: LiveKitServer, worker: Program) -> None:
    async with watched(livekit_server, worker.url) as (acting, watching):
        await acting.avatar.set_emotion(Emotion("happy", 0.5))
        await acting.avatar.act("wave")
        with pytest.raises(WishRefusedError, match="no action 'fly'"):
            await acting.avatar.act("fly")
        before = watching.video[-1][1]
        await acting.avatar.set_avatar("blue")
        await until(lambda: watching.video[-1][1] < before - 5)
        with pytest.raises(WishRefusedError, match="nobody"):
            await acting.avatar.set_avatar("nobody")
        with pytest.raises(WishRefusedError, match="by name"):
            await acting.avatar.set_avatar(b"a picture")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_face_that_dies_in_mid_sentence_is_noticed_and_comes_back(
    livekit_server: LiveKitServer, worker: Program, how: signal.Signals, caplog: pytest.LogCaptureFixture
) -> None:
    async with watched(livekit_server, worker.url) as (acting, watching):
        first = acting.avatar.avatar_identity
        since = time.monotonic()
        speech = acting.say(8)
        await until(lambda: loud(watching, since) > 2)
        await acting.avatar.set_avatar("blue")
        worker.send(how)
        killed = time.monotonic()
        await until(lambda: killed + 0.4 < time.monotonic() and not watching.heard(time.monotonic() - 0.3))
        await until(lambda: watching.heard(time.monotonic() - 0.1), timeout=10)
        silent = watching.heard(killed + 0.5)[0] - killed
        await speech.wait_for_playout()
        assert silent < wire.HEARTBEAT_TIMEOUT + 2.5
        assert len(acting.finished) == 1
        assert acting.finished[0].playback_position == pytest.approx(8, abs=0.1)
        await heard_all(watching)
        heard = steps(watching, since)
        assert [heard.count(second) > 50 for second in range(1, 9)] == [True] * 8, "nothing is lost"
        assert min(np.diff(heard)) >= -2, "little is heard twice"  # more, the busier the machine
        if how == signal.SIGSTOP:
            worker.send(signal.SIGKILL)
        async with worker_program(worker.port):
            await until(lambda: acting.avatar.avatar_identity != first)
            await until(lambda: "the face is back" in caplog.text, timeout=60)
            back = time.monotonic()
            await acting.say(2).wait_for_playout()
            assert await heard_all(watching, back) > 1.7
            brightness = [luma for at, luma in watching.video if at > back]
            assert len(brightness) > 20 and 20 < max(brightness) < 100, "it is blue, as it was when it died"
            assert len(acting.finished) == 2
            assert set(acting.room.remote_participants) == {"viewer", acting.avatar.avatar_identity}
            await until(lambda: not acting.room.local_participant.track_publications)


async def test_without_a_host_the_voice_goes_on_for_good(
    livekit_server: LiveKitServer, worker: Program, caplog: pytest.LogCaptureFixture
) -> None:
    hasty = APIConnectOptions(max_retry=1, timeout=20)
    async with watched(livekit_server, worker.url, conn_options=hasty) as (acting, watching):
        worker.send(signal.SIGKILL)
        await until(lambda: "goes on without a face" in caplog.text)
        since = time.monotonic()
        for _ in range(2):
            await acting.say(1).wait_for_playout()
        assert await heard_all(watching, since) > 1.7
        assert [event.interrupted for event in acting.finished] == [False, False]
        assert acting.output.can_pause
        with pytest.raises(WishRefusedError, match="no face"):
            await acting.avatar.act("wave")


async def test_a_face_that_leaves_is_missed_at_once(livekit_server: LiveKitServer, worker: Program) -> None:
    async with watched(livekit_server, worker.url) as (acting, watching):
        since = time.monotonic()
        speech = acting.say(4)
        await until(lambda: loud(watching, since) > 1)
        await _remove(livekit_server, acting.avatar.avatar_identity)
        await speech.wait_for_playout()
        await heard_all(watching)
        heard = steps(watching, since)
        assert [heard.count(second) > 50 for second in range(1, 5)] == [True] * 4, "nothing is lost"
        assert [round(event.playback_position, 1) for event in acting.finished] == [4.0]


async def test_a_face_that_does_not_come_keeps_nobody_waiting(
    livekit_server: LiveKitServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("livekit_avatar.room.remote.JOIN_SECONDS", 0.5)
    async with (
        hosting() as host,
        viewer(livekit_server) as watching,
        agent(livekit_server, host.url) as acting,
    ):
        await acting.say(1).wait_for_playout()
        assert await heard_all(watching) > 0.7


async def test_the_end_of_the_session_ends_the_face(livekit_server: LiveKitServer, worker: Program) -> None:
    async with viewer(livekit_server) as watching, joined(livekit_server, "witness") as witness:
        async with agent(livekit_server, worker.url) as acting:
            await acting.face_is_there()
            acting.say(5)
            await until(watching.heard)
        await until(lambda: set(witness.remote_participants) <= {"viewer"})


@asynccontextmanager
async def stock_face(server: LiveKitServer) -> AsyncIterator[str]:
    """A face in the room that livekit-agents' own runner publishes, and its identity."""
    engine = flash()
    async with (
        joined(server, "stock", agent=True) as room,
        AvatarRuntime(engine, engine.face((128, 128)), paced=False) as runtime,
    ):
        runner = AvatarRunner(
            room,
            audio_recv=DataStreamAudioReceiver(room, sender_identity="agent"),
            video_gen=RuntimeGenerator(runtime),
            options=AvatarOptions(128, 128, 25, ROOM_RATE, 1),
            _lazy_publish=False,
        )
        starting = asyncio.create_task(runner.start())  # it waits for the agent
        try:
            yield "stock"
        finally:
            await asyncio.wait({starting})
            await runner.aclose()


async def test_a_stock_face_speaks_and_the_rest_falls_back(
    livekit_server: LiveKitServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        hosting() as host,
        viewer(livekit_server) as watching,
        stock_face(livekit_server) as identity,
        agent(livekit_server, host.url, avatar_participant_identity=identity) as acting,
    ):
        await acting.avatar.wait_for_join()
        since = time.monotonic()
        await acting.say(2).wait_for_playout()
        assert await heard_all(watching, since) > 1.7
        assert not acting.output.can_pause
        speech = acting.say(2)
        await until(lambda: len(acting.states) > 2)
        acting.output.pause()
        assert "pause is not supported" in caplog.text
        await speech.wait_for_playout()
        assert acting.states.count("speaking") == 2
        with pytest.raises(WishRefusedError, match="does not know how to act"):
            await acting.avatar.act("wave")


async def _remove(server: LiveKitServer, identity: str) -> None:
    async with api.LiveKitAPI(server.url, server.api_key, server.api_secret) as livekit:
        await livekit.room.remove_participant(api.RoomParticipantIdentity(room=ROOM, identity=identity))
