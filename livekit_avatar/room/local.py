"""A face drawn in the agent's own process and published by the agent itself."""

from __future__ import annotations

from livekit import rtc
from livekit.agents.voice.avatar import AvatarOptions

from livekit_avatar.room.audio_output import FaceAudioOutput
from livekit_avatar.room.generator import ROOM_RATE, RuntimeGenerator
from livekit_avatar.room.publisher import Publisher
from livekit_avatar.runtime.runtime import AvatarRuntime
from livekit_avatar.types import FPS


class LocalFace:
    """A started runtime, published in a room.

    Args:
        runtime: the face.
        room: where the agent is; need not be connected yet.
    """

    def __init__(self, runtime: AvatarRuntime, room: rtc.Room) -> None:
        width, height = runtime.size
        self.runtime = runtime
        self.audio_output = FaceAudioOutput()
        self._publisher = Publisher(
            room,
            audio_recv=self.audio_output,
            video_gen=RuntimeGenerator(runtime),
            options=AvatarOptions(width, height, FPS, ROOM_RATE, 1),
        )

    async def start(self) -> None:
        """Begin to publish, as soon as the room is connected."""
        await self._publisher.start()

    async def aclose(self) -> None:
        """Stop publishing and end the session of the face."""
        await self._publisher.aclose()
        await self.runtime.stop()
