"""How a portrait shows a mood."""

from __future__ import annotations

from collections.abc import Mapping

from livekit_avatar.engines.portrait.controls import controls
from livekit_avatar.types import Emotion, EmotionName, Floats

_LOOKS: Mapping[EmotionName, Mapping[str, float]] = {
    "neutral": {},
    "happy": {
        "mouthSmile": 0.70, "eyeSquint": 0.45, "browOuterUp": 0.15, "browInnerUp": 0.08, "pitch": -0.015,
    },
    "sad": {
        "mouthFrown": 0.65, "mouthShrugLower": 0.20, "browInnerUp": 0.90, "browDown": 0.15,
        "eyeSquint": 0.12, "pitch": 0.045, "gaze_y": 0.12,
    },
    "angry": {"browDown": 1.00, "eyeSquint": 0.50, "mouthFrown": 0.30, "mouthPress": 0.30, "pitch": 0.030},
    "surprised": {"browInnerUp": 1.00, "browOuterUp": 1.00, "pitch": -0.030},
    "fearful": {
        "browInnerUp": 1.00, "browOuterUp": 0.35, "browDown": 0.20, "mouthStretch": 0.45, "pitch": -0.025,
    },
    "disgusted": {
        "browDown": 0.75, "eyeSquint": 0.60, "mouthFrown": 0.45, "mouthShrugLower": 0.35, "pitch": -0.020,
    },
    "contempt": {
        "mouthSmileRight": 0.70, "mouthPressRight": 0.30, "eyeSquint": 0.30, "browOuterUpLeft": 0.45,
        "pitch": -0.025, "roll": 0.025,
    },
}  # fmt: skip
"""Offsets of controls at full strength, after the action units of FACS (Ekman and Friesen 1978).

None opens the lips: what closes them in speech (p, b, m) still closes them in every mood.
"""

_VECTORS = {name: controls(look) for name, look in _LOOKS.items()}


def look(emotion: Emotion) -> Floats:
    """A mood as a control vector."""
    return _VECTORS[emotion.name] * emotion.strength
