"""Moves the picture: finds where each pixel of a frame comes from, and fetches it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from livekit_avatar.engines.portrait.fields import Fields
from livekit_avatar.engines.portrait.grid import Window
from livekit_avatar.engines.portrait.sampling import sample
from livekit_avatar.engines.portrait.seams import Block, Seams
from livekit_avatar.types import Floats, Image

_STILL_PIXELS = 1 / 16
"""Displacements below this do not show."""

_UPPER_STEPS, _LOWER_STEPS, _MOTION_STEPS = 4, 5, 3
"""Fixed-point steps of each inversion; the steepest field, an open jaw, leaves 1 % of its way after five."""


@dataclass(frozen=True, slots=True, eq=False)
class Opening:
    """What lies between the lips of a frame.

    Attributes:
        block: index of its pixels in the frame.
        inside: (height, width) float32, how much of the inside of the mouth each shows, 0..1.
        lip: (height, width) float32, where the upper lip covers, 0..1.
    """

    block: Block
    inside: Floats
    lip: Floats


class Warp:
    """Draws the moved picture of one portrait."""

    def __init__(self, fields: Fields, seams: Seams) -> None:
        self._fields = fields
        self._seams = seams
        self._upper, self._lower, self._motion = (
            a.reshape(len(a), -1) for a in (fields.upper, fields.lower, fields.motion)
        )
        self._nodes = fields.grid.indices(fields.grid.window)
        rows, columns = fields.mouth.nodes
        here = fields.motion[:, rows, columns]
        self._motion_below = np.ascontiguousarray(here).reshape(len(here), -1)

    def draw(
        self, source: Image, shapes: Floats, motion: Floats, split: bool
    ) -> tuple[Image, Opening | None]:
        """Move a picture.

        Args:
            source: (H, W, 4) uint8, the picture at rest.
            shapes: (shapes,) coefficients in the order of `Fields.names`.
            motion: (movements,) in the order of `MOVEMENTS`.
            split: whether the lips move apart or against one another.

        Returns:
            The moved picture, fresh, and what lies between the lips; None while they move as one.
        """
        f, frame = self._fields, source.copy()
        field: Floats = (motion @ self._motion).reshape(f.motion.shape[1:])
        if shapes.any():
            field[f.face.nodes] += (shapes @ self._upper).reshape(f.upper.shape[1:])
        moves = np.abs(field) > _STILL_PIXELS / f.grid.step
        active = moves[..., 0] | moves[..., 1]
        if split:
            active[f.mouth.inner.nodes] = True
        window = f.grid.enclosing(active)
        if window is None:
            return frame, None
        places = self._invert(field[window.nodes], window, _UPPER_STEPS if shapes.any() else _MOTION_STEPS)
        mouth, opening = None, None
        if split:
            above = np.ascontiguousarray(f.grid.dense(places[f.mouth.within(window)], f.mouth))
            mouth, opening = self._mouth(above, shapes, motion)
        for band in f.grid.bands(active, window):
            self._draw_band(source, frame, band, places[band.within(window)], mouth)
        return frame, opening

    def _draw_band(
        self, source: Image, frame: Image, band: Window, places: Floats, mouth: Floats | None
    ) -> None:
        """Fetch the pixels of a band of nodes; at the mouth from places of its own."""
        grid, seams = self._fields.grid, self._seams
        block, dense = grid.block(band.inner), grid.dense(places, band)
        if mouth is not None:
            _overwrite(dense, block, mouth, seams.block)
        frame[block] = sample(source, dense)

    def _invert(self, field: Floats, window: Window, steps: int) -> Floats:
        """Source places in pixels of the nodes of a window, by fixed-point iteration on its field."""
        rows, columns = window.shape
        nodes, field = self._nodes[:rows, :columns], np.ascontiguousarray(field)
        source = nodes - field
        for _ in range(steps - 1):
            source = nodes - sample(field, source)
        return self._fields.grid.to_pixels(source, window)

    def _mouth(self, above: Floats, shapes: Floats, motion: Floats) -> tuple[Floats, Opening]:
        """Source places over `Seams.block`, and what opens there.

        The lower layer shows where the upper one, whose source places are `above`, does not reach.
        """
        f, seams = self._fields, self._seams
        field = (shapes @ self._lower + motion @ self._motion_below).reshape(f.lower.shape[1:])
        below = np.ascontiguousarray(f.grid.dense(self._invert(field, f.mouth, _LOWER_STEPS), f.mouth))
        seen = sample(seams.upper, above[: seams.rows])
        chosen = seams.chosen(seen)
        places = np.asarray(cv2.blendLinear(above, below, chosen, 1 - chosen), np.float32)
        lip = seams.upper_cover(seen)
        lower = sample(seams.lower, below[seams.opening].copy())
        inside = (1 - lip) * (1 - np.clip(lower, 0, 1))
        return places, Opening(_part(seams.block, seams.opening), inside, lip)


def _overwrite(pixels: Floats, block: Block, others: Floats, other_block: Block) -> None:
    """Copy `others` into `pixels` where their blocks of the frame overlap."""
    overlap = [
        slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(block, other_block, strict=True)
    ]
    if all(part.start < part.stop for part in overlap):
        here, there = (
            tuple(slice(o.start - b.start, o.stop - b.start) for o, b in zip(overlap, whole, strict=True))
            for whole in (block, other_block)
        )
        pixels[here] = others[there]


def _part(whole: Block, part: Block) -> Block:
    """An index into a block of the frame -> the same pixels in the frame."""
    rows, columns = (slice(p.start + w.start, p.stop + w.start) for p, w in zip(part, whole, strict=True))
    return rows, columns
