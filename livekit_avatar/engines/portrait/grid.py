"""The coarse grid that displacement fields live on, and its way back to pixels.

Node (i, j) sits in the middle of the block of `step` x `step` pixels that it owns; one row and column of
nodes lies outside the frame on each side. Fields are (rows, columns, 2) float32, x then y, in grid steps, so
that a field can be looked up in itself without rescaling.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from livekit_avatar.types import Floats

Flags = npt.NDArray[np.bool_]

_BAND_ROWS = 12
"""Rows of nodes drawn at once: their look-ups stay in the processor's cache."""


@dataclass(frozen=True, slots=True)
class Window:
    """Nodes [top, bottom) x [left, right) of a grid."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def nodes(self) -> tuple[slice, slice]:
        """Index of these nodes in an array of all nodes."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of nodes."""
        return self.bottom - self.top, self.right - self.left

    @property
    def inner(self) -> Window:
        """Without the outermost nodes: those whose pixels can be interpolated."""
        return Window(self.top + 1, self.bottom - 1, self.left + 1, self.right - 1)

    def within(self, outer: Window) -> tuple[slice, slice]:
        """Index of these nodes in an array that holds the nodes of `outer`."""
        rows = slice(self.top - outer.top, self.bottom - outer.top)
        return rows, slice(self.left - outer.left, self.right - outer.left)


@dataclass(frozen=True, slots=True)
class Grid:
    """The nodes over a frame.

    Attributes:
        width: of the frame in pixels.
        height: of the frame in pixels.
        step: pixels from node to node.
    """

    width: int
    height: int
    step: int

    @property
    def window(self) -> Window:
        """All nodes."""
        return Window(0, -(-self.height // self.step) + 2, 0, -(-self.width // self.step) + 2)

    @property
    def to_nodes(self) -> npt.NDArray[np.float64]:
        """(2, 3) from pixels of the frame to column and row among all nodes."""
        first = self.to_pixels(np.zeros(2, np.float32), self.window)
        return np.column_stack([np.eye(2) / self.step, -first / self.step])

    def indices(self, window: Window) -> Floats:
        """(rows, columns, 2) column and row of each node, counted from the window's first node."""
        rows, columns = window.shape
        x, y = np.meshgrid(np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32))
        return np.ascontiguousarray(np.dstack([x, y]))

    def pixels(self, window: Window) -> Floats:
        """(rows, columns, 2) place of each node in pixels."""
        return self.to_pixels(self.indices(window), window)

    def to_pixels(self, indices: Floats, window: Window) -> Floats:
        """Places given in steps from the window's first node -> pixels of the frame."""
        middle = (self.step - 1) / 2 - self.step
        first = np.array([window.left, window.top], np.float32) * self.step + np.float32(middle)
        places: Floats = indices * np.float32(self.step) + first
        return places

    def block(self, window: Window) -> tuple[slice, slice]:
        """Index of the pixels that the nodes of a window own, as far as they are in the frame."""
        top, left = max((window.top - 1) * self.step, 0), max((window.left - 1) * self.step, 0)
        bottom = min((window.bottom - 1) * self.step, self.height)
        return slice(top, bottom), slice(left, min((window.right - 1) * self.step, self.width))

    def dense(self, places: Floats, window: Window) -> Floats:
        """Interpolate places known at the nodes of a window to all pixels of `block(window.inner)`.

        Args:
            places: (rows, columns, 2) pixels.
            window: the nodes of `places`.

        Returns:
            (height, width, 2) float32, a view with gaps between its rows.
        """
        wide = np.asarray(cv2.resize(places, None, fx=self.step, fy=self.step), np.float32)
        rows, columns = self.block(window.inner)
        top, left = rows.start - (window.top - 1) * self.step, columns.start - (window.left - 1) * self.step
        return wide[top : top + rows.stop - rows.start, left : left + columns.stop - columns.start]

    def enclosing(self, active: Flags) -> Window | None:
        """The smallest window around all `active` nodes, (rows, columns) over all nodes, and a rim."""
        rows, columns = np.flatnonzero(active.any(axis=1)), np.flatnonzero(active.any(axis=0))
        return self._around(rows, columns) if len(rows) else None

    def bands(self, active: Flags, window: Window) -> list[Window]:
        """Windows whose inner nodes hold all active ones: bands of rows, each only as wide as needed.

        Args:
            active: (rows, columns) over all nodes.
            window: what `enclosing` gave.
        """
        windows = []
        for start in range(window.top + 1, window.bottom - 1, _BAND_ROWS):
            top, bottom = start - 1, min(start + _BAND_ROWS + 1, window.bottom)
            columns = np.flatnonzero(active[top:bottom].any(axis=0))
            if len(columns):
                wide = self._around(columns, columns)
                windows.append(Window(top, bottom, wide.left, wide.right))
        return windows

    def _around(self, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]) -> Window:
        """A window whose inner nodes reach one node beyond these."""
        outer = self.window
        return Window(
            max(int(rows[0]) - 2, 0),
            min(int(rows[-1]) + 3, outer.bottom),
            max(int(columns[0]) - 2, 0),
            min(int(columns[-1]) + 3, outer.right),
        )
