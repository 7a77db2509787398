"""What visitors can ask of the demo's agent: to answer, to say, to listen, to change its face."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Protocol

from livekit import rtc
from livekit.agents import AgentSession, APIError, stt, utils
from livekit.agents.types import TOPIC_CHAT

from livekit_avatar.avatar import Avatar
from livekit_avatar.demo.answers import GREETING
from livekit_avatar.demo.microphone import RATE, Recording, frame, played, trimmed
from livekit_avatar.errors import AvatarError
from livekit_avatar.types import Samples

logger = logging.getLogger(__name__)

READY = "livekit_avatar.demo.ready"
"""RPC: answers when the agent has noticed its first visitor, which can take seconds, and can speak."""

SAY = "livekit_avatar.demo.say"
"""RPC: speaks the payload word for word; answers when it has been played."""

GREET = "livekit_avatar.demo.greet"
"""RPC: says hello; answers at once."""

WEAR = "livekit_avatar.demo.wear"
"""RPC: shows the face whose number, counted from 0, is the payload; answers when it begins to show."""

LISTEN = "livekit_avatar.demo.listen"
"""RPC: records the caller's microphone, whose track sid is the payload; answers when sound comes."""

REPLY = "livekit_avatar.demo.reply"
"""RPC: ends the recording and replies to it; answers with what was understood, empty for no words."""

WORN = "livekit_avatar.demo.worn"
"""Attribute of the agent: the number of the face that it shows."""

NOTHING_HEARD = "I did not hear anything. Is the microphone on?"

_FAILED = rtc.RpcError.ErrorCode.APPLICATION_ERROR

Method = Callable[[rtc.RpcInvocationData], Awaitable[str]]


class Face(Protocol):
    """What gives an agent session a face, such as `livekit_avatar.room.AvatarSession`."""

    async def start(self, agent_session: AgentSession[Any], room: rtc.Room) -> None:
        """Takes over the session's sound and shows it in `room`."""

    async def wait_for_join(self, *, timeout: float | None) -> None:
        """Returns when its tracks are published."""

    async def set_avatar(self, avatar: Avatar) -> None:
        """Shows another face."""

    async def aclose(self) -> None:
        """Leaves."""


class Conversation:
    """Takes chat and commands from everybody in the room.

    Args:
        room: where the agent is.
        session: of the agent.
        face: of the agent.
        wardrobe: the avatars it can change into; it shows the first.
        ear: understands speech; None: the agent says back what it hears.
    """

    def __init__(
        self,
        room: rtc.Room,
        session: AgentSession[None],
        face: Face,
        *,
        wardrobe: Sequence[Avatar] = (),
        ear: stt.STT[Any] | None = None,
    ) -> None:
        self._room, self._session, self._face = room, session, face
        self._wardrobe = wardrobe
        self._ear = ear
        self._changing = asyncio.Lock()
        self._recordings: dict[str, Recording] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._methods: dict[str, Method] = {
            READY: self._ready,
            SAY: self._say,
            GREET: self._greet,
            WEAR: self._wear,
            LISTEN: self._listen,
            REPLY: self._reply,
        }

    def open(self) -> None:
        """Begins to listen."""
        self._room.register_text_stream_handler(TOPIC_CHAT, self._chat)
        for name, method in self._methods.items():
            self._room.local_participant.register_rpc_method(name, method)
        self._room.on("participant_disconnected", self._left)

    async def aclose(self) -> None:
        """Listens no more."""
        self._room.unregister_text_stream_handler(TOPIC_CHAT)
        for name in self._methods:
            self._room.local_participant.unregister_rpc_method(name)
        self._room.off("participant_disconnected", self._left)
        await utils.aio.cancel_and_wait(*self._tasks)
        for recording in self._recordings.values():
            await recording.aclose()

    def _chat(self, reader: rtc.TextStreamReader, sender: str) -> None:
        self._later(self._answer(reader, sender))

    def _left(self, participant: rtc.RemoteParticipant) -> None:
        recording = self._recordings.pop(participant.identity, None)
        if recording is not None:
            self._later(recording.aclose())

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _captions_flow(self) -> None:
        # RoomIO drops captions until it has seen the first visitor become active, which may be
        # later than the visitor's first message.
        await self._session.room_io.wait_for_ready()

    @utils.log_exceptions(logger=logger)
    async def _answer(self, reader: rtc.TextStreamReader, sender: str) -> None:
        text = await reader.read_all()
        logger.info("%s wrote %d characters", sender, len(text))
        await self._captions_flow()
        await self._session.interrupt()
        self._session.generate_reply(user_input=text)

    async def _ready(self, call: rtc.RpcInvocationData) -> str:
        await self._captions_flow()
        return ""

    async def _say(self, call: rtc.RpcInvocationData) -> str:
        await self._captions_flow()
        await self._session.say(call.payload).wait_for_playout()
        return ""

    async def _greet(self, call: rtc.RpcInvocationData) -> str:
        await self._captions_flow()
        await self._session.interrupt()
        self._session.say(GREETING)
        return ""

    async def _wear(self, call: rtc.RpcInvocationData) -> str:
        number = int(call.payload) if call.payload.isascii() and call.payload.isdigit() else -1
        if not 0 <= number < len(self._wardrobe):
            raise rtc.RpcError(_FAILED, "there is no such face")
        async with self._changing:
            await self._face.set_avatar(self._wardrobe[number])
            await self._room.local_participant.set_attributes({WORN: str(number)})
        return ""

    async def _listen(self, call: rtc.RpcInvocationData) -> str:
        await self._captions_flow()
        await self._session.interrupt()
        before = self._recordings.pop(call.caller_identity, None)
        if before is not None:
            await before.aclose()
        recording = self._recordings[call.caller_identity] = Recording(self._room, call.payload)
        try:
            await recording.start()
        except AvatarError as error:
            self._recordings.pop(call.caller_identity, None)
            raise rtc.RpcError(_FAILED, str(error)) from error
        return ""

    async def _reply(self, call: rtc.RpcInvocationData) -> str:
        recording = self._recordings.pop(call.caller_identity, None)
        if recording is None:
            raise rtc.RpcError(_FAILED, "nothing is being recorded")
        speech = trimmed(await recording.stop())
        logger.info("%s spoke for %.1f s", call.caller_identity, len(speech) / RATE)
        if len(speech) and self._ear is None:
            # It is not the agent's own words, nor any words that it knows of.
            self._session.say("", audio=played(speech), add_to_chat_ctx=False)
            return ""
        text = await self._understood(speech)
        if text:
            self._session.generate_reply(user_input=text)
        else:
            self._session.say(NOTHING_HEARD)
        return text

    async def _understood(self, speech: Samples) -> str:
        """The words in a recording; empty if there are none or the recogniser fails."""
        if self._ear is None or not len(speech):
            return ""
        try:
            event = await self._ear.recognize([frame(speech)])
        except APIError as error:
            logger.warning("speech was not recognised: %s", error)
            return ""
        return event.alternatives[0].text.strip() if event.alternatives else ""
