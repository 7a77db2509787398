"""When a session is over: its agent has left, its room is closed, or nobody uses it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from livekit import rtc

from livekit_avatar.room.face import PublishedFace

ENDED_BY_ROOM = {
    rtc.DisconnectReason.DUPLICATE_IDENTITY: "another participant took its identity",
    rtc.DisconnectReason.PARTICIPANT_REMOVED: "removed from the room",
    rtc.DisconnectReason.ROOM_DELETED: "the room was deleted",
    rtc.DisconnectReason.ROOM_CLOSED: "the room was closed",
    rtc.DisconnectReason.SERVER_SHUTDOWN: "the LiveKit server went down",
}
_LOOK_EVERY = 1.0  # seconds
_COMING = 30.0  # seconds that an agent which is not there yet may take to come


class Attendance:
    """Watches a room for the moment when its avatar is not needed any more.

    Args:
        room: the avatar's.
        agent: identity of the agent it speaks for.
        over: called once or more with the reason.
        grace: seconds that the agent may be away, to come back after its connection broke.
        idle: seconds without speech and without anybody but the agent in the room.
    """

    def __init__(
        self, room: rtc.Room, agent: str, over: Callable[[str], None], *, grace: float, idle: float
    ) -> None:
        self._room = room
        self._agent = agent
        self._over = over
        self._grace = grace
        self._idle = idle
        self._leaving: asyncio.TimerHandle | None = None
        self._watching: asyncio.Task[None] | None = None

    def start(self, face: PublishedFace) -> None:
        """Begin to watch; the room is connected."""
        self._room.on("disconnected", self._on_disconnected)
        self._room.on("participant_disconnected", self._on_left)
        self._room.on("participant_connected", self._on_came)
        self._watching = asyncio.create_task(self._watch(face))
        if not self._room.isconnected():  # since a moment ago
            self._over("disconnected")
        elif self._agent not in self._room.remote_participants:
            self._miss(max(self._grace, _COMING), "the agent did not come")

    async def aclose(self) -> None:
        """Watch no more."""
        self._room.off("disconnected", self._on_disconnected)
        self._room.off("participant_disconnected", self._on_left)
        self._room.off("participant_connected", self._on_came)
        if self._leaving is not None:
            self._leaving.cancel()
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait({self._watching})

    def _on_disconnected(self, reason: rtc.DisconnectReason.ValueType) -> None:
        self._over(ENDED_BY_ROOM.get(reason, "disconnected"))

    def _on_left(self, participant: rtc.RemoteParticipant) -> None:
        if participant.identity == self._agent:
            self._miss(self._grace, "the agent left")

    def _miss(self, seconds: float, reason: str) -> None:
        """The agent is away: it is over unless it comes."""
        if self._leaving is not None:
            self._leaving.cancel()
        self._leaving = asyncio.get_running_loop().call_later(seconds, self._over, reason)

    def _on_came(self, participant: rtc.RemoteParticipant) -> None:
        if participant.identity == self._agent and self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None

    async def _watch(self, face: PublishedFace) -> None:
        used = time.monotonic()
        published = asyncio.ensure_future(face.wait_for_complete())
        try:
            while time.monotonic() - used < self._idle:
                await asyncio.wait({published}, timeout=min(_LOOK_EVERY, self._idle))
                if published.done():
                    self._over("the face failed")
                    return
                if self._agent in self._room.remote_participants and (face.audience or face.position > 0):
                    used = time.monotonic()
            self._over("idle")
        finally:
            published.cancel()
