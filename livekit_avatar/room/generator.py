"""The runtime as livekit-agents' VideoGenerator: agent's audio in, pictures and 48 kHz speech out."""

from __future__ import annotations

from collections.abc import AsyncIterator

from livekit import rtc
from livekit.agents.voice.avatar import AudioSegmentEnd, VideoGenerator

from livekit_avatar.room.speech import SpeechReader, silence_frame, speech_frame
from livekit_avatar.runtime.finish import ON_WHITE, Finish
from livekit_avatar.runtime.runtime import AvatarRuntime
from livekit_avatar.types import SPEECH_RATE, Image, VideoFrame

ROOM_RATE = 48_000
"""Sample rate in a room, in Hz: Opus's own, so that speech is resampled once."""


class RuntimeGenerator(VideoGenerator):
    """Hands a runtime's frames to a runner.

    Args:
        runtime: started by whoever made it, and stopped by them.
        finish: what becomes of transparent pictures, for which video has no room.
    """

    def __init__(self, runtime: AvatarRuntime, finish: Finish = ON_WHITE) -> None:
        self._runtime = runtime
        self._finish = finish
        self._reader = SpeechReader(ROOM_RATE)

    async def push_audio(self, frame: rtc.AudioFrame | AudioSegmentEnd) -> None:
        """Hear speech of any rate and channel count, or the end of an utterance."""
        if isinstance(frame, AudioSegmentEnd):
            await self._runtime.push_audio(self._reader.end(), ROOM_RATE)
            await self._runtime.flush()
        else:
            await self._runtime.push_audio(self._reader.read(frame), ROOM_RATE)

    async def clear_buffer(self) -> None:
        """Forget all speech: the user has interrupted."""
        self._reader.forget()
        await self._runtime.interrupt()

    async def pause(self) -> None:
        """Give idle pictures until `resume`."""
        await self._runtime.pause()

    async def resume(self) -> None:
        """Go on with the speech."""
        await self._runtime.resume()

    @property
    def unspoken(self) -> float:
        """Seconds of speech that were heard and not yet given with a picture."""
        return self._runtime.unspoken

    async def __aiter__(self) -> AsyncIterator[rtc.VideoFrame | rtc.AudioFrame | AudioSegmentEnd]:
        """Pictures without end, each with its 40 ms of speech or silence, and the end of each utterance."""
        async for frame in self._runtime.run():
            image = self._finish(frame.image)
            yield SpokenPicture(frame, image) if frame.mouth else video_frame(image)
            yield speech_frame(frame.audio.samples, ROOM_RATE) if frame.audio else silence_frame(ROOM_RATE)
            if frame.last:
                yield AudioSegmentEnd()


class SpokenPicture(rtc.VideoFrame):
    """A picture that knows what its mouth does.

    Attributes:
        mouth: what was heard for it.
        utterance: which one of the runtime it belongs to, counted from 0.
        time: seconds from the beginning of the utterance to the picture.
    """

    def __init__(self, frame: VideoFrame, image: Image) -> None:
        height, width = image.shape[:2]
        super().__init__(width, height, rtc.VideoBufferType.RGBA, image.data.cast("B"))
        self.mouth = frame.mouth
        self.utterance = frame.segment
        self.time = frame.start / SPEECH_RATE


def video_frame(image: Image) -> rtc.VideoFrame:
    """A picture, (H, W, 4) uint8 RGBA, as LiveKit takes it; the pixels are not copied."""
    height, width = image.shape[:2]
    return rtc.VideoFrame(width, height, rtc.VideoBufferType.RGBA, image.data.cast("B"))
