"""Speech on its way through a performance: what was pushed in comes out again, step by step, unchanged.

The networks hear 16 kHz; the listener gets the original samples. `SpeechFeed` keeps the two together. It
does no input or output and knows no clock, so that offline rendering and the live runtime share it.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from livekit_avatar.audio.resample import StreamResampler
from livekit_avatar.engines.base import NEED_AUDIO, SEGMENT_END, Performance, Step
from livekit_avatar.errors import AudioFormatError
from livekit_avatar.types import SAMPLES_PER_FRAME, SPEECH_RATE, AudioChunk, Samples

MIN_RATE, MAX_RATE = 8_000, 192_000


class _Segment:
    """One utterance: its original samples, and what of its 16 kHz copy the performance has yet to get."""

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.ended = False
        self.length = 0  # 16 kHz samples so far
        self._resampler = StreamResampler(sample_rate, SPEECH_RATE)
        self._heard: deque[Samples] = deque()
        self._original: deque[tuple[int, Samples]] = deque()  # (index of the first sample, samples)
        self._total = 0

    def push(self, samples: Samples) -> None:
        self._original.append((self._total, samples))
        self._total += len(samples)
        self._hear(self._resampler.push(samples))

    def end(self) -> None:
        self._hear(self._resampler.flush())
        if not self.length:  # shorter than one sample at 16 kHz: it still gets its frame
            self._hear(np.zeros(1, np.int16))
        self.ended = True

    def _hear(self, pcm: Samples) -> None:
        if len(pcm):
            self._heard.append(pcm)
            self.length += len(pcm)

    @property
    def left(self) -> bool:
        """Whether the performance has yet to get a piece."""
        return bool(self._heard)

    def hand_out(self) -> Samples:
        """The next piece for the performance."""
        return self._heard.popleft()

    def original(self, step: Step) -> Samples:
        """The original samples of a step; the last step takes all that remain."""
        start = step.start * self.sample_rate // SPEECH_RATE
        stop = self._total if step.last else step.stop * self.sample_rate // SPEECH_RATE
        parts = [chunk[max(0, start - at) : stop - at] for at, chunk in self._original if at < stop]
        parts = [part for part in parts if len(part)]
        return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, np.int16), *parts])

    def forget(self, before: int) -> None:
        """Free the original samples before a 16 kHz position."""
        index = before * self.sample_rate // SPEECH_RATE
        while self._original and self._original[0][0] + len(self._original[0][1]) <= index:
            self._original.popleft()


class SpeechFeed:
    """Feeds one performance and pairs its steps with the original speech.

    Args:
        performance: what hears the speech; nobody else may push into it.
        ahead: 16 kHz samples that the performance is given beyond the last step, so that a long text in
            one burst neither delays its first frame nor fills memory twice; more than the engine's look-ahead.
        rewind: 16 kHz samples behind the last step that can still be held and spoken again.
    """

    def __init__(
        self, performance: Performance, *, ahead: int = SPEECH_RATE, rewind: int = 2 * SPEECH_RATE
    ) -> None:
        self.performance = performance
        self._ahead = ahead
        self._rewind = rewind
        self._open: _Segment | None = None
        self._waiting: deque[_Segment] = deque()  # not yet wholly handed to the performance
        self._segments: dict[int, _Segment] = {}  # by the performance's own numbering
        self._count = 0
        self._ends = 0  # segments that ended and whose last step has not been given
        self._recent: deque[Step] = deque()  # spoken steps that can still be held
        self._handed = 0  # 16 kHz samples that the performance has and that are in no step
        self._unspoken = 0.0

    @property
    def unspoken(self) -> float:
        """Seconds of speech pushed and not yet in a step."""
        return self._unspoken

    @property
    def speaking(self) -> bool:
        """Whether a segment is open or has steps to come."""
        return self._open is not None or self._ends > 0

    def push(self, samples: Samples, sample_rate: int) -> None:
        """Add (n,) int16 samples to the open segment; opens one if none is open.

        Raises:
            AudioFormatError: a rate that is not speech, or that changes inside a segment.
        """
        if not len(samples):
            return
        if self._open is None:
            if not MIN_RATE <= sample_rate <= MAX_RATE:
                raise AudioFormatError(
                    f"a sample rate of {sample_rate} Hz", fix=f"Use {MIN_RATE} to {MAX_RATE} Hz."
                )
            self._open = _Segment(sample_rate)
            self._waiting.append(self._open)
        elif sample_rate != self._open.sample_rate:
            raise AudioFormatError(
                f"an utterance of {self._open.sample_rate} Hz goes on with {sample_rate} Hz",
                fix="Flush before you push speech of another rate.",
            )
        self._open.push(samples)
        self._unspoken += len(samples) / sample_rate

    def end_segment(self) -> None:
        """The open segment is complete. Does nothing if none is open."""
        if self._open is not None:
            self._open.end()
            self._open = None
            self._ends += 1

    def pump(self) -> bool:
        """Hand the performance what it may have by now; True if there is something to hear."""
        handed = False
        while self._waiting:
            segment = self._waiting[0]
            if segment.left:
                if self._handed >= self._ahead:
                    break
                self._hand_over(segment, segment.hand_out())
            elif segment.ended:
                self.performance.end_segment()
                self._waiting.popleft()
            else:
                break
            handed = True
        return handed

    def _hand_over(self, segment: _Segment, pcm: Samples) -> None:
        if segment not in self._segments.values():
            self._segments[self._count] = segment
            self._count += 1
        self.performance.push(pcm)
        self._handed += len(pcm)

    def next(self) -> tuple[Step, AudioChunk] | None:
        """The next spoken step with its original samples; None if more must be pushed or heard first."""
        step = self.performance.next()
        while step is SEGMENT_END:  # `Step.last` has said it
            step = self.performance.next()
        if step is NEED_AUDIO:
            return None
        assert isinstance(step, Step)
        chunk = self._chunk(step)
        self._handed -= step.stop - step.start
        self._unspoken = max(0.0, self._unspoken - chunk.duration)
        self._ends -= step.last
        self._remember(step)
        return step, chunk

    def _chunk(self, step: Step) -> AudioChunk:
        assert step.segment is not None
        segment = self._segments[step.segment]
        return AudioChunk(segment.original(step), segment.sample_rate)

    def _remember(self, step: Step) -> None:
        """Keep what can still be held; free the rest."""
        assert step.segment is not None
        self._recent.append(step)
        while (step.id - self._recent[0].id) * SAMPLES_PER_FRAME > self._rewind:
            self._recent.popleft()
        oldest = self._recent[0]
        assert oldest.segment is not None
        for number in [n for n in self._segments if n < oldest.segment]:
            del self._segments[number]
        self._segments[oldest.segment].forget(oldest.start)

    def hold(self, shown: int | None) -> None:
        """Take back the steps after the id `shown`; `next` will give them and their sound again."""
        self.performance.hold(shown)
        while self._recent and (shown is None or self._recent[-1].id > shown):
            step = self._recent.pop()
            self._handed += step.stop - step.start
            self._unspoken += self._chunk(step).duration
            self._ends += step.last

    def clear(self) -> None:
        """Forget all speech; the performance must be told by `interrupt` before it is pumped again."""
        self._open = None
        self._waiting.clear()
        self._segments.clear()
        self._recent.clear()
        self._ends = self._handed = 0
        self._unspoken = 0.0
