"""Where an agent's voice goes when a face speaks it: an audio output that can pause and never loses count."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

from livekit import rtc
from livekit.agents import utils
from livekit.agents.voice.avatar import AudioReceiver, AudioSegmentEnd
from livekit.agents.voice.io import AudioOutput, AudioOutputCapabilities


class FaceAudioOutput(AudioOutput, AudioReceiver):
    """The audio output of an agent session and, at its other end, the audio receiver of a publisher.

    Every utterance that was captured is finished exactly once: when it was heard, or at once when it is
    interrupted, also if the publisher never got to see it. Frames that still arrive of an interrupted
    utterance are dropped.

    Emits `clear_buffer`, `pause` and `resume` for the publisher.
    """

    def __init__(self) -> None:
        super().__init__(label="FaceAudioOutput", capabilities=AudioOutputCapabilities(pause=True))
        self._frames = utils.aio.Chan[rtc.AudioFrame | AudioSegmentEnd]()
        self._capturing = False
        self._cut = False  # the utterance that is being captured was interrupted
        self._unread = 0  # utterances in the channel of which the publisher has read nothing
        self._fresh = True  # the next frame read begins an utterance

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        """Take speech of any rate; faster than it is spoken."""
        await super().capture_frame(frame)
        if not self._capturing:
            self._capturing = True
            self._unread += 1
        if not (self._cut or self._frames.closed):
            self._frames.send_nowait(frame)

    def flush(self) -> None:
        """The utterance is complete."""
        super().flush()
        if self._frames.closed:
            self._finish_unread()
        elif self._capturing and not self._cut:
            self._frames.send_nowait(AudioSegmentEnd())
        self._capturing = self._cut = False

    def clear_buffer(self) -> None:
        """Interrupt: what was captured is over, heard or not."""
        while not self._frames.empty():
            self._frames.recv_nowait()
        self._cut = self._capturing
        self._fresh = True
        self.emit("clear_buffer")  # type: ignore[arg-type]
        self._finish_unread()

    def _finish_unread(self) -> None:
        unread, self._unread = self._unread, 0
        for _ in range(unread):
            self.notify_playback_finished(0.0, interrupted=True)

    def pause(self) -> None:
        """Hold the speech at the sample that is heard now."""
        super().pause()
        self.emit("pause")  # type: ignore[arg-type]

    def resume(self) -> None:
        """Go on where it was held."""
        super().resume()
        self.emit("resume")  # type: ignore[arg-type]

    def notify_playback_started(self) -> None:
        """The publisher says that an utterance begins to be heard."""
        self.on_playback_started(created_at=time.time())

    def notify_playback_finished(self, playback_position: float, interrupted: bool) -> None:
        """The publisher says that an utterance is over, and how many seconds of it were heard."""
        self.on_playback_finished(playback_position=playback_position, interrupted=interrupted)

    async def aclose(self) -> None:
        """End the stream that the publisher reads; what is captured from now on is over at once, unheard."""
        self.clear_buffer()
        self._frames.close()

    async def __aiter__(self) -> AsyncIterator[rtc.AudioFrame | AudioSegmentEnd]:
        """What was captured, for the publisher."""
        async for frame in self._frames:
            if isinstance(frame, AudioSegmentEnd):
                self._fresh = True
            elif self._fresh:
                self._fresh = False
                self._unread -= 1
            yield frame
