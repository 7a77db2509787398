"""The plane of the lower face: where mouths of all pictures of a film lie over one another.

It is the picture of the face at rest, turned upright and cut around mouth and chin. A similarity takes every
other picture there, by points of the face that speech does not move.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from livekit_avatar.avatars.bank import PLANE
from livekit_avatar.engines.portrait import topology as mesh
from livekit_avatar.engines.portrait.curves import Reals
from livekit_avatar.engines.portrait.head import Head
from livekit_avatar.types import Floats

STABLE: Final = (
    33, 133, 362, 263, 168, 6, 197, 195, 5, 4, 2, 98, 327, 9, 8, 127, 356, 162, 389, 234, 454,
)  # fmt: skip
"""Eye corners, nose, between the brows, temples and ears."""

NOSE: Final = (2, 98, 327, 164, 165, 391)
"""Under the nose: where the head's turn has taken the mouth, whatever the lips do."""

CHIN_LINE: Final = (172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397)
OUTER_LIPS: Final = tuple(dict.fromkeys(mesh.LIP_OUTER_UPPER + mesh.LIP_OUTER_LOWER))
INNER_LIPS: Final = tuple(dict.fromkeys(mesh.LIP_INNER_UPPER + mesh.LIP_INNER_LOWER))
LIPS: Final = OUTER_LIPS + INNER_LIPS
_AROUND: Final = (
    2, 164, 18, 200, 199, 175, 205, 425, 206, 426, 212, 432, 202, 422, 204, 424, 57, 287, 43, 273, 83, 313,
    214, 434,
)  # fmt: skip
CONTROLS: Final = LIPS + CHIN_LINE + _AROUND
"""The points that carry a mouth from one shape to another."""

_ABOVE = 0.72
"""How far the plane reaches above the middle of the mouth, units."""


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """The plane of one person.

    Attributes:
        rest: (478, 2) landmarks of the face at rest, pixels of the plane.
        size: (width, height) in pixels.
        unit: inter-ocular distance in pixels.
    """

    rest: Reals
    size: tuple[int, int]
    unit: float

    @classmethod
    def of(cls, points: npt.ArrayLike) -> Plane:
        """The plane of a face at rest, given its (478, 3) landmarks."""
        head = Head.of(points)
        width, height = (round(side * head.unit / 8) * 8 for side in PLANE)
        middle = np.array([(width - 1) / 2, _ABOVE * head.unit])
        return cls(head.plane(head.points) * head.unit + middle, (width, height), head.unit)

    @property
    def mouth(self) -> Reals:
        """(2,) the middle of the mouth at rest."""
        middle: Reals = self.rest[[mesh.RIGHT_MOUTH, mesh.LEFT_MOUTH]].mean(axis=0)
        return middle

    def placed(self, points: npt.ArrayLike) -> Reals:
        """(2, 3) similarity from a picture to the plane, given the picture's (478, 2 or more) landmarks."""
        seen = np.asarray(points, np.float64)[list(STABLE), :2]
        return similarity(seen, self.rest[list(STABLE)])


def similarity(source: Reals, target: Reals) -> Reals:
    """(2, 3) rotation, scale and shift that best takes (n, 2) points to others (Umeyama, PAMI 13, 1991)."""
    a, b = source.mean(axis=0), target.mean(axis=0)
    x, y = source - a, target - b
    power = np.square(x).sum()
    c, s = (x * y).sum() / power, (x[:, 0] * y[:, 1] - x[:, 1] * y[:, 0]).sum() / power
    turn = np.array([[c, -s], [s, c]])
    return np.column_stack([turn, b - turn @ a])


def moved(matrix: npt.ArrayLike, points: npt.ArrayLike) -> Reals:
    """(..., 2) points through a (2, 3) similarity."""
    m = np.asarray(matrix, np.float64)
    there: Reals = np.asarray(points, np.float64) @ m[:, :2].T + m[:, 2]
    return there


def inverse(matrix: npt.ArrayLike) -> Reals:
    """The (2, 3) similarity the other way."""
    m = np.asarray(matrix, np.float64)
    back = np.linalg.inv(m[:, :2])
    return np.column_stack([back, -back @ m[:, 2]])


def after(second: npt.ArrayLike, first: npt.ArrayLike) -> Reals:
    """The (2, 3) similarity that does `first`, then `second`."""
    a, b = np.asarray(second, np.float64), np.asarray(first, np.float64)
    return np.column_stack([a[:, :2] @ b[:, :2], a[:, :2] @ b[:, 2] + a[:, 2]])


def f32(values: npt.ArrayLike) -> Floats:
    """As contiguous float32, which OpenCV takes without a copy."""
    return np.ascontiguousarray(values, np.float32)
