"""A face drawn in the agent's own process and published by the agent itself."""

from __future__ import annotations

from livekit import rtc
from livekit.agents.voice.avatar import AvatarOptions
from livekit.rtc.room import EventTypes

from livekit_avatar.room.audio_output import FaceAudioOutput
from livekit_avatar.room.encoding import Encoding
from livekit_avatar.room.generator import ROOM_RATE, RuntimeGenerator
from livekit_avatar.room.publisher import Publisher
from livekit_avatar.runtime.runtime import AvatarRuntime
from livekit_avatar.types import FPS

_AUDIENCE_EVENTS: tuple[EventTypes, ...] = (
    "participant_connected",
    "participant_disconnected",
    "connection_state_changed",
)


class LocalFace:
    """A started runtime, published in a room.

    Args:
        runtime: the face.
        room: where the agent is; need not be connected yet.
        encoding: how the video is sent.
    """

    def __init__(self, runtime: AvatarRuntime, room: rtc.Room, encoding: Encoding | None = None) -> None:
        width, height = runtime.size
        self.runtime = runtime
        self._room = room
        self.audio_output = FaceAudioOutput()
        self._publisher = Publisher(
            room,
            audio_recv=self.audio_output,
            video_gen=RuntimeGenerator(runtime),
            options=AvatarOptions(width, height, FPS, ROOM_RATE, 1),
            encoding=encoding,
            revive=self._revive,
        )

    async def start(self) -> None:
        """Begin to publish, as soon as the room is connected."""
        for event in _AUDIENCE_EVENTS:
            self._room.on(event, self._on_audience_changed)
        self._room.on("local_track_subscribed", self._on_subscribed)
        self._on_audience_changed()
        await self._publisher.start()

    async def aclose(self) -> None:
        """Stop publishing and end the session of the face."""
        for event in _AUDIENCE_EVENTS:
            self._room.off(event, self._on_audience_changed)
        self._room.off("local_track_subscribed", self._on_subscribed)
        await self._publisher.aclose()
        await self.runtime.stop()

    async def _revive(self) -> RuntimeGenerator:
        """The same face anew, once its engine can draw again."""
        runtime = self.runtime.again()
        await runtime.start()
        await self.runtime.stop()
        self.runtime = runtime
        return RuntimeGenerator(runtime)

    def _on_audience_changed(self, *_: object) -> None:
        """Nothing is drawn for an empty room."""
        self.runtime.watch(bool(self._room.remote_participants))

    def _on_subscribed(self, *_: object) -> None:
        """The first viewer; the server may announce who it is only seconds later."""
        self.runtime.watch(True)
