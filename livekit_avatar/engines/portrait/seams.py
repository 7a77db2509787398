"""Where the two layers of a portrait meet: along the lips, and softly beyond the corners of the mouth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from livekit_avatar.engines.portrait.curves import Reals, ramp
from livekit_avatar.engines.portrait.head import Head
from livekit_avatar.types import Floats

Block = tuple[slice, slice]

_FINE = 4
"""Lip contours are drawn this much finer, then measured."""

_UNDER: Final = 1.5
"""How far the upper layer is looked up beyond the upper lip's edge, pixels: under its soft rim."""

_OVERLAP = 1.2
"""How far the lower lip reaches up under the upper one, pixels."""

_SIDES = 0.11
"""Share of the lower layer's width over which it gives way to the upper one, on each side."""

_SEAM_ROWS, _OPENING = 0.35, (0.62, -0.25, 0.65)
"""How far below the lips the seam can come; half width, top and bottom of where they can open; units."""


@dataclass(frozen=True, slots=True, eq=False)
class Seams:
    """How the layers share the pixels of the mouth.

    `upper` and `lower` are (H, W) float32 over the picture at rest, to be looked up through the layers' own
    displacements; the rest is fixed in the frame.

    Attributes:
        upper: height above the upper lip's edge in pixels plus 1.5, divided by the seam's softness.
        lower: height below a line a little above the lower lip's edge, pixels, plus 0.5.
        block: index of the pixels where the lower layer is drawn.
        rows: how many rows of the block, from its top, the seam can reach.
        sides: (height, width) float32 over the block, least weight of the upper layer.
        opening: index of the pixels of the block where the inside of the mouth can show.
    """

    upper: Floats
    lower: Floats
    block: Block
    rows: int
    sides: Floats
    opening: Block

    def chosen(self, upper: Floats) -> Floats:
        """Weight of the upper layer over the block, given `upper` looked up in its first `rows` rows."""
        weight: Floats = self.sides.copy()
        np.maximum(weight[: self.rows], np.clip(upper + np.float32(0.5), 0, 1), out=weight[: self.rows])
        return weight

    def upper_cover(self, upper: Floats) -> Floats:
        """How far the upper lip covers `opening`, given `upper` looked up over the first `rows` rows."""
        rows, columns = self.opening
        cover = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.float32)
        seen = upper[rows, columns]
        cover[: len(seen)] = np.clip(seen - np.float32(_UNDER - 0.5), 0, 1)
        return cover


def bake_seams(head: Head, lips: Reals, size: tuple[int, int], block: Block) -> Seams:
    """Measure the picture around the mouth.

    Args:
        head: its frame.
        lips: (2, n, 2) inner contours of the upper and the lower lip in pixels, from the viewer's left.
        size: (width, height) of the frame.
        block: index of the pixels where the lower layer is drawn.
    """
    above_upper, above_lower = (_height_above(head, contour, block) for contour in lips)
    places, contours = _plane(head, block), head.plane(lips)
    x, ends = places[..., 0], contours[..., 0]
    beyond = np.maximum(ends.min() - x, x - ends.max())
    soft = 1 + 0.32 * head.unit * ramp(0, 0.45, beyond)
    upper, lower = (np.full((size[1], size[0]), 1e3, np.float32) for _ in range(2))
    upper[block] = np.clip((above_upper + _UNDER) / soft, -1e3, 1e3)
    lower[block] = np.maximum(0.5 + _OVERLAP - above_lower, ramp(-0.025, 0.015, beyond))
    y = places[..., 1] - float(contours[0, :, 1].mean())
    rows = int((y < _SEAM_ROWS).any(axis=1).sum())
    half, top, bottom = _OPENING
    opening = _bounds((abs(x) < half) & (y > top) & (y < bottom))
    return Seams(upper, lower, block, rows, _sides(places.shape[:2]), opening)


def _height_above(head: Head, contour: Reals, block: Block) -> Reals:
    """Signed distance in pixels from a lip contour that goes on level beyond its ends; positive above it."""
    rows, columns = block
    right, down = 20 * head.unit * head.upright
    line = np.concatenate([contour[:1] - right, contour, contour[-1:] + right])
    polygon = np.concatenate([line, [line[-1] - down, line[0] - down]]) - (columns.start, rows.start)
    height, width = rows.stop - rows.start, columns.stop - columns.start
    fine = np.zeros((height * _FINE, width * _FINE), np.uint8)
    corners = np.round(((polygon + 0.5) * _FINE - 0.5) * 16).astype(np.int32)
    cv2.fillPoly(fine, [corners], 1, shift=4)
    inside, outside = (cv2.distanceTransform(m, cv2.DIST_L2, 5) for m in (fine, 1 - fine))
    signed = np.where(fine > 0, inside - 0.5, 0.5 - outside) / _FINE
    return np.asarray(cv2.resize(signed, (width, height), interpolation=cv2.INTER_AREA), np.float64)


def _plane(head: Head, block: Block) -> Reals:
    rows, columns = block
    x, y = np.meshgrid(np.arange(columns.start, columns.stop), np.arange(rows.start, rows.stop))
    return head.plane(np.dstack([x, y]))


def _sides(shape: tuple[int, int]) -> Floats:
    x = np.linspace(0, 1, shape[1])
    weight = 1 - np.clip(np.minimum(x, 1 - x) / _SIDES, 0, 1)
    return np.ascontiguousarray(np.broadcast_to(weight, shape), np.float32)


def _bounds(mask: np.typing.NDArray[np.bool_]) -> Block:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
