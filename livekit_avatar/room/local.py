"""A face drawn in the agent's own process and published by the agent itself."""

from __future__ import annotations

from livekit import rtc

from livekit_avatar.avatar import Avatar, Source
from livekit_avatar.room.audio_output import FaceAudioOutput
from livekit_avatar.room.encoding import Encoding
from livekit_avatar.room.face import PublishedFace
from livekit_avatar.room.look import local_source
from livekit_avatar.runtime.finish import ON_WHITE, Finish
from livekit_avatar.runtime.runtime import AvatarRuntime
from livekit_avatar.types import Emotion


class LocalFace:
    """A started runtime, published in a room, that speaks what its audio output is given.

    Args:
        runtime: the face.
        room: where the agent is; need not be connected yet.
        encoding: how the video is sent.
        visemes: whether the mouth of each picture is sent as data, too.
        finish: what becomes of transparent pictures.
    """

    def __init__(
        self,
        runtime: AvatarRuntime,
        room: rtc.Room,
        encoding: Encoding | None = None,
        *,
        visemes: bool = False,
        finish: Finish = ON_WHITE,
    ) -> None:
        self.audio_output = FaceAudioOutput()
        self._room = room
        self._face = PublishedFace(runtime, room, self.audio_output, encoding, visemes=visemes, finish=finish)

    @property
    def identity(self) -> str:
        """Of the participant who publishes the face: the agent itself."""
        return self._room.local_participant.identity

    @property
    def runtime(self) -> AvatarRuntime:
        """The runtime of the face; another one after the engine failed and came back."""
        return self._face.runtime

    async def start(self) -> None:
        """Begin to publish, as soon as the room is connected."""
        await self._face.start()

    async def set_emotion(self, emotion: Emotion) -> None:
        """Show a mood from the next frame on."""
        self.runtime.set_emotion(emotion)

    async def act(self, action: str) -> None:
        """Perform an action that the engine knows, such as "nod"."""
        self.runtime.act(action)

    async def set_avatar(self, avatar: Avatar | Source, *, fade_frames: int = 5) -> None:
        """Change the face, also while it speaks."""
        await self.runtime.set_avatar(await local_source(avatar), fade_frames=fade_frames)

    async def aclose(self) -> None:
        """Stop publishing and end the session of the face."""
        await self._face.aclose()
