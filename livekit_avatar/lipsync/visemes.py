"""How each Oculus viseme looks, as ARKit mouth coefficients (values fitted by eye on drawn faces)."""

from __future__ import annotations

import numpy as np

from livekit_avatar.types import MOUTH_SHAPES, VISEMES, Floats

_BOTH = ("mouthStretch", "mouthSmile", "mouthFrown", "mouthUpperUp", "mouthLowerDown", "mouthPress")

_LOOKS: dict[str, dict[str, float]] = {
    "sil": {},
    "PP": {"mouthPress": 0.5, "mouthRollLower": 0.35, "mouthRollUpper": 0.3, "mouthPucker": 0.08},
    "FF": {"jawOpen": 0.06, "mouthUpperUp": 0.45, "mouthRollLower": 0.55, "mouthStretch": 0.1},
    "TH": {"jawOpen": 0.17, "mouthUpperUp": 0.2, "mouthLowerDown": 0.35, "tongueOut": 0.95},
    "DD": {
        "jawOpen": 0.14, "mouthUpperUp": 0.15, "mouthLowerDown": 0.45, "mouthStretch": 0.15,
        "tongueOut": 0.55,
    },
    "kk": {"jawOpen": 0.2, "mouthUpperUp": 0.1, "mouthLowerDown": 0.3, "mouthStretch": 0.2},
    "CH": {
        "jawOpen": 0.1, "mouthFunnel": 0.6, "mouthPucker": 0.25, "mouthUpperUp": 0.2, "mouthLowerDown": 0.3,
    },
    "SS": {
        "jawOpen": 0.05, "mouthStretch": 0.35, "mouthUpperUp": 0.3, "mouthLowerDown": 0.5, "mouthSmile": 0.1,
    },
    "nn": {"jawOpen": 0.13, "mouthLowerDown": 0.3, "mouthUpperUp": 0.1, "tongueOut": 0.5},
    "RR": {"jawOpen": 0.14, "mouthFunnel": 0.4, "mouthPucker": 0.3, "tongueOut": 0.3},
    "aa": {"jawOpen": 0.6, "mouthLowerDown": 0.25, "mouthUpperUp": 0.2},
    "E": {
        "jawOpen": 0.32, "mouthStretch": 0.3, "mouthUpperUp": 0.2, "mouthLowerDown": 0.3, "mouthSmile": 0.1,
    },
    "ih": {
        "jawOpen": 0.22, "mouthStretch": 0.35, "mouthUpperUp": 0.2, "mouthLowerDown": 0.3, "mouthSmile": 0.15,
    },
    "oh": {"jawOpen": 0.36, "mouthFunnel": 0.75, "mouthPucker": 0.35},
    "ou": {"jawOpen": 0.07, "mouthFunnel": 0.4, "mouthPucker": 0.85},
}  # fmt: skip


def _vector(look: dict[str, float]) -> Floats:
    shapes = np.zeros(len(MOUTH_SHAPES), np.float32)
    for name, value in look.items():
        for side in ("Left", "Right") if name in _BOTH else ("",):
            shapes[MOUTH_SHAPES.index(name + side)] = value
    return shapes


VISEME_SHAPES: Floats = np.stack([_vector(_LOOKS[name]) for name in VISEMES])
"""(15, 23) float32: a row a viseme in the order of `VISEMES`, a column a shape of `MOUTH_SHAPES`."""
