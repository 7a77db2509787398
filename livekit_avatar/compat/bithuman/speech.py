"""Speech on its way in: brought to 16 kHz, and remembered by whom it was sent."""

from __future__ import annotations

from collections import deque

import numpy as np

from livekit_avatar.audio.resample import StreamResampler
from livekit_avatar.types import SPEECH_RATE, Samples

_NONE: Samples = np.zeros(0, np.int16)


class SpeechInput:
    """Turns pushed pieces of any rate into 16 kHz, the rate of all audio that bitHuman's frames carry."""

    def __init__(self) -> None:
        self._resampler: StreamResampler | None = None
        self._sender = ""  # of the newest samples
        self._senders: deque[tuple[str, int]] = deque()  # message id, samples of it not yet spoken

    def push(self, samples: Samples, sample_rate: int, sender: str) -> Samples:
        """The 16 kHz samples that are ready; two rates in one utterance are resampled apart."""
        rest = _NONE
        if self._resampler is not None and self._resampler.rate_in != sample_rate:
            rest = self.end()
        if self._resampler is None:
            self._resampler = StreamResampler(sample_rate, SPEECH_RATE)
        ready = self._resampler.push(samples)
        self._note(sender, ready)
        return np.concatenate([rest, ready])

    def end(self) -> Samples:
        """The utterance is complete: what the resampler still held."""
        if self._resampler is None:
            return _NONE
        rest = self._resampler.flush()
        self._resampler = None
        self._note(self._sender, rest)
        return rest

    def clear(self) -> None:
        """Forget everything."""
        self._resampler = None
        self._senders.clear()

    def spoken(self, samples: int) -> str | None:
        """That many samples are spoken now: who sent the first of them."""
        sender = self._senders[0][0] if self._senders else None
        while samples > 0 and self._senders:
            name, left = self._senders.popleft()
            if left > samples:
                self._senders.appendleft((name, left - samples))
            samples -= left
        return sender

    def _note(self, sender: str, samples: Samples) -> None:
        self._sender = sender
        if len(samples):
            self._senders.append((sender, len(samples)))
