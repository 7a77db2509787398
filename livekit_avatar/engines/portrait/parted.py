"""A picture with parted lips, made ready to close them: its own teeth would glint between closed lips."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from livekit_avatar.engines.portrait.curves import Reals
from livekit_avatar.types import Image

_RIM, _FURTHER = 0.03, 0.05
"""How far on the lips the light of the teeth reaches, units, and further in parts of their gap."""

_DARK: Final = np.array([0.38, 0.47, 0.48])
"""How much darker than the lips the line between them is: red, green, blue."""


def without_inside(picture: Image, lips: Reals, unit: float) -> Image:
    """The picture with the colours of the lips, darkened, in place of what is seen between them.

    Args:
        picture: (H, W, 4) uint8 RGBA.
        lips: (2, n, 2) inner contours of the upper and the lower lip in its pixels.
        unit: inter-ocular distance in pixels.
    """
    inside = np.zeros(picture.shape[:2], np.uint8)
    outline = np.concatenate([lips[0], lips[1, ::-1]])
    cv2.fillPoly(inside, [np.round(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
    gap = float(np.linalg.norm(lips[1] - lips[0], axis=1).max())
    reach = max(round(_RIM * unit + _FURTHER * gap), 1)
    foreign = cv2.dilate(inside, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1,) * 2))
    colours = cv2.inpaint(
        np.ascontiguousarray(picture[..., :3]), (foreign > 0).astype(np.uint8), 3, cv2.INPAINT_TELEA
    )
    line = cv2.GaussianBlur(inside, (0, 0), max(0.01 * unit, 0.5)).astype(np.float32) / 255
    healed: Image = picture.copy()
    healed[..., :3] = np.round(colours * (1 - _DARK * line[..., None]))
    return healed
