"""The colours and the light of a face, read from its picture, so that what is drawn into it belongs there."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from livekit_avatar.engines.portrait import topology as mesh
from livekit_avatar.engines.portrait.curves import Reals
from livekit_avatar.types import Image

_IVORY = np.array([236.0, 226.0, 207.0])
_LUMA = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True, slots=True, eq=False)
class Palette:
    """Colours as (3,) float64 RGB, 0..255.

    Attributes:
        skin: median of cheeks, nose and forehead.
        lip: median of the lips.
        tooth: ivory in this face's light.
        gum: flesh above the teeth.
        dark: the back of the mouth.
        slope: how much brighter the viewer's right half of the face is than the left, -1..1.
    """

    skin: Reals
    lip: Reals
    tooth: Reals
    gum: Reals
    dark: Reals
    slope: float

    @classmethod
    def of(cls, image: Image, points: Reals, eyes: Reals) -> Palette:
        """Read the colours at (478, 3) landmarks; `eyes` are the lid contours, (2, 2, n, 2) pixels."""
        skin = np.median(_colours(image, points, mesh.SKIN), axis=0)
        rings = mesh.UPPER_RINGS[1:3] + mesh.LOWER_RINGS[1:3]
        lip = np.median(_colours(image, points, sum((ring[2:9] for ring in rings), ())), axis=0)
        tooth = _tooth(skin, _eye_white(image, eyes))
        gum = 0.6 * lip + 0.4 * skin * (0.72, 0.42, 0.42)
        dark = np.minimum(0.5 * lip * (0.55, 0.28, 0.28) + 0.5 * skin * (0.30, 0.12, 0.11), 90)
        return cls(skin, lip, tooth, gum, dark, _slope(image, points))


def _colours(image: Image, points: Reals, indices: tuple[int, ...]) -> Reals:
    height, width = image.shape[:2]
    x, y = np.round(points[list(indices), :2]).astype(int).T
    return image[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1), :3].astype(np.float64)


def _eye_white(image: Image, eyes: Reals) -> float:
    """Brightness of the brightest tenth of the open eyes: white things in this light look like that."""
    mask = np.zeros(image.shape[:2], np.uint8)
    for upper, lower in eyes:
        cv2.fillPoly(mask, [np.round(np.concatenate([upper, lower[::-1]])).astype(np.int32)], 1)
    light = image[mask > 0][:, :3] @ _LUMA
    return float(np.percentile(light, 90)) if len(light) else 0.0


def _tooth(skin: Reals, eye_white: float) -> Reals:
    """Ivory under the light that the skin and the whites of the eyes show."""
    light = np.clip(max(0.95 * float(skin @ _LUMA), 0.9 * eye_white), 60, 215)
    tint = skin / max(float(skin @ _LUMA), 1.0)
    colour = _IVORY / (_IVORY @ _LUMA) * (0.45 + 0.55 * tint)
    tooth: Reals = np.clip(colour / (colour @ _LUMA) * light, 0, 240)
    return tooth


def _slope(image: Image, points: Reals) -> float:
    right, left = (_colours(image, points, side).mean() for side in ((205, 187, 50), (425, 411, 280)))
    return float(np.clip((left - right) / max(left + right, 1.0), -0.4, 0.4))
