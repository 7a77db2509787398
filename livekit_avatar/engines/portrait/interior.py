"""What is seen between open lips, painted once for each face: cavity, teeth and tongue.

A sprite is (h, w, 4) uint8, premultiplied RGBA, on a canvas in units of the head whose origin is the middle
of the line between the lips.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from livekit_avatar.engines.portrait.curves import Reals, bump, ramp
from livekit_avatar.engines.portrait.head import Head
from livekit_avatar.engines.portrait.palette import Palette
from livekit_avatar.types import Image

LEFT: Final = -0.62
TOP: Final = -0.32
RIGHT: Final = 0.62
BOTTOM: Final = 0.70
"""The canvas, units."""

_FINE = 3
"""Sprites are painted this much finer and reduced."""

_UPPER_WIDTHS = (0.118, 0.094, 0.100, 0.085, 0.080, 0.070)
_LOWER_WIDTHS = (0.076, 0.082, 0.092, 0.080, 0.075, 0.065)
"""Crowns from the middle outwards, units, in a mouth 0.8 units wide (Wheeler's Dental Anatomy; 63 mm)."""

_UPPER_LENGTHS = (0.150, 0.136, 0.148, 0.125, 0.11, 0.10)
_UPPER_EDGE = (0.0, -0.007, -0.001, -0.010, -0.016, -0.022)
"""How far an incisal edge ends above the middle one's."""

_ARCH = 0.55
"""Depth of the dental arch at half the mouth's width, in half widths."""


@dataclass(frozen=True, slots=True, eq=False)
class Interior:
    """The sprites of one face.

    Attributes:
        cavity: opaque background, moves with the skull.
        upper: upper teeth and gum, move with the skull.
        lower: lower teeth, move with the jaw.
        tongue: lies behind the lower teeth, moves with the jaw.
        tip: tongue between the teeth.
        scale: pixels of a sprite in a unit.
    """

    cavity: Image
    upper: Image
    lower: Image
    tongue: Image
    tip: Image
    scale: float


def paint_interior(head: Head, palette: Palette, half_width: float) -> Interior:
    """Paint the inside of a mouth whose half width is given in units."""
    scale = max(head.unit, 40.0)
    width, height = round((RIGHT - LEFT) * scale), round((BOTTOM - TOP) * scale)
    x, y = np.meshgrid(
        LEFT + (np.arange(width * _FINE) + 0.5) / (scale * _FINE),
        TOP + (np.arange(height * _FINE) + 0.5) / (scale * _FINE),
    )
    size = half_width / 0.40
    across = _along_arch(head, x, half_width)
    light = 1 + palette.slope * np.clip(x / half_width, -1, 1)
    slant = half_width * float(head.axes[0, :2] @ head.upright[0])
    reduced = [
        _reduce(layer, (width, height))
        for layer in (
            _cavity(palette, x, y, slant),
            _upper_teeth(palette, across, y, size, light),
            _lower_teeth(palette, across, y, size, light),
            _tongue(palette, x, y, size),
            _tip(palette, x, y, size),
        )
    ]
    return Interior(reduced[0], reduced[1], reduced[2], reduced[3], reduced[4], scale)


def _along_arch(head: Head, x: Reals, half_width: float) -> Reals:
    """Which place of the dental arch, in units from its middle when seen from the front, shows at x."""
    straight = np.linspace(-0.9, 0.9, 361)
    depth = _ARCH * half_width * np.square(straight / half_width)
    axes = head.upright @ head.axes[:, :2].T
    seen = axes[0, 0] * straight + axes[0, 2] * depth
    rising = np.maximum.accumulate(seen) + 1e-6 * straight
    return np.interp(x, rising, straight)


def _reduce(layer: Reals, size: tuple[int, int]) -> Image:
    """Premultiply straight alpha and bring it to the size of the frame."""
    premultiplied = np.dstack([layer[..., :3] * layer[..., 3:], 255 * layer[..., 3]]).astype(np.float32)
    reduced = cv2.resize(premultiplied, size, interpolation=cv2.INTER_AREA)
    return np.round(reduced).clip(0, 255).astype(np.uint8)


def _rgba(colour: Reals, shade: Reals, alpha: Reals) -> Reals:
    return np.dstack([np.clip(colour * shade[..., None], 0, 255), np.clip(alpha, 0, 1)])


def _cavity(palette: Palette, x: Reals, y: Reals, half_width: float) -> Reals:
    """Dark at the back, flesh towards the corners and the floor, where the cheeks and gums catch light."""
    flesh = 0.60 * ramp(0.45, 1.25, abs(x) / half_width) + 0.30 * ramp(0.08, 0.45, y)
    throat = 1 - 0.42 * bump(x, 0.6 * half_width) * bump(y - 0.07, 0.14)
    cheek = palette.lip * (0.60, 0.42, 0.42)
    colour = palette.dark * throat[..., None] * (1 - flesh[..., None]) + cheek * flesh[..., None]
    return np.dstack([colour, np.ones_like(x)])


def _upper_teeth(palette: Palette, x: Reals, y: Reals, size: float, light: Reals) -> Reals:
    edge = (0.056 - 0.06 * np.square(x / (0.4 * size))) * min(size, 1.0)
    alpha, shade = np.zeros_like(x), np.full_like(x, 0.62)
    for centre, width, length, rise in _crowns(_UPPER_WIDTHS, _UPPER_LENGTHS, _UPPER_EDGE, size):
        u = (abs(x) - centre) / (width / 2)
        bottom = edge + rise - 0.009 * size * abs(u) ** 6
        crown = _soft(1 - abs(u), 0.10) * _soft((bottom - y) / width, 0.05)
        shape = 1 - 0.10 * abs(u) ** 3 - 0.10 * np.clip((bottom - y) / length, 0, 1)
        alpha, shade = (
            np.maximum(alpha, crown),
            np.where(crown > 0.02, shape * crown + shade * (1 - crown), shade),
        )
    reach = sum(_UPPER_WIDTHS) * size
    between = _soft((edge - 0.018 * size - y) / 0.02, 0.5) * _soft((reach - abs(x)) / 0.05, 0.5)
    shade = shade * light * (1 - 0.55 * np.square(np.clip(x / reach, -1, 1)))
    gum = ramp(0.115 * size, 0.14 * size, edge - y)[..., None]
    colour = palette.tooth * (1 - gum) + palette.gum * gum
    return np.dstack([np.clip(colour * shade[..., None], 0, 255), np.maximum(alpha, between)])


def _lower_teeth(palette: Palette, x: Reals, y: Reals, size: float, light: Reals) -> Reals:
    edge = 0.16 * np.square(x / 0.4) / size
    alpha, shade = np.zeros_like(x), np.full_like(x, 0.5)
    for centre, width, _, rise in _crowns(_LOWER_WIDTHS, _LOWER_WIDTHS, (0.0,) * 6, size):
        u = (abs(x) - centre) / (width / 2)
        top = edge + rise + 0.010 * size * abs(u) ** 4
        crown = _soft(1 - abs(u), 0.12) * _soft((y - top) / width, 0.08) * (y < top + 0.15)
        alpha = np.maximum(alpha, crown)
        shade = np.where(crown > 0.02, (1 - 0.14 * abs(u) ** 3) * crown + shade * (1 - crown), shade)
    reach = sum(_LOWER_WIDTHS[:5]) * size
    inside = _soft((reach - abs(x)) / 0.06, 0.5)
    between = _soft((y - edge - 0.012) / 0.02, 0.5) * (y < edge + 0.15) * inside
    shade = shade * light * 0.84 * (1 - 0.6 * np.square(np.clip(x / reach, -1, 1)))
    gum = ramp(0.085 * size, 0.11 * size, y - edge)[..., None]
    colour = palette.tooth * (1 - gum) + palette.gum * 0.9 * gum
    return np.dstack([np.clip(colour * shade[..., None], 0, 255), np.maximum(alpha * inside, between)])


def _crowns(
    widths: tuple[float, ...], lengths: tuple[float, ...], edges: tuple[float, ...], size: float
) -> list[tuple[float, float, float, float]]:
    """Centre, width, length and edge of each tooth of one side, units."""
    starts = np.concatenate([[0.0], np.cumsum(widths)])
    return [
        ((start + width / 2) * size, width * size, length * size, edge * size)
        for start, width, length, edge in zip(starts, widths, lengths, edges, strict=False)
    ]


def _soft(inside: Reals, width: float) -> Reals:
    """Anti-aliased step: 0 outside, 1 from `width` inwards."""
    return np.clip(inside / width, 0, 1)


def _flesh(palette: Palette) -> Reals:
    return np.clip(0.6 * palette.lip * (1.0, 0.78, 0.80) + 0.4 * palette.skin * (0.92, 0.50, 0.52), 0, 255)


def _tongue(palette: Palette, x: Reals, y: Reals, size: float) -> Reals:
    """The back of the tongue: broad, lit from the front, with a shallow furrow."""
    e = np.square(x / (0.29 * size)) + np.square((y - 0.125) / 0.17)
    furrow = 0.09 * bump(x, 0.022) * ramp(-0.02, 0.10, y)
    wet = 0.07 * bump(abs(x) - 0.11 * size, 0.05) * bump(y - 0.10, 0.03)
    shade = 0.34 + 0.50 * ramp(-0.06, 0.13, y) - 0.22 * ramp(0.35, 1, e) - furrow + wet
    return _rgba(_flesh(palette), shade, 1 - ramp(0.70, 1.0, e))


def _tip(palette: Palette, x: Reals, y: Reals, size: float) -> Reals:
    """The tip below the edge of the upper teeth, whose shadow falls on it."""
    e = np.square(x / (0.175 * size)) + np.square((y - 0.065) / 0.058)
    front = 0.12 * bump(x, 0.09 * size) * bump(y - 0.085, 0.016)
    shade = 0.84 + front - 0.34 * (1 - ramp(0.045, 0.085, y)) - 0.26 * ramp(0.35, 1.0, e)
    return _rgba(_flesh(palette), shade, 1 - ramp(0.72, 1.0, e))
