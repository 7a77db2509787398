"""What an agent may ask of its avatar beyond LiveKit's contract: our RPCs and the heartbeat."""

from __future__ import annotations

import asyncio
import functools
import itertools
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, TypeAlias

from livekit import rtc
from livekit.agents import utils

from livekit_avatar.errors import AvatarError, ClosedError, InputError
from livekit_avatar.room import wire
from livekit_avatar.room.face import PublishedFace
from livekit_avatar.room.receiver import StreamAudioReceiver
from livekit_avatar.types import EMOTIONS, Emotion
from livekit_avatar.worker.faces import Faces

logger = logging.getLogger(__name__)

_ANNOUNCE_SECONDS = 2.0

_Wish: TypeAlias = "Callable[[str], Awaitable[None]]"


class Controls:
    """The extensions of one session.

    Args:
        room: connected.
        agent: identity of whoever may ask.
        receiver: of the agent's speech.
        face: the one that is published.
        faces: what it can change into.
    """

    def __init__(
        self, room: rtc.Room, agent: str, receiver: StreamAudioReceiver, face: PublishedFace, faces: Faces
    ) -> None:
        self._room = room
        self._agent = agent
        self._receiver = receiver
        self._face = face
        self._faces = faces
        self._worn = AsyncExitStack()  # avatars that the face has changed into
        self._changing = asyncio.Lock()
        self._closed = False
        self._wishes: dict[str, _Wish] = {
            wire.PAUSE: self._pause,
            wire.RESUME: self._resume,
            wire.SET_EMOTION: self._set_emotion,
            wire.ACT: self._act,
            wire.SET_AVATAR: self._set_avatar,
        }
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Answer, beat, and say so: before the tracks are there, for then the agent looks."""
        for method, wish in self._wishes.items():
            self._room.local_participant.register_rpc_method(method, functools.partial(self._grant, wish))
        self._tasks = [asyncio.create_task(self._announce()), asyncio.create_task(self._beat())]

    async def aclose(self) -> None:
        """Answer no more."""
        for method in self._wishes:
            self._room.local_participant.unregister_rpc_method(method)
        await utils.aio.cancel_and_wait(*self._tasks)
        self._closed = True
        async with self._changing:  # a change under way would leave its avatar open for ever
            await self._worn.aclose()

    async def _announce(self) -> None:
        try:
            announcing = self._room.local_participant.set_attributes(
                {wire.FEATURES: wire.features_attribute()}
            )
            await asyncio.wait_for(announcing, _ANNOUNCE_SECONDS)
        except (RuntimeError, asyncio.TimeoutError):  # the token may not allow it
            logger.info("the token lets no attributes be set: the agent will not know of the extensions")

    async def _beat(self) -> None:
        for number in itertools.count():
            packet = wire.Beat(number, self._face.position).encode()
            try:
                await self._room.local_participant.publish_data(
                    packet, reliable=False, destination_identities=[self._agent], topic=wire.HEARTBEAT
                )
            except Exception as error:  # while the connection is made anew; the next one may get through
                logger.debug("beat %d was not sent: %s", number, error)
            await asyncio.sleep(wire.HEARTBEAT_INTERVAL)

    async def _grant(self, wish: _Wish, call: rtc.RpcInvocationData) -> str:
        """Do what the agent asks, or say why not."""
        self._receiver.check_caller(call)
        try:
            await wish(call.payload)
        except AvatarError as error:
            raise rtc.RpcError(rtc.RpcError.ErrorCode.APPLICATION_ERROR, str(error)) from error
        return ""

    async def _pause(self, _: str) -> None:
        self._receiver.pause()

    async def _resume(self, _: str) -> None:
        self._receiver.resume()

    async def _set_emotion(self, payload: str) -> None:
        fields = _fields(payload)
        name, strength = fields.get("emotion"), fields.get("strength", 1.0)
        if name not in EMOTIONS:
            raise InputError(f"no emotion {str(name)[:32]!r}", fix=f"Emotions: {', '.join(EMOTIONS)}.")
        if not (isinstance(strength, int | float) and 0 <= strength <= 1):
            raise InputError("strength is no number from 0 to 1", fix="Give one.")
        self._face.runtime.set_emotion(Emotion(name, float(strength)))

    async def _act(self, payload: str) -> None:
        self._face.runtime.act(str(_fields(payload).get("action")))

    async def _set_avatar(self, payload: str) -> None:
        name = str(_fields(payload).get("avatar_id"))
        async with self._changing:  # the last one asked for is the one that stays
            if self._closed:
                raise ClosedError("the session is over", fix="Launch another one.")
            avatar = await self._worn.enter_async_context(await self._faces.named(name))
            await self._face.runtime.set_avatar(avatar)


def _fields(payload: str) -> dict[str, Any]:
    try:
        fields = json.loads(payload)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise InputError("the payload is not a JSON object", fix="Send the fields that docs/wire.md names.")
    return fields
