"""Whether a face on another machine is alive.

A worker that is killed leaves its participant in the room until the LiveKit server misses it, many seconds
later. A face that announces a heartbeat is missed after `HEARTBEAT_TIMEOUT`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time

from livekit import rtc

from livekit_avatar.room import wire

_LOOK = 0.1  # seconds between two looks at the clock
_HELD_UP = 0.5  # seconds late: this program was held up, and beats may be waiting to be read


class Pulse:
    """Follows the life of a participant.

    Args:
        room: where it is.
        identity: of the face.
    """

    def __init__(self, room: rtc.Room, identity: str) -> None:
        self._room = room
        self._identity = identity
        self._last = time.monotonic()
        self._left = asyncio.Event()
        self.position: float | None = None
        """Seconds of the present utterance that were heard at the last beat; None before the first."""
        room.on("data_received", self._on_data)
        room.on("participant_disconnected", self._on_disconnected)

    @property
    def features(self) -> frozenset[str]:
        """What the face says it understands."""
        participant = self._room.remote_participants.get(self._identity)
        return wire.announced_features(participant.attributes) if participant else frozenset()

    def close(self) -> None:
        """Follow no more; may be called twice."""
        for event, listener in (
            ("data_received", self._on_data),
            ("participant_disconnected", self._on_disconnected),
        ):
            with contextlib.suppress(KeyError, ValueError):
                self._room.off(event, listener)  # type: ignore[arg-type]

    async def lost(self) -> str:
        """Wait until the face is dead, and say how that showed."""
        self._last = looked = time.monotonic()
        while not self._left.is_set():
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._left.wait(), _LOOK)
            now = time.monotonic()
            if now - looked > _LOOK + _HELD_UP or not self._connected:
                self._last = now
            looked = now
            if "heartbeat" in self.features and now - self._last > wire.HEARTBEAT_TIMEOUT:
                return f"no sign of life for {wire.HEARTBEAT_TIMEOUT} s"
        return "it left the room"

    @property
    def _connected(self) -> bool:
        """Whether this program itself hears the room."""
        return self._room.connection_state == rtc.ConnectionState.CONN_CONNECTED

    def _on_data(self, packet: rtc.DataPacket) -> None:
        sender = packet.participant
        if packet.topic != wire.HEARTBEAT or sender is None or sender.identity != self._identity:
            return
        with contextlib.suppress(ValueError):
            self.position = wire.Beat.decode(packet.data).position
            self._last = time.monotonic()

    def _on_disconnected(self, participant: rtc.RemoteParticipant) -> None:
        if participant.identity == self._identity and self._connected:
            self._left.set()
