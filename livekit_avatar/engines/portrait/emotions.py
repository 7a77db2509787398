"""How a portrait shows a mood."""

from __future__ import annotations

from collections.abc import Mapping

from livekit_avatar.engines.portrait.controls import controls
from livekit_avatar.types import Emotion, EmotionName, Floats

_LOOKS: Mapping[EmotionName, Mapping[str, float]] = {
    "neutral": {},
    "happy": {
        "mouthSmile": 0.95, "eyeSquint": 0.85, "browOuterUp": 0.20, "browInnerUp": 0.15, "pitch": -0.02,
    },
    "sad": {
        "mouthFrown": 0.90, "mouthShrugLower": 0.35, "browInnerUp": 1.00, "browDown": 0.15, "eyeBlink": 0.16,
        "pitch": 0.055, "roll": 0.03, "gaze_y": 0.20,
    },
    "angry": {
        "browDown": 1.00, "eyeSquint": 0.70, "eyeWide": 0.35, "noseSneer": 0.30, "mouthFrown": 0.50,
        "mouthPress": 0.45, "mouthPucker": 0.12, "pitch": 0.045,
    },
    "surprised": {"browInnerUp": 1.00, "browOuterUp": 1.00, "eyeWide": 1.00, "pitch": -0.035},
    "fearful": {
        "browInnerUp": 1.00, "browOuterUp": 0.35, "browDown": 0.20, "eyeWide": 0.90, "mouthStretch": 0.70,
        "mouthFrown": 0.25, "pitch": -0.025, "y": -0.01,
    },
    "disgusted": {
        "browDown": 0.75, "eyeSquint": 0.80, "noseSneer": 1.00, "mouthFrown": 0.60, "mouthShrugLower": 0.45,
        "pitch": -0.030, "yaw": 0.03,
    },
    "contempt": {
        "mouthSmileRight": 0.95, "mouthPressRight": 0.40, "noseSneerRight": 0.25, "eyeSquint": 0.35,
        "browOuterUpLeft": 0.70, "eyeBlink": 0.12, "pitch": -0.035, "roll": 0.035,
    },
}  # fmt: skip
"""Offsets of controls at full strength, after the action units of FACS (Ekman and Friesen 1978).

None opens the lips: what closes them in speech (p, b, m) still closes them in every mood.
"""

_VECTORS = {name: controls(look) for name, look in _LOOKS.items()}


def look(emotion: Emotion) -> Floats:
    """A mood as a control vector."""
    return _VECTORS[emotion.name] * emotion.strength
