"""The two operations of bitHuman's package: open an avatar, then render audio through it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias, overload

import av
import cv2
import numpy as np
import numpy.typing as npt
from typing_extensions import Self

from livekit_avatar import avatar as ours
from livekit_avatar.audio.decode import decode
from livekit_avatar.compat.bithuman.errors import Failed, refusals
from livekit_avatar.compat.bithuman.values import as_int16
from livekit_avatar.film import new_film
from livekit_avatar.runtime.finish import opaque
from livekit_avatar.types import SPEECH_RATE, AudioChunk, VideoFrame

Audio: TypeAlias = (
    "str | os.PathLike[str] | bytes | bytearray | memoryview | npt.NDArray[Any] | Iterable[Any]"
)
"""The path of a sound file; 16 kHz mono as bytes or int16, or floats of -1..1; or pieces of any of these."""


class Avatar:
    """An open avatar; made by `open`."""

    def __init__(self, avatar: ours.Avatar) -> None:
        self._avatar: ours.Avatar | None = avatar

    @overload
    def render(self, audio: Audio) -> Iterator[npt.NDArray[np.uint8]]: ...

    @overload
    def render(self, audio: Audio, out_mp4: str) -> int: ...

    def render(self, audio: Audio, out_mp4: str | None = None) -> Iterator[npt.NDArray[np.uint8]] | int:
        """Speak.

        Args:
            audio: see `Audio`.
            out_mp4: the film to write, with the speech.

        Returns:
            A picture each 40 ms, (H, W, 3) uint8 RGB; of a film the number of its pictures.

        Raises:
            InvalidAvatar: what was given as audio is none.
            Failed: the avatar is closed, or it could not be done.
        """
        if self._avatar is None:
            raise Failed("the avatar is closed", fix="Open it again.")
        with refusals():
            frames = self._avatar.render(_speech(audio))
            if out_mp4 is not None:
                return _write(frames, Path(out_mp4), self._avatar.size)
        return _pictures(frames)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._avatar = None


def open_avatar(source: ours.Source) -> Avatar:
    """Open an avatar.

    Args:
        source: a picture or .avatar file (path, bytes, Pillow picture, array) or a built-in name.

    Raises:
        InvalidAvatar: there is none, or it cannot be a face.
        NotSupported: an .imx file, or an engine that is not installed.
        Failed: anything else; the message says what to do.
    """
    with refusals():
        return Avatar(ours.open_avatar(source))


def _speech(audio: Audio) -> AudioChunk | Iterable[AudioChunk]:
    if isinstance(audio, (str, os.PathLike)):
        return decode(audio)
    if isinstance(audio, (bytes, bytearray, memoryview, np.ndarray)):
        return AudioChunk(as_int16(audio), SPEECH_RATE)
    return _pieces(audio)


def _pieces(pieces: Iterable[Any]) -> Iterator[AudioChunk]:
    for piece in pieces:
        if isinstance(piece, (str, os.PathLike)):
            yield decode(piece, SPEECH_RATE)
        else:
            yield AudioChunk(as_int16(piece), SPEECH_RATE)


def _pictures(frames: Iterator[VideoFrame]) -> Iterator[npt.NDArray[np.uint8]]:
    with refusals():
        for frame in frames:
            yield np.asarray(cv2.cvtColor(opaque(frame.image), cv2.COLOR_RGBA2RGB), np.uint8)


def _write(frames: Iterator[VideoFrame], path: Path, size: tuple[int, int]) -> int:
    sound = _Sound()
    with new_film(path, size, sound) as film:
        for frame in frames:
            assert frame.audio is not None
            sound.add(frame.audio)
            film.write(frame.image)
        return film.frames


class _Sound(Iterator[av.AudioFrame]):
    """The sound of a film, along with its pictures."""

    def __init__(self) -> None:
        self._frames: list[av.AudioFrame] = []

    def add(self, audio: AudioChunk) -> None:
        frame = av.AudioFrame.from_ndarray(audio.samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = audio.sample_rate
        frame.time_base = Fraction(1, audio.sample_rate)
        self._frames.append(frame)

    def __next__(self) -> av.AudioFrame:
        if not self._frames:
            raise StopIteration
        return self._frames.pop(0)
