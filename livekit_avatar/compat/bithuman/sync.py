"""`Bithuman`: bitHuman's synchronous interface, a whole recording at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from typing_extensions import Self

from livekit_avatar.audio.decode import decode
from livekit_avatar.avatar import Avatar, Source
from livekit_avatar.compat.bithuman.errors import RuntimeNotReadyError
from livekit_avatar.compat.bithuman.models import ignore, load
from livekit_avatar.compat.bithuman.values import as_int16
from livekit_avatar.errors import ConfigurationError
from livekit_avatar.lipsync.model import LipSync
from livekit_avatar.runtime.finish import opaque
from livekit_avatar.runtime.picture import fitted
from livekit_avatar.types import FPS, SAMPLES_PER_FRAME, SPEECH_RATE, VISEMES, AudioChunk, Samples

AudioInput: TypeAlias = "npt.NDArray[Any] | str | Path"
"""16 kHz mono (floats of -1..1, or int16; (n,) or (n, channels)), or the path of a sound file."""


class EP(IntEnum):
    """Where bitHuman's networks may run; ours run on the CPU."""

    CPU = 0
    AUTO = 1
    COREML = 2
    NNAPI = 3
    QNN = 4


@dataclass
class ComposedFrame:
    """One picture.

    Attributes:
        bgr: (H, W, 3) uint8 BGR.
        cluster_idx: the likeliest viseme, an index of `livekit_avatar.types.VISEMES`.
        frame_idx: counts from 0.
    """

    bgr: npt.NDArray[np.uint8]
    cluster_idx: int
    frame_idx: int


class Bithuman:
    """An avatar that speaks recordings; made by `load`, closed by `with` or `close`."""

    def __init__(self, fixture: Avatar) -> None:
        self._fixture: Avatar | None = fixture
        self._lips = LipSync()

    @classmethod
    def load(  # noqa: D417  # the others are listed as ignored
        cls,
        model_path: Source,
        api_secret: str | None = None,
        preferred_ep: EP = EP.CPU,
        intra_op_threads: int = 1,
        tags: str = "python-wrapper",
        fingerprint: str | None = None,
        billing_type: str = "self-hosted-essence-model",
    ) -> Self:
        """Open an avatar.

        Args:
            model_path: a picture or .avatar file (path, bytes, Pillow picture, array) or a built-in name.
            api_secret, preferred_ep, intra_op_threads, tags, fingerprint, billing_type: ignored.

        Raises:
            ModelNotFoundError: (a FileNotFoundError) there is no such avatar.
            ModelLoadError: it cannot be a face; the message says why and what to do.
        """
        ignore(api_secret=api_secret, preferred_ep=preferred_ep, fingerprint=fingerprint)
        return cls(load(model_path))

    @property
    def frame_width(self) -> int:
        """Of the avatar's own pictures in pixels."""
        return self._open.size[0]

    @property
    def frame_height(self) -> int:
        """Of the avatar's own pictures in pixels."""
        return self._open.size[1]

    @property
    def sample_rate(self) -> int:
        """Of speech in Hz: 16000."""
        return SPEECH_RATE

    @property
    def samples_per_tick(self) -> int:
        """Samples that one picture speaks: 640."""
        return SAMPLES_PER_FRAME

    @property
    def fps(self) -> int:
        """Pictures a second: 25."""
        return FPS

    @property
    def cluster_count(self) -> int:
        """How many visemes there are: 15."""
        return len(VISEMES)

    @property
    def source_frame_count(self) -> int:
        """How many recorded pictures all others are made of: 1."""
        return 1

    @property
    def active_ep(self) -> EP:
        """Where the networks run: on the CPU."""
        return EP.CPU

    def compose(
        self,
        audio: AudioInput,
        preallocated_out: npt.NDArray[np.uint8] | None = None,
        output_size: tuple[int, int] | None = (1280, 720),
    ) -> Iterator[ComposedFrame]:
        """Speak: one picture each 40 ms.

        Args:
            audio: see `AudioInput`.
            preallocated_out: (H, W, 3) uint8, C-contiguous, into which every picture is written.
            output_size: (width, height), letterboxed; the avatar's own size if None.

        Raises:
            RuntimeNotReadyError: (a RuntimeError) it is closed.
            ConfigurationError: (a ValueError) `preallocated_out` has another shape.
            AudioError: no speech.
        """
        avatar = self._open
        size = output_size or avatar.size
        if preallocated_out is not None:
            _check(preallocated_out, size)
        speech = _speech(audio)
        mouths = self._lips.states(speech)
        frames = avatar.render(AudioChunk(speech, SPEECH_RATE))
        for index, (frame, mouth) in enumerate(zip(frames, mouths, strict=True)):
            bgr = np.asarray(cv2.cvtColor(opaque(fitted(frame.image, size)), cv2.COLOR_RGBA2BGR), np.uint8)
            if preallocated_out is not None:
                np.copyto(preallocated_out, bgr)
                bgr = preallocated_out
            yield ComposedFrame(bgr, int(mouth.visemes.argmax()), index)

    def close(self) -> None:
        """Let go of the avatar. May be called twice."""
        self._fixture = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def _open(self) -> Avatar:
        if self._fixture is None:
            raise RuntimeNotReadyError("the avatar is closed", fix="Load it again.")
        return self._fixture


def _speech(audio: AudioInput) -> Samples:
    if isinstance(audio, (str, Path)):
        return decode(audio, SPEECH_RATE).samples
    samples = as_int16(audio)
    return samples if samples.ndim == 1 else samples.mean(axis=1).astype(np.int16)


def _check(out: npt.NDArray[np.uint8], size: tuple[int, int]) -> None:
    shape = (size[1], size[0], 3)
    if out.dtype != np.uint8 or out.shape != shape or not out.flags["C_CONTIGUOUS"]:
        raise ConfigurationError(
            f"preallocated_out has shape {out.shape} and type {out.dtype}",
            fix=f"Give a C-contiguous uint8 array of shape {shape}.",
        )
