"""A segment of speech on its way from the agent to the listener."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from livekit import rtc


@dataclass(slots=True, eq=False)
class Utterance:
    """What was read of it, what was queued for the listener, and what was heard.

    Attributes:
        speech: the frames that were read, in order.
        ended: all of it has been read.
        queued: samples, at the rate of the room, that were handed to the sound source.
        complete: all of it has been handed to the sound source.
        heard: samples that were heard, without those of a frame under way.
        read_at: when its first frame was read, on the monotonic clock.
        announced: its first sample has been queued.
        started_at: when its first sample was heard; None before.
        pictures: pictures of it that were shown.
        lateness: the most that one of them was later than its sound, in seconds.
    """

    speech: list[rtc.AudioFrame] = field(default_factory=list)
    ended: bool = False
    queued: int = 0
    complete: bool = False
    heard: int = 0
    read_at: float = field(default_factory=time.monotonic)
    announced: bool = False
    started_at: float | None = None
    pictures: int = 0
    lateness: float = 0.0

    def unqueued(self, sample_rate: int) -> Iterator[rtc.AudioFrame]:
        """What was read and not yet queued; `sample_rate` is the one that `queued` counts in."""
        skip = self.queued / sample_rate
        for frame in self.speech:
            if skip >= frame.duration:
                skip -= frame.duration
                continue
            yield _after(frame, round(skip * frame.sample_rate))
            skip = 0.0


def _after(frame: rtc.AudioFrame, samples: int) -> rtc.AudioFrame:
    """A frame without its first samples (of each channel)."""
    if not samples:
        return frame
    left = frame.data[samples * frame.num_channels :].tobytes()
    return rtc.AudioFrame(left, frame.sample_rate, frame.num_channels, frame.samples_per_channel - samples)
