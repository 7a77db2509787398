"""A segment of speech on its way from the agent to the listener."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from livekit import rtc


@dataclass(slots=True, eq=False)
class Utterance:
    """What was read of it, what was queued for the listener, and what was heard.

    Attributes:
        silent: no sample of it has been read.
        ended: all of it has been read.
        complete: all of it has been handed to the sound source.
        heard: samples that were heard, without those of a frame under way.
        read_at: when its first frame was read, on the monotonic clock.
        announced: its first sample has been queued.
        started_at: when its first sample was heard; None before.
        pictures: pictures of it that were shown.
        lateness: the most that one of them was later than its sound, in seconds.
    """

    silent: bool = True
    ended: bool = False
    complete: bool = False
    heard: int = 0
    read_at: float = field(default_factory=time.monotonic)
    announced: bool = False
    started_at: float | None = None
    pictures: int = 0
    lateness: float = 0.0
    _waiting: deque[rtc.AudioFrame] = field(default_factory=deque)  # read and not all queued
    _skip: float = 0.0  # seconds of the first of them that were queued

    def read(self, frame: rtc.AudioFrame) -> None:
        """Another frame of it."""
        self.silent = self.silent and not frame.samples_per_channel
        self._waiting.append(frame)

    def queue(self, seconds: float) -> None:
        """So much more of it was handed to the sound source."""
        self._skip += seconds
        while self._waiting and self._skip >= self._waiting[0].duration:
            self._skip -= self._waiting.popleft().duration

    def unqueued(self) -> Iterator[rtc.AudioFrame]:
        """What was read and not yet queued."""
        skip = self._skip
        for frame in self._waiting:
            yield _after(frame, round(skip * frame.sample_rate))
            skip = 0.0


def _after(frame: rtc.AudioFrame, samples: int) -> rtc.AudioFrame:
    """A frame without its first samples (of each channel)."""
    if not samples:
        return frame
    left = frame.data[samples * frame.num_channels :].tobytes()
    return rtc.AudioFrame(left, frame.sample_rate, frame.num_channels, frame.samples_per_channel - samples)
