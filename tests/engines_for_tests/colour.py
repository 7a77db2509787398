"""An engine that draws one colour a face, dark until the speech is loud."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np

from engines_for_tests.flash import Flash, FlashEngine, FlashFace
from livekit_avatar.avatars.bundle import Bundle, Manifest
from livekit_avatar.engines.base import EngineInfo, Step
from livekit_avatar.types import Image

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255)}


@dataclass(frozen=True)
class ColourFace(FlashFace):
    """A rectangle of one colour."""

    colour: tuple[int, int, int] = (255, 255, 255)


@dataclass
class ColourEngine(FlashEngine):
    """Draws a face in its colour while the speech is loud, else in a fifth of it."""

    info: EngineInfo = field(
        default_factory=lambda: EngineInfo(name="colour", emotions=True, actions=("wave",))
    )

    def load(self, bundle: Bundle, *, size: int | None = None) -> ColourFace:
        face = ColourFace(bundle.manifest.size, COLOURS.get(bundle.manifest.name, COLOURS["white"]))
        self.loaded.append(face)
        return face

    def render(self, steps: Sequence[Step]) -> list[Image]:
        return [self._paint(step.data) for step in steps]

    def _paint(self, flash: Flash) -> Image:
        self.renders += 1
        self.before_render(self.renders)
        face = cast(ColourFace, flash.face)
        image = np.empty((face.size[1], face.size[0], 4), np.uint8)
        image[...] = (*(part if flash.white else part // 5 for part in face.colour), 255)
        return image


def colour_bundle(name: str, size: tuple[int, int] = (128, 128)) -> Bundle:
    """An avatar of that colour."""
    return Bundle(Manifest(engine="colour", engine_version=1, name=name, size=size, fps=25), {})
