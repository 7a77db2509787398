"""Publishing a face: livekit-agents' AvatarRunner with an encoding chosen for it."""

from __future__ import annotations

from livekit import rtc
from livekit.agents.voice.avatar import AvatarRunner

from livekit_avatar.types import FPS

AUDIO_TRACK, VIDEO_TRACK = "avatar_audio", "avatar_video"

_BITS_PER_PIXEL = 0.15  # VP8 at 25 fps of a talking head: 512x512 looks clean at 1 Mbit/s


def video_encoding(width: int, height: int) -> rtc.VideoEncoding:
    """One layer of 25 fps: LiveKit's own choice by size would send 512x512 at 20 fps."""
    bitrate = max(400_000, round(width * height * FPS * _BITS_PER_PIXEL))
    return rtc.VideoEncoding(max_bitrate=bitrate, max_framerate=FPS)


class Publisher(AvatarRunner):
    """Publishes both tracks at the first frame, whether or not somebody listens yet."""

    async def _publish_track(self) -> None:
        async with self._lock:
            if self._video_publication is not None:
                return
            await self._room_connected_fut
            participant = self._room.local_participant
            self._audio_publication = await participant.publish_track(
                rtc.LocalAudioTrack.create_audio_track(AUDIO_TRACK, self._audio_source),
                rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE),
            )
            self._video_publication = await participant.publish_track(
                rtc.LocalVideoTrack.create_video_track(VIDEO_TRACK, self._video_source),
                rtc.TrackPublishOptions(
                    source=rtc.TrackSource.SOURCE_CAMERA,
                    simulcast=False,
                    video_encoding=video_encoding(self._options.video_width, self._options.video_height),
                ),
            )
