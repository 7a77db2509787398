"""Compares the mouths of a built-in character with what the face mesh sees in them.

    livekit-avatar models download face-landmarker
    python models/characters/check.py ada

For each mouth: the gap between the lips and the width of the mouth, as the scene has them and as they are
found, in distances between the eyes. Then the mean and the largest difference, and the correlation.
"""

from __future__ import annotations

import argparse

import cv2
import numpy as np
from make import AVATARS

from livekit_avatar.avatars.bank import Bank, read_bank, read_mouths
from livekit_avatar.avatars.bundle import read_bundle
from livekit_avatar.engines.portrait.bank.plane import CONTROLS, INNER_LIPS, inverse, moved
from livekit_avatar.engines.portrait.curves import Reals
from livekit_avatar.engines.portrait.prepare import PICTURE
from livekit_avatar.face.mesh import FaceMesh
from livekit_avatar.types import Image

RIM = 0.03
"""How far inside its edges a mouth's picture is laid over, a share of its width."""

UPPER, LOWER = (82, 13, 312), (87, 14, 317)
"""The middle of the inner lip contours."""

assert set(UPPER + LOWER) <= set(INNER_LIPS)


def main() -> None:
    parser = argparse.ArgumentParser(description="Known mouths against those that are found.")
    parser.add_argument("name")
    bundle = read_bundle(AVATARS / f"{parser.parse_args().name}.avatar")
    bank = read_bank(bundle, controls=len(CONTROLS))
    known = moved(inverse(bank.base[0]), bank.points)
    picture, mesh, rows = bundle.picture(PICTURE), FaceMesh(), []
    unit = float(bank.unit[0])
    for points, mouth in zip(known, read_mouths(bundle, bank), strict=True):
        found = mesh.find(_laid(picture, mouth, bank))[0].points[list(CONTROLS), :2]
        rows.append([*_measured(points, unit), *_measured(found.astype(np.float64), unit)])
        print("gap {:.3f}  width {:.3f}   found: {:.3f} {:.3f}".format(*rows[-1]))
    table = np.array(rows)
    for name, column in (("gap", 0), ("width", 1)):
        a, b = table[:, column], table[:, column + 2]
        print(
            f"{name}: mean difference {abs(a - b).mean():.3f}, "
            f"largest {abs(a - b).max():.3f}, r {np.corrcoef(a, b)[0, 1]:.3f}"
        )


def _laid(picture: Image, mouth: Image, bank: Bank) -> Image:
    """The picture with a mouth laid over it."""
    height, width = picture.shape[:2]
    rim = round(RIM * mouth.shape[1])
    mask = np.zeros(mouth.shape[:2], np.float32)
    mask[rim:-rim, rim:-rim] = 1
    place = inverse(bank.base[0])
    over = cv2.warpAffine(mouth, place, (width, height), flags=cv2.INTER_CUBIC)
    weight = cv2.warpAffine(mask, place, (width, height))[..., None]
    return np.asarray(np.round(picture + (over.astype(np.float64) - picture) * weight), np.uint8)


def _measured(points: Reals, unit: float) -> tuple[float, float]:
    """Gap between the lips and width of the mouth, of (c, 2) control points."""
    upper, lower = (points[[CONTROLS.index(i) for i in names], 1].mean() for names in (UPPER, LOWER))
    right, left = (points[CONTROLS.index(i), 0] for i in (61, 291))
    return float(lower - upper) / unit, float(left - right) / unit


if __name__ == "__main__":
    main()
