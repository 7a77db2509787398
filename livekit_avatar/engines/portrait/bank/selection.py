"""Which filmed mouth is shown: the one nearest to the shape that is wanted, and not every time another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from livekit_avatar.avatars.bank import Bank
from livekit_avatar.engines.portrait import topology as mesh
from livekit_avatar.engines.portrait.bank.plane import CONTROLS, INNER_LIPS, LIPS, OUTER_LIPS
from livekit_avatar.engines.portrait.pose import Pose
from livekit_avatar.types import Floats

PAINTED: Final = -1
"""Instead of a filmed mouth: the face at rest, its lips drawn apart, with a painted inside."""

_LIPS, _GAP, _WIDTH, _CHIN = 0.35, 2.0, 1.5, 0.7
"""How much each of the lips' points, the gap between the lips, the mouth's width and the chin count."""

_SHUT, _OPEN_GAP = 0.10, 0.04
"""How much it counts whether lips are shut; and the gap from which they are quite open, units."""

_UNLIKE: Final = 40.0
_TURNED: Final = 5.0
_TONGUE, _TUCK = 0.35, 0.5
_CHANGE, _ANY_CHANGE = 0.35, 0.12
"""Of the distance between two mouths' looks, and for any change."""

_PAINTED_COST, _PAINTED_COST_SILENT = 2.0, 0.85
"""A painted inside is taken where every filmed mouth would have to be pulled about this far out of shape;
sooner if none of them is open, for then lips have nothing between them that could be seen."""

_FADE: Final = (0.5, 0.8)
"""Weight of the new mouth in the first frames after a change between mouths that both fit."""

_FITS: Final = 0.25
"""A mouth that would cost so much more than another does not fit: it is left at once, without a fade."""

_SETTLED: Final = 3
"""Frames after a change until the next may come, unless it is far better."""

_HASTE: Final = 0.12

_TOP, _BOTTOM = INNER_LIPS.index(13), INNER_LIPS.index(14)


@dataclass(frozen=True, slots=True)
class Choice:
    """The mouth of one frame.

    Attributes:
        mouth: index in the bank, or `PAINTED`.
        before: the one it takes the place of.
        age: frames since it did.
    """

    mouth: int
    before: int
    age: int

    @property
    def layers(self) -> tuple[tuple[int, float], ...]:
        """(mouth, weight) pairs of what is shown."""
        if self.age >= len(_FADE) or self.before == self.mouth:
            return ((self.mouth, 1.0),)
        new = _FADE[self.age]
        return ((self.before, 1 - new), (self.mouth, new))


class Selection:
    """The choice among the mouths of one bank."""

    def __init__(self, bank: Bank, *, paints: bool) -> None:
        """Compare the mouths.

        Args:
            bank: the mouths.
            paints: whether one may be painted where none is near.
        """
        unit = float(bank.unit[0])
        self._unit = unit
        points = (bank.points - bank.shift[:, None]) / unit
        self._features = _features(points)
        opens = _gaps(points).max() > _OPEN_GAP
        cost = (_PAINTED_COST if opens else _PAINTED_COST_SILENT) if paints else np.inf
        self._painted_cost = np.float32(cost)
        self._turn, self._tongue, self._tuck = bank.turn, bank.tongue, bank.tuck
        apart = np.sqrt(np.square(bank.looks[:, None] - bank.looks[None]).sum(axis=-1))
        self._change = _CHANGE * apart + _ANY_CHANGE
        np.fill_diagonal(self._change, 0)
        self._to_painted = float(np.median(self._change)) if len(apart) > 1 else _CHANGE
        self._rest = int(np.square(self._features - self._features[0]).sum(axis=1).argmin())

    def begin(self) -> Choice:
        """Before the first frame: the face at rest, which is the bank's first mouth."""
        return Choice(self._rest, self._rest, len(_FADE))

    def next(self, before: Choice, target: Floats, turn: Floats, pose: Pose) -> Choice:
        """The mouth of the next frame.

        Args:
            before: that of the frame before.
            target: (c, 2) control points that are wanted, pixels of the plane, without the head's turn.
            turn: (2,) yaw and pitch of the picture that it will be laid over.
            pose: says how much of the tongue shall be seen, and whether the lower lip is tucked in.
        """
        costs = self._costs(target / self._unit, turn, pose) + self._changes(before.mouth)
        best = int(costs.argmin())
        mouth = PAINTED if best == len(costs) - 1 else best
        stays = costs[before.mouth]  # PAINTED is the last
        worse = float(stays - costs[best])
        if mouth == before.mouth or (before.age < _SETTLED and worse < _HASTE):
            return Choice(before.mouth, before.before, before.age + 1)
        return Choice(mouth, before.mouth if worse < _FITS else mouth, 0)

    def _costs(self, target: Floats, turn: Floats, pose: Pose) -> Floats:
        unlike = _UNLIKE * np.square(self._features - _features(target[None])).sum(axis=1)
        turned = _TURNED * np.square(self._turn - turn).sum(axis=1)
        hidden = _TONGUE * np.square(self._tongue - np.float32(pose.tongue))
        hidden += _TUCK * np.square(self._tuck - np.float32(pose.tuck))
        return np.append(unlike + turned + hidden, self._painted_cost)

    def _changes(self, mouth: int) -> Floats:
        if mouth == PAINTED:
            return np.append(np.full(len(self._change), self._to_painted, np.float32), np.float32(0))
        return np.append(self._change[mouth], np.float32(self._to_painted))


def _gaps(points: Floats) -> Floats:
    """(m,) gap between the lips of (m, c, 2) control points."""
    inner = points[:, len(OUTER_LIPS) : len(LIPS)]
    gaps: Floats = inner[:, _BOTTOM, 1] - inner[:, _TOP, 1]
    return gaps


def _features(points: Floats) -> Floats:
    """(m, f) of (m, c, 2) control points in units."""
    lips, gap = points[:, : len(LIPS)], _gaps(points)
    shut = 1 - np.clip(gap / _OPEN_GAP, 0, 1)
    corners = [OUTER_LIPS.index(i) for i in (mesh.RIGHT_MOUTH, mesh.LEFT_MOUTH)]
    width = lips[:, corners[1], 0] - lips[:, corners[0], 0]
    chin = points[:, CONTROLS.index(mesh.CHIN), 1]
    return np.concatenate(
        [
            _LIPS * lips.reshape(len(points), -1),
            np.stack([_GAP * gap, _WIDTH * width, _CHIN * chin, _SHUT * shut], axis=1),
        ],
        axis=1,
    ).astype(np.float32)
