"""The two tracks of a face: each picture is shown when its sound is heard.

The sound source is never empty: silence keeps flowing while nobody speaks, so that listeners' jitter buffers
stay at one level. Each picture is captured at the moment when its own sound leaves the sound source. There is
no second clock that could drift.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from livekit import rtc
from livekit.agents.voice.avatar import AvatarOptions

from livekit_avatar.room.encoding import Encoding
from livekit_avatar.room.playout import Playout, Slot
from livekit_avatar.room.presenter import Presenter
from livekit_avatar.room.utterance import Utterance
from livekit_avatar.types import FPS

AUDIO_TRACK, VIDEO_TRACK = "avatar_audio", "avatar_video"

LEVEL = 0.04
"""Seconds of sound left in the source when the next 40 ms are decided, while speech is still being made."""

DEEP = 0.2
"""The same while more speech than that is waiting: an event loop that is held up leaves no hole in it.

More costs nothing until an interruption: then the face goes on from a picture that was not shown."""

BEHIND = 0.03
"""Seconds from the moment a sound leaves to its picture: listeners' jitter buffers hold sound longer."""

_ANNOUNCE_SECONDS = 5.0
_SOURCE_MS = 400  # what the source could hold; DEEP plus one frame is the most that it does hold
_TOLERANCE = 0.005  # seconds


class Tracks:
    """Sound and pictures on their way into a room.

    Args:
        room: need not be connected before `publish`.
        options: size of the video, 0 for none; rate and channels of the sound.
        encoding: how both are sent.
    """

    def __init__(self, room: rtc.Room, options: AvatarOptions, encoding: Encoding) -> None:
        self.rate = options.audio_sample_rate
        self._room = room
        self._options = options
        self._encoding = encoding
        self._audio = rtc.AudioSource(self.rate, options.audio_channels, queue_size_ms=_SOURCE_MS)
        # LiveKit's native part aborts on a source without a size.
        self._video = rtc.VideoSource(options.video_width or 2, options.video_height or 2)
        self._presenter = Presenter(self._video)
        self._playout: Playout[rtc.VideoFrame] = Playout(self.rate)
        self._ends = 0.0  # when all that the source holds will have been heard
        self._timers: set[asyncio.TimerHandle] = set()
        self._hurry = asyncio.Event()
        self._announcing: asyncio.Task[None] | None = None
        self._closed = False

    async def publish(self) -> None:
        """Announce the tracks in the room, which must be connected."""
        self._announcing = asyncio.create_task(self._announce())
        await asyncio.shield(self._announcing)

    async def _announce(self) -> None:
        participant = self._room.local_participant
        await participant.publish_track(
            rtc.LocalAudioTrack.create_audio_track(AUDIO_TRACK, self._audio), self._encoding.audio_options()
        )
        if not self._options.video_width:
            return
        await participant.publish_track(
            rtc.LocalVideoTrack.create_video_track(VIDEO_TRACK, self._video),
            self._encoding.video_options(self._options.video_width, self._options.video_height),
        )

    async def queue(self, slot: Slot[rtc.VideoFrame], shown: Callable[[float], None]) -> float:
        """Add a picture and its sound; speech takes the place of silence that nobody has heard yet.

        Args:
            slot: what is added.
            shown: called in another thread when the picture is captured, with the seconds it was late.

        Returns:
            When its first sample will be heard, on the monotonic clock.
        """
        now = time.monotonic()
        if slot.utterance is not None and self._only_silence:
            self.forget(pictures_since=now + BEHIND - 0.5 / FPS)
        at = max(now, self._ends)
        self._ends = at + len(slot.sound) / self.rate
        self._playout.push(slot, at, now)
        if slot.picture is not None:
            self._presenter.show(slot.picture, at + BEHIND, shown)
        sound = rtc.AudioFrame(slot.sound.tobytes(), self.rate, 1, len(slot.sound))
        await self._audio.capture_frame(sound)
        return at

    @property
    def _only_silence(self) -> bool:
        return not self._timers and self._playout.silent(time.monotonic())

    async def wait_until_due(self, level: float = LEVEL) -> None:
        """Wait until the next slot must be queued, or `hurry` is called while only silence is queued.

        Args:
            level: seconds of sound that are left when it must.
        """
        while (wait := self._ends - time.monotonic() - level) > 0:
            try:
                await asyncio.wait_for(self._hurry.wait(), wait)
            except asyncio.TimeoutError:
                return
            self._hurry.clear()
            if self._only_silence and wait <= 1 / FPS + _TOLERANCE:  # so that it hurries once, not for ever
                return

    def hurry(self) -> None:
        """Something has changed: the next slot need not wait until silence has been heard."""
        self._hurry.set()

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Do something at a time of the monotonic clock, unless the queue is forgotten before."""

        def act() -> None:
            self._timers.discard(timer)
            action()

        timer = asyncio.get_running_loop().call_later(max(0.0, when - time.monotonic()), act)
        self._timers.add(timer)

    def at_end(self, action: Callable[[], None]) -> None:
        """Do something when all that is queued has been heard, unless it is forgotten before."""
        self.at(self._ends, action)

    def heard(self, utterance: Utterance) -> float:
        """Seconds of an utterance that have been heard by now."""
        return self._playout.heard(utterance, time.monotonic()) / self.rate

    def take_back(self) -> list[Slot[rtc.VideoFrame]]:
        """Forget the queue and return what of its speech nobody has heard, cut at the sample."""
        unheard = self._playout.take_back(time.monotonic())
        self.forget()
        return unheard

    def forget(self, *, pictures_since: float = 0.0) -> None:
        """Nothing that is queued will be heard, no timer goes off, and no picture due since then is seen."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._playout.clear()
        self._presenter.clear(pictures_since)
        self._ends = 0.0
        if not self._closed:
            self._audio.clear_queue()

    async def aclose(self) -> None:
        """End both sources; nothing may be queued any more."""
        self._closed = True
        self.forget()
        if self._announcing is not None:  # LiveKit's native part may crash if this is cut short
            await asyncio.wait({self._announcing}, timeout=_ANNOUNCE_SECONDS)
            self._announcing.cancel()
            await asyncio.wait({self._announcing})
        self._presenter.close()
        await self._audio.aclose()
        await self._video.aclose()
