"""Flat drawing: filled smooth outlines on a transparent sheet, without steps at their edges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from PIL import ImageChops, ImageDraw
from poses import MouthPose

from livekit_avatar.engines.portrait.contours import Contours
from livekit_avatar.types import Image

Reals = npt.NDArray[np.float64]

EDGE = 1000.0
"""Width and height of the sheet in the drawing's own units, y down."""

FINE = 4
"""The sheet is painted so much finer and reduced."""

_PER_SPAN = 16
"""Points of a curve between two given ones."""


def places(text: str) -> Reals:
    """(n, 2) places written as in an SVG polygon: "x,y x,y x,y"."""
    return np.array([[float(value) for value in place.split(",")] for place in text.split()])


def curve(points: Reals, closed: bool = False) -> Reals:
    """(n, 2) a Catmull-Rom spline through places (Catmull and Rom, 1974)."""
    ends = (points[-1:], points[:2]) if closed else (points[:1], points[-1:])
    p = np.concatenate([ends[0], points, ends[1]])
    t = np.linspace(0, 1, _PER_SPAN, endpoint=False)[:, None]
    spans = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False)
    ]
    return np.concatenate(spans if closed else [*spans, points[-1:]])


def blob(text: str) -> Reals:
    """A smooth closed outline through places."""
    return curve(places(text), closed=True)


def both_sides(text: str) -> Reals:
    """A smooth closed outline given by its right half, from the sheet's middle line to it again."""
    right = places(text)
    return curve(np.concatenate([right, mirrored(right)[-2:0:-1]]), closed=True)


def mirrored(points: Reals) -> Reals:
    """Points on the other side of the sheet's middle line."""
    return points * (-1, 1) + (EDGE, 0)


def ellipse(x: float, y: float, wide: float, high: float) -> Reals:
    """(n, 2) an ellipse around (x, y) with these radii."""
    angle = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    return np.stack([x + wide * np.cos(angle), y + high * np.sin(angle)], 1)


def brush(line: Reals, widths: tuple[float, ...]) -> Reals:
    """The outline of a stroke along (n, 2) points whose width runs through `widths`."""
    along = np.linspace(0, 1, len(line))
    width = np.interp(along, np.linspace(0, 1, len(widths)), widths)[:, None] / 2
    way = np.gradient(line, axis=0)
    across = np.stack([-way[:, 1], way[:, 0]], 1) / (np.linalg.norm(way, axis=1, keepdims=True) + 1e-9)
    return np.concatenate([line + across * width, (line - across * width)[::-1]])


@dataclass(frozen=True, slots=True, eq=False)
class Fill:
    """A painted outline.

    Attributes:
        outline: (n, 2) what is painted.
        colour: as in CSS.
        inside: another outline that it does not leave; None for none.
        opacity: 0..1.
    """

    outline: Reals
    colour: str
    inside: Reals | None = None
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Drawing:
    """A flat character.

    Attributes:
        name: of the file and in the manifest.
        likeness: whose face it is.
        draw: (size in pixels, blink 0 or 1, mouth) -> (size, size, 4) uint8 RGBA, straight alpha.
        contours: size -> true outlines of eyes and lips in its pixels.
        controls: (landmarks at rest, mouth, size) -> control points of the mouth, pixels.
    """

    name: str
    likeness: str
    draw: Callable[[int, float, MouthPose], Image]
    contours: Callable[[int], Contours]
    controls: Callable[[Reals, MouthPose, int], Reals]


class Sheet:
    """A transparent square on which outlines are filled one over another."""

    def __init__(self, size: int) -> None:
        self._scale = size * FINE / EDGE
        self._image = Pillow.new("RGBA", (size * FINE, size * FINE))

    def paint(self, *fills: Fill) -> None:
        """Paint one over another."""
        for fill in fills:
            mask = self._mask(fill.outline)
            if fill.inside is not None:
                mask = ImageChops.multiply(mask, self._mask(fill.inside))
            over = Pillow.new("RGBA", self._image.size, fill.colour)
            over.putalpha(mask.point([round(value * fill.opacity) for value in range(256)]))
            self._image.alpha_composite(over)

    def picture(self) -> Image:
        """(size, size, 4) uint8 RGBA, straight alpha."""
        return np.asarray(self._image.reduce(FINE), np.uint8)

    def _mask(self, outline: Reals) -> Pillow.Image:
        mask = Pillow.new("L", self._image.size)
        ImageDraw.Draw(mask).polygon([tuple(place) for place in outline * self._scale], fill=255)
        return mask
