"""The voice without a face: when a face dies, its last picture stays and the same speech goes on."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

import numpy as np
from livekit import rtc
from livekit.agents.voice.avatar import AudioSegmentEnd, VideoGenerator

from livekit_avatar.audio.resample import StreamResampler
from livekit_avatar.types import FPS, Samples

SILENCE = "livekit_avatar.silence"
"""Key in `AudioFrame.userdata`: the frame is not speech, it only fills the time of its picture."""


class VoiceOnly(VideoGenerator):
    """A video generator that shows one picture and speaks what it is given.

    Args:
        picture: what is shown; None for nothing.
        sample_rate: of the sound it gives, in Hz.
    """

    def __init__(self, picture: rtc.VideoFrame | None, sample_rate: int) -> None:
        self._picture = picture
        self._rate = sample_rate
        self._resampler: StreamResampler | None = None
        self._speech: deque[Samples | AudioSegmentEnd] = deque()
        self._paused = False

    async def push_audio(self, frame: rtc.AudioFrame | AudioSegmentEnd) -> None:
        """Take speech of any rate, or the end of an utterance."""
        if isinstance(frame, AudioSegmentEnd):
            if self._resampler is not None:
                self._speech.append(self._resampler.flush())
            self._resampler = None
            self._speech.append(frame)
            return
        if self._resampler is None:
            self._resampler = StreamResampler(frame.sample_rate, self._rate)
        self._speech.append(self._resampler.push(mono(frame)))

    async def clear_buffer(self) -> None:
        """Forget all speech."""
        self._speech.clear()
        self._resampler = None

    async def pause(self) -> None:
        """Be silent until `resume`."""
        self._paused = True

    async def resume(self) -> None:
        """Go on with the speech."""
        self._paused = False

    async def __aiter__(self) -> AsyncIterator[rtc.VideoFrame | rtc.AudioFrame | AudioSegmentEnd]:
        """The picture with 40 ms of speech or silence, again and again."""
        while True:
            if self._picture is not None:
                yield self._picture
            speech = self._take()
            yield speech_frame(speech, self._rate) if len(speech) else silence_frame(self._rate)
            if self._speech and isinstance(self._speech[0], AudioSegmentEnd) and not self._paused:
                self._speech.popleft()
                yield AudioSegmentEnd()
            await asyncio.sleep(0)

    def _take(self) -> Samples:
        """The next 40 ms of one utterance, or what there is of it."""
        wanted, parts = self._rate // FPS, [np.empty(0, np.int16)]
        while wanted and self._speech and not self._paused:
            head = self._speech[0]
            if isinstance(head, AudioSegmentEnd):
                break
            self._speech.popleft()
            parts.append(head[:wanted])
            if len(head) > wanted:
                self._speech.appendleft(head[wanted:])
            wanted -= len(parts[-1])
        return np.concatenate(parts)


def speech_frame(samples: Samples, sample_rate: int) -> rtc.AudioFrame:
    """(n,) int16 mono speech as LiveKit takes it."""
    return rtc.AudioFrame(samples.tobytes(), sample_rate, 1, len(samples))


def silence_frame(sample_rate: int) -> rtc.AudioFrame:
    """40 ms of silence, marked as such."""
    frame = rtc.AudioFrame.create(sample_rate, 1, sample_rate // FPS)
    frame.userdata[SILENCE] = True
    return frame


def mono(frame: rtc.AudioFrame) -> Samples:
    """The samples of a frame, its channels mixed: (n,) int16."""
    samples = np.frombuffer(frame.data, np.int16)
    if frame.num_channels == 1:
        return samples
    mixed: Samples = samples.reshape(-1, frame.num_channels).mean(axis=1).astype(np.int16)
    return mixed
