"""Reading speech from a file: any sound that FFmpeg reads, through PyAV."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from livekit_avatar.audio.resample import StreamResampler, check_rate
from livekit_avatar.errors import AudioError, UnreadableAudioError
from livekit_avatar.types import AudioChunk, Samples

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

MAX_SECONDS = 3600.0
"""A longer sound is refused unless the caller says otherwise: one hour at 48 kHz is 346 MB."""

_NO_OTHER_FILES = {"protocol_whitelist": "none"}
# A playlist (HLS, concat) names other files and addresses; FFmpeg may open nothing but what it was given.


def decode(
    source: str | os.PathLike[str] | bytes, rate: int | None = None, *, max_seconds: float = MAX_SECONDS
) -> AudioChunk:
    """Decode the first audio stream of a sound or video file, mixed down to mono.

    Args:
        source: a path, or the bytes of a file.
        rate: sample rate to resample to, in Hz; None keeps the file's own.
        max_seconds: a longer sound is refused.

    Raises:
        UnreadableAudioError: no such file, or nothing in it can be decoded as sound.
        AudioFormatError: `rate` cannot be a sample rate, or the file's own cannot.
        AudioError: longer than `max_seconds`.
    """
    if rate is not None:
        check_rate(rate)
    with _opened(source) as file:
        return _decode(file, _name(source), rate, max_seconds)


def _opened(source: str | os.PathLike[str] | bytes) -> BinaryIO:
    if isinstance(source, bytes | bytearray | memoryview):
        return io.BytesIO(source)
    try:
        return Path(source).open("rb")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableAudioError(
            f"{_name(source)} cannot be opened ({reason.lower()})", fix="Give the path of a sound file."
        ) from error


def _name(source: str | os.PathLike[str] | bytes) -> str:
    return "The sound" if isinstance(source, bytes | bytearray | memoryview) else repr(os.fspath(source))


def _decode(file: BinaryIO, name: str, rate: int | None, max_seconds: float) -> AudioChunk:
    import av

    try:
        with av.open(file, options=_NO_OTHER_FILES, metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise UnreadableAudioError(f"{name} has no sound in it", fix="Give a file with speech.")
            codec = container.streams.audio[0].codec_context
            if codec is None:  # FFmpeg has no decoder for it
                raise _unreadable(name)
            own_rate = codec.sample_rate
            pieces = _limited(_pieces(container, own_rate), own_rate * max_seconds, name)
            samples = np.concatenate(list(_resampled(pieces, own_rate, rate or own_rate)))
    except AudioError:
        raise
    except (av.FFmpegError, OSError, ValueError) as error:
        raise _unreadable(name) from error
    if not len(samples):
        raise _unreadable(name)
    return AudioChunk(samples, rate or own_rate)


def _pieces(container: InputContainer, rate: int) -> Iterator[Samples]:
    """The first audio stream as mono int16."""
    import av

    mono = av.AudioResampler(format="s16", layout="mono", rate=rate)
    for frame in container.decode(audio=0):
        for piece in mono.resample(frame):
            yield piece.to_ndarray().reshape(-1).astype(np.int16, copy=False)


def _limited(pieces: Iterator[Samples], most: float, name: str) -> Iterator[Samples]:
    heard = 0
    for piece in pieces:
        heard += len(piece)
        if heard > most:
            raise AudioError(f"{name} is too long", fix="Cut it, or raise `max_seconds`.")
        yield piece


def _resampled(pieces: Iterator[Samples], rate_in: int, rate_out: int) -> Iterator[Samples]:
    stream = StreamResampler(rate_in, rate_out)
    for piece in pieces:
        yield stream.push(piece)
    yield stream.flush()


def _unreadable(name: str) -> UnreadableAudioError:
    return UnreadableAudioError(
        f"{name} holds no sound that can be decoded",
        fix="Give an intact sound file, such as WAV, MP3, OGG or M4A.",
    )


def sound_frames(source: str | os.PathLike[str] | bytes) -> Iterator[av.AudioFrame]:
    """The first audio stream of a sound or video file as it is, for a film: its own rate and channels.

    Args:
        source: a path, or the bytes of a file, which `decode` has read without an error.
    """
    import av

    with (
        _opened(source) as file,
        av.open(file, options=_NO_OTHER_FILES, metadata_errors="ignore") as container,
    ):
        yield from container.decode(audio=0)
