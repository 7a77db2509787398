"""What of a film is used: the seconds that are played, the mouths that are kept, the face at rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from livekit_avatar.engines.portrait import topology as mesh
from livekit_avatar.engines.portrait.bank.plane import LIPS, NOSE, Plane, moved
from livekit_avatar.engines.portrait.bank.survey import Survey
from livekit_avatar.engines.portrait.curves import Reals
from livekit_avatar.engines.portrait.head import Head
from livekit_avatar.errors import ClipCutError
from livekit_avatar.face.mesh import BLENDSHAPE_NAMES
from livekit_avatar.types import FPS

Numbers = npt.NDArray[np.int64]

LONGEST_BASE: Final = 20 * FPS
SHORTEST_BASE: Final = 3 * FPS
"""Pictures of the part that is played."""

MOST_MOUTHS: Final = 180
ALIKE: Final = 0.012
"""Mouths nearer to one another than this are one, units (root mean square over the lips)."""

_TURN: Final = 0.30
"""Of the head, radians, beyond which a mouth is not kept."""

_BLINKS = [BLENDSHAPE_NAMES.index(f"eyeBlink{side}") for side in ("Left", "Right")]
_SMILES = [BLENDSHAPE_NAMES.index(f"mouthSmile{side}") for side in ("Left", "Right")]
_STEP = FPS // 2
_STILL = FPS // 2
"""How far the ends of the part that is played are moved to where the head stands still."""


@dataclass(frozen=True, slots=True, eq=False)
class Traits:
    """What the choice is made by, a row for each picture of the survey.

    Attributes:
        turn: (n, 3) yaw, pitch, roll of the head against the middle of the film, radians.
        lips: (n, 40, 2) lips in the plane seen from under the nose, units.
        gap: (n,) between the lips, units.
        blink: (n,) how far the eyes are closed.
        smile: (n,) how much the mouth smiles.
        blur: (n,) how much less sharp than usual, 0..1.
    """

    turn: Reals
    lips: Reals
    gap: Reals
    blink: Reals
    smile: Reals
    blur: Reals


def traits(seen: Survey) -> Traits:
    """Measure a survey."""
    plane = Plane.of(seen.points[_frontal(seen)])
    placed = np.stack([moved(plane.placed(points), points[:, :2]) for points in seen.points])
    lips = (placed[:, LIPS] - placed[:, NOSE].mean(axis=1, keepdims=True)) / plane.unit
    upper, lower = placed[:, mesh.LIP_INNER_UPPER[4:7], 1], placed[:, mesh.LIP_INNER_LOWER[4:7], 1]
    usual = float(np.median(seen.sharpness))
    return Traits(
        _turns(seen),
        lips,
        (lower - upper).mean(axis=1) / plane.unit,
        seen.looks[:, _BLINKS].max(axis=1).astype(np.float64),
        seen.looks[:, _SMILES].mean(axis=1).astype(np.float64),
        np.clip(1 - seen.sharpness / max(usual, 1e-6), 0, 1).astype(np.float64),
    )


def face_at_rest(t: Traits) -> int:
    """The row whose face is at rest: lips together as they mostly are, eyes open, frontal, sharp."""
    closed = t.gap <= np.percentile(t.gap, 25)
    usual = np.median(t.lips[closed], axis=0)
    unlike = np.sqrt(np.square(t.lips - usual).mean(axis=(1, 2)))
    turned = np.abs(t.turn).max(axis=1)
    cost = 8 * unlike + 4 * np.maximum(t.gap, 0) + t.blink + 2 * turned + 0.3 * t.smile + 0.5 * t.blur
    return int(cost.argmin())


def base_part(seen: Survey, t: Traits) -> tuple[int, int]:
    """The pictures [start, stop) of the film that are played: frontal, in steady light, sharp, rather silent.

    It is played forth and back; both ends are where the head stands still, so that the turn does not show.

    Raises:
        ClipCutError: the face is never in view for long enough.
    """
    runs = [run for run in _runs(seen) if run[1] - run[0] >= SHORTEST_BASE]
    if not runs:
        raise ClipCutError(
            "The face is never in view for three seconds", fix="Use a film in which it stays in view."
        )
    length = min(LONGEST_BASE, max(stop - start for start, stop in runs))
    windows = [
        (first, first + length) for start, stop in runs for first in range(start, stop - length + 1, _STEP)
    ]
    start, stop = min(windows, key=lambda window: _cost(seen, t, *window))
    return _stillest(seen, t, start, 1), _stillest(seen, t, stop - 1, -1) + 1


def mouths(seen: Survey, t: Traits, rest: int, most: int) -> Numbers:
    """Rows whose mouths are kept: unlike one another, the one at rest first (farthest-point sampling).

    Args:
        seen: the survey.
        t: its traits.
        rest: the row of the face at rest.
        most: how many may be kept.
    """
    good = np.flatnonzero((np.abs(t.turn).max(axis=1) < _TURN) & (t.blur < 0.6))
    colour = seen.inside[good] / 255 * np.clip(t.gap[good] / 0.05, 0, 1)[:, None]
    shape = np.column_stack(
        [t.lips[good].reshape(len(good), -1) / np.sqrt(80), 1.5 * t.gap[good], 0.08 * colour]
    )
    chosen = [int(np.abs(good - rest).argmin())]
    far = np.full(len(good), np.inf)
    while len(chosen) < most:
        far = np.minimum(far, np.square(shape - shape[chosen[-1]]).sum(axis=1))
        if far.max() < ALIKE**2:
            break
        chosen.append(int(far.argmax()))
    return good[chosen]


def _turns(seen: Survey) -> Reals:
    axes = np.stack([Head.of(points).axes for points in seen.points])
    turn = np.stack(
        [np.arcsin(axes[:, 2, 0]), np.arcsin(axes[:, 2, 1]), np.arctan2(axes[:, 0, 1], axes[:, 0, 0])], axis=1
    )
    return np.asarray(turn - np.median(turn, axis=0), np.float64)


def _frontal(seen: Survey) -> int:
    return int(np.abs(_turns(seen)).sum(axis=1).argmin())


def _runs(seen: Survey) -> list[tuple[int, int]]:
    """Stretches [start, stop) of the film in which no look missed the face."""
    breaks = np.flatnonzero(np.diff(seen.ticks) > seen.stride) + 1
    return [(int(part[0]), int(part[-1]) + 1) for part in np.split(seen.ticks, breaks) if len(part)]


def _cost(seen: Survey, t: Traits, start: int, stop: int) -> float:
    rows = (seen.ticks >= start) & (seen.ticks < stop)
    light = seen.light[rows]
    return float(
        np.abs(t.turn[rows]).mean()
        + 2 * light.std() / max(float(light.mean()), 1.0)
        + t.blur[rows].mean()
        + 2 * np.abs(np.diff(t.gap[rows])).mean() / seen.stride
        + t.blink[rows].mean() * 0.2
    )


def _stillest(seen: Survey, t: Traits, end: int, inwards: int) -> int:
    """The picture near an end of a part, inside it, in which the head moves least and the eyes are open."""
    speed = np.abs(np.gradient(t.turn, axis=0)).sum(axis=1) + 0.02 * t.blink
    low, high = sorted((end, end + inwards * _STILL))
    near = np.flatnonzero((seen.ticks >= low) & (seen.ticks <= high))
    return int(seen.ticks[near[speed[near].argmin()]]) if len(near) else end
