"""A real agent with a face, in a real room on a real server, as a real subscriber gets it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engines_for_tests import FlashEngine, flash
from livekit import rtc
from livekit.agents import Agent, AgentSession
from livekit.agents.voice.room_io import RoomOptions
from viewer import joined, until, viewer

from livekit_avatar.demo.livekit_server import LiveKitServer
from livekit_avatar.engines.base import EngineInfo
from livekit_avatar.errors import (
    AlreadyStartedError,
    BundleError,
    ConfigurationError,
    InputError,
    NotStartedError,
)
from livekit_avatar.room import AvatarSession
from livekit_avatar.runtime.runtime import AvatarRuntime


def flashing(size: tuple[int, int] = (512, 512)) -> AvatarRuntime:
    engine = flash()
    return AvatarRuntime(engine, engine.face(size), paced=False)


async def tone(seconds: float, rate: int = 24_000, block: float = 0.02) -> AsyncIterator[rtc.AudioFrame]:
    """A loud tone in one burst, as a speech synthesiser sends it."""
    count = round(block * rate)
    for start in range(0, round(seconds * rate), count):
        wave = 12_000 * np.sin(2 * np.pi * 440 * np.arange(start, start + count) / rate)
        yield rtc.AudioFrame(wave.astype(np.int16).tobytes(), rate, 1, count)


@asynccontextmanager
async def agent_with(
    avatar: AvatarSession, server: LiveKitServer
) -> AsyncIterator[tuple[AgentSession[Any], rtc.Room]]:
    async with joined(server, "agent", agent=True) as room:
        session: AgentSession[Any] = AgentSession(vad=None)
        await avatar.start(session, room)
        try:
            options = RoomOptions(audio_input=False, text_input=False, close_on_disconnect=False)
            await session.start(Agent(instructions=""), room=room, room_options=options, record=False)
            yield session, room
        finally:
            await session.aclose()
            await avatar.aclose()


async def test_the_face_arrives_at_25_fps_and_moves_with_the_voice(livekit_server: LiveKitServer) -> None:
    avatar = AvatarSession(runtime=flashing())
    async with viewer(livekit_server) as watching, agent_with(avatar, livekit_server) as (session, _):
        await avatar.wait_for_join()
        await until(lambda: len(watching.video) > 10)
        started = time.monotonic()
        await session.say("beep", audio=tone(3)).wait_for_playout()
        await until(lambda: not watching.seen(time.monotonic() - 0.1))
        assert watching.size == (512, 512)
        assert watching.fps(started) > 23
        assert 2.8 < watching.seen()[-1] - watching.seen()[0] < 3.2
        assert 2.8 < watching.heard()[-1] - watching.heard()[0] < 3.2
        assert abs(watching.seen()[0] - watching.heard()[0]) < 0.25


async def test_an_utterance_without_a_sample_is_over_at_once(livekit_server: LiveKitServer) -> None:
    async def nothing() -> AsyncIterator[rtc.AudioFrame]:
        yield rtc.AudioFrame(b"", 24_000, 1, 0)

    avatar = AvatarSession(runtime=flashing((128, 128)))
    async with viewer(livekit_server) as watching, agent_with(avatar, livekit_server) as (session, _):
        for sound in (nothing(), tone(0.5), nothing()):
            await asyncio.wait_for(session.say("beep", audio=sound).wait_for_playout(), 10)
        assert 0.4 < len(watching.heard()) / 100 < 0.7


async def test_an_interruption_ends_the_speech_and_the_next_one_is_heard(
    livekit_server: LiveKitServer,
) -> None:
    avatar = AvatarSession(runtime=flashing((128, 128)))
    async with viewer(livekit_server) as watching, agent_with(avatar, livekit_server) as (session, _):
        speech = session.say("beep", audio=tone(10))
        await until(watching.heard)
        await session.interrupt()
        await speech.wait_for_playout()
        await until(lambda: not watching.seen(time.monotonic() - 0.3))
        again = time.monotonic()
        await session.say("beep", audio=tone(1)).wait_for_playout()
        await until(lambda: watching.heard(again))
        assert watching.seen(again)


async def test_the_face_is_there_in_an_empty_room(livekit_server: LiveKitServer) -> None:
    avatar = AvatarSession(runtime=flashing((128, 128)))
    async with agent_with(avatar, livekit_server):
        await avatar.wait_for_join(timeout=10)


async def test_closing_the_face_leaves_the_agent_in_the_room(livekit_server: LiveKitServer) -> None:
    avatar = AvatarSession(runtime=flashing((128, 128)))
    async with agent_with(avatar, livekit_server) as (_, room):
        await avatar.wait_for_join()
        await avatar.aclose()
        await avatar.aclose()
        await asyncio.sleep(0.2)
        assert room.isconnected()


async def test_two_faces_in_one_process_and_room_one_after_the_other(livekit_server: LiveKitServer) -> None:
    for _ in range(2):
        avatar = AvatarSession(runtime=flashing((128, 128)))
        async with agent_with(avatar, livekit_server) as (session, _):
            await session.say("beep", audio=tone(0.4)).wait_for_playout()


def test_two_faces_for_one_session_are_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match="`avatar_image` and `avatar_id`"):
        AvatarSession(avatar_image="me.jpg", avatar_id="ada")


async def test_a_session_that_was_not_started_says_so() -> None:
    avatar = AvatarSession()
    with pytest.raises(NotStartedError, match="start"):
        _ = avatar.runtime
    await avatar.aclose()


def test_an_unknown_avatar_is_named_at_once() -> None:
    with pytest.raises(InputError, match="'nobody'"):
        AvatarSession(avatar="nobody")


async def test_a_face_that_cannot_be_opened_leaves_the_voice_as_it_was(
    livekit_server: LiveKitServer, tmp_path: Path
) -> None:
    (tmp_path / "broken.avatar").write_bytes(b"PK\x03\x04" + bytes(64))
    async with joined(livekit_server, "agent", agent=True) as room:
        session: AgentSession[Any] = AgentSession(vad=None)
        avatar = AvatarSession(model_path=tmp_path / "broken.avatar")
        with pytest.raises(BundleError):
            await avatar.start(session, room)
        assert session.output.audio is None
        with pytest.raises(AlreadyStartedError):
            await avatar.start(session, room)
        await avatar.aclose()
        await session.aclose()


async def test_the_room_may_go_first(livekit_server: LiveKitServer) -> None:
    avatar = AvatarSession(runtime=flashing((128, 128)))
    async with viewer(livekit_server), agent_with(avatar, livekit_server) as (session, room):
        session.say("beep", audio=tone(5))
        await avatar.wait_for_join()
        await room.disconnect()
        await asyncio.sleep(0.2)


async def test_the_face_may_go_first_in_mid_sentence(livekit_server: LiveKitServer) -> None:
    avatar = AvatarSession(runtime=flashing((128, 128)))
    async with viewer(livekit_server) as watching, agent_with(avatar, livekit_server) as (session, _):
        session.say("beep", audio=tone(5))
        await until(watching.heard)
        await avatar.aclose()


async def test_the_room_is_left_as_it_was_found(livekit_server: LiveKitServer) -> None:
    async with joined(livekit_server, "agent", agent=True) as room:
        before = {event: len(listeners) for event, listeners in room._events.items()}
        session: AgentSession[Any] = AgentSession(vad=None)
        avatar = AvatarSession(runtime=flashing((128, 128)))
        await avatar.start(session, room)
        await avatar.aclose()
        after = {event: len(listeners) for event, listeners in room._events.items() if listeners}
        assert after == {event: count for event, count in before.items() if count}
        await session.aclose()


async def test_a_face_that_died_comes_back_when_its_engine_can_draw_again(
    livekit_server: LiveKitServer,
) -> None:
    broken = [False]

    def draw(number: int) -> None:
        if broken[0]:
            raise RuntimeError("out of memory")

    engine = FlashEngine(EngineInfo("moody"), before_render=draw)
    avatar = AvatarSession(runtime=AvatarRuntime(engine, engine.face((128, 128)), paced=False))
    async with viewer(livekit_server) as watching, agent_with(avatar, livekit_server) as (session, _):
        speech = session.say("beep", audio=tone(3))
        await until(watching.heard)
        first = avatar.runtime
        broken[0] = True
        await speech.wait_for_playout()
        assert watching.heard()[-1] - watching.heard()[0] > 2.8, "the voice goes on"
        broken[0] = False
        await until(lambda: avatar.runtime is not first)
        back = time.monotonic()
        await session.say("beep", audio=tone(1)).wait_for_playout()
        await until(lambda: watching.seen(back))


async def test_an_agent_with_a_face_can_pause(livekit_server: LiveKitServer) -> None:
    avatar = AvatarSession(runtime=flashing((128, 128)))
    async with viewer(livekit_server) as watching, agent_with(avatar, livekit_server) as (session, _):
        speech = session.say("beep", audio=tone(2))
        await until(watching.heard)
        assert session.output.audio is not None
        assert session.output.audio.can_pause, "so resume_false_interruption works"
        session.output.audio.pause()
        paused = time.monotonic()
        await asyncio.sleep(0.6)
        assert not watching.heard(paused + 0.25)
        session.output.audio.resume()
        await speech.wait_for_playout()
        assert len(watching.heard()) / 100 == pytest.approx(2, abs=0.25)


async def test_nothing_is_drawn_for_an_empty_room(livekit_server: LiveKitServer) -> None:
    engine = flash()
    avatar = AvatarSession(runtime=AvatarRuntime(engine, engine.face((128, 128)), paced=False))
    async with agent_with(avatar, livekit_server) as (_, room):
        await avatar.wait_for_join()
        await asyncio.sleep(0.2)
        drawn = engine.renders
        await asyncio.sleep(0.4)
        assert engine.renders == drawn, "tracks and one still stay"
        async with viewer(livekit_server) as watching:
            await until(lambda: len(watching.video) > 5)
            await until(lambda: engine.renders > drawn)
            await until(lambda: room.remote_participants)
        await until(lambda: not avatar.runtime._watched)


async def test_a_face_changes_in_mid_sentence_without_a_gap(livekit_server: LiveKitServer) -> None:
    avatar = AvatarSession(runtime=flashing((128, 128)))
    async with viewer(livekit_server) as watching, agent_with(avatar, livekit_server) as (session, _):
        speech = session.say("beep", audio=tone(3))
        await until(watching.heard)
        changed = time.monotonic()
        await avatar.set_avatar("ada")
        await speech.wait_for_playout()
        loud = [peak > 1_000 for _, peak in watching.audio]
        spoken = loud[loud.index(True) : len(loud) - loud[::-1].index(True)]
        holes = [len(list(same)) / 100 for sound, same in groupby(spoken) if not sound]
        assert max(holes, default=0) < 0.1, "the voice has no hole"
        intervals = np.diff([at for at, _ in watching.video if at > changed - 0.5])
        assert np.percentile(intervals, 95) < 0.1
