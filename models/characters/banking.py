"""A bank of mouths, added to an avatar that has a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from character import Colour
from poses import MouthPose

from livekit_avatar.avatars.bank import ARRAYS, MOUTHS, Bank, encode_bank
from livekit_avatar.avatars.bundle import Bundle
from livekit_avatar.avatars.playback import encode_film
from livekit_avatar.engines.portrait import topology as mesh
from livekit_avatar.engines.portrait.bank.plane import CONTROLS, Plane, f32, moved
from livekit_avatar.engines.portrait.bank.prepare import MOUTH_QUALITY, cut, looks
from livekit_avatar.engines.portrait.curves import Reals
from livekit_avatar.engines.portrait.prepare import ARRAYS as PORTRAIT
from livekit_avatar.types import Image

_RING = [CONTROLS.index(i) for i in (*mesh.LIP_INNER_UPPER, *mesh.LIP_INNER_LOWER[::-1])]
_DARK = 0.45
"""Below this part of full brightness the inside of a mouth is lit, the more the darker it is."""

_GLOW = 0.18
"""How bright the darkest becomes, as a part of the tint."""


def with_mouths(
    bundle: Bundle,
    poses: Sequence[MouthPose],
    pictures: Sequence[Image],
    controls: Reals,
    glow: Colour | None = None,
) -> Bundle:
    """The avatar with a bank of mouths that are laid over its own picture.

    Args:
        bundle: the avatar.
        poses: the mouths.
        pictures: (n, n, 4) the avatar's picture with each mouth, the closed one at rest first.
        controls: (m, c, 2) control points of the mouths, pixels of the picture.
        glow: scene-linear tint of the light that is scattered inside; None: the mouths are bright enough.
    """
    points = np.asarray(bundle.arrays(PORTRAIT)["points"], np.float64)
    plane = Plane.of(points)
    place = plane.placed(points)
    mouths = moved(place, controls)
    cuts = [cut(picture, points, plane) for picture in pictures]
    if glow is not None:
        cuts = [_lit(lower_face, mouth, plane, glow) for lower_face, mouth in zip(cuts, mouths, strict=True)]
    still = np.zeros((1, 2), np.float32)
    bank = Bank(
        unit=f32([plane.unit]),
        size=f32(plane.size),
        rest=f32(plane.rest),
        base=f32(place[None]),
        base_shift=still,
        base_turn=still,
        points=f32(mouths),
        shift=np.zeros((len(cuts), 2), np.float32),
        turn=np.zeros((len(cuts), 2), np.float32),
        tongue=f32([pose.tongue_out for pose in poses]),
        tuck=f32([pose.tuck for pose in poses]),
        looks=looks(cuts, plane),
    )
    film = encode_film(cuts, plane.size, quality=MOUTH_QUALITY, group=1)
    return replace(bundle, members={**bundle.members, MOUTHS: film, ARRAYS: encode_bank(bank)})


def _lit(lower_face: Image, mouth: Reals, plane: Plane, glow: Colour) -> Image:
    """A picture of the plane whose mouth is lit from inside.

    A path tracer with a few bounces leaves a mouth black where a real one is dark red: light goes through
    cheeks and is thrown about between wet walls.
    """
    inside = np.zeros(lower_face.shape[:2], np.float32)
    corners = np.round(mouth[_RING] * 16).astype(np.int32)
    cv2.fillPoly(inside, [corners], 1.0, cv2.LINE_AA, shift=4)
    inside = cv2.GaussianBlur(inside, (0, 0), 0.012 * plane.unit)
    dark = np.clip(1 - lower_face.max(axis=2) / (_DARK * 255), 0, 1) * inside
    light = 255 * (_GLOW * np.array(glow)) ** (1 / 2.2)
    return np.clip(lower_face + dark[..., None] * light, 0, 255).round().astype(np.uint8)
