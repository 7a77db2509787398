"""The light that falls on a mouth where it is laid: what its colours lack of those around it."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from livekit_avatar.engines.portrait.bank.plane import f32, moved
from livekit_avatar.engines.portrait.curves import Reals, resample
from livekit_avatar.engines.portrait.grid import Grid
from livekit_avatar.engines.portrait.sampling import sample
from livekit_avatar.types import Floats, Image

_STATIONS: Final = 48
"""Places on the rim where colours are compared."""

_PATCH: Final = 0.02
"""Half the side of the square over which a colour is averaged there, units."""

_STRONGEST: Final = 30.0
"""Levels by which light changes a colour at most: beyond, something else lies there, as hair beside a jaw."""

_HOLD: Final = 30.0
"""How firmly the correction keeps to the differences at the rim, against its own smoothness."""


class Light:
    """The rim of one face's mask, where colours shall meet."""

    def __init__(self, grid: Grid, mask: Floats, unit: float) -> None:
        """Solve what no frame changes.

        Args:
            grid: of the fields.
            mask: (height, width) 0..1 how much of a mouth's picture is seen.
            unit: inter-ocular distance in pixels of the plane.
        """
        self._grid, self._to_nodes = grid, grid.to_nodes
        self._rim = _rim(mask)
        self._around = _PATCH * unit
        self._membrane = _membrane(grid, moved(self._to_nodes, self._rim))

    def colours(self, pixels: Image, places: Floats | None, matrix: Reals | None) -> Floats:
        """(stations, 4) mean colours of a picture around the rim; the alpha of all is 0.

        Args:
            pixels: (H, W, 4) uint8 RGBA.
            places: (rows, columns, 2) where the nodes of the grid are in it; or
            matrix: (2, 3) from the plane to it.
        """
        if places is not None:
            at = sample(places, f32(moved(self._to_nodes, self._rim))[None])[0]
        else:
            assert matrix is not None
            at = f32(moved(matrix, self._rim))
        near = np.array([(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)], np.float32) * np.float32(
            self._around
        )
        colours = sample(pixels, np.ascontiguousarray(at[:, None] + near)).astype(np.float32).mean(axis=1)
        colours[:, 3] = 0
        return np.asarray(colours, np.float32)

    def correction(self, here: Floats, there: Floats) -> Floats:
        """(rows, columns, 4) at the nodes: what the colours `there` lack of those `here`."""
        correction: Floats = (self._membrane @ _believed(here - there)).reshape(*self._grid.window.shape, 4)
        return correction


def _believed(difference: Floats) -> Floats:
    """(stations, 4) differences of colour; where one is too large, what its neighbours say."""
    alike = np.flatnonzero(np.abs(difference).max(axis=1) < _STRONGEST)
    if len(alike) in (0, len(difference)):
        return difference if len(alike) else np.zeros_like(difference)
    all_around = np.arange(len(difference))
    columns = [np.interp(all_around, alike, c[alike], period=len(difference)) for c in difference.T]
    return f32(np.stack(columns, axis=1))


def _rim(mask: Floats) -> Reals:
    """(stations, 2) places along the outer half of the mask's soft edge, in order."""
    contours, _ = cv2.findContours((mask > 0.3).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(contours, key=len)[:, 0].astype(np.float64)
    return resample(np.concatenate([outline, outline[:1]]), _STATIONS + 1)[:-1]


def _membrane(grid: Grid, rim: Reals) -> Floats:
    """(nodes, stations): the smoothest values over the grid that are those given at the rim.

    It minimizes the sum of squared differences between neighbours plus those at the rim (the membrane of
    Perez et al., Poisson Image Editing, 2003).
    """
    rows, columns = grid.window.shape
    laplacian = np.kron(np.eye(rows), _chain(columns)) + np.kron(_chain(rows), np.eye(columns))
    at = np.clip(rim, 0, (columns - 1.001, rows - 1.001))
    corner, part = np.floor(at).astype(int), at - np.floor(at)
    look = np.zeros((len(rim), rows * columns))
    for i in (0, 1):
        for j in (0, 1):
            weight = np.abs(1 - i - part[:, 0]) * np.abs(1 - j - part[:, 1])
            look[np.arange(len(rim)), (corner[:, 1] + j) * columns + corner[:, 0] + i] += weight
    return f32(np.linalg.solve(laplacian + _HOLD * look.T @ look, _HOLD * look.T))


def _chain(n: int) -> Reals:
    """(n, n) Laplacian of a chain."""
    chain = 2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1)
    chain[0, 0] = chain[-1, -1] = 1
    return chain
