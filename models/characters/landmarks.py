"""Where the control points of a mouth are in the picture: the scene knows."""

from __future__ import annotations

import numpy as np
from camera import Camera
from head import Head
from jaw import Jaw
from lips import Lips
from poses import REST, MouthPose
from sdf import Array, front

from livekit_avatar.engines.portrait import topology as mesh
from livekit_avatar.engines.portrait.bank.plane import CONTROLS, INNER_LIPS, OUTER_LIPS
from livekit_avatar.engines.portrait.curves import Reals

BEFORE = 0.02
"""How far before the face behind them the lips' edges lie."""

FARTHEST_BACK = -0.1
"""Depth of points on the outline of the head: the camera sees no farther."""


class Projected:
    """The control points of one character's mouths.

    Args:
        camera: that took the picture.
        head: the character's.
        lips: the character's.
        points: (478, 2 or more) landmarks of the face at rest, pixels.
        size: of the picture.
    """

    def __init__(self, camera: Camera, head: Head, lips: Lips, points: Reals, size: int) -> None:
        self._camera, self._lips, self._size = camera, lips, size
        self._jaw = Jaw(lips)
        self._rest = np.asarray(points, np.float64)[list(CONTROLS), :2]
        self._skin = self._on_skin(head)
        self._along = self._across_lips()

    def controls(self, pose: MouthPose) -> Reals:
        """(c, 2) pixels: the points at rest, moved as far as the places of the scene under them."""
        way = self._project(self._jaw.moved(self._skin, pose)) - self._project(self._skin)
        for names, edges in ((OUTER_LIPS, self._borders), (INNER_LIPS, self._edges)):
            rows = [CONTROLS.index(name) for name in names]
            places = self._along[rows], [_is_upper(name) for name in names]
            way[rows] = edges(*places, pose) - edges(*places, REST)
        moved: Reals = self._rest + way
        return moved

    def _borders(self, along: Array, upper: list[bool], pose: MouthPose) -> Reals:
        """(n, 2) pixels of places on the lips' borders, `along` from -1 (viewer's left corner) to 1."""
        return self._lip(along, upper, pose, "top", "bottom")

    def _edges(self, along: Array, upper: list[bool], pose: MouthPose) -> Reals:
        """(n, 2) pixels of places on the edges of the opening."""
        return self._lip(along, upper, pose, "upper", "lower")

    def _lip(self, along: Array, upper: list[bool], pose: MouthPose, above: str, below: str) -> Reals:
        x = (along * self._lips.lines.half_width(pose)).astype(np.float32)
        edges, shifts = self._lips.lines.parted(np.abs(x), pose), self._lips.shifts(np.abs(x), pose)
        z = np.where(upper, getattr(edges, above), getattr(edges, below))
        y = self._lips.depth(np.abs(x)) + BEFORE + np.where(upper, *shifts)
        return self._project(np.stack([x, y, z], 1))

    def _project(self, points: Array) -> Reals:
        return self._camera.project(points, self._size).astype(np.float64)

    def _unproject(self, depth: Array) -> Array:
        """(c, 3) the points at rest at these depths."""
        return self._camera.unproject(self._rest, depth, self._size)

    def _on_skin(self, head: Head) -> Array:
        """(c, 3) places on the face at rest under the points."""
        depth = np.full(len(self._rest), 0.4, np.float32)
        for _ in range(3):
            points = self._unproject(depth)
            seen = front(head.bare, np.abs(points[:, 0]), points[:, 2])
            depth = np.maximum(seen, FARTHEST_BACK).astype(np.float32)
        return self._unproject(depth)

    def _across_lips(self) -> Array:
        """(c,) how far from the middle to a corner each point lies; of use for the lips' only."""
        depth = self._lips.depth(np.abs(self._skin[:, 0])) + BEFORE
        x = self._unproject(depth.astype(np.float32))[:, 0]
        return np.clip(x / self._lips.lines.half_width(REST), -1, 1)


def _is_upper(name: int) -> bool:
    return name in mesh.LIP_OUTER_UPPER or name in mesh.LIP_INNER_UPPER
