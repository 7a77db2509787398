"""An engine of your own: a bar that is as high as the speech is loud.

    python examples/custom_engine.py speech.wav

An engine in a package of its own is found without `register`, by an entry point:

    [project.entry-points."livekit_avatar.engines"]
    bar = "my_package:BarEngine"
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np

from livekit_avatar import AudioChunk, Avatar, Emotion, VideoFrame, engines
from livekit_avatar.audio.decode import decode
from livekit_avatar.avatars.bundle import Bundle
from livekit_avatar.creation import prepare
from livekit_avatar.engines.base import EngineInfo, Face, Performance, Prepared, Signal, Step
from livekit_avatar.engines.timeline import FrameCutter, Timeline
from livekit_avatar.types import Image, Samples


@dataclass(frozen=True)
class BarFace:
    """What is drawn, for any number of sessions."""

    size: tuple[int, int]


class BarPerformance:
    """One session. Its `Timeline` cuts speech into steps; what is heard in one becomes the step's `data`."""

    def __init__(self, face: BarFace) -> None:
        self.face = face
        self.timeline: Timeline[tuple[BarFace, float], None] = Timeline(None)
        self.cutter = FrameCutter()
        self.unheard: deque[tuple[int, Samples]] = deque()

    def push(self, pcm: Samples) -> None:
        """Speech comes, in pieces of any length."""
        segment = self.timeline.push(len(pcm))
        self.unheard += [(segment, frame) for frame in self.cutter.push(pcm)]

    def end_segment(self) -> None:
        """An utterance is complete."""
        segment = self.timeline.end_segment()
        if segment is not None:
            self.unheard += [(segment, frame) for frame in self.cutter.end()]

    def next(self) -> Step | Literal[Signal.NEED_AUDIO, Signal.SEGMENT_END]:
        """The next 40 ms."""
        return self.timeline.next()

    def idle(self) -> Step:
        """40 ms without speech."""
        return self.timeline.idle((self.face, 0.0))

    def interrupt(self, shown: int | None) -> None:
        """Somebody talks over it: forget all speech."""
        self.timeline.interrupt(shown)
        self.unheard.clear()
        self.cutter.end()

    def hold(self, shown: int | None) -> None:
        """It is paused: what was decided but not shown will be spoken later."""
        self.timeline.hold(shown)

    def set_emotion(self, emotion: Emotion) -> None:
        """A bar has no moods."""

    def act(self, action: str) -> None:
        """A bar does nothing else."""


class BarEngine:
    """Hears and draws for all sessions; networks would run here, once for all of them."""

    info = EngineInfo(name="bar")

    def prepare(self, source: Image, **options: object) -> Prepared:
        """A picture becomes the data of an avatar; a bar needs none."""
        return Prepared(members={}, size=(source.shape[1], source.shape[0]))

    def load(self, bundle: Bundle, *, size: int | None = None) -> BarFace:
        """The data of an avatar becomes a face."""
        return BarFace(bundle.manifest.size)

    def unload(self, face: Face) -> None:
        """A face holds nothing on a device."""

    def perform(self, face: Face, *, seed: int = 0) -> BarPerformance:
        """A session begins."""
        return BarPerformance(cast(BarFace, face))

    def hear(self, performances: Sequence[Performance]) -> None:
        """How loud is each frame?"""
        for performance in cast(Sequence[BarPerformance], performances):
            while performance.unheard:
                segment, samples = performance.unheard.popleft()
                loudness = float(np.abs(samples / 32768).max())
                performance.timeline.hear(segment, [(performance.face, loudness)])

    def render(self, steps: Sequence[Step]) -> list[Image]:
        """One picture for each step."""
        return [_draw(*step.data) for step in steps]


def _draw(face: BarFace, loudness: float) -> Image:
    width, height = face.size
    image = np.full((height, width, 4), (24, 24, 32, 255), np.uint8)
    image[height - round(loudness * height) :] = (64, 224, 160, 255)
    return image


def film(speech: AudioChunk) -> Iterator[VideoFrame]:
    """The frames of a bar that speaks."""
    engine = BarEngine()
    engines.register(engine)
    bundle = prepare(np.zeros((240, 320, 4), np.uint8), name="my bar", engine="bar")
    return Avatar(bundle, engine, engine.load(bundle)).render(speech)


if __name__ == "__main__":
    for frame in film(decode(sys.argv[1])):
        print(frame.number, "#" * int((frame.image[..., 1] == 224).mean() * 60))
