"""The face of a voice agent: what livekit-agents calls an avatar session."""

from __future__ import annotations

import asyncio
import logging
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from livekit import rtc
from livekit.agents import (
    DEFAULT_API_CONNECT_OPTIONS,
    NOT_GIVEN,
    APIConnectOptions,
    NotGivenOr,
    get_job_context,
    utils,
)
from livekit.agents.voice.avatar import AvatarSession as BaseAvatarSession
from livekit.agents.voice.io import AgentOutput, AudioOutput

from livekit_avatar.avatar import Avatar, Source, check_style
from livekit_avatar.avatars.catalogue import check_exists
from livekit_avatar.errors import AlreadyStartedError, ConfigurationError, NotStartedError
from livekit_avatar.room.cloud import CloudLauncher, Invitation
from livekit_avatar.room.dispatch import DispatchLauncher
from livekit_avatar.room.encoding import Encoding
from livekit_avatar.room.local import LocalFace
from livekit_avatar.room.look import local_source, look, recognise
from livekit_avatar.room.mode import Cloud, Dispatch, Local, Mode, RequestFormat, choose_mode
from livekit_avatar.room.remote import Launcher, RemoteFace
from livekit_avatar.room.token import Server, livekit_server
from livekit_avatar.runtime.finish import Background, Finish, Matte
from livekit_avatar.runtime.runtime import AvatarRuntime
from livekit_avatar.settings import Settings
from livekit_avatar.types import PLAIN, Emotion, Style

if TYPE_CHECKING:
    from livekit.agents import AgentSession

logger = logging.getLogger(__name__)

DEFAULT_PARTICIPANT = "avatar"


class Face(Protocol):
    """A face, wherever it is drawn."""

    @property
    def identity(self) -> str: ...  # noqa: D102

    @property
    def audio_output(self) -> AudioOutput: ...  # noqa: D102

    async def start(self) -> None: ...  # noqa: D102

    async def set_emotion(self, emotion: Emotion) -> None: ...  # noqa: D102

    async def act(self, action: str) -> None: ...  # noqa: D102

    async def set_avatar(self, avatar: Avatar | Source, *, fade_frames: int = 5) -> None: ...  # noqa: D102

    async def aclose(self) -> None: ...  # noqa: D102


@runtime_checkable
class Lender(Protocol):
    """Whoever has a runtime to lend to a session, such as `compat.bithuman.AsyncBithuman`."""

    async def lend(self) -> AvatarRuntime:
        """A runtime that nobody else reads."""


class AvatarSession(BaseAvatarSession[Any]):
    """Gives an agent a face, drawn in its own process or elsewhere.

        avatar = AvatarSession(avatar="ada")
        await avatar.start(session, room=ctx.room)    # before session.start
        await session.start(agent, room=ctx.room)

    Where it is drawn: by `worker` (LiveKit's agent dispatch), by the host at `api_url` (or the URL in
    LIVEKIT_AVATAR_API_URL or BITHUMAN_API_URL), by bitHuman's hosts if `avatar_image` or `avatar_id` comes
    with a secret or token of theirs, and otherwise here.

    Whose face it is, one of the first five arguments says; without any it is "ada".

    Args:
        avatar: a built-in name, a picture or .avatar file (path, URL, data: URI, base64, bytes, Pillow
            picture, array), or an opened `Avatar`.
        avatar_image: a picture, as `avatar`.
        avatar_id: the name of an avatar that whoever draws it knows.
        model_path: the path of a .avatar file or picture, drawn here.
        runtime: a runtime made (not necessarily started) by the caller with `paced=False`, or a lender of
            one, drawn here.
        worker: the name under which workers registered with the LiveKit server.
        api_url: where a face is asked for over HTTP; "?async=true" asks for an answer before it has joined.
        api_secret: proves to the host who asks.
        api_token: the same; goes first with hosts other than bitHuman's.
        model: what draws the face, in the host's words, such as "essence" or "expression".
        request_format: "json" as bitHuman's own hosts take it, or "form" as all others do; chosen by the host
            if not given.
        conn_options: `timeout` is the deadline over all tries of a launch, `max_retry` their number.
        avatar_participant_identity: of the face elsewhere; made up anew for each session if not given.
        avatar_participant_name: of the face elsewhere.
        size: the longer side of the video in pixels; the avatar's own, or 512, if not given. Drawn here only.
        seed: decides blinks, glances and sway. Drawn here only.
        style: how it speaks. Drawn here only.
        encoding: codec, bitrate, frame rate and simulcast; VP8, one layer, 25 fps if not given. Here only.
        visemes: send the mouth of each picture as data, too (docs/visemes.md). Drawn here only.
        background: a colour or a picture behind a transparent avatar; white if not given. Drawn here only.
        matte: "side-by-side": colours on the left and opacity on the right of a frame twice as wide, for a
            page that joins them (docs/avatars.md). Drawn here only.

    Raises:
        ConfigurationError: two of the arguments contradict each other, or the host's key is missing.
        InputError: there is no such file, picture or built-in avatar.
    """

    def __init__(
        self,
        *,
        avatar: NotGivenOr[Avatar | Source | None] = NOT_GIVEN,
        avatar_image: NotGivenOr[Source | None] = NOT_GIVEN,
        avatar_id: NotGivenOr[str | None] = NOT_GIVEN,
        model_path: NotGivenOr[str | Path | None] = NOT_GIVEN,
        runtime: NotGivenOr[AvatarRuntime | Lender | None] = NOT_GIVEN,
        worker: NotGivenOr[str | None] = NOT_GIVEN,
        api_url: NotGivenOr[str | None] = NOT_GIVEN,
        api_secret: NotGivenOr[str | None] = NOT_GIVEN,
        api_token: NotGivenOr[str | None] = NOT_GIVEN,
        model: NotGivenOr[str | None] = NOT_GIVEN,
        request_format: NotGivenOr[RequestFormat | None] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        avatar_participant_identity: NotGivenOr[str | None] = NOT_GIVEN,
        avatar_participant_name: NotGivenOr[str | None] = NOT_GIVEN,
        size: int | None = None,
        seed: int = 0,
        style: Style = PLAIN,
        encoding: Encoding | None = None,
        visemes: bool = False,
        background: Background | None = None,
        matte: Matte | None = None,
    ) -> None:
        super().__init__()
        arguments: dict[str, Any] = {
            "avatar": avatar,
            "avatar_image": avatar_image,
            "avatar_id": avatar_id,
            "model_path": model_path,
            "runtime": runtime,
            "worker": worker,
            "api_url": api_url,
            "api_secret": api_secret,
            "api_token": api_token,
            "model": model,
            "request_format": request_format,
        }
        self._mode = self._choose_mode({name: value for name, value in arguments.items() if _given(value)})
        if isinstance(self._mode, Local):
            _check_local(self._mode.source)
        elif visemes:
            raise ConfigurationError(
                "the visemes of a face that is drawn elsewhere cannot be sent", fix="Leave out `visemes`."
            )
        elif background is not None or matte is not None:
            raise ConfigurationError(
                "the background of a face that is drawn elsewhere cannot be chosen here",
                fix="Leave out `background` and `matte`.",
            )
        check_style(style)
        self._conn_options = conn_options
        self._identity = avatar_participant_identity or f"{DEFAULT_PARTICIPANT}-{uuid.uuid4().hex[:12]}"
        self._name = avatar_participant_name or DEFAULT_PARTICIPANT
        self._size = size
        self._seed = seed
        self._style = style
        self._encoding = encoding
        self._visemes = visemes
        self._finish = Finish(background, matte)
        self._face: Face | None = None
        self._started = False

    def _choose_mode(self, given: dict[str, Any]) -> Mode:
        return choose_mode(given, Settings())

    @property
    def avatar_identity(self) -> str:
        """The participant who publishes the face: one of its own, or the agent if the face is drawn here.

        It changes if a face elsewhere died and was started again.
        """
        if self._face is not None:
            return self._face.identity
        if not isinstance(self._mode, Local):
            return self._identity
        raise NotStartedError(
            "the avatar session is not in a room", fix="Call `await avatar.start(...)` first."
        )

    @property
    def provider(self) -> str:
        """The name under which livekit-agents reports metrics."""
        return "livekit_avatar"

    @property
    def runtime(self) -> AvatarRuntime:
        """The runtime of a face that is drawn here.

        Raises:
            NotStartedError: `start` was not called; it is a `BitHumanException`, as all errors are.
            ConfigurationError: the face is drawn elsewhere.
        """
        if isinstance(self._face, LocalFace):
            return self._face.runtime
        if isinstance(self._mode, Local):
            raise NotStartedError(
                "the avatar has no runtime yet", fix="Call `await avatar.start(...)` first."
            )
        raise ConfigurationError(
            "the runtime of this face is on another machine", fix="Use the methods of the session."
        )

    async def start(
        self,
        agent_session: AgentSession[Any],
        room: rtc.Room,
        *,
        livekit_url: NotGivenOr[str] = NOT_GIVEN,
        livekit_api_key: NotGivenOr[str] = NOT_GIVEN,
        livekit_api_secret: NotGivenOr[str] = NOT_GIVEN,
    ) -> None:
        """Load the face or have it started, and give the agent's voice to it.

        Call it before `agent_session.start`. The room need not be connected yet. In the console of
        livekit-agents there is no room, and so no face.

        Args:
            agent_session: the agent's.
            room: the agent's.
            livekit_url: with the next two, lets a face elsewhere join; LIVEKIT_URL if not given.
            livekit_api_key: LIVEKIT_API_KEY if not given.
            livekit_api_secret: LIVEKIT_API_SECRET if not given.

        Raises:
            AlreadyStartedError: it was started before.
            AvatarError: the face cannot be opened or had; the agent's voice is left as it was.
        """
        if self._started:
            raise AlreadyStartedError(
                "the avatar session has been started before",
                fix="Make a new AvatarSession for a new session.",
            )
        self._started = True
        job = get_job_context(required=False)
        if job is not None and job.is_fake_job():
            logger.info("the console has no room to show a face in: the voice goes on without it")
            return
        if isinstance(self._mode, Local):
            runtime = await self._open_runtime(self._mode)
            face: Face = LocalFace(runtime, room, self._encoding, visemes=self._visemes, finish=self._finish)
        else:
            server = livekit_server(
                livekit_url or None, livekit_api_key or None, livekit_api_secret or None, Settings()
            )
            face = await self._remote_face(self._mode, server, room)
        await self._bind(face, agent_session, room)

    async def _bind(self, face: Face, agent_session: AgentSession[Any], room: rtc.Room) -> None:
        """Give the agent's voice to the face, before the slow part; take it back if that fails."""
        self._face = face
        before = _tail(agent_session.output)
        await super().start(agent_session, room)
        agent_session.output.replace_audio_tail(face.audio_output)
        try:
            await face.start()
        except BaseException:
            if before is None:
                agent_session.output.audio = None
            else:
                agent_session.output.replace_audio_tail(before)
            await self.aclose()
            raise

    async def _open_runtime(self, mode: Local) -> AvatarRuntime:
        runtime = mode.source
        if isinstance(runtime, Lender):
            runtime = await runtime.lend()
        if not isinstance(runtime, AvatarRuntime):
            runtime = await AvatarRuntime.create(
                await local_source(runtime), size=self._size, seed=self._seed, style=self._style, paced=False
            )
        if not runtime.started:
            await runtime.start()
        return runtime

    async def _remote_face(self, mode: Cloud | Dispatch, server: Server, room: rtc.Room) -> RemoteFace:
        agent, room_name = _whereabouts(room)
        looks = await asyncio.to_thread(look, mode.image, mode.avatar_id)
        invitation = Invitation(server, room_name, agent, self._name, looks, mode.model)
        launcher: Launcher = (
            CloudLauncher(mode.host, invitation, self._conn_options)
            if isinstance(mode, Cloud)
            else DispatchLauncher(mode.worker, invitation)
        )
        return RemoteFace(room, server, room_name, launcher, self._identity)

    async def set_avatar(self, avatar: Avatar | Source, *, fade_frames: int = 5) -> None:
        """Change the face, also while it speaks: nothing of the speech is lost, the faces cross-fade.

        Args:
            avatar: as for the session; for a face elsewhere a name that its host knows.
            fade_frames: frames of the cross-fade of a face that is drawn here.

        Raises:
            NotStartedError: `start` was not called.
            AvatarError: the new face cannot be opened; the old one stays.
            WishRefusedError: a face elsewhere cannot.
        """
        await self._running.set_avatar(avatar, fade_frames=fade_frames)

    async def set_emotion(self, emotion: Emotion) -> None:
        """Show a mood, eased in.

        Raises:
            NotStartedError: `start` was not called.
            WishRefusedError: a face elsewhere cannot.
        """
        await self._running.set_emotion(emotion)

    async def act(self, action: str) -> None:
        """Perform an action, such as "nod".

        Raises:
            NotStartedError: `start` was not called.
            InputError: the face has no such action.
            WishRefusedError: a face elsewhere cannot.
        """
        await self._running.act(action)

    @property
    def _running(self) -> Face:
        if self._face is None:
            raise NotStartedError("the avatar has no face yet", fix="Call `await avatar.start(...)` first.")
        return self._face

    async def aclose(self) -> None:
        """Stop the face. The agent stays in the room. May be called twice, or before `start`."""
        if self._face is not None:
            face, self._face = self._face, None
            await face.aclose()
        if self._room is not None:
            # The base class would remove `avatar_identity` from the room, which may be the agent.
            self._room.off("connection_state_changed", self._on_connection_state_changed)
            self._room = None
        await super().aclose()


def _given(value: object) -> bool:
    return value is not None and utils.is_given(value)


def _check_local(source: object) -> None:
    """Check that a source that is drawn here is something, without reading it."""
    if isinstance(source, str):
        recognised = recognise(source, names=True)
        if isinstance(recognised, (str, Path)) or not isinstance(recognised, bytes):
            check_exists(source)
    elif isinstance(source, Path):
        check_exists(source)


def _whereabouts(room: rtc.Room) -> tuple[str, str]:
    """(identity of the agent, name of the room); a job knows both before its room is connected.

    Raises:
        ConfigurationError: neither the room nor the job says.
    """
    job = get_job_context(required=False)
    if room.isconnected():
        return room.local_participant.identity, room.name
    if job is None:
        raise ConfigurationError(
            "the room is not connected, and there is no job that says which it is",
            fix="Connect the room before `await avatar.start(...)`.",
        )
    return job.local_participant_identity, job.job.room.name


def _tail(output: AgentOutput) -> AudioOutput | None:
    """Where the agent's voice ends up."""
    sink = output.audio
    while sink is not None and sink.next_in_chain is not None:
        sink = sink.next_in_chain
    return sink
