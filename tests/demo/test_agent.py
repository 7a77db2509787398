"""The demo's agent answers whoever writes to it, aloud and in captions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from engines_for_tests import flash
from livekit import rtc

from livekit_avatar.demo.agent import IDENTITY, RuleLLM, agent
from livekit_avatar.demo.answers import GREETING, JOKES
from livekit_avatar.demo.conversation import GREET, SAY
from livekit_avatar.demo.livekit_server import LiveKitServer
from livekit_avatar.demo.page import visitor_token
from livekit_avatar.demo.tts import EspeakTTS
from livekit_avatar.room.session import AvatarSession
from livekit_avatar.runtime.runtime import AvatarRuntime

ROOM = "test"


class Visitor:
    """Writes to the agent and reads its captions."""

    def __init__(self) -> None:
        self.room = rtc.Room()
        self.captions: asyncio.Queue[str] = asyncio.Queue()
        self.states: list[str] = []
        self._reading: set[asyncio.Task[None]] = set()
        self.room.register_text_stream_handler("lk.transcription", self._caption)
        self.room.on("participant_attributes_changed", self._state)

    def _caption(self, reader: rtc.TextStreamReader, sender: str) -> None:
        async def read() -> None:
            self.captions.put_nowait(await reader.read_all())

        task = asyncio.create_task(read())
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)

    def _state(self, changed: dict[str, str], participant: rtc.Participant) -> None:
        if "lk.agent.state" in changed:
            self.states.append(changed["lk.agent.state"])

    async def write(self, text: str) -> None:
        await self.room.local_participant.send_text(text, topic="lk.chat")

    async def call(self, method: str, payload: str = "") -> None:
        await self.room.local_participant.perform_rpc(
            destination_identity=IDENTITY, method=method, payload=payload, response_timeout=30
        )

    async def caption(self) -> str:
        return await asyncio.wait_for(self.captions.get(), 30)


@asynccontextmanager
async def visitor(server: LiveKitServer) -> AsyncIterator[Visitor]:
    visitor = Visitor()
    await visitor.room.connect(server.url, visitor_token(server, ROOM), rtc.RoomOptions(auto_subscribe=False))
    try:
        yield visitor
    finally:
        await visitor.room.disconnect()


@pytest_asyncio.fixture
async def server(livekit_server: LiveKitServer) -> AsyncIterator[LiveKitServer]:
    """A server with the agent in the room."""
    engine = flash()
    face = AvatarSession(runtime=AvatarRuntime(engine, engine.face((128, 128)), paced=False))
    async with agent(livekit_server, ROOM, face=face, language=RuleLLM(), voice=EspeakTTS(rate=400)):
        yield livekit_server


async def test_an_answer_is_spoken_and_captioned(server: LiveKitServer) -> None:
    async with visitor(server) as one:
        await one.write("Tell me a joke")
        assert (await one.caption()).strip() == JOKES[0]
        assert {"thinking", "speaking"} <= set(one.states)


async def test_everybody_in_the_room_is_answered_not_only_the_first(server: LiveKitServer) -> None:
    async with visitor(server) as first, visitor(server) as second:
        await second.write("repeat after me: two")
        assert (await second.caption()).strip() == "two"
        assert (await first.caption()).strip() == "two"


async def test_a_visitor_may_leave_and_another_one_is_answered(server: LiveKitServer) -> None:
    async with visitor(server) as one:
        await one.write("say one")
        await one.caption()
    async with visitor(server) as another:
        await another.write("say two")
        assert (await another.caption()).strip() == "two"


async def test_a_text_is_said_word_for_word_and_the_call_returns_when_it_is_over(
    server: LiveKitServer,
) -> None:
    async with visitor(server) as one:
        await one.call(SAY, "Tell me a joke.")
        assert (await one.caption()).strip() == "Tell me a joke."


async def test_a_greeting_is_said_on_request(server: LiveKitServer) -> None:
    async with visitor(server) as one:
        await one.call(GREET)
        assert (await one.caption()).strip() == GREETING


@pytest.mark.parametrize("text", ["", "   ", "word " * 2000])
async def test_odd_text_does_not_silence_the_agent(server: LiveKitServer, text: str) -> None:
    async with visitor(server) as one:
        await one.write(text)
        await asyncio.sleep(0.2)
        await one.write("say still here")
        while (await one.caption()).strip() != "still here":
            pass
