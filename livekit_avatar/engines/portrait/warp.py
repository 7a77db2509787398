"""From coefficients to look-ups: where in the source picture each pixel of a frame comes from."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from livekit_avatar.engines.portrait.fields import Fields
from livekit_avatar.engines.portrait.grid import Window
from livekit_avatar.engines.portrait.seams import Seams, as_share
from livekit_avatar.types import Floats

_STILL_PIXELS = 1 / 32
"""Displacements below this do not change a picture: OpenCV's remap resolves 1/32 pixel."""

_INVERSIONS = 5
"""Fixed-point steps; the steepest field, an open jaw, leaves 1 % of its way."""


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """Where the pixels of a block come from.

    Attributes:
        block: index of the pixels that change, (rows, columns) of the frame.
        places: (height, width, 2) float32, x and y in the source picture, for each pixel of the block.
        lips: index of the pixels at the mouth where the inside may show; None while the lips move as one.
        inside: (height, width) float32, how much of the inside of the mouth each of those shows, 0..1.
        lip_cover: (height, width) float32, where the upper lip covers, 0..1.
    """

    block: tuple[slice, slice]
    places: Floats
    lips: tuple[slice, slice] | None = None
    inside: Floats | None = None
    lip_cover: Floats | None = None


class Warp:
    """The look-ups of one portrait."""

    def __init__(self, fields: Fields, seams: Seams) -> None:
        self._fields = fields
        self._seams = seams
        self._flat = [a.reshape(len(a), -1) for a in (fields.upper, fields.lower, fields.motion)]

    def lookup(self, shapes: Floats, motion: Floats, split: bool) -> Lookup | None:
        """Look-ups for one frame, None if nothing moves.

        Args:
            shapes: (shapes,) coefficients in the order of `Fields.names`.
            motion: (movements,) in the order of `MOVEMENTS`.
            split: whether the lips move apart or against one another.
        """
        f = self._fields
        upper = self._moved(shapes, motion)
        window = f.grid.enclosing(upper, _STILL_PIXELS / f.grid.step, f.grid.window)
        if split:
            window = f.mouth if window is None else _union(window, f.mouth)
        if window is None:
            return None
        places = self._source_places(upper[window.nodes], window)
        block = f.grid.block(window.inner)
        if not split:
            return Lookup(block, places)
        return self._split(Lookup(block, places), shapes, motion)

    def _moved(self, shapes: Floats, motion: Floats) -> Floats:
        """The upper layer's field over the whole grid."""
        f = self._fields
        field: Floats = (motion @ self._flat[2]).reshape(f.motion.shape[1:])
        if shapes.any():
            field[f.face.nodes] += (shapes @ self._flat[0]).reshape(f.upper.shape[1:])
        return field

    def _moved_below(self, shapes: Floats, motion: Floats) -> Floats:
        """The lower layer's field over its window."""
        f = self._fields
        field: Floats = (shapes @ self._flat[1]).reshape(f.lower.shape[1:])
        if motion.any():
            field += np.tensordot(motion, f.motion[(slice(None), *f.mouth.nodes)], axes=1)
        return field

    def _source_places(self, field: Floats, window: Window) -> Floats:
        """Invert a field by fixed-point iteration and interpolate it to pixels."""
        grid = self._fields.grid
        field = np.ascontiguousarray(field)
        nodes = grid.indices(window)
        source = nodes - field
        for _ in range(_INVERSIONS - 1):
            moved = cv2.remap(field, source, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            source = cv2.subtract(nodes, moved)
        return grid.dense(grid.to_pixels(source, window), window)

    def _split(self, whole: Lookup, shapes: Floats, motion: Floats) -> Lookup:
        """Let the lower layer show where the upper one does not reach."""
        f = self._fields
        below = self._source_places(self._moved_below(shapes, motion), f.mouth)
        lips = f.grid.block(f.mouth.inner)
        here = _inside(lips, whole.block)
        above = np.ascontiguousarray(whole.places[here])
        upper = as_share(cv2.remap(self._seams.upper, above, None, cv2.INTER_LINEAR))
        chosen = np.ascontiguousarray(upper[..., 0])
        below = np.ascontiguousarray(below)
        whole.places[here] = cv2.blendLinear(above, below, chosen, 1 - chosen)
        lower = as_share(cv2.remap(self._seams.lower, below, None, cv2.INTER_LINEAR))
        covered = upper[..., 1]
        return Lookup(whole.block, whole.places, lips, (1 - covered) * (1 - lower), covered)


def _union(a: Window, b: Window) -> Window:
    return Window(min(a.top, b.top), max(a.bottom, b.bottom), min(a.left, b.left), max(a.right, b.right))


def _inside(part: tuple[slice, slice], whole: tuple[slice, slice]) -> tuple[slice, slice]:
    """An index into the frame -> the same pixels in a block of it."""
    rows, columns = (slice(p.start - w.start, p.stop - w.start) for p, w in zip(part, whole, strict=True))
    return rows, columns
