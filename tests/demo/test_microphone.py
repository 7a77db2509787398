"""What a visitor says is recorded only while asked for, and said back or understood."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import numpy as np
import pytest
from ears_for_tests import Understands
from engines_for_tests import flash
from livekit import rtc

from livekit_avatar.demo.agent import IDENTITY, RuleLLM, agent
from livekit_avatar.demo.answers import JOKES
from livekit_avatar.demo.conversation import LISTEN, NOTHING_HEARD, REPLY
from livekit_avatar.demo.livekit_server import LiveKitServer
from livekit_avatar.demo.microphone import RATE, trimmed
from livekit_avatar.demo.page import visitor_token
from livekit_avatar.demo.tts import EspeakTTS
from livekit_avatar.room.session import AvatarSession
from livekit_avatar.runtime.runtime import AvatarRuntime

ROOM = "test"


def tone(seconds: float, peak: int = 8000) -> np.ndarray:
    moments = np.arange(int(seconds * RATE)) / RATE
    return (peak * np.sin(2 * np.pi * 220 * moments)).astype(np.int16)


def test_silence_before_and_after_speech_is_left_out() -> None:
    silence = np.zeros(RATE, np.int16)
    speech = trimmed(np.concatenate([silence, tone(0.5), silence]))
    assert 0.5 <= len(speech) / RATE <= 0.8


@pytest.mark.parametrize("samples", [np.zeros(0, np.int16), np.zeros(5, np.int16), tone(1, peak=20)])
def test_of_silence_nothing_is_left(samples: np.ndarray) -> None:
    assert not len(trimmed(samples))


@asynccontextmanager
async def talking(server: LiveKitServer, *, peak: int = 8000) -> AsyncIterator[tuple[rtc.Room, str]]:
    """A visitor who makes a sound into a microphone, and the microphone's sid."""
    room = rtc.Room()
    await room.connect(server.url, visitor_token(server, ROOM), rtc.RoomOptions(auto_subscribe=False))
    source = rtc.AudioSource(RATE, 1)
    track = rtc.LocalAudioTrack.create_audio_track("microphone", source)
    options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
    publication = await room.local_participant.publish_track(track, options)

    async def speak() -> None:
        piece = tone(0.1, peak)
        while True:
            await source.capture_frame(rtc.AudioFrame(piece.tobytes(), RATE, 1, len(piece)))

    task = asyncio.create_task(speak())
    try:
        yield room, publication.sid
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await room.disconnect()
        await source.aclose()


@asynccontextmanager
async def listening(server: LiveKitServer, ear: Understands | None) -> AsyncIterator[asyncio.Queue[str]]:
    """An agent in the room, and what it says."""
    engine = flash()
    face = AvatarSession(runtime=AvatarRuntime(engine, engine.face((128, 128)), paced=False))
    said: asyncio.Queue[str] = asyncio.Queue()
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(
            agent(server, ROOM, face=face, language=RuleLLM(), voice=EspeakTTS(rate=400), ear=ear)
        )
        session.on("conversation_item_added", lambda event: said.put_nowait(event.item.text_content or ""))
        session.on("agent_state_changed", lambda event: said.put_nowait(event.new_state))
        yield said


async def call(room: rtc.Room, method: str, payload: str = "") -> str:
    return await room.local_participant.perform_rpc(
        destination_identity=IDENTITY, method=method, payload=payload, response_timeout=30
    )


async def until_said(said: asyncio.Queue[str], wanted: str) -> list[str]:
    """All that was said up to what is wanted."""
    before = []
    while (words := await asyncio.wait_for(said.get(), 30)) != wanted:
        before.append(words)
    return before


async def test_what_is_spoken_is_said_back(livekit_server: LiveKitServer) -> None:
    async with listening(livekit_server, None) as said, talking(livekit_server) as (room, sid):
        await call(room, LISTEN, sid)
        await asyncio.sleep(1)
        assert await call(room, REPLY) == ""
        await until_said(said, "speaking")
        await until_said(said, "listening")


async def test_a_recogniser_hears_the_recording_and_its_words_are_answered(
    livekit_server: LiveKitServer,
) -> None:
    ear = Understands("tell me a joke")
    async with listening(livekit_server, ear) as said, talking(livekit_server) as (room, sid):
        await call(room, LISTEN, sid)
        await asyncio.sleep(1)
        assert await call(room, REPLY) == "tell me a joke"
        await until_said(said, JOKES[0])
    assert 0.8 < ear.heard[0].duration < 3


async def test_silence_is_named(livekit_server: LiveKitServer) -> None:
    async with listening(livekit_server, None) as said, talking(livekit_server, peak=0) as (room, sid):
        await call(room, LISTEN, sid)
        assert await call(room, REPLY) == ""
        await until_said(said, NOTHING_HEARD)


async def test_a_reply_without_a_recording_is_refused(livekit_server: LiveKitServer) -> None:
    async with listening(livekit_server, None), talking(livekit_server) as (room, _):
        with pytest.raises(rtc.RpcError, match="nothing is being recorded"):
            await call(room, REPLY)


async def test_a_visitor_may_leave_while_speaking(livekit_server: LiveKitServer) -> None:
    async with listening(livekit_server, None) as said:
        async with talking(livekit_server) as (room, sid):
            await call(room, LISTEN, sid)
        async with talking(livekit_server) as (room, sid):
            await call(room, LISTEN, sid)
            await asyncio.sleep(0.5)
            await call(room, REPLY)
        await until_said(said, "speaking")
