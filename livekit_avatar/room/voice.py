"""The voice without a face: when a face dies, its last picture stays and the same speech goes on."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

import numpy as np
from livekit import rtc
from livekit.agents.voice.avatar import AudioSegmentEnd, VideoGenerator

from livekit_avatar.room.speech import SpeechReader, silence_frame, speech_frame
from livekit_avatar.types import FPS, Samples


class VoiceOnly(VideoGenerator):
    """A video generator that shows one picture and speaks what it is given.

    Args:
        picture: what is shown; None for nothing.
        sample_rate: of the sound it gives, in Hz.
    """

    def __init__(self, picture: rtc.VideoFrame | None, sample_rate: int) -> None:
        self._picture = picture
        self._rate = sample_rate
        self._reader = SpeechReader(sample_rate)
        self._speech: deque[Samples | AudioSegmentEnd] = deque()
        self._paused = False

    async def push_audio(self, frame: rtc.AudioFrame | AudioSegmentEnd) -> None:
        """Take speech of any rate, or the end of an utterance."""
        if isinstance(frame, AudioSegmentEnd):
            self._speech.extend((self._reader.end(), frame))
        else:
            self._speech.append(self._reader.read(frame))

    async def clear_buffer(self) -> None:
        """Forget all speech."""
        self._speech.clear()
        self._reader.forget()

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
