"""Publishing a face: utterances come in, are spoken in order, and each is finished exactly once.

A drop-in for livekit-agents' `AvatarRunner`. `tracks.py` keeps sound and pictures together.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np
from livekit import rtc
from livekit.agents import utils
from livekit.agents.voice.avatar import AudioReceiver, AudioSegmentEnd, AvatarOptions, VideoGenerator

from livekit_avatar import metrics
from livekit_avatar.errors import AvatarError, NotStartedError
from livekit_avatar.room.encoding import Encoding
from livekit_avatar.room.playout import Slot
from livekit_avatar.room.speech import SILENCE
from livekit_avatar.room.tracks import DEEP, LEVEL, Tracks
from livekit_avatar.room.utterance import Utterance
from livekit_avatar.room.voice import VoiceOnly
from livekit_avatar.types import FPS

logger = logging.getLogger(__name__)

_LATE = 0.02  # seconds
_LONGEST_WAIT = 60.0  # seconds between two attempts to bring a face back


@runtime_checkable
class Pausable(Protocol):
    """A video generator whose speech can be held."""

    async def pause(self) -> None:
        """Give pictures without speech until `resume`."""

    async def resume(self) -> None:
        """Go on with the speech."""


@runtime_checkable
class Knowing(Protocol):
    """A video generator that knows what it has still to say."""

    @property
    def unspoken(self) -> float:
        """Seconds of speech that it could give at once."""


class Publisher:
    """Publishes what a generator makes of the audio that a receiver gives.

    Args:
        room: need not be connected yet.
        audio_recv: where the speech comes from; told when an utterance begins and ends to be heard.
        video_gen: makes pictures and sound of it.
        options: size of the video, rate and channels of the sound.
        encoding: how the video is sent.
        revive: makes a generator in place of one that failed, or raises if it cannot yet; it is tried again,
            ever less often, and takes over from the bare voice between two utterances.
        on_shown: called in another thread with each picture when it is shown.
    """

    def __init__(
        self,
        room: rtc.Room,
        *,
        audio_recv: AudioReceiver,
        video_gen: VideoGenerator,
        options: AvatarOptions,
        encoding: Encoding | None = None,
        revive: Callable[[], Awaitable[VideoGenerator]] | None = None,
        on_shown: Callable[[rtc.VideoFrame], None] | None = None,
    ) -> None:
        self._on_shown = on_shown
        self._room = room
        self._audio_recv = audio_recv
        self._video_gen = video_gen
        self._revive = revive
        self._revived: VideoGenerator | None = None
        self._tracks = Tracks(room, options, encoding or Encoding())
        self._utterances: deque[Utterance] = deque()  # read from the receiver and not finished
        self._open: Utterance | None = None  # the one that is being read
        self._held: deque[Slot[rtc.VideoFrame]] = deque()  # unheard when the speech was paused
        self._paused = False
        self._last_picture: rtc.VideoFrame | None = None
        self._interrupted_at: float | None = None  # until a picture has been shown
        self._tasks: set[asyncio.Task[Any]] = set()
        self._reading: asyncio.Task[None] | None = None
        self._publishing: asyncio.Task[None] | None = None
        self._connected = asyncio.Event()
        self._closed = False

    async def start(self) -> None:
        """Begin; tracks are published as soon as the room is connected, whoever is in it."""
        await self._audio_recv.start()
        self._listeners("on")
        self._on_connection_changed()
        self._reading = asyncio.create_task(self._read_audio())
        self._publishing = asyncio.create_task(self._publish())

    async def wait_for_complete(self) -> None:
        """Wait until the generator has ended, or the publisher is closed."""
        if self._publishing is None:
            raise NotStartedError("the publisher is not started", fix="Call `await publisher.start()` first.")
        await asyncio.wait({self._publishing})

    @property
    def position(self) -> float:
        """Seconds of the present utterance that were heard; 0 between utterances."""
        heard = [utterance for utterance in self._utterances if utterance.started_at is not None]
        return self._tracks.heard(heard[0]) if heard else 0.0

    async def aclose(self) -> None:
        """Stop; may be called twice, and before `start`."""
        if self._closed:
            return
        self._closed = True
        self._listeners("off")
        self._finish_all()
        self._tracks.forget()
        await self._audio_recv.aclose()
        main = [task for task in (self._reading, self._publishing) if task]
        await utils.aio.cancel_and_wait(*main, *self._tasks)
        await self._tracks.aclose()

    def _listeners(self, method: str) -> None:
        listen = getattr(self._audio_recv, method)
        listen("clear_buffer", self._on_clear)
        if isinstance(self._video_gen, Pausable):
            listen("pause", self._on_pause)
            listen("resume", self._on_resume)
        getattr(self._room, method)("connection_state_changed", self._on_connection_changed)

    def _on_connection_changed(self, *_: object) -> None:
        if self._room.isconnected():
            self._connected.set()

    # Speech on its way in.

    async def _read_audio(self) -> None:
        async for item in self._audio_recv:
            if isinstance(item, AudioSegmentEnd):
                if self._open is None:
                    continue  # the end of an utterance that was interrupted
                if self._open.silent:  # without a sample, no generator would tell when it is over
                    sample = rtc.AudioFrame.create(self._tracks.rate, 1, 1)
                    self._open.read(sample)
                    await self._video_gen.push_audio(sample)
                self._open.ended = True
                self._open = None
            else:
                if self._open is None:
                    self._open = Utterance()
                    self._utterances.append(self._open)
                self._open.read(item)
            await self._video_gen.push_audio(item)
            self._tracks.hurry()

    # Pictures and sound on their way out.

    async def _publish(self) -> None:
        await self._connected.wait()
        try:
            await self._tracks.publish()
        except Exception:
            logger.exception("the tracks cannot be published: nothing that is said will be heard")
            self._finish_all()
            await self._audio_recv.aclose()
            return
        while True:
            try:
                await self._play()
            except Exception:
                if isinstance(self._video_gen, VoiceOnly):
                    raise
                logger.exception("the face died; its last picture stays and the voice goes on without it")
                await self._go_on_with_voice()
            else:
                if self._revived is None:
                    return
                self._video_gen, self._revived = self._revived, None
                logger.info("the face is back")

    async def _go_on_with_voice(self) -> None:
        """Speak what was read and not yet queued, without a face."""
        if self._reading is not None:
            await utils.aio.cancel_and_wait(self._reading)  # it may wait for the dead generator
        voice = VoiceOnly(self._last_picture, self._tracks.rate)
        if self._paused:
            await voice.pause()
        self._video_gen = voice
        for utterance in list(self._utterances):
            for frame in utterance.unqueued():
                await voice.push_audio(frame)
            if utterance.ended and not utterance.complete:
                await voice.push_audio(AudioSegmentEnd())
        self._reading = asyncio.create_task(self._read_audio())
        if self._revive is not None:
            self._tell(self._bring_back(self._revive))

    async def _bring_back(self, revive: Callable[[], Awaitable[VideoGenerator]]) -> None:
        wait = 1.0
        while self._revived is None:
            await asyncio.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)
            try:
                self._revived = await revive()
            except AvatarError as error:
                logger.info("the face is not back yet: %s", error)
            except Exception:
                logger.exception("the face is not back yet")

    async def _play(self) -> None:
        """Play what the generator gives, until it ends or another one can take over."""
        picture: rtc.VideoFrame | None = None
        async for item in self._video_gen:
            if isinstance(item, rtc.VideoFrame):
                if picture is not None:
                    await self._emit(picture, None)
                picture = self._last_picture = item
            elif isinstance(item, rtc.AudioFrame):
                await self._emit(picture, item)
                picture = None
            else:
                self._end_utterance()
            if self._reading is not None and self._reading.done():
                self._reading.result()  # raises if the generator did not take the speech
            if self._revived is not None and not self._utterances:
                return

    async def _emit(self, picture: rtc.VideoFrame | None, sound: rtc.AudioFrame | None) -> None:
        """Queue a picture with its sound, and wait until the next is due."""
        speech = sound is not None and not sound.userdata.get(SILENCE) and self._speaking is not None
        if self._held and not self._paused:
            await self._queue_held()
            if not speech:
                picture, sound = None, None  # no gap between what was held and what goes on
        utterance = self._speaking
        if speech and sound is not None and utterance is not None:
            utterance.queue(sound.duration)
            await self._queue(Slot(picture, np.frombuffer(sound.data, np.int16), utterance))
        elif picture is not None or sound is not None:
            await self._queue(Slot(picture, np.zeros(self._tracks.rate // FPS, np.int16), None))
        await self._tracks.wait_until_due(self._level)

    @property
    def _level(self) -> float:
        """Seconds of sound to have in store: as much of speech as there is, and little of silence."""
        generator, speaking = self._video_gen, self._speaking is not None and not self._paused
        return DEEP if speaking and isinstance(generator, Knowing) and generator.unspoken > DEEP else LEVEL

    async def _queue_held(self) -> None:
        while self._held:
            await self._queue(self._held.popleft())
        for utterance in self._utterances:
            if utterance.complete:
                self._finish_when_heard(utterance)

    @property
    def _speaking(self) -> Utterance | None:
        """The utterance whose sound is being queued."""
        return next((utterance for utterance in self._utterances if not utterance.complete), None)

    async def _queue(self, slot: Slot[rtc.VideoFrame]) -> None:
        utterance = slot.utterance

        def shown(late: float) -> None:
            self._count_picture(late, utterance)
            if self._on_shown is not None and slot.picture is not None:
                self._on_shown(slot.picture)

        at = await self._tracks.queue(slot, shown)
        if utterance is not None and not utterance.announced:
            utterance.announced = True
            self._tracks.at(at, lambda: self._begin(utterance))

    def _begin(self, utterance: Utterance) -> None:
        utterance.started_at = time.monotonic()
        metrics.AUDIBLE_SECONDS.observe(utterance.started_at - utterance.read_at)
        self._tell(self._audio_recv.notify_playback_started())

    def _count_picture(self, lateness: float, utterance: Utterance | None) -> None:
        metrics.PICTURES.inc()
        metrics.AV_OFFSET_SECONDS.observe(lateness)
        if lateness > _LATE:
            metrics.LATE_PICTURES.inc()
        if self._interrupted_at is not None:
            metrics.INTERRUPT_SECONDS.observe(time.monotonic() - self._interrupted_at)
            self._interrupted_at = None
        if utterance:
            utterance.pictures += 1
            utterance.lateness = max(utterance.lateness, lateness)

    def _end_utterance(self) -> None:
        """All sound of an utterance is queued: it is finished when that has been heard."""
        utterance = self._speaking
        if utterance is not None:
            utterance.complete = True
            self._finish_when_heard(utterance)

    def _finish_when_heard(self, utterance: Utterance) -> None:
        self._tracks.at_end(lambda: self._finish(utterance, interrupted=False))

    def _finish(self, utterance: Utterance, *, interrupted: bool) -> None:
        self._utterances.remove(utterance)
        heard = self._tracks.heard(utterance)
        metrics.UTTERANCES.labels("interrupted" if interrupted else "heard").inc()
        metrics.HEARD_SECONDS.inc(heard)
        logger.info(
            "utterance %s: %.2f s heard, audible after %.0f ms, %d pictures, at most %.0f ms late",
            "interrupted" if interrupted else "over",
            heard,
            1000 * ((utterance.started_at or utterance.read_at) - utterance.read_at),
            utterance.pictures,
            1000 * utterance.lateness,
        )
        self._tell(self._audio_recv.notify_playback_finished(heard, interrupted))

    def _finish_all(self) -> None:
        while self._utterances:
            self._finish(self._utterances[0], interrupted=True)
        self._open = None

    # Interruption and pause.

    def _on_clear(self) -> None:
        self._interrupted_at = time.monotonic()
        self._finish_all()
        self._held.clear()
        self._tracks.forget()
        self._tell(self._video_gen.clear_buffer())
        self._tracks.hurry()

    def _on_pause(self) -> None:
        if self._paused or not isinstance(self._video_gen, Pausable):
            return
        self._paused = True
        self._held.extend(self._tracks.take_back())
        for utterance in self._utterances:
            utterance.announced = utterance.started_at is not None
        unheard = [slot.utterance for slot in self._held]
        for utterance in [each for each in self._utterances if each.complete and each not in unheard]:
            self._finish(utterance, interrupted=False)
        self._tell(self._video_gen.pause())
        self._tracks.hurry()

    def _on_resume(self) -> None:
        if self._paused and isinstance(self._video_gen, Pausable):
            self._paused = False
            self._tell(self._video_gen.resume())
            self._tracks.hurry()

    def _tell(self, notice: Any) -> None:
        """Let a notice go its way, at once or as a task."""
        if asyncio.iscoroutine(notice):
            task = asyncio.create_task(notice)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
