"""The demo's agent: it answers text by rule or by a language model of yours, speaks, and has a face."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any, Literal, Protocol

from livekit import api, rtc
from livekit.agents import (
    NOT_GIVEN,
    Agent,
    AgentSession,
    APIConnectOptions,
    NotGivenOr,
    TurnHandlingOptions,
    llm,
    tts,
    utils,
)
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, TOPIC_CHAT
from livekit.agents.voice.room_io import RoomOptions

from livekit_avatar.demo.answers import GREETING, Answers
from livekit_avatar.demo.livekit_server import LiveKitServer

logger = logging.getLogger(__name__)

IDENTITY = "demo-agent"

READY = "livekit_avatar.demo.ready"
"""RPC: answers when the agent has noticed its first visitor, which can take seconds, and can speak."""

SAY = "livekit_avatar.demo.say"
"""RPC: speaks the payload word for word; answers when it has been played."""

GREET = "livekit_avatar.demo.greet"
"""RPC: says hello; answers at once."""

SETTLE_SECONDS = 10.0
"""How long to wait for the face's tracks to be published."""

INSTRUCTIONS = (
    "You are a friendly face in a browser. Your answers are spoken: keep them to one or two short sentences "
    "of plain words."
)


class Face(Protocol):
    """What gives an agent session a face, such as `livekit_avatar.room.AvatarSession`."""

    async def start(self, agent_session: AgentSession[Any], room: rtc.Room) -> None:
        """Takes over the session's sound and shows it in `room`."""

    async def wait_for_join(self, *, timeout: float | None) -> None:
        """Returns when its tracks are published."""

    async def aclose(self) -> None:
        """Leaves."""


class RuleLLM(llm.LLM[Literal["error"]]):
    """A language model of livekit-agents that answers by `Answers`."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = Answers()

    @property
    def model(self) -> str:
        """Name of the model."""
        return "rules"

    def chat(
        self,
        *,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool] | None = None,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        parallel_tool_calls: NotGivenOr[bool] = NOT_GIVEN,
        tool_choice: NotGivenOr[llm.ToolChoice] = NOT_GIVEN,
        extra_kwargs: NotGivenOr[dict[str, Any]] = NOT_GIVEN,
    ) -> llm.LLMStream:
        """The answer to the last thing that the user said."""
        return _Reply(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class _Reply(llm.LLMStream):
    async def _run(self) -> None:
        rules = self._llm
        assert isinstance(rules, RuleLLM)
        said = [message.text_content for message in self._chat_ctx.messages() if message.role == "user"]
        delta = llm.ChoiceDelta(role="assistant", content=rules.answers.reply((said or [None])[-1] or ""))
        self._event_ch.send_nowait(llm.ChatChunk(id=utils.shortuuid(), delta=delta))


@contextlib.asynccontextmanager
async def agent(
    server: LiveKitServer, room_name: str, *, face: Face, language: llm.LLM[Any], voice: tts.TTS[Any]
) -> AsyncIterator[AgentSession[None]]:
    """An agent with a face in a room, for as long as the block lasts.

    Anybody in the room can write to it over the text stream `lk.chat`; what it says is captioned over
    `lk.transcription`. It hears no sound.

    Args:
        server: where the room is.
        room_name: name of the room.
        face: gives it a face.
        language: finds the answers.
        voice: speaks them.
    """
    room = rtc.Room()
    # Plugins that call a web service take their HTTP client from here, as in a worker's job.
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(utils.http_context.open())
        await room.connect(server.url, _token(server, room_name), rtc.RoomOptions(auto_subscribe=False))
        stack.push_async_callback(room.disconnect)
        session: AgentSession[None] = AgentSession(
            llm=language,
            tts=voice,
            vad=None,
            turn_handling=TurnHandlingOptions(turn_detection="manual"),
            user_away_timeout=None,
        )
        stack.push_async_callback(face.aclose)
        await face.start(session, room)
        stack.push_async_callback(session.aclose)
        await session.start(
            Agent(instructions=INSTRUCTIONS),
            room=room,
            # RoomIO listens to one participant only; a page that is reloaded is another one.
            room_options=RoomOptions(audio_input=False, text_input=False, close_on_disconnect=False),
            record=False,
            session_host=False,
        )
        stack.push_async_callback(_listen(room, session))
        # LiveKit's native part can crash when a room is left while tracks are being published.
        stack.push_async_callback(_settled, face)
        await face.wait_for_join(timeout=SETTLE_SECONDS)
        yield session


async def _settled(face: Face) -> None:
    with contextlib.suppress(asyncio.TimeoutError):
        await face.wait_for_join(timeout=SETTLE_SECONDS)


def _listen(room: rtc.Room, session: AgentSession[None]) -> Callable[[], Awaitable[None]]:
    """Takes chat and commands from everybody in the room; the returned function stops it."""
    answering: set[asyncio.Task[None]] = set()

    async def captions_flow() -> None:
        # RoomIO drops captions until it has seen the first visitor become active, which may be
        # later than the visitor's first message.
        await session.room_io.wait_for_ready()

    @utils.log_exceptions(logger=logger)
    async def answer(reader: rtc.TextStreamReader, sender: str) -> None:
        text = await reader.read_all()
        logger.info("%s wrote %d characters", sender, len(text))
        await captions_flow()
        await session.interrupt()
        session.generate_reply(user_input=text)

    def chat(reader: rtc.TextStreamReader, sender: str) -> None:
        task = asyncio.create_task(answer(reader, sender))
        answering.add(task)
        task.add_done_callback(answering.discard)

    async def ready(call: rtc.RpcInvocationData) -> str:
        await captions_flow()
        return ""

    async def say(call: rtc.RpcInvocationData) -> str:
        await captions_flow()
        await session.say(call.payload).wait_for_playout()
        return ""

    async def greet(call: rtc.RpcInvocationData) -> str:
        await captions_flow()
        await session.interrupt()
        session.say(GREETING)
        return ""

    room.register_text_stream_handler(TOPIC_CHAT, chat)
    methods = {READY: ready, SAY: say, GREET: greet}
    for name, method in methods.items():
        room.local_participant.register_rpc_method(name, method)

    async def stop() -> None:
        room.unregister_text_stream_handler(TOPIC_CHAT)
        for name in methods:
            room.local_participant.unregister_rpc_method(name)
        await utils.aio.cancel_and_wait(*answering)

    return stop


def _token(server: LiveKitServer, room_name: str) -> str:
    return (
        api.AccessToken(server.api_key, server.api_secret)
        .with_identity(IDENTITY)
        .with_name("Agent")
        .with_kind("agent")
        .with_ttl(timedelta(hours=12))
        .with_grants(
            api.VideoGrants(
                room_join=True,
                room=room_name,
                agent=True,
                can_publish=True,
                can_publish_data=True,
                can_subscribe=True,
                can_update_own_metadata=True,
            )
        )
        .to_jwt()
    )
