"""The true places of eyes, brows and lips in the picture: geometry knows them, the face mesh only guesses."""

from __future__ import annotations

import numpy as np
from brows import BASE
from camera import Camera
from character import BrowShape
from lids import INNER, LID, OUTER, Lids
from lips import Lips
from sdf import vector

from livekit_avatar.engines.portrait.contours import EYE_POINTS, LIP_POINTS, Contours


def true_contours(camera: Camera, lids: Lids, lips: Lips, size: int) -> Contours:
    """Outlines of the neutral face in pixels of a picture of `size`."""
    x = np.linspace(INNER, OUTER, EYE_POINTS, dtype=np.float32)
    edges = {}
    for name, side in (("right", -1), ("left", 1)):
        for edge, z in zip(("upper", "lower"), lids.edges(x, blink=0), strict=True):
            points = lids.on_lid(x, z, LID) * vector((side, 1, 1))
            edges[f"{name}_eye_{edge}"] = camera.project(points, size)
    half = lips.lines.shape.half_width
    across = np.linspace(-half, half, LIP_POINTS, dtype=np.float32)
    depth = lips.depth(np.abs(across)) + 0.02
    top, line, bottom = (
        camera.project(np.stack([across, depth, z], 1), size) for z in lips.edges(np.abs(across))
    )
    return Contours(**edges, lip_top=top, lip_line=line, lip_bottom=bottom)


def brow_height(camera: Camera, brows: BrowShape, size: int) -> float:
    """Height of the brows, drawn or not, in pixels of a picture of `size`."""
    middle = vector([(0.33, 0.5, BASE + brows.raised + brows.arch)])
    return float(camera.project(middle, size)[0, 1])
