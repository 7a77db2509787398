"""Speech between livekit's frames and samples: any rate and channel count in, mono at one rate out."""

from __future__ import annotations

import numpy as np
from livekit import rtc

from livekit_avatar.audio.resample import StreamResampler
from livekit_avatar.types import FPS, Samples

SILENCE = "livekit_avatar.silence"
"""Key in `AudioFrame.userdata`: the frame is not speech, it only fills the time of its picture."""

_NOTHING = np.empty(0, np.int16)


class SpeechReader:
    """Turns the frames of utterances into samples; each may have a rate of its own.

    Args:
        sample_rate: of the samples it gives, in Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._frame_rate = 0
        self._resampler: StreamResampler | None = None

    def read(self, frame: rtc.AudioFrame) -> Samples:
        """The samples, (n,) int16 mono, that are ready after another frame of the utterance."""
        if self._resampler is None or frame.sample_rate != self._frame_rate:
            before, self._frame_rate = self.end(), frame.sample_rate
            self._resampler = StreamResampler(frame.sample_rate, self._rate)
            return np.concatenate([before, self._resampler.push(_mono(frame))])
        return self._resampler.push(_mono(frame))

    def end(self) -> Samples:
        """The last samples of the utterance."""
        resampler, self._resampler = self._resampler, None
        return resampler.flush() if resampler else _NOTHING

    def forget(self) -> None:
        """The utterance is over, wherever it was."""
        self._resampler = None


def speech_frame(samples: Samples, sample_rate: int) -> rtc.AudioFrame:
    """(n,) int16 mono speech as LiveKit takes it."""
    return rtc.AudioFrame(samples.tobytes(), sample_rate, 1, len(samples))


def silence_frame(sample_rate: int) -> rtc.AudioFrame:
    """40 ms of silence, marked as such."""
    frame = rtc.AudioFrame.create(sample_rate, 1, sample_rate // FPS)
    frame.userdata[SILENCE] = True
    return frame


def _mono(frame: rtc.AudioFrame) -> Samples:
    """The samples of a frame, its channels mixed: (n,) int16."""
    samples = np.frombuffer(frame.data, np.int16)
    if frame.num_channels == 1:
        return samples
    mixed: Samples = samples.reshape(-1, frame.num_channels).mean(axis=1).astype(np.int16)
    return mixed
