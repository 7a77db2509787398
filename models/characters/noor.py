"""Noor: a flat illustration of a young woman in a coral headscarf, on a transparent ground."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from flat import (
    EDGE,
    Drawing,
    Fill,
    Reals,
    Sheet,
    blob,
    both_sides,
    brush,
    curve,
    ellipse,
    mirrored,
    places,
)
from flat_mouth import JAW_BOTTOM, JAW_TOP, FlatMouth
from poses import REST, MouthPose
from sdf import smoothstep

from livekit_avatar.engines.portrait import topology as mesh
from livekit_avatar.engines.portrait.bank.plane import CONTROLS
from livekit_avatar.engines.portrait.contours import EYE_POINTS, LIP_POINTS, Contours
from livekit_avatar.types import Floats, Image

SCARF, SCARF_LIGHT, SCARF_DARK, BAND = "#e8705f", "#f08a76", "#c95548", "#8f3440"
DRESS, DRESS_DARK = "#27406b", "#1d3157"
SKIN, SHADE, BLUSH, NOSTRIL = "#f0bd97", "#e0a27b", "#e8967c", "#b5714f"
LINE, WHITE, IRIS, PUPIL = "#3a2226", "#fffaf4", "#6b4024", "#241416"
LIP, LIP_DARK, SEAM = "#c95a5e", "#b0454f", "#7d2a38"

BODY = both_sides("500,720 650,745 790,790 880,880 915,1040 500,1060")
HOOD = both_sides("500,92 610,108 706,180 752,300 758,440 742,560 736,640 770,720 800,800 690,850 500,880")
FACE = both_sides("500,208 585,222 648,290 666,400 652,510 610,600 556,655 500,672")
RIM = (FACE - (500, 440)) * (1.075, 1.055) + (500, 436)

FOLDS = (
    "300,655 400,745 520,790 660,785",
    "285,705 380,785 480,828 590,838",
    "352,205 318,300 308,420 318,540",
    "690,230 712,330 716,450 700,560",
    "400,150 455,132 520,130 580,142",
)
"""Where the scarf is folded."""

SCARF_FILLS = (
    Fill(BODY, DRESS),
    Fill(blob("760,770 800,860 815,1050 960,1050 900,850"), DRESS_DARK, BODY),
    Fill(HOOD, SCARF),
    Fill(
        blob("640,60 690,200 696,340 690,520 640,660 560,720 500,900 830,900 800,300"),
        SCARF_DARK,
        HOOD,
        opacity=0.55,
    ),
    Fill(
        blob("262,610 330,680 440,745 560,765 690,740 770,700 812,800 690,856 500,862 330,800 240,700"),
        SCARF_LIGHT,
        HOOD,
    ),
    *(Fill(brush(curve(places(fold)), (1, 9, 1)), SCARF_DARK, HOOD) for fold in FOLDS),
)

FACE_FILLS = (
    Fill(RIM, BAND),
    Fill(FACE, SKIN),
    Fill(blob("610,190 640,330 628,470 600,590 530,690 700,700 720,300"), SHADE, FACE),
    Fill(blob("300,190 500,190 700,190 700,300 600,252 500,240 400,252 310,330"), SHADE, FACE),
    Fill(ellipse(398, 515, 40, 24), BLUSH, FACE, opacity=0.55),
    Fill(ellipse(602, 515, 40, 24), BLUSH, FACE, opacity=0.55),
    Fill(blob("505,420 512,470 534,520 526,538 500,540 508,500"), SHADE),
    Fill(brush(curve(places("478,536 489,544 502,546 514,542")), (2, 6, 2)), NOSTRIL),
)

EYE = (578.0, 428.0)
"""Middle of the eye on the right of the sheet."""

EYE_HALF, UPPER, LOWER, TILT = 49.0, 34.0, 17.0, 7.0
WING = np.array([(EYE[0] + EYE_HALF + 6, EYE[1] - TILT + 3)])
"""Where the lashes end, beyond the outer corner."""

BROW = curve(places("528,372 558,358 592,354 632,372"))

MOUTH = FlatMouth((500.0, 592.0), 63.0, 17.0, 25.0, 15.0, LIP, LIP_DARK, SEAM)


def draw(size: int, blink: float, mouth: MouthPose = REST) -> Image:
    """The picture.

    Args:
        size: of the picture in pixels.
        blink: 0 (eyes open) or 1 (closed).
        mouth: how it is held.

    Returns:
        (size, size, 4) uint8 RGBA, straight alpha.
    """
    sheet = Sheet(size)
    sheet.paint(*SCARF_FILLS, *_face(mouth))
    for side in (np.asarray, mirrored):
        sheet.paint(*_eye(side, blink))
    sheet.paint(*MOUTH.fills(LIP_POINTS, mouth))
    sheet.paint(Fill(ellipse(500, 640 + MOUTH.drop(mouth), 26, 5), SHADE, opacity=0.8))
    return sheet.picture()


def contours(size: int) -> Contours:
    """Outlines of eyes and lips in pixels of a picture of `size`."""

    def pixels(points: Reals) -> Floats:
        return (points * (size / EDGE) - 0.5).astype(np.float32)

    upper, lower = (pixels(edge) for edge in _lids(0))
    right_upper, right_lower = (pixels(mirrored(edge)) for edge in _lids(0))
    top, seam, _, bottom = (pixels(edge) for edge in MOUTH.lips(LIP_POINTS))
    return Contours(right_upper, right_lower, upper, lower, lip_top=top, lip_line=seam, lip_bottom=bottom)


def controls(points: Reals, pose: MouthPose, size: int) -> Reals:
    """(c, 2) the control points of a mouth, given the (478, 2 or more) landmarks at rest; pixels."""
    rest = (np.asarray(points, np.float64)[list(CONTROLS), :2] + 0.5) * (EDGE / size)
    there = MOUTH.moved(rest, pose)
    u = np.clip((rest[:, 0] - MOUTH.middle[0]) / MOUTH.half, -1, 1)
    rings = (mesh.LIP_OUTER_UPPER, mesh.LIP_INNER_UPPER, mesh.LIP_INNER_LOWER, mesh.LIP_OUTER_LOWER)
    for ring, way in zip(rings, MOUTH.ways(u, pose), strict=True):
        rows = [CONTROLS.index(name) for name in ring]
        there[rows] = rest[rows] + way[rows]
    return there * (size / EDGE) - 0.5


def _lids(blink: float) -> tuple[Reals, Reals]:
    """(EYE_POINTS, 2) the upper and the lower lid of the eye on the right, from the inner corner."""
    u = np.linspace(0, 1, EYE_POINTS)
    x, corners = EYE[0] + EYE_HALF * (2 * u - 1), EYE[1] + 6 - TILT * u
    lower = corners + LOWER * np.sin(np.pi * u**1.15) ** 0.9
    open_upper = corners - UPPER * np.sin(np.pi * u**0.9) ** 0.8
    upper = open_upper + (lower - open_upper) * blink
    return np.stack([x, upper], 1), np.stack([x, lower], 1)


def _face(mouth: MouthPose) -> list[Fill]:
    """The face with its chin as low as the mouth has it."""
    if mouth.rests:
        return list(FACE_FILLS)

    def moved(outline: Reals) -> Reals:
        falls = smoothstep(JAW_TOP, JAW_BOTTOM, outline[:, 1]) * MOUTH.drop(mouth)
        return outline + np.stack([0 * falls, falls], 1)

    return [
        replace(fill, outline=moved(fill.outline), inside=None if fill.inside is None else moved(fill.inside))
        for fill in FACE_FILLS
    ]


def _eye(side: Callable[[Reals], Reals], blink: float) -> list[Fill]:
    """One eye with its brow; `side` is the identity or `mirrored`."""
    upper, lower = (side(edge) for edge in _lids(blink))
    fills = []
    if blink < 1:
        opening = np.concatenate([curve(upper), curve(lower)[::-1]])
        x, y = side(np.array([EYE]))[0] - (0, 5)
        fills = [
            Fill(opening, WHITE),
            Fill(ellipse(x, y, 27, 27), IRIS, opening),
            Fill(ellipse(x, y, 13, 13), PUPIL, opening),
            Fill(ellipse(x - 9, y - 10, 7, 7), WHITE, opening),
        ]
    lashes = curve(np.concatenate([upper[:-2], side(WING)])) - (0, 1)
    return [*fills, Fill(brush(lashes, (3, 9, 12, 3)), LINE), Fill(brush(side(BROW), (4, 13, 11, 2)), LINE)]


NOOR = Drawing("noor", "A drawn person: nobody's likeness.", draw, contours, controls)
