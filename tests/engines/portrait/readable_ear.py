"""An ear that a test can see through: the mouth opens as far as the first sample of a frame says."""

from __future__ import annotations

import numpy as np

from livekit_avatar.types import MOUTH_SHAPES, SAMPLES_PER_FRAME, VISEMES, MouthState, Samples

AHEAD = 2
JAW = MOUTH_SHAPES.index("jawOpen")


class ReadableStream:
    """As `LipStream`, which hears `AHEAD` frames beyond the one it describes; `hear` is its network."""

    def __init__(self) -> None:
        self._pcm = np.empty(0, np.int16)
        self._flushed = False
        self._told = 0
        self._ready: list[MouthState] = []

    def push(self, samples: Samples) -> None:
        assert not self._flushed, "every segment has a stream of its own"
        self._pcm = np.concatenate([self._pcm, samples])

    def flush(self) -> None:
        self._flushed = True

    def reset(self) -> None:
        self._pcm = np.empty(0, np.int16)

    def take(self) -> list[MouthState]:
        ready, self._ready = self._ready, []
        return ready

    def hear(self) -> None:
        whole = len(self._pcm) // SAMPLES_PER_FRAME - AHEAD
        frames = -(-len(self._pcm) // SAMPLES_PER_FRAME) if self._flushed else whole
        for frame in range(self._told, frames):
            self._ready.append(_mouth(int(self._pcm[frame * SAMPLES_PER_FRAME])))
        self._told = max(self._told, frames)


def opening(*percent: int) -> Samples:
    """Speech whose frames open the jaw that far."""
    return np.repeat(np.array(percent, np.int16) * 100, SAMPLES_PER_FRAME)


def _mouth(sample: int) -> MouthState:
    shapes = np.zeros(len(MOUTH_SHAPES), np.float32)
    shapes[JAW] = jaw = abs(sample) / 10_000
    return MouthState(shapes, np.zeros(len(VISEMES), np.float32), jaw, 0.0, float(sample != 0))
