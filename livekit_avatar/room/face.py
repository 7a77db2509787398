"""A face drawn in this process and published in a room, whoever it speaks for."""

from __future__ import annotations

from collections.abc import Collection

from livekit import rtc
from livekit.agents.voice.avatar import AudioReceiver, AvatarOptions
from livekit.rtc.room import EventTypes

from livekit_avatar.room.encoding import Encoding
from livekit_avatar.room.generator import ROOM_RATE, RuntimeGenerator
from livekit_avatar.room.publisher import Publisher
from livekit_avatar.room.visemes import VisemeStream
from livekit_avatar.runtime.finish import ON_WHITE, Finish
from livekit_avatar.runtime.runtime import AvatarRuntime
from livekit_avatar.types import FPS

_AUDIENCE_EVENTS: tuple[EventTypes, ...] = (
    "participant_connected",
    "participant_disconnected",
    "connection_state_changed",
)


class PublishedFace:
    """A started runtime, published in a room.

    Args:
        runtime: the face.
        room: who publishes it; need not be connected yet.
        audio_recv: where its speech comes from.
        encoding: how the video is sent.
        blind: identities of participants who do not look, such as the agent that it speaks for.
        visemes: whether the mouth of each picture is sent as data, too.
        finish: what becomes of transparent pictures.
    """

    def __init__(
        self,
        runtime: AvatarRuntime,
        room: rtc.Room,
        audio_recv: AudioReceiver,
        encoding: Encoding | None = None,
        *,
        blind: Collection[str] = (),
        visemes: bool = False,
        finish: Finish = ON_WHITE,
    ) -> None:
        width, height = finish.size(runtime.size)
        self.runtime = runtime
        self._finish = finish
        self._room = room
        self._blind = blind
        self._visemes = VisemeStream(room) if visemes else None
        self._publisher = Publisher(
            room,
            audio_recv=audio_recv,
            video_gen=RuntimeGenerator(runtime, finish),
            options=AvatarOptions(width, height, FPS, ROOM_RATE, 1),
            encoding=encoding,
            revive=self._revive,
            on_shown=self._visemes.show if self._visemes else None,
        )

    @property
    def position(self) -> float:
        """Seconds of the present utterance that were heard; 0 while it is silent."""
        return self._publisher.position

    @property
    def audience(self) -> list[str]:
        """Identities of those who may look."""
        return [identity for identity in self._room.remote_participants if identity not in self._blind]

    async def start(self) -> None:
        """Begin to publish, as soon as the room is connected."""
        for event in _AUDIENCE_EVENTS:
            self._room.on(event, self._on_audience_changed)
        self._room.on("local_track_subscribed", self._on_subscribed)
        self._on_audience_changed()
        if self._visemes:
            self._visemes.start()
        await self._publisher.start()

    async def wait_for_complete(self) -> None:
        """Wait until publishing has ended, by itself or by `aclose`."""
        await self._publisher.wait_for_complete()

    async def aclose(self) -> None:
        """Stop publishing and end the session of the face."""
        for event in _AUDIENCE_EVENTS:
            self._room.off(event, self._on_audience_changed)
        self._room.off("local_track_subscribed", self._on_subscribed)
        await self._publisher.aclose()
        if self._visemes:
            await self._visemes.aclose()
        await self.runtime.stop()

    async def _revive(self) -> RuntimeGenerator:
        """The same face anew, once its engine can draw again."""
        runtime = self.runtime.again()
        await runtime.start()
        await self.runtime.stop()
        self.runtime = runtime
        return RuntimeGenerator(runtime, self._finish)

    def _on_audience_changed(self, *_: object) -> None:
        """Nothing is drawn for an empty room."""
        self.runtime.watch(bool(self.audience))

    def _on_subscribed(self, *_: object) -> None:
        """The first viewer; the server may announce who it is only seconds later."""
        self.runtime.watch(True)
