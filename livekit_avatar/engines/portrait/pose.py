"""What a portrait can be asked to do in one frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from livekit_avatar.lipsync.mouth import PRESS, ROLL_PRESSED, ROLL_TUCKED
from livekit_avatar.types import MOUTH_SHAPES, Floats

UPPER_SHAPES = (
    "browInnerUp",
    "browOuterUpLeft",
    "browOuterUpRight",
    "browDownLeft",
    "browDownRight",
    "eyeSquintLeft",
    "eyeSquintRight",
    "eyeWideLeft",
    "eyeWideRight",
    "noseSneerLeft",
    "noseSneerRight",
    "eyeBlinkLeft",
    "eyeBlinkRight",
)
"""ARKit names of what the upper face does."""

SHAPES = MOUTH_SHAPES + UPPER_SHAPES
"""The order of `Pose.shapes`."""

_TONGUE, _ROLL, _PRESS = (SHAPES.index(n) for n in ("tongueOut", "mouthRollLower", "mouthPressLeft"))


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """One frame of a portrait, decided but not drawn.

    Attributes:
        shapes: (36,) float32 in 0..1 in the order of `SHAPES`.
        yaw: radians, positive turns the face to the viewer's right.
        pitch: radians, positive nods down.
        roll: radians, positive leans clockwise for the viewer.
        x: head shift to the viewer's right, in inter-ocular distances.
        y: head shift down, in inter-ocular distances.
        gaze_x: -1 .. 1, positive looks to the viewer's right.
        gaze_y: -1 .. 1, positive looks down.
        breath: 0 (out) .. 1 (in).
    """

    shapes: Floats
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    x: float = 0.0
    y: float = 0.0
    gaze_x: float = 0.0
    gaze_y: float = 0.0
    breath: float = 0.0

    @property
    def tongue(self) -> float:
        """How much of the tongue shows."""
        return float(self.shapes[_TONGUE])

    @property
    def tuck(self) -> float:
        """How far the lower lip lies under the teeth, as in f: rolled in, but not pressed."""
        closed = float(self.shapes[_PRESS]) / PRESS
        return min(max((float(self.shapes[_ROLL]) - ROLL_PRESSED * closed) / ROLL_TUCKED, 0.0), 1.0)

    @property
    def mouth(self) -> Pose:
        """The same mouth, all else at rest."""
        shapes = np.zeros_like(self.shapes)
        shapes[: len(MOUTH_SHAPES)] = self.shapes[: len(MOUTH_SHAPES)]
        return Pose(shapes)
