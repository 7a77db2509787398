"""The two ways in which an agent's speech reaches the room: through a face elsewhere, or plainly."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any, Protocol

from livekit import rtc
from livekit.agents import utils
from livekit.agents.voice.avatar import AvatarOptions, DataStreamAudioOutput
from livekit.agents.voice.io import AudioOutput

from livekit_avatar.room import wire
from livekit_avatar.room.audio_output import FaceAudioOutput
from livekit_avatar.room.generator import ROOM_RATE
from livekit_avatar.room.heartbeat import Pulse
from livekit_avatar.room.publisher import Publisher
from livekit_avatar.room.tracks import AUDIO_TRACK
from livekit_avatar.room.voice import VoiceOnly
from livekit_avatar.types import FPS

logger = logging.getLogger(__name__)

WIRE_RATE = 24_000
"""Sample rate of speech on its way to a face elsewhere, in Hz: that of most voices."""

START_GRACE = 1.0
"""Seconds after which an utterance counts as begun though the face did not say so: old workers never do."""

LISTENER_SECONDS = 2.0
"""How long a voice that was just published waits for somebody who hears its first word."""

PACE = 5.0
"""How many times faster than it is spoken speech is sent to a face elsewhere. A long text all at once crowds
out the sound and the pictures that come back: listeners' jitter buffers grow from 30 ms to 200, and stay like
that (bench/worker.py --burst)."""

CALL_SECONDS = 5.0
"""How long a face may take to answer a call."""


class Line(Protocol):
    """A way for speech to be heard.

    Attributes:
        output: takes the speech, tells what was heard.
        can_pause: whether speech can be held.
        pace: how many times faster than it is spoken it takes speech; None: as fast as it comes.
        start_grace: seconds after which an utterance counts as begun; None: the line always says.
        position: seconds of the present utterance that were heard; None: unknown.
    """

    @property
    def output(self) -> AudioOutput: ...  # noqa: D102

    @property
    def can_pause(self) -> bool: ...  # noqa: D102

    @property
    def pace(self) -> float | None: ...  # noqa: D102

    @property
    def start_grace(self) -> float | None: ...  # noqa: D102

    @property
    def position(self) -> float | None: ...  # noqa: D102

    def pause(self) -> None: ...  # noqa: D102

    def resume(self) -> None: ...  # noqa: D102

    async def aclose(self) -> None: ...  # noqa: D102


class AvatarLine:
    """Through a face that is in the room.

    Args:
        room: the agent's.
        identity: of the face.
    """

    pace = PACE

    def __init__(self, room: rtc.Room, identity: str) -> None:
        self.identity = identity
        self.pulse = Pulse(room, identity)
        self.output = DataStreamAudioOutput(
            room,
            destination_identity=identity,
            sample_rate=WIRE_RATE,
            wait_remote_track=rtc.TrackKind.KIND_VIDEO,
            wait_playback_start=True,
        )
        self._room = room
        self._order = asyncio.Lock()
        self._calls: set[asyncio.Task[None]] = set()

    @property
    def can_pause(self) -> bool:
        """Whether the face has said that it can."""
        return {"pause", "resume"} <= self.pulse.features

    @property
    def start_grace(self) -> float | None:
        """A face of this project always says when it begins to be heard."""
        return None if self.pulse.features else START_GRACE

    @property
    def position(self) -> float | None:
        """By the last beat."""
        return self.pulse.position

    def pause(self) -> None:
        """Hold the speech at the sample that is heard now; a stock face goes on."""
        self._call(wire.PAUSE) if self.can_pause else self.output.pause()

    def resume(self) -> None:
        """Go on where it was held."""
        self._call(wire.RESUME) if self.can_pause else self.output.resume()

    def _call(self, method: str) -> None:
        task = asyncio.create_task(self._call_in_order(method))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _call_in_order(self, method: str) -> None:
        async with self._order:
            try:
                await self.perform(method, "")
            except rtc.RpcError as error:
                logger.warning("%s was not taken: %s", method, error.message)

    async def perform(self, method: str, payload: str) -> str:
        """Call the face.

        Raises:
            RpcError: it refuses, or does not answer.
        """
        return await self._room.local_participant.perform_rpc(
            destination_identity=self.identity,
            method=method,
            payload=payload,
            response_timeout=CALL_SECONDS,
        )

    async def aclose(self) -> None:
        """Let go of the face; it may be dead."""
        self.pulse.close()
        await utils.aio.cancel_and_wait(*self._calls)
        await _let_go(self.output, self._room, self.identity)


async def _let_go(output: DataStreamAudioOutput, room: rtc.Room, identity: str) -> None:
    """Undo what the output registered; livekit-agents itself keeps it for the life of the process."""
    room.off("connection_state_changed", output._handle_connection_state_changed)
    handlers: tuple[dict[str, Any], ...] = (
        output._playback_finished_handlers,
        output._playback_started_handlers,
    )
    for known in handlers:
        known.pop(identity, None)
    tasks = [*output._tasks, *([output._start_atask] if output._start_atask else [])]
    await utils.aio.cancel_and_wait(*tasks)


class VoiceLine:
    """Plainly, by the agent itself, without a face.

    Args:
        room: the agent's.
    """

    can_pause = True
    pace = None
    start_grace = None
    position = None

    def __init__(self, room: rtc.Room) -> None:
        self._room = room
        self.output = FaceAudioOutput()
        self._publisher = Publisher(
            room,
            audio_recv=self.output,
            video_gen=VoiceOnly(None, ROOM_RATE),
            options=AvatarOptions(0, 0, FPS, ROOM_RATE, 1),
        )

    async def start(self) -> None:
        """Publish the voice, and wait until somebody can hear it, or for `LISTENER_SECONDS`."""
        heard = asyncio.Event()

        def on_subscribed(*_: object) -> None:
            heard.set()

        self._room.on("local_track_subscribed", on_subscribed)
        await self._publisher.start()
        try:
            await asyncio.wait_for(heard.wait(), LISTENER_SECONDS)
        except asyncio.TimeoutError:
            logger.debug("nobody listens to the voice")
        finally:
            self._room.off("local_track_subscribed", on_subscribed)

    def pause(self) -> None:
        """Hold the speech at the sample that is heard now."""
        self.output.pause()

    def resume(self) -> None:
        """Go on where it was held."""
        self.output.resume()

    async def aclose(self) -> None:
        """Take the voice out of the room."""
        await self._publisher.aclose()
        if self._room.isconnected():
            tracks = list(self._room.local_participant.track_publications.values())
            for track in (track for track in tracks if track.name == AUDIO_TRACK):
                with contextlib.suppress(rtc.participant.UnpublishTrackError):
                    await self._room.local_participant.unpublish_track(track.sid)
