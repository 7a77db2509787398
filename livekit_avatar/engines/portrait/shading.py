"""Light on pursed lips: the picture at rest once more, with the shading that protruding lips would have."""

from __future__ import annotations

import cv2
import numpy as np

from livekit_avatar.engines.portrait import topology as mesh
from livekit_avatar.engines.portrait.curves import Reals, bump, ramp
from livekit_avatar.engines.portrait.head import Head
from livekit_avatar.types import Image

_WARM = np.array([0.85, 1.05, 1.08])
"""Shadows on skin are warm: red fades least."""


def pursed(picture: Image, head: Head, block: tuple[slice, slice]) -> Image:
    """A block of the picture as if its lips stood out: (height, width, 4) uint8.

    The lower lip catches light in the middle, its sides turn away, and it throws a shadow on the chin.
    """
    rows, columns = block
    x, y = np.meshgrid(np.arange(columns.start, columns.stop), np.arange(rows.start, rows.stop))
    relief = _relief(head, head.plane(np.dstack([x, y])), _lips(head, block))
    shaded = picture[block].astype(np.float64)
    shaded[..., :3] *= 1 + relief[..., None] * np.where(relief[..., None] < 0, _WARM, 1.0)
    return np.ascontiguousarray(np.round(np.clip(shaded, 0, 255)), np.uint8)


def _lips(head: Head, block: tuple[slice, slice]) -> Reals:
    """1 on the red of the lips, softly 0 around it."""
    rows, columns = block
    mask = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.float32)
    outline = head.points[list(mesh.LIP_OUTER_UPPER + mesh.LIP_OUTER_LOWER[::-1]), :2]
    corners = np.round((outline - (columns.start, rows.start)) * 16).astype(np.int32)
    cv2.fillPoly(mask, [corners], 1.0, cv2.LINE_AA, shift=4)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), max(0.012 * head.unit, 0.5)), np.float64)


def _relief(head: Head, places: Reals, lips: Reals) -> Reals:
    """Change of brightness at (h, w, 2) places, a fraction."""
    line, bottom = (head.plane(head.points[i[5]]) for i in (mesh.LIP_INNER_LOWER, mesh.LIP_OUTER_LOWER))
    ends = head.plane(head.points[[mesh.RIGHT_MOUTH, mesh.LEFT_MOUTH]])[:, 0]
    x, y = places[..., 0] - line[0], places[..., 1]
    side = abs(x) / np.where(x < 0, line[0] - ends[0], ends[1] - line[0])
    thick = max(bottom[1] - line[1], 0.04)
    light = 0.14 * lips * bump(side, 0.45) * bump(y - line[1] - 0.5 * thick, 0.35 * thick)
    turning = -0.22 * lips * ramp(0.35, 0.95, side)
    shadow = -0.16 * (1 - lips) * bump(side, 0.5) * bump(y - bottom[1] - 0.03, 0.045)
    return light + turning + shadow
