"""How a face and its voice are sent."""

from __future__ import annotations

from dataclasses import dataclass

from livekit import rtc

from livekit_avatar.types import FPS

_BITS_PER_PIXEL = 0.15  # a talking head of 512x512 at 25 fps looks clean at 1 Mbit/s of VP8


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a face and its voice are sent.

    Attributes:
        codec: such as VP8, H264, VP9, AV1.
        bitrate: bits a second; None: chosen by the size.
        fps: the most that is sent; LiveKit's own choice by size would send 512x512 at 20 fps.
        simulcast: send several sizes; costs an encoder each.
        red: send each piece of sound twice (RFC 2198), so that a lost packet is not heard; listeners' jitter
            buffers hold about 10 ms more for it.
    """

    codec: rtc.VideoCodec.ValueType = rtc.VideoCodec.VP8
    bitrate: int | None = None
    fps: int = FPS
    simulcast: bool = False
    red: bool = True

    def audio_options(self) -> rtc.TrackPublishOptions:
        """Of the voice, as LiveKit takes it."""
        return rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE, red=self.red)

    def video_options(self, width: int, height: int) -> rtc.TrackPublishOptions:
        """Of the pictures, as LiveKit takes it."""
        bitrate = self.bitrate or max(400_000, round(width * height * self.fps * _BITS_PER_PIXEL))
        return rtc.TrackPublishOptions(
            source=rtc.TrackSource.SOURCE_CAMERA,
            video_codec=self.codec,
            simulcast=self.simulcast,
            video_encoding=rtc.VideoEncoding(max_bitrate=bitrate, max_framerate=self.fps),
        )
