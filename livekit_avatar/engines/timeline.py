"""The order of a performance's steps: speech cut into frames, given, taken back, forgotten.

The bookkeeping that every `Performance` needs, whatever its engine hears and draws. It does no input or
output; a performance owns one and asks it for steps, whose `data` is what the audio network heard in them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

import numpy as np

from livekit_avatar.engines.base import NEED_AUDIO, SEGMENT_END, Signal, Step
from livekit_avatar.types import FPS, SAMPLES_PER_FRAME, Samples

Heard = TypeVar("Heard")
State = TypeVar("State")

HISTORY = 10 * FPS
"""Steps that can be taken back; a runtime decides a few steps ahead of what is shown, never seconds."""


class FrameCutter:
    """Cuts segments of speech into frames of 40 ms; the last of a segment may be shorter."""

    def __init__(self) -> None:
        self._rest: Samples = np.empty(0, np.int16)

    def push(self, pcm: Samples) -> list[Samples]:
        """Add (n,) int16 samples at 16 kHz; returns the frames that are complete, (640,) each."""
        samples = np.concatenate([self._rest, pcm])
        whole = len(samples) // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME
        self._rest = samples[whole:]
        return list(samples[:whole].reshape(-1, SAMPLES_PER_FRAME))

    def end(self) -> list[Samples]:
        """The segment is complete, or forgotten; returns what is left of it, if anything."""
        rest, self._rest = self._rest, self._rest[:0]
        return [rest] if len(rest) else []


@dataclass(slots=True)
class _Segment(Generic[Heard]):
    """One utterance: its length so far, and what was heard in those of its frames that may yet be given."""

    number: int
    samples: int = 0
    ended: bool = False
    heard: dict[int, Heard] = field(default_factory=dict)
    heard_frames: int = 0

    @property
    def frames(self) -> int:
        return -(-self.samples // SAMPLES_PER_FRAME)

    def ready(self, frame: int) -> bool:
        """Whether a frame can be given: it was heard, and whether it is the last is known."""
        more = (frame + 1) * SAMPLES_PER_FRAME < self.samples
        return frame < self.heard_frames and (self.ended or more)


@dataclass(frozen=True, slots=True)
class _Position:
    """The next frame to give."""

    segment: int
    frame: int


@dataclass(slots=True)
class _Given(Generic[State]):
    """A step that was given: where `next` goes on after it, and what the performance was like after it."""

    id: int
    then: _Position
    state: State


class Timeline(Generic[Heard, State]):
    """Segments of speech in order, and the steps that were cut from them.

    Several segments may wait behind the one that is spoken. With each step the performance may leave its own
    state (`remember`), and gets it back when steps are taken back (`hold`, `interrupt`), so that what is
    shown never jumps. At most `HISTORY` steps are remembered.

    Args:
        state: the performance's state before its first step.
    """

    def __init__(self, state: State) -> None:
        self._segments: dict[int, _Segment[Heard]] = {}
        self._opened = 0
        self._steps = 0
        self._at = _Position(0, 0)
        self._given = deque([_Given(-1, self._at, state)])  # the first stands for all that is forgotten

    def push(self, samples: int) -> int:
        """Lengthen the open segment, or a new one, by a number of 16 kHz samples; return its number."""
        segment = self._open()
        if segment is None:
            segment = self._segments[self._opened] = _Segment(self._opened)
            self._opened += 1
        segment.samples += samples
        return segment.number

    def end_segment(self) -> int | None:
        """The open segment is complete; its number, or None if none was open."""
        segment = self._open()
        if segment is None:
            return None
        segment.ended = True
        return segment.number

    def hear(self, segment: int, heard: Iterable[Heard]) -> None:
        """Add what was heard in the next frames of a segment; ignored if it was forgotten meanwhile."""
        known = self._segments.get(segment)
        if known is None:
            return
        for one in heard:
            known.heard[known.heard_frames] = one
            known.heard_frames += 1

    def next(self) -> Step | Literal[Signal.NEED_AUDIO, Signal.SEGMENT_END]:
        """The next spoken step, its `data` what was heard in it; or why there is none."""
        segment = self._segments.get(self._at.segment)
        if segment is None:
            return NEED_AUDIO
        if segment.ended and self._at.frame == segment.frames:
            self._at = _Position(segment.number + 1, 0)
            self._given[-1].then = self._at
            return SEGMENT_END
        if not segment.ready(self._at.frame):
            return NEED_AUDIO
        return self._speak(segment, self._at.frame)

    def idle(self, data: object = None) -> Step:
        """A step without speech."""
        return Step(self._give(self._at), None, 0, 0, False, data)

    def remember(self, state: State) -> None:
        """Leave the performance's state after the step that was just given."""
        self._given[-1].state = state

    def hold(self, shown: int | None) -> State:
        """Take back the steps after the id `shown` (None: all) and return the state of the one that stays.

        `next` gives the spoken ones again, under new ids; the end of a segment comes again if its last step
        was taken back.
        """
        self._rewind(shown)
        return self._given[-1].state

    def interrupt(self, shown: int | None) -> State:
        """Forget all speech; return the state after the step `shown` (None: before the first)."""
        self._rewind(shown)
        self._segments.clear()
        self._at = self._given[-1].then = _Position(self._opened, 0)
        self._given = deque([self._given[-1]])
        return self._given[-1].state

    def _open(self) -> _Segment[Heard] | None:
        segment = self._segments.get(self._opened - 1)
        return None if segment is None or segment.ended else segment

    def _speak(self, segment: _Segment[Heard], frame: int) -> Step:
        start = frame * SAMPLES_PER_FRAME
        stop = min(start + SAMPLES_PER_FRAME, segment.samples)
        last = segment.ended and stop == segment.samples
        self._at = _Position(segment.number, frame + 1)
        return Step(self._give(self._at), segment.number, start, stop, last, segment.heard[frame])

    def _give(self, then: _Position) -> int:
        step = self._steps
        self._steps += 1
        self._given.append(_Given(step, then, self._given[-1].state))
        if len(self._given) > HISTORY + 1:
            self._given.popleft()
            self._forget(before=self._given[0].then)
        return step

    def _forget(self, before: _Position) -> None:
        """Free the speech that can no longer be taken back."""
        for number in [number for number in self._segments if number < before.segment]:
            del self._segments[number]
        segment = self._segments.get(before.segment)
        if segment is not None:
            segment.heard.pop(before.frame - 1, None)

    def _rewind(self, shown: int | None) -> None:
        last = -1 if shown is None else shown
        while len(self._given) > 1 and self._given[-1].id > last:
            self._given.pop()
        self._at = self._given[-1].then
