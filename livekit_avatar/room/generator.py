"""The runtime as livekit-agents' VideoGenerator: agent's audio in, pictures and 48 kHz speech out."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
from livekit import rtc
from livekit.agents.voice.avatar import AudioSegmentEnd, VideoGenerator

from livekit_avatar.audio.resample import StreamResampler
from livekit_avatar.room.publisher import SILENCE
from livekit_avatar.runtime.runtime import AvatarRuntime
from livekit_avatar.types import FPS, AudioChunk, Image, Samples

ROOM_RATE = 48_000
"""Sample rate in a room, in Hz: Opus's own, so that speech is resampled once."""


class RuntimeGenerator(VideoGenerator):
    """Hands a runtime's frames to a runner.

    Args:
        runtime: started by whoever made it, and stopped by them.
    """

    def __init__(self, runtime: AvatarRuntime) -> None:
        self._runtime = runtime
        self._resampler: StreamResampler | None = None

    async def push_audio(self, frame: rtc.AudioFrame | AudioSegmentEnd) -> None:
        """Hear speech of any rate and channel count, or the end of an utterance."""
        if isinstance(frame, AudioSegmentEnd):
            if self._resampler is not None:
                await self._runtime.push_audio(self._resampler.flush(), ROOM_RATE)
                self._resampler = None
            await self._runtime.flush()
            return
        if self._resampler is None:
            self._resampler = StreamResampler(frame.sample_rate, ROOM_RATE)
        await self._runtime.push_audio(self._resampler.push(_mono(frame)), ROOM_RATE)

    async def clear_buffer(self) -> None:
        """Forget all speech: the user has interrupted."""
        self._resampler = None
        await self._runtime.interrupt()

    async def pause(self) -> None:
        """Give idle pictures until `resume`."""
        await self._runtime.pause()

    async def resume(self) -> None:
        """Go on with the speech."""
        await self._runtime.resume()

    async def __aiter__(self) -> AsyncIterator[rtc.VideoFrame | rtc.AudioFrame | AudioSegmentEnd]:
        """Pictures without end, each with its 40 ms of speech or silence, and the end of each utterance."""
        async for frame in self._runtime.run():
            yield video_frame(frame.image)
            yield audio_frame(frame.audio) if frame.audio else _silence()
            if frame.last:
                yield AudioSegmentEnd()


def video_frame(image: Image) -> rtc.VideoFrame:
    """A picture, (H, W, 4) uint8 RGBA, as LiveKit takes it; the pixels are not copied."""
    height, width = image.shape[:2]
    return rtc.VideoFrame(width, height, rtc.VideoBufferType.RGBA, image.data.cast("B"))


def audio_frame(chunk: AudioChunk) -> rtc.AudioFrame:
    """Speech as LiveKit takes it."""
    return rtc.AudioFrame(chunk.samples.tobytes(), chunk.sample_rate, 1, len(chunk.samples))


def _silence() -> rtc.AudioFrame:
    frame = rtc.AudioFrame.create(ROOM_RATE, 1, ROOM_RATE // FPS)
    frame.userdata[SILENCE] = True
    return frame


def _mono(frame: rtc.AudioFrame) -> Samples:
    samples = np.frombuffer(frame.data, np.int16)
    if frame.num_channels == 1:
        return samples
    mixed: Samples = samples.reshape(-1, frame.num_channels).mean(axis=1).astype(np.int16)
    return mixed
