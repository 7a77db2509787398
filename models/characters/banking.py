"""A bank of mouths, added to an avatar that has a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from poses import MouthPose

from livekit_avatar.avatars.bank import ARRAYS, MOUTHS, Bank, encode_bank
from livekit_avatar.avatars.bundle import Bundle
from livekit_avatar.avatars.playback import encode_film
from livekit_avatar.engines.portrait.bank.plane import Plane, f32, moved
from livekit_avatar.engines.portrait.bank.prepare import MOUTH_QUALITY, cut, looks
from livekit_avatar.engines.portrait.curves import Reals
from livekit_avatar.engines.portrait.prepare import ARRAYS as PORTRAIT
from livekit_avatar.types import Image


def with_mouths(
    bundle: Bundle,
    poses: Sequence[MouthPose],
    pictures: Sequence[Image],
    controls: Reals,
    quality: int = MOUTH_QUALITY,
) -> Bundle:
    """The avatar with a bank of mouths that are laid over its own picture.

    Args:
        bundle: the avatar.
        poses: the mouths.
        pictures: (n, n, 4) the avatar's picture with each mouth, the closed one at rest first.
        controls: (m, c, 2) control points of the mouths, pixels of the picture.
        quality: of the film, x264's constant rate factor.
    """
    points = np.asarray(bundle.arrays(PORTRAIT)["points"], np.float64)
    plane = Plane.of(points)
    place = plane.placed(points)
    cuts = [cut(picture, points, plane) for picture in pictures]
    still = np.zeros((1, 2), np.float32)
    bank = Bank(
        unit=f32([plane.unit]),
        size=f32(plane.size),
        rest=f32(plane.rest),
        base=f32(place[None]),
        base_shift=still,
        base_turn=still,
        points=f32(moved(place, controls)),
        shift=np.zeros((len(cuts), 2), np.float32),
        turn=np.zeros((len(cuts), 2), np.float32),
        tongue=f32([pose.tongue_out for pose in poses]),
        looks=looks(cuts, plane),
    )
    film = encode_film(cuts, plane.size, quality=quality, group=1)
    return replace(bundle, members={**bundle.members, MOUTHS: film, ARRAYS: encode_bank(bank)})
