"""How a portrait shows a mood."""

from __future__ import annotations

from collections.abc import Mapping

from livekit_avatar.engines.portrait.controls import controls
from livekit_avatar.types import Emotion, EmotionName, Floats

_LOOKS: Mapping[EmotionName, Mapping[str, float]] = {
    "neutral": {},
    "happy": {
        "mouthSmile": 0.45, "eyeSquint": 0.30, "browOuterUp": 0.12, "browInnerUp": 0.06, "pitch": -0.012,
    },
    "sad": {
        "mouthFrown": 0.40, "mouthShrugLower": 0.15, "browInnerUp": 0.60, "browDown": 0.08,
        "eyeSquint": 0.10, "pitch": 0.030, "gaze_y": 0.06,
    },
    "angry": {"browDown": 0.70, "eyeSquint": 0.35, "mouthFrown": 0.20, "mouthPress": 0.20, "pitch": 0.018},
    "surprised": {"browInnerUp": 0.75, "browOuterUp": 0.75, "pitch": -0.020},
    "fearful": {
        "browInnerUp": 0.70, "browOuterUp": 0.25, "browDown": 0.15, "mouthStretch": 0.25, "pitch": -0.015,
    },
    "disgusted": {
        "browDown": 0.45, "eyeSquint": 0.45, "mouthFrown": 0.25, "mouthShrugLower": 0.20, "pitch": -0.010,
    },
    "contempt": {
        "mouthSmileRight": 0.40, "mouthPressRight": 0.20, "eyeSquint": 0.22, "browOuterUpLeft": 0.25,
        "pitch": -0.015, "roll": 0.020,
    },
}  # fmt: skip
"""Offsets of controls at full strength, after the action units of FACS (Ekman and Friesen 1978).

None opens the lips: what closes them in speech (p, b, m) still closes them in every mood.
"""

_VECTORS = {name: controls(look) for name, look in _LOOKS.items()}


def look(emotion: Emotion) -> Floats:
    """A mood as a control vector."""
    return _VECTORS[emotion.name] * emotion.strength
