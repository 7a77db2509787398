"""From a pose to the coefficients of a face's fields, corrected for what its picture already does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from livekit_avatar.engines.portrait import topology as mesh
from livekit_avatar.engines.portrait.fields import Fields
from livekit_avatar.engines.portrait.head import Head
from livekit_avatar.engines.portrait.mouth import Bite
from livekit_avatar.engines.portrait.pose import SHAPES, Pose
from livekit_avatar.engines.portrait.shapes import REST
from livekit_avatar.types import MOUTH_SHAPES, Floats

_UNSMILE: Final = {
    "jawOpen": 0.8, "mouthFunnel": 0.7, "mouthPucker": 1.1, "mouthPressLeft": 0.4, "mouthPressRight": 0.4,
    "mouthFrownLeft": 0.4, "mouthFrownRight": 0.4,
}  # fmt: skip
"""Shapes that a smile gives way to, and how much of it at coefficient 1."""

_BITE: Final = [SHAPES.index(name) for name in ("jawOpen", "tongueOut", "mouthPucker", "mouthFunnel")]

_FLAT, _SMILE_LIFT = 0.015, 0.10
"""How far the corners of a mouth at rest lie above its middle, and how far a full smile lifts them, units."""

_BLINK_SQUINT = 0.25
"""How much the lower lid rises in a blink."""


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """What one frame asks of the fields.

    Attributes:
        shapes: (shapes,) coefficients in the order of `Fields.names`.
        motion: (movements,) in the order of `fields.MOVEMENTS`.
        split: whether the lips move against one another.
        bite: what is behind them.
    """

    shapes: Floats
    motion: Floats
    split: bool
    bite: Bite


class Coefficients:
    """The corrections of one face."""

    def __init__(self, fields: Fields, head: Head, smile: Floats, is_open: bool) -> None:
        """Remember what the picture does.

        Args:
            fields: the face's fields.
            head: its frame.
            smile: (2,) how much its right and left corner of the mouth smile.
            is_open: whether its mouth is open.
        """
        smile = np.maximum(smile, _lifted_corners(head))
        self._place = {name: i for i, name in enumerate(fields.names)}
        self._matrix = np.zeros((len(SHAPES), len(fields.names)), np.float32)
        for i, name in enumerate(SHAPES):
            if name in self._place:
                self._matrix[i, self._place[name]] = 1
            for side, amount in zip(("Right", "Left"), smile, strict=True):
                self._matrix[i, self._place["mouthSmile" + side]] -= _UNSMILE.get(name, 0.0) * float(amount)
        for side in ("Left", "Right"):
            self._matrix[SHAPES.index("eyeBlink" + side), self._place["eyeSquint" + side]] += _BLINK_SQUINT
        self._is_open = is_open
        self._at_mouth = _motion_at_mouth(fields, head)

    @property
    def mouth(self) -> Floats:
        """(23, shapes) how much of each field the coefficients of `MOUTH_SHAPES` ask for."""
        return self._matrix[: len(MOUTH_SHAPES)]

    def of(self, pose: Pose) -> Weights:
        """The weights of a pose."""
        given = np.asarray(pose.shapes, np.float32)
        shapes: Floats = given @ self._matrix
        shapes[self._place[REST]] = self._is_open
        motion = np.array([pose.yaw, pose.pitch, pose.roll, pose.x, pose.y, pose.breath], np.float32)
        jaw, tongue, pucker, funnel = given[_BITE].tolist()
        shift_x, shift_y = (motion @ self._at_mouth).tolist()
        bite = Bite(jaw, tongue, min(pucker + 0.8 * funnel, 1.0), (shift_x, shift_y), pose.roll)
        return Weights(shapes, motion, self._is_open or bool(given[: len(MOUTH_SHAPES)].any()), bite)

    def around(self, pose: Pose) -> Weights:
        """The weights of a pose but for its mouth, which is as the picture has it."""
        shapes = pose.shapes.copy()
        shapes[: len(MOUTH_SHAPES)] = 0
        weights = self.of(replace(pose, shapes=shapes))
        weights.shapes[self._place[REST]] = 0
        return replace(weights, split=False)


def _lifted_corners(head: Head) -> Floats:
    """(2,) how far the right and the left corner lie above the middle of the lips, in smiles, 0..0.8."""
    points = head.canonical(head.points)
    middle = points[[mesh.LIP_INNER_UPPER[5], mesh.LIP_INNER_LOWER[5]], 1].mean()
    corners = points[[mesh.RIGHT_MOUTH, mesh.LEFT_MOUTH], 1]
    return np.asarray(np.clip((middle - corners - _FLAT) / _SMILE_LIFT, 0, 0.8), np.float32)


def _motion_at_mouth(fields: Fields, head: Head) -> Floats:
    """(movements, 2) pixels that each movement of the head shifts the middle of the mouth."""
    nodes = fields.grid.pixels(fields.grid.window)
    teeth = head.points[list(mesh.LIP_INNER_UPPER), :2].mean(axis=0)
    row, column = np.unravel_index(np.square(nodes - teeth).sum(-1).argmin(), nodes.shape[:2])
    at_mouth: Floats = fields.motion[:, row, column] * np.float32(fields.grid.step)
    return at_mouth
