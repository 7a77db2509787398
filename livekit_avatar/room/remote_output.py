"""The audio output of an agent whose face is elsewhere: what is said is kept until it was heard.

So when the face dies, the same speech goes on at the same place over another line.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from livekit import rtc
from livekit.agents import utils
from livekit.agents.voice.io import (
    AudioOutput,
    AudioOutputCapabilities,
    PlaybackFinishedEvent,
    PlaybackStartedEvent,
)

from livekit_avatar.room.lines import WIRE_RATE, Line
from livekit_avatar.room.utterance import Utterance

logger = logging.getLogger(__name__)

_AT_ONCE = 1.0  # seconds of an utterance that a line with a pace takes as fast as they come


@dataclass(slots=True, eq=False)
class _Segment:
    """An utterance that was captured and is not finished.

    Attributes:
        utterance: its speech.
        handed: the present line has some of it.
        cut: it was interrupted.
        begun: it was reported as begun.
        paced_to: when the line will have taken at its pace all that it was handed, on the monotonic clock.
        since: when it began to be heard over the present line, on the monotonic clock, pauses left out.
        captured: seconds of it that were captured.
        heard: seconds of it that were heard over lines before.
    """

    utterance: Utterance = field(default_factory=Utterance)
    handed: bool = False
    cut: bool = False
    begun: bool = False
    paced_to: float = 0.0
    since: float | None = None
    captured: float = 0.0
    heard: float = 0.0


_Order: TypeAlias = Callable[[Line], Awaitable[None]]


class RemoteAudioOutput(AudioOutput):
    """Speaks over one line at a time; each utterance is finished exactly once, whatever happens to lines.

    Until the first line is there, captured speech waits.
    """

    def __init__(self) -> None:
        super().__init__(
            label="RemoteFaceOutput",
            sample_rate=WIRE_RATE,
            capabilities=AudioOutputCapabilities(pause=True),
        )
        self._line: Line | None = None
        self._ready = asyncio.Event()
        self._orders = utils.aio.Chan[_Order]()
        self._speaking: asyncio.Task[None] | None = None
        self._segments: deque[_Segment] = deque()
        self._open: _Segment | None = None  # that is being captured
        self._paused_at: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._cleared = asyncio.Event()  # since the last piece of speech was handed to the line
        self._silent = asyncio.Event()  # nothing is unfinished
        self._silent.set()
        self._closed = False
        self.broken = asyncio.Event()
        """The present line does not take speech any more."""

    @property
    def can_pause(self) -> bool:
        """Whether speech can be held: by the plain voice always, by a face if it has said so."""
        return self._line is not None and self._line.can_pause

    # What the agent says.

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        """Take speech; faster than it is spoken."""
        await self._ready.wait()
        await super().capture_frame(frame)
        if self._open is None:
            self._open = _Segment()
            self._segments.append(self._open)
            self._silent.clear()
        if not self._open.cut:
            self._open.utterance.read(frame)
            self._open.captured += frame.duration
            self._order(partial(self._hand, self._open, frame))

    def flush(self) -> None:
        """The utterance is complete."""
        super().flush()
        segment, self._open = self._open, None
        if segment is None or segment.cut:
            return
        segment.utterance.ended = True
        if self._closed:
            self._finish(segment, 0.0, interrupted=True)
        else:
            self._order(self._end)

    def clear_buffer(self) -> None:
        """Interrupt: what was captured is over, heard or not."""
        self._cleared.set()
        while not self._orders.empty():
            self._orders.recv_nowait()
        for segment in list(self._segments):
            segment.cut = True
            if self._line is None or not segment.handed:
                self._finish(segment, segment.heard, interrupted=True)
        if self._segments:
            self._order(self._clear)

    def pause(self) -> None:
        """Hold the speech, if the line can."""
        super().pause()
        if self._line is None:
            return
        if self.can_pause and self._paused_at is None:
            self._paused_at = time.monotonic()
        self._line.pause()

    def resume(self) -> None:
        """Go on where it was held."""
        super().resume()
        if self._line is None:
            return
        if self._paused_at is not None:
            held, self._paused_at = time.monotonic() - self._paused_at, None
            for segment in self._segments:
                segment.since = None if segment.since is None else segment.since + held
        self._line.resume()

    # Lines.

    async def use(self, line: Line) -> None:
        """Go on over this line at once, with what was not heard."""
        if self._line is not None:
            await self.leave(self._line)
        self._take(line)

    async def hand_over(self, line: Line) -> None:
        """Go on over this line from the next utterance."""
        while not self._silent.is_set():
            await self._silent.wait()
        await self.use(line)

    async def leave(self, line: Line) -> None:
        """Give up a line, if it is the present one: what was not heard waits for the next."""
        if self._line is not line:
            return
        self._line = None
        if self._timer is not None:
            self._timer.cancel()
        line.output.off("playback_started", self._on_started)
        line.output.off("playback_finished", self._on_finished)
        for segment in self._segments:
            heard = min(segment.captured - segment.heard, self._heard(segment, line))
            segment.utterance.queue(heard)
            segment.heard += heard
            segment.handed, segment.since = False, None
        speaking, self._speaking = self._speaking, None
        if speaking is not None:
            await utils.aio.cancel_and_wait(speaking)

    async def aclose(self) -> None:
        """Finish everything, unheard; what is captured from now on is over at once."""
        self._closed = True
        if self._line is not None:
            await self.leave(self._line)
        for segment in list(self._segments):
            segment.cut = True
            self._finish(segment, segment.heard, interrupted=True)
        self._orders.close()
        self._ready.set()

    def _take(self, line: Line) -> None:
        """Speak over a line what was not heard."""
        self._line = line
        self._orders = utils.aio.Chan[_Order]()
        self.broken.clear()
        line.output.on("playback_started", self._on_started)
        line.output.on("playback_finished", self._on_finished)
        if self._paused_at is not None and line.can_pause:
            line.pause()
        for segment in list(self._segments):
            self._say_again(segment)
        self._speaking = asyncio.create_task(self._speak(line, self._orders))
        self._ready.set()

    def _say_again(self, segment: _Segment) -> None:
        """Order what was not heard of a segment."""
        if segment.cut:
            self._finish(segment, segment.heard, interrupted=True)
            return
        rest = [frame for frame in segment.utterance.unqueued() if frame.samples_per_channel]
        for frame in rest:
            self._order(partial(self._hand, segment, frame))
        if segment.utterance.ended and rest:
            self._order(self._end)
        elif segment.utterance.ended:
            self._finish(segment, segment.captured, interrupted=False)

    async def _speak(self, line: Line, orders: utils.aio.Chan[_Order]) -> None:
        try:
            async for order in orders:
                await order(line)
        except Exception as error:
            logger.warning("the face does not take speech any more (%s: %s)", type(error).__name__, error)
            self.broken.set()

    def _order(self, order: _Order) -> None:
        if not self._orders.closed:
            self._orders.send_nowait(order)

    async def _hand(self, segment: _Segment, frame: rtc.AudioFrame, line: Line) -> None:
        self._cleared.clear()
        if segment.cut:
            return
        first, segment.handed = not segment.handed, True
        await line.output.capture_frame(frame)
        if first:
            self._await_begin(line)
        await self._keep_pace(segment, frame.duration, line)

    async def _keep_pace(self, segment: _Segment, seconds: float, line: Line) -> None:
        """Wait until a line takes more of a segment, of which it has just taken some seconds."""
        if line.pace is None:
            return
        now = time.monotonic()
        segment.paced_to = max(segment.paced_to, now) + seconds / line.pace
        wait = segment.paced_to - _AT_ONCE / line.pace - now
        if wait > 0:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._cleared.wait(), wait)

    async def _end(self, line: Line) -> None:
        line.output.flush()

    async def _clear(self, line: Line) -> None:
        line.output.flush()
        line.output.clear_buffer()

    # What was heard.

    def _await_begin(self, line: Line) -> None:
        """A line that may not say when an utterance begins gets some time for it."""
        head = self._segments[0] if self._segments else None
        if head is None or not head.handed or head.since is not None or line.start_grace is None:
            return
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(line.start_grace, self._assume_begun, head, line)

    def _assume_begun(self, segment: _Segment, line: Line) -> None:
        if line.start_grace is not None:  # a face may have said only now that it will say
            self._begin(segment)

    def _on_started(self, event: PlaybackStartedEvent) -> None:
        head = next((segment for segment in self._segments if segment.handed), None)
        if head is not None:
            self._begin(head)

    def _begin(self, segment: _Segment) -> None:
        if segment.since is None:
            segment.since = time.monotonic()
        if not segment.begun:
            segment.begun = True
            self.on_playback_started(created_at=time.time())

    def _on_finished(self, event: PlaybackFinishedEvent) -> None:
        segment = next((segment for segment in self._segments if segment.handed), None)
        if segment is None:
            return
        heard = event.playback_position
        if event.interrupted:  # a clear that nobody answered counts all that was sent
            heard = min(heard, self._elapsed(segment))
        self._finish(segment, segment.heard + heard, interrupted=event.interrupted)

    def _finish(self, segment: _Segment, position: float, *, interrupted: bool) -> None:
        self._segments.remove(segment)
        if self._timer is not None:
            self._timer.cancel()
        if position > 0 and not segment.begun:
            self._begin(segment)
        self.on_playback_finished(playback_position=position, interrupted=interrupted)
        if not self._segments:
            self._silent.set()
        elif self._line is not None:
            self._await_begin(self._line)

    def _elapsed(self, segment: _Segment) -> float:
        """Seconds since a segment began to be heard over the present line."""
        if segment.since is None:
            return 0.0
        return max(0.0, (self._paused_at or time.monotonic()) - segment.since)

    def _heard(self, segment: _Segment, line: Line) -> float:
        """Seconds of a segment that were heard over a line, as far as one can know."""
        elapsed = self._elapsed(segment)
        return elapsed if line.position is None else min(line.position, elapsed)
