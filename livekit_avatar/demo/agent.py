"""The demo's agent: it answers text by rule or by a language model of yours, speaks, and has a face."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any, Literal

from livekit import api, rtc
from livekit.agents import (
    NOT_GIVEN,
    Agent,
    AgentSession,
    APIConnectOptions,
    NotGivenOr,
    TurnHandlingOptions,
    llm,
    stt,
    tts,
    utils,
)
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS
from livekit.agents.voice.room_io import RoomOptions

from livekit_avatar.avatar import Avatar
from livekit_avatar.demo.answers import Answers
from livekit_avatar.demo.conversation import Conversation, Face
from livekit_avatar.demo.livekit_server import LiveKitServer

logger = logging.getLogger(__name__)

IDENTITY = "demo-agent"

SETTLE_SECONDS = 10.0
"""How long to wait for the face's tracks to be published."""

INSTRUCTIONS = (
    "You are a friendly face in a browser. Your answers are spoken: keep them to one or two short sentences "
    "of plain words."
)


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
    server: LiveKitServer,
    room_name: str,
    *,
    face: Face,
    language: llm.LLM[Any],
    voice: tts.TTS[Any],
    ear: stt.STT[Any] | None = None,
    wardrobe: Sequence[Avatar] = (),
) -> AsyncIterator[AgentSession[None]]:
    """An agent with a face in a room, for as long as the block lasts.

    Anybody in the room can write to it over the text stream `lk.chat`; what it says is captioned over
    `lk.transcription`. It hears a visitor only who asks it to listen (`conversation.LISTEN`).

    Args:
        server: where the room is.
        room_name: name of the room.
        face: gives it a face.
        language: finds the answers.
        voice: speaks them.
        ear: understands what visitors say; None: they hear it back in their own voice.
        wardrobe: the avatars that the face can change into; it shows the first.
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
        conversation = Conversation(room, session, face, wardrobe=wardrobe, ear=ear)
        conversation.open()
        stack.push_async_callback(conversation.aclose)
        # LiveKit's native part can crash when a room is left while tracks are being published.
        stack.push_async_callback(_settled, face)
        await face.wait_for_join(timeout=SETTLE_SECONDS)
        yield session


async def _settled(face: Face) -> None:
    with contextlib.suppress(asyncio.TimeoutError):
        await face.wait_for_join(timeout=SETTLE_SECONDS)


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
