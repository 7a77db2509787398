"""Where the two layers of a portrait meet: along the lips, and softly beyond the corners of the mouth."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from livekit_avatar.engines.portrait.curves import Reals, ramp
from livekit_avatar.engines.portrait.head import Head
from livekit_avatar.types import Floats

Mask = npt.NDArray[np.uint8]

_FINE = 4
"""Masks are drawn this much finer, then measured."""

_EDGE, _OVERLAP = 0.5, 1.2
"""Half width of a lip's soft edge, and how far a lip reaches beyond its contour under the other, in pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Seams:
    """Masks of the whole frame, each uint8, 0..255, in pixels of the picture at rest.

    Attributes:
        upper: (H, W, 2): where the upper layer is chosen over the lower one, and where it covers the inside.
        lower: (H, W): where the lower layer covers the inside of the mouth.
    """

    upper: Mask
    lower: Mask


def bake_seams(head: Head, lips: Reals, size: tuple[int, int], block: tuple[slice, slice]) -> Seams:
    """Draw the masks.

    Args:
        head: its frame.
        lips: (2, n, 2) inner contours of the upper and the lower lip in pixels, from the viewer's left.
        size: (width, height) of the frame.
        block: index of the pixels where the lower layer is drawn.
    """
    above_upper, above_lower = (_height_above(head, contour, block) for contour in lips)
    beyond = _beyond_corners(head, lips, block)
    choose = _chosen(head, above_upper, beyond, block)
    covers = np.clip(0.5 + above_upper / (2 * _EDGE), 0, 1)
    below = np.clip(0.5 + (_OVERLAP - above_lower) / (2 * _EDGE), 0, 1)
    width, height = size
    upper, lower = np.full((height, width, 2), 255, np.uint8), np.full((height, width), 255, np.uint8)
    upper[block] = np.round(255 * np.dstack([choose, covers]))
    lower[block] = np.round(255 * np.maximum(below, ramp(0, 0.03, beyond)))
    return Seams(upper, lower)


def _height_above(head: Head, contour: Reals, block: tuple[slice, slice]) -> Reals:
    """Signed distance in pixels from a lip contour that goes on level beyond its ends; positive above it."""
    rows, columns = block
    far = 20 * head.unit * head.upright[0]
    up = 20 * head.unit * head.upright[1]
    line = np.concatenate([contour[:1] - far, contour, contour[-1:] + far])
    polygon = np.concatenate([line, [line[-1] - up, line[0] - up]]) - (columns.start, rows.start)
    fine = np.zeros(((rows.stop - rows.start) * _FINE, (columns.stop - columns.start) * _FINE), np.uint8)
    corners = np.round(((polygon + 0.5) * _FINE - 0.5) * 16).astype(np.int32)
    cv2.fillPoly(fine, [corners], 1, shift=4)
    inside, outside = (cv2.distanceTransform(m, cv2.DIST_L2, 5) for m in (fine, 1 - fine))
    signed = np.where(fine > 0, inside - 0.5, 0.5 - outside) / _FINE
    height, width = rows.stop - rows.start, columns.stop - columns.start
    return np.asarray(cv2.resize(signed, (width, height), interpolation=cv2.INTER_AREA), np.float64)


def _plane(head: Head, block: tuple[slice, slice]) -> Reals:
    rows, columns = block
    x, y = np.meshgrid(np.arange(columns.start, columns.stop), np.arange(rows.start, rows.stop))
    return head.plane(np.dstack([x, y]))


def _beyond_corners(head: Head, lips: Reals, block: tuple[slice, slice]) -> Reals:
    """How far to the side of the mouth a place is, units; 0 above and below it."""
    x, ends = _plane(head, block)[..., 0], head.plane(lips)[..., 0]
    return np.maximum(np.maximum(ends.min() - x, x - ends.max()), 0)


def _chosen(head: Head, above: Reals, beyond: Reals, block: tuple[slice, slice]) -> Reals:
    """Sharp at the lips, ever softer to the sides, where both layers move alike; 1 at the block's sides."""
    soft = 2 * _EDGE + 0.32 * head.unit * ramp(0, 0.45, beyond)
    chosen = ramp(-0.5, 0.5, (above + 3 * _EDGE) / soft)
    x = np.linspace(0, 1, above.shape[1])
    sides = 1 - np.clip(np.minimum(x, 1 - x) / 0.11, 0, 1)
    return np.maximum(chosen, sides)


def as_share(mask: npt.NDArray[np.uint8]) -> Floats:
    """0..255 -> 0..1."""
    return mask * np.float32(1 / 255)
