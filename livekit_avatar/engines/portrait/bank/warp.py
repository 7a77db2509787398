"""Carries mouths from the shape they were filmed in to the shape that is wanted.

Every control point of a mouth moves by a known vector; a thin-plate spline carries that to a coarse grid
(`curves.thin_plate`). What is expensive in it depends on the filmed mouth alone and is solved once: then a
frame's field is one product of a matrix with the vectors.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from livekit_avatar.engines.portrait.bank.plane import CONTROLS, Plane, f32
from livekit_avatar.engines.portrait.curves import Reals, thin_plate
from livekit_avatar.engines.portrait.grid import Grid
from livekit_avatar.engines.portrait.sampling import sample
from livekit_avatar.types import Floats

_NODES_PER_UNIT: Final = 11
_SMOOTHING: Final = 2e-4
_FARTHEST: Final = 0.16
"""How far a control point is carried at most, units: further, skin looks like rubber."""

_STEPS: Final = 4
"""Fixed-point steps of the inversion."""

_ANCHORS: Final = (1, 4, 98, 327, 50, 280, 132, 361, 58, 288)
"""Landmarks on nose, cheeks and the corners of the jaw that stay where they are."""


class MouthWarp:
    """The fields of all mouths of one bank."""

    def __init__(self, plane: Plane, points: Floats) -> None:
        """Solve what does not depend on the shape that is wanted.

        Args:
            plane: of the person.
            points: (m, c, 2) control points of the mouths.
        """
        width, height = plane.size
        self.grid = Grid(width, height, max(3, round(plane.unit / _NODES_PER_UNIT)))
        self._nodes = self.grid.indices(self.grid.window)
        self._points = points
        self._farthest = np.float32(_FARTHEST * plane.unit)
        self._spread = [self._solve(plane, own.astype(np.float64)) for own in points]

    def places(self, mouth: int, target: Floats) -> Floats:
        """Where in a mouth's picture the nodes of `grid` come from, (rows, columns, 2) pixels.

        Args:
            mouth: which.
            target: (c, 2) where its control points shall be.
        """
        way = target - self._points[mouth]
        far = np.sqrt(np.square(way).sum(axis=1, keepdims=True))
        way = way * np.minimum(self._farthest / np.maximum(far, np.float32(1e-6)), 1)
        field: Floats = (self._spread[mouth] @ way).reshape(self._nodes.shape)
        source = self._nodes - field
        for _ in range(_STEPS - 1):
            source = self._nodes - sample(field, source)
        return self.grid.to_pixels(source, self.grid.window)

    def _solve(self, plane: Plane, own: Reals) -> Floats:
        """(nodes, c): the field at each node, in steps of the grid, for a unit way of each control point."""
        anchors = _anchors(plane)
        known = np.concatenate([own, anchors]) / plane.unit
        known, first = np.unique(np.round(known, 4), axis=0, return_index=True)
        ways = np.eye(len(own) + len(anchors), len(own))[first]
        at = self.grid.pixels(self.grid.window).reshape(-1, 2).astype(np.float64) / plane.unit
        return f32(thin_plate(known, ways, at, smoothing=_SMOOTHING) / self.grid.step)


def _anchors(plane: Plane) -> Reals:
    width, height = plane.size
    across, down = np.linspace(0, width - 1, 7), np.linspace(0, height - 1, 6)[1:-1]
    rim = [(x, y) for x in across for y in (0, height - 1)] + [(x, y) for x in (0, width - 1) for y in down]
    return np.concatenate([np.array(rim, np.float64), plane.rest[list(_ANCHORS)]])


def controls_of(points: Reals) -> Reals:
    """(..., c, 2) control points among (..., 478, 2) landmarks in the plane."""
    return points[..., list(CONTROLS), :2]
