"""Films: an avatar that speaks a recording, as an mp4 file of H.264 and AAC."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream

from livekit_avatar.audio.decode import decode, sound_frames
from livekit_avatar.avatar import Avatar
from livekit_avatar.errors import ConfigurationError
from livekit_avatar.types import FPS, PLAIN, SAMPLES_PER_FRAME, SPEECH_RATE, Image, Style

_AAC_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000)
_BACKGROUND = 255  # a film has no alpha: transparent pixels become white


def film_of(
    avatar: Avatar,
    audio: Path,
    path: Path,
    *,
    seed: int = 0,
    style: Style = PLAIN,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Make a film of an avatar that speaks a recording; the film has the recording's own sound.

    Args:
        avatar: who speaks.
        audio: the recording, anything that FFmpeg reads.
        path: of the mp4 file.
        seed: decides blinks, glances and sway.
        style: how it speaks.
        progress: called with the number of frames done and of all.

    Returns:
        `frames`, `duration_s`, `width`, `height`, `fps`.

    Raises:
        AudioError: the recording cannot be read.
        ConfigurationError: the film cannot be written there.
    """
    speech = decode(audio)
    total = -(-round(len(speech.samples) * SPEECH_RATE / speech.sample_rate) // SAMPLES_PER_FRAME)
    with new_film(path, avatar.size, sound_frames(audio)) as film:
        for frame in avatar.render(speech, seed=seed, style=style):
            film.write(frame.image)
            if progress:
                progress(film.frames, total)
    width, height = avatar.size
    return {
        "frames": film.frames,
        "duration_s": film.frames / FPS,
        "width": width,
        "height": height,
        "fps": FPS,
    }


class Film:
    """An open film: write pictures in order; the sound is written along with them.

    Made by `new_film`.
    """

    def __init__(
        self, container: OutputContainer, size: tuple[int, int], sound: Iterator[av.AudioFrame]
    ) -> None:
        self._container = container
        self._video = _video_stream(container, size)
        self._sound = sound
        self._audio: AudioStream | None = None
        self._resampler: av.AudioResampler | None = None
        self._seconds_of_sound = 0.0
        self.frames = 0

    def write(self, image: Image) -> None:
        """Add a picture: (H, W, 4) uint8 RGBA of the film's size."""
        self._write_sound(until=self.frames / FPS)
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(opaque(image)), format="rgba")
        frame.pts = self.frames
        frame.time_base = Fraction(1, FPS)
        self._container.mux(self._video.encode(frame))
        self.frames += 1

    def finish(self) -> None:
        """Write the rest of the sound and what the encoders still hold."""
        self._write_sound(until=float("inf"))
        if self._audio is not None and self._resampler is not None:
            for frame in self._resampler.resample(None):
                self._container.mux(self._audio.encode(frame))
            self._container.mux(self._audio.encode(None))
        self._container.mux(self._video.encode(None))

    def _write_sound(self, *, until: float) -> None:
        while self._seconds_of_sound <= until:
            frame = next(self._sound, None)
            if frame is None:
                return
            if self._audio is None:
                self._audio, self._resampler = _audio_stream(self._container, frame)
            assert self._resampler is not None
            self._seconds_of_sound += frame.samples / frame.sample_rate
            frame.pts = None
            for piece in self._resampler.resample(frame):
                self._container.mux(self._audio.encode(piece))


@contextmanager
def new_film(path: Path, size: tuple[int, int], sound: Iterator[av.AudioFrame]) -> Iterator[Film]:
    """A film under way: at the end it stands under its name, after an error nothing does.

    Args:
        path: of the mp4 file; replaced if it exists.
        size: (width, height) in pixels, both even.
        sound: decoded sound of one rate and layout, from the film's beginning.

    Raises:
        ConfigurationError: the file cannot be written there.
    """
    aside = path.with_name(f".{path.name}.part")
    try:
        aside.touch()
    except OSError as error:
        raise ConfigurationError(
            f"cannot write {str(path)!r} ({error.strerror})",
            fix="Give a file in a folder that exists and is yours.",
        ) from error
    try:
        with av.open(str(aside), "w", format="mp4", options={"movflags": "+faststart"}) as container:
            film = Film(container, size, sound)
            yield film
            film.finish()
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _video_stream(container: OutputContainer, size: tuple[int, int]) -> VideoStream:
    stream = container.add_stream("libx264", rate=FPS)
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    stream.options = {"preset": "veryfast", "crf": "18"}
    return stream


def _audio_stream(container: OutputContainer, like: av.AudioFrame) -> tuple[AudioStream, av.AudioResampler]:
    rate = like.sample_rate if like.sample_rate in _AAC_RATES else 48_000
    layout = "mono" if like.layout.nb_channels == 1 else "stereo"
    stream = container.add_stream("aac", rate=rate, layout=layout)
    return stream, av.AudioResampler(format="fltp", layout=layout, rate=rate)


def opaque(image: Image) -> Image:
    """The picture, (H, W, 4) uint8 RGBA, on white if it is transparent anywhere."""
    alpha = image[..., 3:]
    if alpha.min() == 255:
        return image
    weight = alpha.astype(np.uint16)
    colour = (image[..., :3] * weight + _BACKGROUND * (255 - weight) + 127) // 255
    return np.dstack([colour.astype(np.uint8), np.full_like(alpha, 255)])
