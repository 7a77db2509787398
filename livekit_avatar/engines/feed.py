"""Speech on its way through a performance: what was pushed in comes out again, step by step, unchanged.

The networks hear 16 kHz; the listener gets the original samples. `SpeechFeed` keeps the two together. It
does no input or output and knows no clock, so that offline rendering and the live runtime share it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from livekit_avatar.audio.resample import StreamResampler
from livekit_avatar.engines.base import NEED_AUDIO, SEGMENT_END, Performance, Step
from livekit_avatar.errors import AudioFormatError
from livekit_avatar.types import SAMPLES_PER_FRAME, SPEECH_RATE, AudioChunk, Samples

MIN_RATE, MAX_RATE = 8_000, 192_000

PREROLL = 12 * SAMPLES_PER_FRAME
"""16 kHz samples before the next step that a performance hears first when it takes over in mid-sentence."""


class _Recording:
    """Samples by their index, freed from the front."""

    def __init__(self) -> None:
        self.total = 0
        self._pieces: deque[tuple[int, Samples]] = deque()

    def append(self, samples: Samples) -> None:
        if len(samples):
            self._pieces.append((self.total, samples))
            self.total += len(samples)

    def between(self, start: int, stop: int) -> Samples:
        parts = [piece[max(0, start - at) : stop - at] for at, piece in self._pieces if at < stop]
        parts = [part for part in parts if len(part)]
        return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, np.int16), *parts])

    def forget(self, before: int) -> None:
        while self._pieces and self._pieces[0][0] + len(self._pieces[0][1]) <= before:
            self._pieces.popleft()


class _Segment:
    """One utterance: its original samples and their 16 kHz copy; positions count 16 kHz samples."""

    def __init__(self, number: int, sample_rate: int) -> None:
        self.number = number
        self.sample_rate = sample_rate
        self.original = _Recording()
        self.heard = _Recording()
        self.ended = False  # all of it was pushed
        self.closed = False  # and the performance knows
        self.origin = 0  # where the performance's own counting begins
        self.handed = 0  # the performance has it up to here
        self.spoken = 0  # steps were given up to here
        self._resampler = StreamResampler(sample_rate, SPEECH_RATE)

    def push(self, samples: Samples) -> None:
        self.original.append(samples)
        self.heard.append(self._resampler.push(samples))

    def end(self) -> None:
        self.heard.append(self._resampler.flush())
        if not self.heard.total:  # shorter than one sample at 16 kHz: it still gets its frame
            self.heard.append(np.zeros(1, np.int16))
        self.ended = True

    @property
    def unspoken(self) -> float:
        return max(0.0, self.original.total / self.sample_rate - self.spoken / SPEECH_RATE)

    def chunk(self, step: Step) -> AudioChunk:
        """The original samples of a step; the last step takes all that remain."""
        start, stop = (
            (position + self.origin) * self.sample_rate // SPEECH_RATE for position in (step.start, step.stop)
        )
        return AudioChunk(
            self.original.between(start, self.original.total if step.last else stop), self.sample_rate
        )

    def forget(self, before: int) -> None:
        self.heard.forget(before)
        self.original.forget(before * self.sample_rate // SPEECH_RATE)

    def hand_over(self) -> None:
        """Another performance will speak the rest."""
        self.origin = max(0, self.spoken - PREROLL)
        self.handed = self.origin
        self.closed = False


@dataclass(frozen=True, slots=True, eq=False)
class Spoken:
    """A spoken step with its original samples.

    Attributes:
        step: as the performance gave it.
        audio: its samples.
        segment: counts the utterances of the feed.
        start: the 16 kHz sample of the utterance at which the step begins.
    """

    step: Step
    audio: AudioChunk
    segment: int
    start: int


class SpeechFeed:
    """Feeds a performance and pairs its steps with the original speech.

    Args:
        performance: what hears the speech; nobody else may push into it.
        ahead: 16 kHz samples that the performance is given beyond the last step, more than the engine's
            look-ahead: a long text in one burst neither delays its first frame nor fills memory twice.
        rewind: 16 kHz samples behind the last step that can still be held and spoken again.
    """

    def __init__(
        self, performance: Performance, *, ahead: int = SPEECH_RATE, rewind: int = 2 * SPEECH_RATE
    ) -> None:
        self.performance = performance
        self._ahead = ahead
        self._rewind = rewind
        self._count = 0
        self._active: deque[_Segment] = deque()  # with steps to come; the first is being spoken
        self._numbered: list[_Segment] = []  # by the performance's own numbering
        self._first_number = 0
        self._given: deque[tuple[Step, _Segment]] = deque()  # spoken steps that can still be held

    @property
    def unspoken(self) -> float:
        """Seconds of speech pushed and not yet in a step."""
        return sum(segment.unspoken for segment in self._active)

    @property
    def speaking(self) -> bool:
        """Whether a segment is open or has steps to come."""
        return bool(self._active)

    def push(self, samples: Samples, sample_rate: int) -> None:
        """Add (n,) int16 samples to the open segment; opens one if none is open.

        Raises:
            AudioFormatError: a rate that is not speech, or that changes inside a segment.
        """
        if not len(samples):
            return
        segment = self._open
        if segment is None:
            if not MIN_RATE <= sample_rate <= MAX_RATE:
                raise AudioFormatError(
                    f"a sample rate of {sample_rate} Hz", fix=f"Use {MIN_RATE} to {MAX_RATE} Hz."
                )
            segment = _Segment(self._count, sample_rate)
            self._active.append(segment)
            self._count += 1
        elif sample_rate != segment.sample_rate:
            raise AudioFormatError(
                f"an utterance of {segment.sample_rate} Hz goes on with {sample_rate} Hz",
                fix="Flush before you push speech of another rate.",
            )
        segment.push(samples)

    def end_segment(self) -> None:
        """The open segment is complete. Does nothing if none is open."""
        segment = self._open
        if segment is not None:
            segment.end()

    @property
    def _open(self) -> _Segment | None:
        return self._active[-1] if self._active and not self._active[-1].ended else None

    def pump(self) -> bool:
        """Hand the performance what it may have by now; True if there is something to hear."""
        handed = False
        for segment in self._active:
            handed |= self._pump(segment)
            if not segment.closed:
                break
        return handed

    def _pump(self, segment: _Segment) -> bool:
        """Hand over what may be handed of one segment."""
        lead = sum(max(0, other.handed - other.spoken) for other in self._active)
        stop = min(segment.heard.total, segment.handed + max(0, self._ahead - lead))
        handed = stop > segment.handed
        if handed:
            if segment not in self._numbered:
                self._numbered.append(segment)
            self.performance.push(segment.heard.between(segment.handed, stop))
            segment.handed = stop
        if segment.ended and not segment.closed and segment.handed == segment.heard.total:
            self.performance.end_segment()
            segment.closed = handed = True
        return handed

    def next(self) -> Spoken | None:
        """The next spoken step with its original samples; None if more must be pushed or heard first."""
        while True:
            step = self.performance.next()
            if step is NEED_AUDIO:
                return None
            if step is SEGMENT_END:  # `Step.last` has said it
                continue
            assert isinstance(step, Step) and step.segment is not None
            segment = self._numbered[step.segment - self._first_number]
            if segment.origin + step.stop > segment.spoken:  # not a step of the pre-roll
                return self._speak(step, segment)

    def _speak(self, step: Step, segment: _Segment) -> Spoken:
        spoken = Spoken(step, segment.chunk(step), segment.number, segment.origin + step.start)
        segment.spoken = segment.origin + step.stop
        self._given.append((step, segment))
        if step.last:
            self._active.popleft()
        while (step.id - self._given[0][0].id) * SAMPLES_PER_FRAME > self._rewind:
            self._given.popleft()
        oldest, of = self._given[0]
        of.forget(of.origin + oldest.start - PREROLL)
        while self._numbered[0] is not of:
            self._numbered.pop(0)
            self._first_number += 1
        return spoken

    def hold(self, shown: int | None) -> None:
        """Take back the steps after the id `shown`; `next` will give them and their sound again."""
        self.performance.hold(shown)
        while self._given and (shown is None or self._given[-1][0].id > shown):
            step, segment = self._given.pop()
            segment.spoken = segment.origin + step.start
            if step.last:
                self._active.appendleft(segment)

    def hand_over(self, performance: Performance) -> None:
        """Let another performance, which has heard nothing yet, go on with the next step."""
        self.performance = performance
        self._numbered.clear()
        self._first_number = 0
        self._given.clear()
        for segment in self._active:
            segment.hand_over()

    def clear(self) -> None:
        """Forget all speech; the performance must be told by `interrupt` before it is pumped again."""
        self._first_number += len(self._numbered)
        self._numbered.clear()
        self._active.clear()
        self._given.clear()
