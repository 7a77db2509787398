"""An engine that draws black, or white while the speech is loud; made slow or broken on request."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, cast

import numpy as np

from livekit_avatar.avatars.bundle import Bundle
from livekit_avatar.engines.base import (
    Cancel,
    EngineInfo,
    Face,
    Performance,
    Prepared,
    Progress,
    Signal,
    Step,
)
from livekit_avatar.engines.timeline import FrameCutter, Timeline
from livekit_avatar.types import Emotion, Image, Samples

LOUD = 1000.0
"""RMS of a step's samples from which it is drawn white."""


@dataclass(frozen=True)
class FlashFace:
    """A rectangle."""

    size: tuple[int, int]


@dataclass(frozen=True)
class Flash:
    """What one step shows."""

    face: FlashFace
    white: bool


class FlashPerformance:
    """Hears whether each frame of speech is loud."""

    def __init__(self, face: FlashFace) -> None:
        self.emotion = Emotion()
        self.acted: list[str] = []
        self._face = face
        self._timeline: Timeline[Flash, None] = Timeline(None)
        self._cutter = FrameCutter()
        self._unheard: deque[tuple[int, Samples]] = deque()

    def push(self, pcm: Samples) -> None:
        segment = self._timeline.push(len(pcm))
        self._unheard.extend((segment, frame) for frame in self._cutter.push(pcm))

    def end_segment(self) -> None:
        segment = self._timeline.end_segment()
        if segment is not None:
            self._unheard.extend((segment, frame) for frame in self._cutter.end())

    def hear(self) -> None:
        with suppress(IndexError):  # until none is left, also when `interrupt` empties it meanwhile
            while True:
                segment, frame = self._unheard.popleft()
                loudness = float(np.sqrt(np.mean(np.square(frame, dtype=np.float64))))
                self._timeline.hear(segment, [Flash(self._face, loudness >= LOUD)])

    def next(self) -> Step | Literal[Signal.NEED_AUDIO, Signal.SEGMENT_END]:
        return self._timeline.next()

    def idle(self) -> Step:
        return self._timeline.idle(Flash(self._face, white=False))

    def interrupt(self, shown: int | None) -> None:
        self._timeline.interrupt(shown)
        self._unheard.clear()
        self._cutter.end()

    def hold(self, shown: int | None) -> None:
        self._timeline.hold(shown)

    def set_emotion(self, emotion: Emotion) -> None:
        self.emotion = emotion

    def act(self, action: str) -> None:
        self.acted.append(action)


@dataclass
class FlashEngine:
    """Draws `Flash`es.

    Attributes:
        info: what it offers.
        before_render: called before each picture.
        renders: pictures drawn so far.
        loaded: faces that were loaded and not unloaded.
    """

    info: EngineInfo = field(
        default_factory=lambda: EngineInfo(name="flash", emotions=True, actions=("wave",))
    )
    before_render: Callable[[int], None] = lambda number: None
    renders: int = 0
    loaded: list[FlashFace] = field(default_factory=list)

    def prepare(
        self,
        source: Image,
        *,
        size: int | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> Prepared:
        scale = 1.0 if size is None else size / max(source.shape[:2])
        height, width = (max(2, round(side * scale) // 2 * 2) for side in source.shape[:2])
        return Prepared(members={}, size=(width, height))

    def load(self, bundle: Bundle, *, size: int | None = None) -> FlashFace:
        return self.face(bundle.manifest.size)

    def face(self, size: tuple[int, int] = (64, 48)) -> FlashFace:
        """A face without a bundle; (width, height)."""
        self.loaded.append(FlashFace(size))
        return self.loaded[-1]

    def unload(self, face: Face) -> None:
        self.loaded = [loaded for loaded in self.loaded if loaded is not face]

    def perform(self, face: Face, *, seed: int = 0) -> FlashPerformance:
        return FlashPerformance(cast(FlashFace, face))

    def hear(self, performances: Sequence[Performance]) -> None:
        for performance in cast(Sequence[FlashPerformance], performances):
            performance.hear()

    def render(self, steps: Sequence[Step]) -> list[Image]:
        return [self._draw(step.data) for step in steps]

    def _draw(self, flash: Flash) -> Image:
        self.renders += 1
        self.before_render(self.renders)
        width, height = flash.face.size
        image = np.full((height, width, 4), 255 if flash.white else 0, np.uint8)
        image[..., 3] = 255
        return image


def flash() -> FlashEngine:
    """Black, or white while the speech is loud."""
    return FlashEngine()


def slow(seconds: float) -> FlashEngine:
    """Takes that long for every picture."""
    return FlashEngine(EngineInfo(name="slow"), before_render=lambda number: time.sleep(seconds))


def failing(at: int) -> FlashEngine:
    """Raises when it is to draw its n-th picture, counted from 1, and every later one."""

    def fail(number: int) -> None:
        if number >= at:
            raise RuntimeError(f"picture {number} cannot be drawn")

    return FlashEngine(EngineInfo(name="failing"), before_render=fail)
