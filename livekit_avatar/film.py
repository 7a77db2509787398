"""Films: an avatar that speaks a recording, as mp4, as WebM with transparency, or as pictures in a folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, Final, Protocol

import av
import cv2
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream

from livekit_avatar.audio.decode import decode, sound_frames
from livekit_avatar.avatar import Avatar
from livekit_avatar.errors import ConfigurationError
from livekit_avatar.runtime.finish import Background, Finish, opaque
from livekit_avatar.types import FPS, PLAIN, SAMPLES_PER_FRAME, SPEECH_RATE, Image, Style


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a film is written: container, codecs, and what FFmpeg is told."""

    container: str
    options: dict[str, str]
    video: str
    video_options: dict[str, str]
    audio: str
    rates: tuple[int, ...]
    pixels: str = "yuv420p"


_KINDS: Final = {
    ".mp4": _Kind(
        "mp4",
        {"movflags": "+faststart"},
        "libx264",
        {"preset": "veryfast", "crf": "18"},
        "aac",
        (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000),
    ),
    ".webm": _Kind(
        "webm",
        {},
        "libvpx-vp9",
        # alternate reference frames would be out of step with those of the second encoder, for alpha
        {"crf": "20", "b": "0", "deadline": "realtime", "cpu-used": "6", "row-mt": "1", "auto-alt-ref": "0"},
        "libopus",
        (48_000,),
    ),
}
_CLEAR_PIXELS: Final = "yuva420p"
_NUMBERED: Final = "%05d.png"


class Sink(Protocol):
    """Where pictures go, in order."""

    frames: int

    def write(self, image: Image) -> None:
        """Add a picture: (H, W, 4) uint8 RGBA, straight alpha."""


def film_of(
    avatar: Avatar,
    audio: Path,
    path: Path,
    *,
    seed: int = 0,
    style: Style = PLAIN,
    background: Background | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Make a film of an avatar that speaks a recording; the film has the recording's own sound.

    Args:
        avatar: who speaks.
        audio: the recording, anything that FFmpeg reads.
        path: of an mp4 file, of a WebM file, or where numbered PNG files go: a folder, or a pattern such as
            "frames/%05d.png". WebM and PNG keep what is transparent, mp4 cannot.
        seed: decides blinks, glances and sway.
        style: how it speaks.
        background: a colour or a picture behind a transparent avatar; white in mp4 if None.
        progress: called with the number of frames done and of all.

    Returns:
        `frames`, `duration_s`, `width`, `height`, `fps`, `alpha`: whether it is transparent.

    Raises:
        AudioError: the recording cannot be read.
        ConfigurationError: the film cannot be written there, or the background is neither colour nor file.
        PictureError: the background cannot be read.
    """
    check_output(path)
    keeps_alpha = path.suffix.lower() != ".mp4" and background is None
    finish = None if keeps_alpha else Finish(background)
    speech = decode(audio)
    total = -(-round(len(speech.samples) * SPEECH_RATE / speech.sample_rate) // SAMPLES_PER_FRAME)
    images = (frame.image for frame in avatar.render(speech, seed=seed, style=style))
    first = next(images, None)
    alpha = keeps_alpha and first is not None and int(first[..., 3].min()) < 255
    with _new_sink(path, avatar.size, sound_frames(audio), alpha=alpha) as sink:
        for image in chain([] if first is None else [first], images):
            sink.write(finish(image) if finish else image)
            if progress:
                progress(sink.frames, total)
    width, height = avatar.size
    return {
        "frames": sink.frames,
        "duration_s": sink.frames / FPS,
        "width": width,
        "height": height,
        "fps": FPS,
        "alpha": alpha,
    }


def check_output(path: Path) -> None:
    """Check that a film can be written under this name, before it is made.

    Raises:
        ConfigurationError: it is the name of nothing that is written here.
    """
    ending = path.suffix.lower()
    if ending in _KINDS or (not ending and not path.is_file()):
        return
    if ending == ".png" and _is_pattern(path.name):
        return
    raise ConfigurationError(
        f"{str(path)!r} is neither a film nor a folder",
        fix="Give a name that ends in .mp4 or .webm, a folder for PNG files, or one such as frames/%05d.png.",
    )


def _is_pattern(name: str) -> bool:
    try:
        return name % 0 != name % 1
    except (TypeError, ValueError):
        return False


def _new_sink(
    path: Path, size: tuple[int, int], sound: Iterator[av.AudioFrame], *, alpha: bool
) -> AbstractContextManager[Sink]:
    if path.suffix.lower() in _KINDS:
        return new_film(path, size, sound, alpha=alpha)
    if path.suffix:
        return _new_stills(path.parent, path.name)
    return _new_stills(path, _NUMBERED)


class _Stills:
    """Numbered PNG files, the first one with number 0."""

    def __init__(self, folder: Path, pattern: str) -> None:
        self._folder = folder
        self._pattern = pattern
        self.frames = 0

    def write(self, image: Image) -> None:
        """Add a picture: (H, W, 4) uint8 RGBA, straight alpha."""
        bgra = cv2.cvtColor(image, cv2.COLOR_RGBA2BGRA)
        _, data = cv2.imencode(".png", bgra, [cv2.IMWRITE_PNG_COMPRESSION, 3])
        (self._folder / (self._pattern % self.frames)).write_bytes(data.tobytes())
        self.frames += 1


@contextmanager
def _new_stills(folder: Path, pattern: str) -> Iterator[_Stills]:
    """PNG files under way: at the end they stand in their folder, after an error none does."""
    aside, made = folder / ".frames.part", not folder.exists()
    try:
        folder.mkdir(exist_ok=True)
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        stills = _Stills(aside, pattern)
        yield stills
        for file in aside.iterdir():
            file.replace(folder / file.name)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        if made:
            with suppress(OSError):  # there is something in it, as there should be
                folder.rmdir()


def _unwritable(path: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"cannot write {str(path)!r} ({error.strerror})",
        fix="Give a file in a folder that exists and is yours.",
    )


class Film:
    """An open film: write pictures in order; the sound is written along with them.

    Made by `new_film`.
    """

    def __init__(
        self, container: OutputContainer, kind: _Kind, size: tuple[int, int], sound: Iterator[av.AudioFrame]
    ) -> None:
        self._container = container
        self._kind = kind
        self._video = _video_stream(container, kind, size)
        self._sound = sound
        self._audio: AudioStream | None = None
        self._resampler: av.AudioResampler | None = None
        self._seconds_of_sound = 0.0
        self.frames = 0

    def write(self, image: Image) -> None:
        """Add a picture: (H, W, 4) uint8 RGBA of the film's size."""
        self._write_sound(until=self.frames / FPS)
        clear = self._video.pix_fmt == _CLEAR_PIXELS
        pixels = np.ascontiguousarray(image if clear else opaque(image))
        frame = av.VideoFrame.from_ndarray(pixels, format="rgba")
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
                self._audio, self._resampler = _audio_stream(self._container, self._kind, frame)
            assert self._resampler is not None
            self._seconds_of_sound += frame.samples / frame.sample_rate
            frame.pts = None
            for piece in self._resampler.resample(frame):
                self._container.mux(self._audio.encode(piece))


@contextmanager
def new_film(
    path: Path, size: tuple[int, int], sound: Iterator[av.AudioFrame], *, alpha: bool = False
) -> Iterator[Film]:
    """A film under way: at the end it stands under its name, after an error nothing does.

    Args:
        path: of the mp4 or WebM file; replaced if it exists.
        size: (width, height) in pixels, both even.
        sound: decoded sound of one rate and layout, from the film's beginning.
        alpha: keep what is transparent, which only WebM can; otherwise it becomes white.

    Raises:
        ConfigurationError: the file cannot be written there.
    """
    kind = _KINDS.get(path.suffix.lower(), _KINDS[".mp4"])
    if alpha:
        kind = replace(kind, pixels=_CLEAR_PIXELS)
    aside = path.with_name(f".{path.name}.part")
    try:
        aside.touch()
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with av.open(str(aside), "w", format=kind.container, options=kind.options) as container:
            film = Film(container, kind, size, sound)
            yield film
            film.finish()
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _video_stream(container: OutputContainer, kind: _Kind, size: tuple[int, int]) -> VideoStream:
    stream = container.add_stream(kind.video, rate=FPS)
    assert isinstance(stream, VideoStream)
    stream.width, stream.height = size
    stream.pix_fmt = kind.pixels
    stream.options = dict(kind.video_options)
    return stream


def _audio_stream(
    container: OutputContainer, kind: _Kind, like: av.AudioFrame
) -> tuple[AudioStream, av.AudioResampler]:
    rate = like.sample_rate if like.sample_rate in kind.rates else 48_000
    layout = "mono" if like.layout.nb_channels == 1 else "stereo"
    stream = container.add_stream(kind.audio, rate=rate, layout=layout)
    assert isinstance(stream, AudioStream)
    return stream, av.AudioResampler(format=stream.format.name, layout=layout, rate=rate)
