"""How far each blendshape moves each vertex of the face mesh.

Amplitudes were fitted by eye on drawn faces and checked by tracking the landmarks again. All lengths are
inter-ocular distances; names are ARKit's. A displacement is (468, 3) in the frame of a head that looks
straight at the camera (x to the viewer's right, y down, z away), so a turned head foreshortens it.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from livekit_avatar.engines.portrait import topology as mesh
from livekit_avatar.engines.portrait.curves import Reals, bump, ramp
from livekit_avatar.engines.portrait.head import Head
from livekit_avatar.engines.portrait.vertices import Vertices

Side = Literal["Left", "Right"]

JAW_DROP = 0.40
"""How far the chin falls at jawOpen 1."""

CORNER_DROP = 0.30
"""Share of the jaw's way that the corners of the mouth follow."""

_PROTRUSION = 0.06
"""How far rounded lips come forwards."""

REST = "rest"
"""The displacement that closes a mouth which is open in the picture."""

UPPER_REST = 0.45
"""Share of an open mouth's gap that the upper lip closes; the lower lip does the rest."""


def displacements(head: Head, gap: Reals) -> dict[str, Reals]:
    """Every shape's displacement, name -> (468, 3).

    Args:
        head: the frame of the head.
        gap: (468,) height of the opening between the lips in the picture, units; 0 when closed.
    """
    m = Vertices.of(head)
    return {**_jaw(m), **_rounding(m), **_rolls(m), **_sides(m), **_brows(m), REST: _rest(m, gap)}


def _vector(m: Vertices, dx: npt.ArrayLike = 0.0, dy: npt.ArrayLike = 0.0, dz: npt.ArrayLike = 0.0) -> Reals:
    return np.stack([np.broadcast_to(np.asarray(d, np.float64), m.x.shape) for d in (dx, dy, dz)], axis=1)


def _lower_lip_share(m: Vertices) -> Reals:
    """Share of the jaw's way that the lower lip goes: all of it in the middle, less towards the corners."""
    return CORNER_DROP + (1 - CORNER_DROP) * m.profile**0.65


def _jaw_share(m: Vertices) -> Reals:
    lip = _lower_lip_share(m)
    chin = ramp(0.05, 0.45, m.v)
    share = ramp(-0.30, 0.42, m.v) * m.jaw
    share = np.where((m.below > 0) & (abs(m.t) < 1), (lip * (1 - chin) + chin) * m.jaw, share)
    share = np.where(m.upper > 0, CORNER_DROP * (1 - m.profile) ** 2, np.where(m.lower > 0, lip, share))
    skull = (m.y < m.y[mesh.NOSE_BASE]) & (abs(m.t) < 1.6) & (m.lower == 0)
    return np.where(m.corner > 0, CORNER_DROP, np.where(skull, 0.0, share))


def _jaw(m: Vertices) -> dict[str, Reals]:
    share = _jaw_share(m)
    inwards = -0.045 * np.sign(m.x) * bump(abs(m.t) - 1, 0.45) * m.near * (1 - 0.3 * m.upper)
    inwards *= ramp(0.3, 1, np.minimum(abs(m.t), 1))
    closing = np.where(m.below > 0, -JAW_DROP * 0.75 * m.profile * bump(m.v, 0.16), 0.0)
    lip = -JAW_DROP * (_lower_lip_share(m) - CORNER_DROP) * (1 - 0.15 * m.ring)
    return {
        "jawOpen": _vector(m, inwards, JAW_DROP * share - 0.012 * m.upper * m.profile),
        "jawLeft": _vector(m, 0.10 * share),
        "jawRight": _vector(m, -0.10 * share),
        "mouthClose": _vector(m, 0, _by_lip(m, 0.02 * m.profile, lip, 0.0, closing)),
    }


def _by_lip(
    m: Vertices,
    upper: npt.ArrayLike,
    lower: npt.ArrayLike,
    above: npt.ArrayLike = 0.0,
    below: npt.ArrayLike = 0.0,
) -> Reals:
    """Choose by what a vertex belongs to: the lips, or the skin above or below them."""
    skin = np.where(m.above > 0, above, below)
    return np.where(m.upper > 0, upper, np.where(m.lower > 0, lower, skin))


def _rounding(m: Vertices) -> dict[str, Reals]:
    """Lips drawn together and forwards: an open funnel ("oh", "sh") and a tight pucker ("oo")."""
    t = np.clip(m.t, -1, 1) * m.half_width * m.with_lips
    inwards, round_the_teeth = -t, -abs(t * m.t.clip(-1, 1))
    arch, skin = m.profile**0.8, m.near * np.clip(1 - m.t**4, 0, 1)
    sides = 0.035 * (1 - m.profile) * m.on_lips
    open_ring = sides + _by_lip(
        m, -(0.046 + 0.022 * m.ring) * arch, (0.055 + 0.022 * m.ring) * arch, -0.045 * skin, 0.06 * skin
    )
    tight = m.ring * m.profile**0.5
    tight_ring = _by_lip(m, -0.026 * tight, 0.032 * tight, -0.022 * skin, 0.026 * skin)
    forwards = -_PROTRUSION * m.on_lips
    return {
        "mouthFunnel": _vector(m, 0.22 * inwards, open_ring, 0.22 * round_the_teeth + forwards),
        "mouthPucker": _vector(m, 0.30 * inwards, tight_ring, 0.30 * round_the_teeth + forwards),
    }


def _rolls(m: Vertices) -> dict[str, Reals]:
    """Lips rolled in over the teeth, and pushed up by the chin."""
    p, chin = m.profile, bump(m.v, 0.35) * m.jaw
    return {
        "mouthRollLower": _vector(
            m, 0, _by_lip(m, 0, -(0.02 + 0.06 * m.ring) * p, 0, -0.05 * p * bump(m.v, 0.2))
        ),
        "mouthRollUpper": _vector(m, 0, _by_lip(m, (0.015 + 0.045 * m.ring) * p, 0, 0.02 * p * m.near)),
        "mouthShrugLower": _vector(m, 0, _by_lip(m, 0, -0.07 * p**0.7, 0, -0.06 * chin)),
        "mouthShrugUpper": _vector(m, 0, _by_lip(m, -0.05 * p**0.7, 0, -0.03 * m.near * p)),
    }


def _sides(m: Vertices) -> dict[str, Reals]:
    shapes: dict[str, Reals] = {}
    sides: tuple[tuple[Side, float], ...] = (("Right", -1.0), ("Left", 1.0))
    for name, sign in sides:
        weight = ramp(-0.35, 0.35, sign * m.t)
        for shape, displacement in {**_corners(m, sign, weight), **_halves(m, sign, weight)}.items():
            shapes[shape + name] = displacement
    return shapes


def _corners(m: Vertices, sign: float, weight: Reals) -> dict[str, Reals]:
    """What one corner of the mouth does; `sign` is 1 for the subject's left, `weight` 1 on that side."""
    corner = ramp(0.1, 1, np.minimum(abs(m.t), 1)) * m.on_lips
    lifted = ramp(0.1, 1, np.minimum(abs(m.t), 1)) ** 1.5 * m.on_lips
    p = m.profile
    cheek = bump(abs(m.x) - 0.55, 0.30) * bump(m.y + 0.28, 0.30)
    nostril = bump(abs(m.x) - 0.26, 0.16) * bump(m.y - m.y[mesh.NOSE_BASE], 0.16)
    spread = 0.03 * corner + 0.012 * m.lower * p - 0.006 * m.upper * m.ring * p
    smile = (
        -0.10 * lifted - 0.06 * cheek + m.upper * (0.006 - 0.018 * m.ring) * p - 0.012 * m.lower * m.ring * p
    )
    return {
        "mouthStretch": _vector(m, sign * 0.13 * corner * weight, spread * weight),
        "mouthSmile": _vector(m, sign * (0.105 * corner + 0.02 * cheek) * weight, smile * weight),
        "mouthFrown": _vector(m, sign * 0.01 * corner * weight, 0.10 * lifted * weight),
        "noseSneer": _vector(
            m, sign * 0.02 * nostril * weight, -(0.06 * nostril + 0.03 * m.upper * m.ring * p) * weight
        ),
        "mouthPress": _vector(
            m, sign * 0.02 * corner * weight, (0.030 * m.upper - 0.034 * m.lower) * m.ring * p * weight
        ),
    }


def _halves(m: Vertices, sign: float, weight: Reals) -> dict[str, Reals]:
    """One half of a lip lifted or lowered, and one eye's squint."""
    half = bump(m.t - sign * 0.42, 0.62)
    lip, skin = half * m.profile**0.5 * (1 - 0.15 * m.ring), half * np.clip(1 - m.t**4, 0, 1)
    eye = mesh.LEFT_EYE_LOWER[4] if sign > 0 else mesh.RIGHT_EYE_LOWER[4]
    lid = mesh.LEFT_EYE_UPPER[4] if sign > 0 else mesh.RIGHT_EYE_UPPER[4]
    lower_lid = bump(m.x - m.x[eye], 0.24) * bump(m.y - m.y[eye] - 0.02, 0.10)
    upper_lid = bump(m.x - m.x[lid], 0.20) * bump(m.y - m.y[lid] + 0.01, 0.07)
    return {
        "mouthUpperUp": _vector(m, 0, _by_lip(m, -0.075 * lip, 0, -0.065 * skin * m.near)),
        "mouthLowerDown": _vector(m, 0, _by_lip(m, 0, 0.10 * lip, 0, 0.08 * skin * bump(m.v, 0.22))),
        "eyeSquint": _vector(m, 0, -0.055 * lower_lid * (weight > 0)),
        "eyeWide": _vector(m, 0, -0.045 * upper_lid * (weight > 0)),
    }


def _brows(m: Vertices) -> dict[str, Reals]:
    band = _brow_band(m)
    shapes = {"browInnerUp": _vector(m, 0, -0.115 * bump(m.x, 0.36) * band)}
    sides: tuple[tuple[Side, float], ...] = (("Right", -1.0), ("Left", 1.0))
    for name, sign in sides:
        shapes["browOuterUp" + name] = _vector(m, 0, -0.12 * bump(m.x - sign * 0.62, 0.3) * band)
        side = ramp(-0.05, 0.05, sign * m.x) * band
        inner = 0.4 + 0.6 * bump(m.x - sign * 0.2, 0.32)
        shapes["browDown" + name] = _vector(m, -sign * 0.04 * side * inner, 0.10 * side * inner)
    return shapes


def _brow_band(m: Vertices) -> Reals:
    """1 at the height of the brows, falling off over the forehead and quickly towards the eyes."""
    brow = m.y[list(mesh.RIGHT_BROW + mesh.LEFT_BROW)].mean()
    lid = m.y[[mesh.RIGHT_EYE_UPPER[4], mesh.LEFT_EYE_UPPER[4]]].mean()
    band: Reals = bump(m.y - brow, np.where(m.y < brow, 0.32, 0.62 * (lid - brow)))
    band *= m.y < lid - 0.01
    return band


def _rest(m: Vertices, gap: Reals) -> Reals:
    up, down = gap * UPPER_REST, -gap * (1 - UPPER_REST)
    below = down * bump(m.v, 0.30) * (abs(m.t) < 1.1)
    return _vector(m, 0, _by_lip(m, up, down, up * 0.55 * m.near, below))
