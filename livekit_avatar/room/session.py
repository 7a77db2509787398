"""The face of a voice agent: what livekit-agents calls an avatar session."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from livekit import rtc
from livekit.agents.voice.avatar import AvatarSession as BaseAvatarSession

from livekit_avatar.avatar import Avatar, Source, check_exists
from livekit_avatar.errors import AlreadyStartedError, ConfigurationError, NotStartedError
from livekit_avatar.room.encoding import Encoding
from livekit_avatar.room.local import LocalFace
from livekit_avatar.runtime.runtime import AvatarRuntime

if TYPE_CHECKING:
    from livekit.agents import AgentSession

DEFAULT_AVATAR = "ada"


class AvatarSession(BaseAvatarSession[Any]):
    """Gives an agent a face, drawn in its own process.

        avatar = AvatarSession(avatar="ada")
        await avatar.start(session, room=ctx.room)    # before session.start
        await session.start(agent, room=ctx.room)

    At most one of the first five arguments says whose face it is; without any it is "ada".

    Args:
        avatar: a built-in name, a picture or .avatar file (path, bytes, Pillow picture, array), or an opened
            `Avatar`.
        avatar_image: a picture, as `avatar`.
        avatar_id: the name of a built-in avatar.
        model_path: the path of a .avatar file or picture.
        runtime: a runtime made (not necessarily started) by the caller; made with `paced=False`.
        size: the longer side of the video in pixels; the avatar's own, or 512, if not given.
        seed: decides blinks, glances and sway.
        encoding: codec, bitrate, frame rate and simulcast of the video; VP8, one layer, 25 fps if not given.

    Raises:
        ConfigurationError: two of the first five were given.
        InputError: there is no such file or built-in avatar.
    """

    def __init__(
        self,
        *,
        avatar: Avatar | Source | None = None,
        avatar_image: Source | None = None,
        avatar_id: str | None = None,
        model_path: str | Path | None = None,
        runtime: AvatarRuntime | None = None,
        size: int | None = None,
        seed: int = 0,
        encoding: Encoding | None = None,
    ) -> None:
        super().__init__()
        given: dict[str, Any] = {
            "avatar": avatar,
            "avatar_image": avatar_image,
            "avatar_id": avatar_id,
            "model_path": model_path,
            "runtime": runtime,
        }
        self._source = _only_one(given)
        if isinstance(self._source, str | Path):
            check_exists(self._source)
        self._size = size
        self._seed = seed
        self._encoding = encoding
        self._face: LocalFace | None = None
        self._started = False

    @property
    def avatar_identity(self) -> str:
        """The participant who publishes the face: the agent itself."""
        if self._room is None:
            raise NotStartedError(
                "the avatar session is not in a room", fix="Call `await avatar.start(...)` first."
            )
        return self._room.local_participant.identity

    @property
    def provider(self) -> str:
        """The name under which livekit-agents reports metrics."""
        return "livekit_avatar"

    @property
    def runtime(self) -> AvatarRuntime:
        """The runtime of the face.

        Raises:
            NotStartedError: `start` was not called.
        """
        if self._face is None:
            raise NotStartedError(
                "the avatar has no runtime yet", fix="Call `await avatar.start(...)` first."
            )
        return self._face.runtime

    async def start(self, agent_session: AgentSession[Any], room: rtc.Room) -> None:
        """Load the face, publish it in the room and give the agent's voice to it.

        Call it before `agent_session.start`. The room need not be connected yet.

        Raises:
            AlreadyStartedError: it was started before.
            AvatarError: the face cannot be opened; the agent's voice is left as it was.
        """
        if self._started:
            raise AlreadyStartedError(
                "the avatar session has been started before",
                fix="Make a new AvatarSession for a new session.",
            )
        self._started = True
        runtime = await self._open_runtime()
        await super().start(agent_session, room)
        self._face = LocalFace(runtime, room, self._encoding)
        try:
            await self._face.start()
            agent_session.output.replace_audio_tail(self._face.audio_output)
        except BaseException:
            await self.aclose()
            raise

    async def _open_runtime(self) -> AvatarRuntime:
        runtime = self._source
        if not isinstance(runtime, AvatarRuntime):
            runtime = await AvatarRuntime.create(self._source, size=self._size, seed=self._seed, paced=False)
        if not runtime.started:
            await runtime.start()
        return runtime

    async def set_avatar(self, avatar: Avatar | Source, *, fade_frames: int = 5) -> None:
        """Change the face, also while it speaks: nothing of the speech is lost, the faces cross-fade.

        Args:
            avatar: as for the session.
            fade_frames: frames of the cross-fade.

        Raises:
            NotStartedError: `start` was not called.
            AvatarError: the new face cannot be opened; the old one stays.
        """
        await self.runtime.set_avatar(avatar, fade_frames=fade_frames)

    async def aclose(self) -> None:
        """Stop the face. The agent stays in the room. May be called twice, or before `start`."""
        if self._face is not None:
            await self._face.aclose()
            self._face = None
        if self._room is not None:
            # The base class would remove `avatar_identity` from the room, and here that is the agent.
            self._room.off("connection_state_changed", self._on_connection_state_changed)
            self._room = None
        await super().aclose()


def _only_one(given: dict[str, Any]) -> Any:
    """The one argument that says whose face it is.

    Raises:
        ConfigurationError: more than one was given.
    """
    named = {name: value for name, value in given.items() if value is not None}
    if len(named) > 1:
        names = " and ".join(f"`{name}`" for name in named)
        raise ConfigurationError(f"{names} both say whose face it is", fix="Give one of them.")
    return next(iter(named.values()), DEFAULT_AVATAR)
