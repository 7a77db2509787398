"""A face drawn in the agent's own process and published by the agent itself."""

from __future__ import annotations

from livekit import rtc

from livekit_avatar.room.audio_output import FaceAudioOutput
from livekit_avatar.room.encoding import Encoding
from livekit_avatar.room.face import PublishedFace
from livekit_avatar.runtime.runtime import AvatarRuntime


class LocalFace:
    """A started runtime, published in a room, that speaks what its audio output is given.

    Args:
        runtime: the face.
        room: where the agent is; need not be connected yet.
        encoding: how the video is sent.
    """

    def __init__(self, runtime: AvatarRuntime, room: rtc.Room, encoding: Encoding | None = None) -> None:
        self.audio_output = FaceAudioOutput()
        self._face = PublishedFace(runtime, room, self.audio_output, encoding)

    @property
    def runtime(self) -> AvatarRuntime:
        """The runtime of the face; another one after the engine failed and came back."""
        return self._face.runtime

    async def start(self) -> None:
        """Begin to publish, as soon as the room is connected."""
        await self._face.start()

    async def aclose(self) -> None:
        """Stop publishing and end the session of the face."""
        await self._face.aclose()
