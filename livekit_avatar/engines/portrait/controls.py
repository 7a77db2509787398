"""Everything that can be moved in a portrait, as one vector, so that movements add up."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from livekit_avatar.engines.portrait.pose import SHAPES, Pose
from livekit_avatar.types import Floats

HEAD = ("yaw", "pitch", "roll", "x", "y")
CONTROLS = (*SHAPES, *HEAD, "gaze_x", "gaze_y", "breath")
"""Names of a control vector's entries; those after `SHAPES` are the other attributes of `Pose`."""

_INDEX = {name: index for index, name in enumerate(CONTROLS)}
_SHAPES = len(SHAPES)
_HEAD = slice(_SHAPES, _SHAPES + len(HEAD))

HEAD_LIMITS = np.array([0.17, 0.15, 0.12, 0.08, 0.08], np.float32)
"""Radians, and inter-ocular distances: how far a flat picture can be turned and still look solid."""

GAZE_RANGE = (0.29, 0.15)
"""Radians that the eyes turn when `gaze_x` or `gaze_y` goes from 0 to 1."""


def controls(values: Mapping[str, float]) -> Floats:
    """A control vector; "browDown" stands for both "browDownLeft" and "browDownRight"."""
    vector = np.zeros(len(CONTROLS), np.float32)
    for name, value in values.items():
        for full in (name,) if name in _INDEX else (f"{name}Left", f"{name}Right"):
            vector[_INDEX[full]] = value
    return vector


def pose(vector: Floats) -> Pose:
    """What a sum of control vectors shows: within limits, and with the eyes kept where they look.

    When the head turns, the eyes turn back by the same angle (vestibulo-ocular reflex), so that a nodding
    head goes on looking at the viewer.
    """
    head = HEAD_LIMITS * np.tanh(vector[_HEAD] / HEAD_LIMITS)
    yaw, pitch, roll, x, y = head.tolist()
    gaze_x, gaze_y, breath = vector[_HEAD.stop :].tolist()
    return Pose(
        np.clip(vector[:_SHAPES], 0, 1),
        yaw,
        pitch,
        roll,
        x,
        y,
        gaze_x=min(max(gaze_x - yaw / GAZE_RANGE[0], -1.0), 1.0),
        gaze_y=min(max(gaze_y - pitch / GAZE_RANGE[1], -1.0), 1.0),
        breath=min(max(breath, 0.0), 1.0),
    )
