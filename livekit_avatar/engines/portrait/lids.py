"""Closed eyelids: from a picture with closed eyes, or drawn from the skin above the open eye."""

from __future__ import annotations

import cv2
import numpy as np

from livekit_avatar.engines.portrait.curves import Reals, bump, ramp
from livekit_avatar.engines.portrait.eyes import LID_BEND, Eye
from livekit_avatar.engines.portrait.sampling import sample
from livekit_avatar.types import Floats, Image

_LASH_REACH = (0.07, 0.14)
"""How far above the open lid lashes may reach, units: skin from there is not used, and fully from where."""

_LASHES = 18
"""Percentage of the pixels around an eye, the darkest, that may be lashes or brow: no colour for a lid."""

_TURNED = 0.14
"""How much darker a lid is at the corners, where it turns away, than in its middle."""

_RIM = 0.028
"""Thickness of the dark rim of an upper lid, units; its skin is taken from above it."""


def lid_from_picture(eye: Eye, lids: Image) -> Image:
    """(h, w, 4) the closed lid of an eye, cut from a picture of the same face with closed eyes."""
    patch: Image = lids[eye.box].copy()
    below = eye.h - eye.closed
    alpha = (
        eye.beside * ramp(eye.top, eye.top + 0.08 * eye.unit, eye.h) * (1 - ramp(0, 0.03 * eye.unit, below))
    )
    patch[..., 3] = np.round(255 * alpha)
    return patch


def lid_from_skin(eye: Eye, source: Image) -> Image:
    """(h, w, 4) a closed lid, made from a picture with open eyes.

    Near the brow it is the picture's own skin, drawn down; further down the colours of the skin above and
    below the eye flow together, with the grain of the cheek. A rim in the colour of the open lid's own rim
    ends it, thinner towards the corners.
    """
    colour, strength = _rim_colour(eye, source)
    along = eye.s / eye.corners[1]
    taper = np.clip(np.minimum(along + 0.04, 1.04 - along) / 0.22, 0, 1) ** 0.7
    away = eye.h - eye.closed
    rim = bump(away, max(_RIM * eye.unit * 0.55, 0.8) * (0.35 + 0.65 * taper)) * strength * taper
    soft = 1 + 0.20 * eye.unit * ramp(-0.06, 0.12, abs(along - 0.5) - 0.5)
    lid = np.clip(0.5 - away / soft, 0, 1)
    colours = _skin(eye, source) * (1 - rim[..., None]) + colour * rim[..., None]
    alpha = np.maximum(lid, rim) * eye.beside * ramp(eye.top, eye.top + 0.10 * eye.unit, eye.h)
    return np.ascontiguousarray(np.round(np.dstack([np.clip(colours, 0, 255), 255 * alpha])), np.uint8)


def _skin(eye: Eye, source: Image) -> Reals:
    """(h, w, 3) what covers the eye when it is closed."""
    part = np.clip((eye.h - eye.top) / np.maximum(eye.closed - eye.top, 1), 0, 1)
    drawn_down = (eye.closed - eye.upper + _RIM * eye.unit) * part**LID_BEND
    above_lid = eye.upper - (eye.h - drawn_down)
    new = 1 - ramp(_LASH_REACH[0] * eye.unit, _LASH_REACH[1] * eye.unit, above_lid)[..., None]
    own = _shifted(eye, source, -drawn_down)
    bulge = 1 + 0.04 * bump(part - 0.66, 0.20) - 0.07 * ramp(0.85, 1.0, part) - 0.03 * bump(part - 0.35, 0.12)
    bulge *= 1 - _TURNED * ramp(0.35, 1.15, abs(2 * eye.s / eye.corners[1] - 1))
    return (own * (1 - new) + (_filled(eye, source) + _grain(eye, source)) * new) * bulge[..., None]


def _filled(eye: Eye, source: Image) -> Reals:
    """The eye painted over with the colours around it: a blur that leaves out the eye and its lashes."""
    rim = _RIM * eye.unit
    skin = (eye.h < eye.upper - 1.8 * rim) | (eye.h > eye.lower + rim)
    near = (eye.h > eye.top) & (eye.h < eye.lower + 0.12 * eye.unit)
    pixels = source[eye.box][..., :3].astype(np.float32)
    valid = skin & near & (eye.beside > 0)
    light = pixels.mean(axis=2)
    lashes = np.percentile(light[valid], _LASHES) if valid.any() else 0.0
    weight = (valid & (light > lashes)).astype(np.float32)
    colours = pixels * weight[..., None]
    spread = 0.09 * eye.unit
    total = cv2.GaussianBlur(np.dstack([colours, weight]), (0, 0), spread)
    wide = cv2.GaussianBlur(np.dstack([colours, weight]), (0, 0), 4 * spread)
    total = total + 1e-3 * wide
    return np.asarray(total[..., :3] / np.maximum(total[..., 3:], 1e-9), np.float64)


def _grain(eye: Eye, source: Image) -> Reals:
    """Fine structure of the skin under the eye, so that a painted lid has canvas and cracks too."""
    shift = np.full_like(eye.h, float(np.max(eye.lower - eye.upper)) + 0.10 * eye.unit)
    cheek = _shifted(eye, source, shift)
    return np.clip(cheek - cv2.GaussianBlur(cheek, (0, 0), max(0.02 * eye.unit, 0.8)), -12, 12)


def _shifted(eye: Eye, source: Image, dh: Reals | Floats) -> Reals:
    """(h, w, 3) the picture over an eye's box, each pixel taken from `dh` further down."""
    places = np.dstack([eye.x + dh * eye.down[0], eye.y + dh * eye.down[1]])
    return np.asarray(sample(source, np.asarray(places, np.float32))[..., :3], np.float64)


def _rim_colour(eye: Eye, source: Image) -> tuple[Reals, float]:
    """Colour of the open upper lid's rim, and how clearly it stands out from the skin, 0..1."""
    pixels = source[eye.box][..., :3].astype(np.float64)
    between = (eye.s > 0.15 * eye.corners[1]) & (eye.s < 0.85 * eye.corners[1])
    rim = between & (abs(eye.h - eye.upper) < max(0.6 * _RIM * eye.unit, 1))
    above = between & (eye.h < eye.upper - 1.5 * _RIM * eye.unit) & (eye.h > eye.top)
    light = pixels[rim].mean(axis=1)
    dark = pixels[rim][light <= np.percentile(light, 40)].mean(axis=0)
    skin = np.median(pixels[above], axis=0) if above.any() else pixels.mean(axis=(0, 1))
    contrast = 1 - dark.mean() / max(float(skin.mean()), 1.0)
    return dark, float(np.clip(0.45 + contrast, 0.5, 0.95))
