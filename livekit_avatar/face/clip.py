"""Read a film of a person into the one form the package works with: 25 upright pictures a second.

A picture at a time; nothing of a long film stays in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from livekit_avatar.errors import ClipError, ClipLengthError, UnreadableClipError
from livekit_avatar.types import FPS, Image

if TYPE_CHECKING:
    import av

SHORTEST: Final = 5.0
LONGEST: Final = 600.0
"""Seconds of a film that is taken."""

MAX_PIXELS: Final = 40_000_000
"""Width times height."""

_FORGIVEN: Final = 0.2
"""Seconds that a film may be shorter or longer: what cameras call five seconds seldom is."""

_NO_OTHER_FILES: Final = {"protocol_whitelist": "none"}  # see audio.decode
_CONVERT: Final = "Convert it, for example: ffmpeg -i clip -pix_fmt yuv420p clip.mp4."


@dataclass(frozen=True, slots=True)
class Clip:
    """A film whose beginning has been read.

    Attributes:
        path: of its file.
        size: (width, height) in pixels, upright.
        seconds: how long it says that it is; 0 if it does not say.
    """

    path: Path
    size: tuple[int, int]
    seconds: float

    @property
    def label(self) -> str:
        """How errors name it."""
        return f"The clip {self.path.name!r}"

    def pictures(self, size: tuple[int, int]) -> Iterator[Image]:
        """All its pictures, 25 a second whatever its own rate, (height, width, 4) uint8 RGBA, upright.

        Args:
            size: (width, height) to scale them to.

        Raises:
            UnreadableClipError: it is broken.
            ClipLengthError: it is longer than `LONGEST`.
        """
        with _decoding(self.path, self.label) as (container, stream):
            for picture in _steady(_frames(container, stream), self.label):
                yield _upright(picture, size)


def open_clip(path: Path) -> Clip:
    """Read the beginning of a film.

    Raises:
        UnreadableClipError: it is not a film that can be decoded, or too large.
        ClipLengthError: it says that it is too short or too long.
    """
    label = f"The clip {path.name!r}"
    with _decoding(path, label) as (container, stream):
        first = next(_frames(container, stream), None)
        if first is None:
            raise _unreadable(label)
        width, height = first.width, first.height
        if width * height > MAX_PIXELS:
            raise UnreadableClipError(f"{label} is {width}x{height} pixels", fix="Make it smaller.")
        seconds = float(container.duration or 0) / 1_000_000
    check_length(seconds or SHORTEST, label)
    turned = first.rotation % 180 == 90
    return Clip(path, (height, width) if turned else (width, height), seconds)


def check_length(seconds: float, label: str) -> None:
    """Check that a film is neither too short nor too long.

    Raises:
        ClipLengthError: it is.
    """
    if seconds < SHORTEST - _FORGIVEN:
        raise ClipLengthError(
            f"{label} is {seconds:.1f} s long",
            fix=f"Use at least {SHORTEST:.0f} s; 30 s of talking are best.",
        )
    if seconds > LONGEST + _FORGIVEN:
        raise ClipLengthError(
            f"{label} is longer than {LONGEST / 60:.0f} minutes", fix="Cut it: 30 s of talking are plenty."
        )


@contextmanager
def _decoding(path: Path, label: str) -> Iterator[tuple[Any, Any]]:
    """The container and its first video stream; what FFmpeg or the disk raises becomes our error."""
    import av

    try:
        file = path.open("rb")
    except OSError as error:
        raise UnreadableClipError(
            f"{label} cannot be opened ({(error.strerror or str(error)).lower()})", fix="Check the path."
        ) from error
    try:
        with file, av.open(file, options=_NO_OTHER_FILES, metadata_errors="ignore") as container:
            if not container.streams.video or container.streams.video[0].codec_context is None:
                raise _unreadable(label)
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            yield container, stream
    except ClipError:
        raise
    except (av.FFmpegError, ValueError, OSError) as error:
        raise _unreadable(label) from error


def _frames(container: Any, stream: Any) -> Iterator[av.VideoFrame]:
    """Decoded frames; what is broken in the middle is left out, as players do."""
    import av

    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.InvalidDataError:
            continue


def _steady(frames: Iterator[av.VideoFrame], label: str) -> Iterator[av.VideoFrame]:
    """25 frames a second: at each tick the one that a player would show then."""
    shown: av.VideoFrame | None = None
    start, tick = 0.0, 0
    for number, frame in enumerate(frames):
        at = number / FPS if frame.time is None else frame.time
        if shown is None:
            start = at
        while shown is not None and tick / FPS + 0.5 / FPS < at - start:
            yield shown
            tick += 1
            if tick > LONGEST * FPS:
                check_length(at - start, label)
        shown = frame
    if shown is not None:
        yield shown


def _upright(frame: av.VideoFrame, size: tuple[int, int]) -> Image:
    """Scaled, then turned as the file says."""
    quarters = round(frame.rotation / 90) % 4
    width, height = size if quarters % 2 == 0 else size[::-1]
    picture = frame.to_ndarray(format="rgba", width=width, height=height, interpolation="AREA")
    return np.ascontiguousarray(np.rot90(picture, quarters))


def _unreadable(label: str) -> UnreadableClipError:
    return UnreadableClipError(f"{label} is not a film that can be decoded", fix=_CONVERT)
