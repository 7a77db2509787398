"""A picture carried along with a mouth: of a beard, its own pixels are better than what is rendered quickly.

Each ray of the camera meets the moved face somewhere; at rest that place was elsewhere: there is its pixel.
"""

from __future__ import annotations

import cv2
import numpy as np
from camera import Camera
from head import Head
from jaw import Jaw
from lips import Lips
from poses import MouthPose
from sdf import Array, front, mirrored, smoothstep

from livekit_avatar.engines.portrait.curves import Reals
from livekit_avatar.types import Image

BEARD = 0.06
"""How far before the skin the hair is looked at."""

BEHIND = 0.05, 0.22
"""Depths between which things stay: neck and clothes."""

STEP = 6
"""Pixels between the rays."""

CALM = 1.0
"""Rays over which the places are smoothed: where the chin hides the neck, they jump."""

LIP_ROOM, LIP_SOFT = 0.060, 0.022
"""How far around the lips the render is shown, and over how much it fades, in the space of `sdf`."""


class Flow:
    """The pictures of one face that moves."""

    def __init__(self, camera: Camera, head: Head, lips: Lips) -> None:
        self._camera, self._head = camera, head
        self._jaw = Jaw(lips)

    def carried(self, picture: Image, pose: MouthPose) -> Image:
        """The picture with everything where the pose has taken it, (n, n, 4); its lips are torn."""
        size = len(picture)
        places = np.arange(0, size + STEP, STEP, dtype=np.float32)
        rays = np.stack(np.meshgrid(places, places), -1)
        ways = self.ways(rays.reshape(-1, 2), pose, size).reshape(rays.shape)
        sources = rays + cv2.GaussianBlur(ways, (0, 0), CALM)
        at = np.arange(size, dtype=np.float32) / STEP
        x, y = np.meshgrid(at, at)
        full = cv2.remap(sources, x, y, cv2.INTER_LINEAR)
        return np.asarray(cv2.remap(picture, full, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE))

    def ways(self, rays: Array, pose: MouthPose, size: int) -> Array:
        """(n, 2) from pixels of a picture of `size` to where they come from."""

        def moved(points: Array) -> Array:
            return self._head.bare(self._jaw.back(mirrored(points), pose)) - BEARD

        depth = np.full(len(rays), 0.3, np.float32)
        for _ in range(2):
            points = self._camera.unproject(rays, depth, size)
            depth = np.maximum(front(moved, points[:, 0], points[:, 2]), 0).astype(np.float32)
        points = self._camera.unproject(rays, depth, size)
        there = self._camera.project(self._jaw.back(points, pose), size)
        behind = smoothstep(*BEHIND, depth)[:, None]
        way = (there - self._camera.project(points, size)) * behind
        return np.asarray(way, np.float32)


def around_lips(outline: Reals, scale: float, size: int) -> Array:
    """(size, size) 0..1: on and near lips with these (n, 2) borders; `scale` pixels are a length of 1."""
    mask = np.zeros((size, size), np.float32)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.round(outline).astype(np.int32)), 1.0)
    room = 2 * round(LIP_ROOM * scale) + 1
    mask = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (room, room)))
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), LIP_SOFT * scale), np.float32)
