"""Closed eyelids: from a picture with closed eyes, or drawn from the skin above the open eye."""

from __future__ import annotations

import cv2
import numpy as np

from livekit_avatar.engines.portrait.curves import Reals, bump, ramp
from livekit_avatar.engines.portrait.eyes import LID_BEND, Eye
from livekit_avatar.types import Image

_LASH = 0.028
"""Thickness of the dark rim of an upper lid, units; its skin is taken from above it."""


def lid_from_picture(eye: Eye, lids: Image) -> Image:
    """(h, w, 4) the closed lid of an eye, cut from a picture of the same face with closed eyes."""
    patch = lids[eye.box].copy()
    below = eye.h - eye.closed
    alpha = (
        eye.beside * ramp(eye.top, eye.top + 0.08 * eye.unit, eye.h) * (1 - ramp(0, 0.03 * eye.unit, below))
    )
    patch[..., 3] = np.round(255 * alpha)
    return patch


def lid_from_skin(eye: Eye, source: Image) -> Image:
    """(h, w, 4) a closed lid, made from a picture with open eyes.

    The skin between brow and lid is drawn down over the eye, stretched most near the edge; a rim in the
    colour of the open lid's own rim closes it, thinner towards the corners.
    """
    skin = _stretched_skin(eye, source)
    colour, strength = _rim_colour(eye, source)
    along = eye.s / eye.corners[1]
    taper = np.clip(np.minimum(along + 0.04, 1.04 - along) / 0.22, 0, 1) ** 0.7
    thick = _LASH * eye.unit * 0.62 * (0.35 + 0.65 * taper)
    away = eye.h - eye.closed
    rim = bump(away, thick) * strength * taper
    lid = np.clip(0.5 - away, 0, 1)
    colours = skin * (1 - rim[..., None]) + colour * rim[..., None]
    colours = np.where((away > 0.5)[..., None], colour, colours)
    alpha = np.maximum(lid, rim) * eye.beside * ramp(eye.top, eye.top + 0.06 * eye.unit, eye.h)
    return np.ascontiguousarray(np.round(np.dstack([np.clip(colours, 0, 255), 255 * alpha])).astype(np.uint8))


def _stretched_skin(eye: Eye, source: Image) -> Reals:
    way = eye.closed - eye.upper + _LASH * eye.unit
    part = np.clip((eye.h - eye.top) / np.maximum(eye.closed - eye.top, 1), 0, 1)
    dh = way * part**LID_BEND
    places = np.dstack([eye.x - dh * eye.down[0], eye.y - dh * eye.down[1]]).astype(np.float32)
    skin = cv2.remap(source, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[..., :3]
    bulge = 1 + 0.05 * bump(part - 0.62, 0.22) - 0.10 * ramp(0.80, 1.0, part)
    return skin * bulge[..., None]


def _rim_colour(eye: Eye, source: Image) -> tuple[Reals, float]:
    """Colour of the open upper lid's rim, and how clearly it stands out from the skin, 0..1."""
    pixels = source[eye.box][..., :3].astype(np.float64)
    between = (eye.s > 0.15 * eye.corners[1]) & (eye.s < 0.85 * eye.corners[1])
    rim = between & (abs(eye.h - eye.upper) < max(0.6 * _LASH * eye.unit, 1))
    above = between & (eye.h < eye.upper - 1.5 * _LASH * eye.unit) & (eye.h > eye.top)
    light = pixels[rim].mean(axis=1)
    dark = pixels[rim][light <= np.percentile(light, 40)].mean(axis=0)
    skin = np.median(pixels[above], axis=0) if above.any() else pixels.mean(axis=(0, 1))
    contrast = 1 - dark.mean() / max(skin.mean(), 1)
    return dark, float(np.clip(0.45 + contrast, 0.5, 0.95))
