"""A face on another machine, from its launch to its end, and what happens when it dies in between."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from typing import Any, Protocol

import aiohttp
from livekit import api, rtc
from livekit.agents import utils

from livekit_avatar.errors import LaunchError, WishRefusedError
from livekit_avatar.room import wire
from livekit_avatar.room.lines import AvatarLine, VoiceLine
from livekit_avatar.room.look import Name, recognise
from livekit_avatar.room.remote_output import RemoteAudioOutput
from livekit_avatar.room.token import Server
from livekit_avatar.types import Emotion

logger = logging.getLogger(__name__)

JOIN_SECONDS = 30.0
"""How long speech waits for a face that was launched to be in the room with its video."""

LASTING_SECONDS = 30.0
"""A face that lived less than this is not launched again after it was launched again once."""

_END_SECONDS = 3.0
_LOOKS = (wire.SET_AVATAR, wire.SET_EMOTION)
"""Wishes that a face which takes over from a dead one is asked again."""


class Launcher(Protocol):
    """Has faces started somewhere."""

    async def launch(self, identity: str) -> None:
        """Have a face started that joins the room under this identity.

        Raises:
            LaunchError: it cannot be had.
        """

    async def end(self) -> None:
        """Say that the face is not needed any more."""


class RemoteFace:
    """A face that joins the agent's room by itself.

    If it dies, its unfinished speech goes on without it, it is launched once more under another identity, and
    takes over between two utterances.

    Args:
        room: the agent's; need not be connected yet.
        server: the room's.
        room_name: the room's.
        launcher: starts the face.
        identity: of the face, unlike that of any other.
    """

    def __init__(
        self, room: rtc.Room, server: Server, room_name: str, launcher: Launcher, identity: str
    ) -> None:
        self.identity = identity
        self.audio_output = RemoteAudioOutput()
        self._room = room
        self._server = server
        self._room_name = room_name
        self._launcher = launcher
        self._first_identity = identity
        self._launches = 0
        self._looks: dict[str, dict[str, Any]] = {}  # what was wished for and must last, by method
        self._line: AvatarLine | None = None
        self._voice: VoiceLine | None = None
        self._arrived = asyncio.Event()
        self._connected = asyncio.Event()
        self._following: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Have the face started. It joins in its own time; until then speech waits.

        Raises:
            LaunchError: it cannot be had.
        """
        self._room.on("connection_state_changed", self._on_connection_changed)
        self._on_connection_changed()
        await self._launch()
        self._following = asyncio.create_task(self._follow())

    async def aclose(self) -> None:
        """End the face. May be called twice, or before `start`."""
        with contextlib.suppress(KeyError, ValueError):
            self._room.off("connection_state_changed", self._on_connection_changed)
        if self._following is not None:
            await utils.aio.cancel_and_wait(self._following)
        await self.audio_output.aclose()
        if self._voice is not None:
            await self._voice.aclose()
            self._voice = None
        if self._launches:
            self._launches = 0
            await self._dismiss()

    async def set_emotion(self, emotion: Emotion) -> None:
        """Show a mood.

        Raises:
            WishRefusedError: the face cannot.
        """
        await self._wish(wire.SET_EMOTION, {"emotion": emotion.name, "strength": emotion.strength})

    async def act(self, action: str) -> None:
        """Perform an action, such as "nod".

        Raises:
            WishRefusedError: the face cannot.
        """
        await self._wish(wire.ACT, {"action": action})

    async def set_avatar(self, avatar: Any, *, fade_frames: int = 5) -> None:
        """Change the face to one that its host knows by name; the host decides how it fades.

        Raises:
            WishRefusedError: the face cannot, or was given something other than a name.
        """
        name = recognise(avatar, names=True)
        if not isinstance(name, Name):
            raise WishRefusedError(
                "a face on another machine can change only to an avatar that its host knows by name",
                fix="Keep the picture in the host's library and give its name.",
            )
        await self._wish(wire.SET_AVATAR, {"avatar_id": name.name})

    async def _wish(self, method: str, payload: dict[str, Any]) -> None:
        wish = method.rpartition(".")[2]
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._arrived.wait(), JOIN_SECONDS)
        if self._line is None:
            raise WishRefusedError(
                f"there is no face now that could {wish}", fix="Try again when it is back."
            )
        if wish not in self._line.pulse.features:
            raise WishRefusedError(
                f"the face does not know how to {wish}", fix="Run a worker of livekit-avatar for that."
            )
        try:
            await self._line.perform(method, json.dumps(payload))
        except rtc.RpcError as error:
            raise WishRefusedError(
                f"the face did not {wish} ({error.message})", fix="See the worker's log."
            ) from error
        if method in _LOOKS:
            self._looks[method] = payload

    # Its life.

    async def _launch(self) -> None:
        self._launches += 1
        if self._launches > 1:
            self.identity = f"{self._first_identity}-{self._launches}"
        await self._launcher.launch(self.identity)

    def _on_connection_changed(self, *_: object) -> None:
        if self._room.isconnected():
            self._connected.set()

    @utils.log_exceptions(logger=logger)
    async def _follow(self) -> None:
        """Stay with the face; when it dies, speak without it, and have it started once more."""
        await self._connected.wait()
        again = True
        while True:
            again = await self._live() > LASTING_SECONDS or again
            await self._speak_without_face()
            await self._dismiss()
            if not again or not await self._relaunch():
                logger.error("the agent goes on without a face")
                return
            again = False

    async def _live(self) -> float:
        """Speak through the face until it is dead; for how many seconds it was there."""
        await self._join()
        joined = time.monotonic()
        line = self._line = AvatarLine(self._room, self.identity)
        self._arrived.set()
        taking_over = asyncio.create_task(self._take_over(line))
        try:
            how = await self._death(line)
            logger.error("the face %s died: %s; the voice goes on without it", self.identity, how)
        finally:
            self._line = None
            self._arrived.clear()
            await utils.aio.cancel_and_wait(taking_over)
            await self.audio_output.leave(line)
            await line.aclose()
        return time.monotonic() - joined

    async def _join(self) -> None:
        """Wait until the face is in the room with its video; if that takes long, speak without it."""
        joining = asyncio.create_task(self._joined())
        try:
            await asyncio.wait({joining}, timeout=JOIN_SECONDS)
            if not joining.done():
                logger.error("the face %s has not joined in %.0f s", self.identity, JOIN_SECONDS)
                await self._speak_without_face()
            await joining
        finally:
            await utils.aio.cancel_and_wait(joining)

    async def _joined(self) -> None:
        await utils.wait_for_participant(room=self._room, identity=self.identity)
        await utils.wait_for_track_publication(
            room=self._room, identity=self.identity, kind=rtc.TrackKind.KIND_VIDEO
        )

    async def _take_over(self, line: AvatarLine) -> None:
        """Speak through the face from the next utterance on; it looks as the one before."""
        for method, payload in [*self._looks.items()]:
            with contextlib.suppress(WishRefusedError):
                await self._wish(method, payload)
        await self.audio_output.hand_over(line)
        voice, self._voice = self._voice, None
        if voice is not None:
            logger.info("the face is back: %s", line.identity)
            await voice.aclose()

    async def _death(self, line: AvatarLine) -> str:
        """Wait until a face is dead, and say how that showed."""
        lost = asyncio.create_task(line.pulse.lost())
        broken = asyncio.create_task(self.audio_output.broken.wait())
        try:
            await asyncio.wait({lost, broken}, return_when=asyncio.FIRST_COMPLETED)
            return lost.result() if lost.done() else "it takes no speech"
        finally:
            await utils.aio.cancel_and_wait(lost, broken)

    async def _speak_without_face(self) -> None:
        if self._voice is None:
            self._voice = VoiceLine(self._room)
            await self._voice.start()
            await self.audio_output.use(self._voice)

    async def _relaunch(self) -> bool:
        try:
            await self._launch()
        except LaunchError as error:
            logger.error("the face cannot be had again: %s", error)
            return False
        return True

    async def _dismiss(self) -> None:
        """Let nothing of the present face stay in the room or at its host."""
        farewells = [asyncio.create_task(self._launcher.end()), asyncio.create_task(self._remove())]
        try:
            await asyncio.wait(farewells, timeout=_END_SECONDS)
        finally:
            await utils.aio.cancel_and_wait(*farewells)

    async def _remove(self) -> None:
        who = api.RoomParticipantIdentity(room=self._room_name, identity=self.identity)
        with contextlib.suppress(api.TwirpError, aiohttp.ClientError):
            async with self._server.client() as livekit:
                await livekit.room.remove_participant(who)
