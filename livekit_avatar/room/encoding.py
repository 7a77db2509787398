"""How a face is sent."""

from __future__ import annotations

from dataclasses import dataclass

from livekit import rtc

from livekit_avatar.types import FPS

_BITS_PER_PIXEL = 0.15  # a talking head of 512x512 at 25 fps looks clean at 1 Mbit/s of VP8


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the video is sent.

    Attributes:
        codec: such as VP8, H264, VP9, AV1.
        bitrate: bits a second; None: chosen by the size.
        fps: the most that is sent; LiveKit's own choice by size would send 512x512 at 20 fps.
        simulcast: send several sizes; costs an encoder each.
    """

    codec: rtc.VideoCodec.ValueType = rtc.VideoCodec.VP8
    bitrate: int | None = None
    fps: int = FPS
    simulcast: bool = False

    def options(self, width: int, height: int) -> rtc.TrackPublishOptions:
        """As LiveKit takes it."""
        bitrate = self.bitrate or max(400_000, round(width * height * self.fps * _BITS_PER_PIXEL))
        return rtc.TrackPublishOptions(
            source=rtc.TrackSource.SOURCE_CAMERA,
            video_codec=self.codec,
            simulcast=self.simulcast,
            video_encoding=rtc.VideoEncoding(max_bitrate=bitrate, max_framerate=self.fps),
        )
