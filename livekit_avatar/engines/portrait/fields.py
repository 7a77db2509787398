"""Displacement fields of a portrait: what each shape and each movement of the head does to every place.

The picture is drawn in two layers that slide over one another at the mouth: the upper layer is everything
but the lower lip and the chin, the lower layer is the lower lip, chin and neck. Each shape is known at the
mesh's vertices (`shapes`); thin-plate splines carry it to the grid, held at zero around the face. Movements
of the head are the same in both layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from livekit_avatar.engines.portrait import topology as mesh
from livekit_avatar.engines.portrait.curves import Reals, ramp, thin_plate
from livekit_avatar.engines.portrait.grid import Flags, Grid, Window
from livekit_avatar.engines.portrait.head import Head
from livekit_avatar.engines.portrait.shapes import JAW_DROP, displacements
from livekit_avatar.engines.portrait.vertices import Vertices
from livekit_avatar.types import Floats

MOVEMENTS: Final = ("yaw", "pitch", "roll", "x", "y", "breath")

_NODES_PER_UNIT = 11
"""Finer grids show no difference."""

_SMOOTHING = 3e-3
_NECK = 0.62
"""How far below the chin the jaw still pulls the skin."""

_MOUTH_HALF, _MOUTH_TOP = 1.05, -0.25
"""Half width and top of the lower layer, units."""

_JOINING = (0.25, 0.60)
"""How far below the lips the upper layer, hidden there, begins to move like the lower, and does so fully."""


@dataclass(frozen=True, slots=True, eq=False)
class Fields:
    """All fields of one portrait, in steps of its grid; displacements of the picture, not look-ups.

    Attributes:
        grid: the nodes.
        names: the shapes, in the order of the first axis of `upper` and `lower`.
        face: nodes of the upper layer that shapes move.
        mouth: nodes of the lower layer.
        upper: (shapes, rows, columns, 2) over `face`.
        lower: (shapes, rows, columns, 2) over `mouth`.
        motion: (movements, rows, columns, 2) over the whole grid, in the order of `MOVEMENTS`.
    """

    grid: Grid
    names: tuple[str, ...]
    face: Window
    mouth: Window
    upper: Floats
    lower: Floats
    motion: Floats


def bake_fields(head: Head, gap: Reals, size: tuple[int, int]) -> Fields:
    """Compute the fields of a head.

    Args:
        head: its frame, in pixels of the frame.
        gap: (468,) height of the opening between the lips, units.
        size: (width, height) of the frame in pixels.
    """
    grid = Grid(*size, step=max(2, round(head.unit / _NODES_PER_UNIT)))
    places = head.plane(grid.pixels(grid.window))
    chin = float(head.plane(head.points[mesh.CHIN])[1])
    hold = _frame_fade(grid, head.unit)
    face = _window(grid, _face_fade(places, chin) > 0)
    shapes = displacements(head, gap)
    upper, lower = (
        _layer(head, shapes, keep, places[face.nodes], chin) * hold[face.nodes][..., None] / grid.step
        for keep in _sides(head)
    )
    upper += (lower - upper) * _joined(places[face.nodes])[..., None]
    mouth = _mouth_window(grid, places, face)
    rows, columns = mouth.within(face)
    lower = lower[:, rows, columns]
    motion = _motion(head, places, chin) * (hold[..., None] * head.unit / grid.step)
    return Fields(grid, tuple(shapes), face, mouth, _f32(upper), _f32(lower), _f32(motion @ head.upright))


def _f32(values: Reals) -> Floats:
    return np.ascontiguousarray(values, np.float32)


def _frame_fade(grid: Grid, unit: float) -> Reals:
    """0 at the edges of the frame, so that no picture ever leaves it, 1 from a third of a unit inwards."""
    p = grid.pixels(grid.window).astype(np.float64)
    sides = np.minimum(p[..., 0], grid.width - 1 - p[..., 0])
    edge = np.minimum(sides, np.minimum(p[..., 1], grid.height - 1 - p[..., 1]))
    return np.clip(edge / (unit / 3), 0, 1)


def _face_fade(places: Reals, chin: float) -> Reals:
    """1 on the face, 0 far from it and below the neck."""
    far = np.hypot(places[..., 0] / 2.0, (places[..., 1] + 0.4) / 2.2)
    return (1 - ramp(0.7, 1.0, far**2)) * (1 - ramp(_NECK - 0.02, _NECK + 0.15, places[..., 1] - chin))


def _window(grid: Grid, mask: Flags) -> Window:
    return grid.enclosing(mask) or grid.window


def _joined(places: Reals) -> Reals:
    """0 where the layers slide over one another; 1 on the chin and below, where both move like the lower."""
    return ramp(*_JOINING, places[..., 1]) * (1 - ramp(0.9, 1.15, abs(places[..., 0])))


def _mouth_window(grid: Grid, places: Reals, face: Window) -> Window:
    """The nodes of the lower layer: as far down as an open jaw carries what only it shows."""
    x, y = places[..., 0], places[..., 1]
    window = _window(grid, (abs(x) < _MOUTH_HALF) & (y > _MOUTH_TOP) & (y < _JOINING[1] + 0.8 * JAW_DROP))
    return Window(
        max(window.top, face.top), min(window.bottom, face.bottom),
        max(window.left, face.left), min(window.right, face.right),
    )  # fmt: skip


def _sides(head: Head) -> tuple[Flags, Flags]:
    """(468,) which vertices shape the upper layer, and which the lower."""
    m = Vertices.of(head)
    between = (abs(m.t) < 0.97) & (m.corner == 0)
    return ~(between & (m.below > 0)), ~(between & (m.above > 0))


def _layer(
    head: Head,
    shapes: dict[str, Reals],
    keep: Flags,
    places: Reals,
    chin: float,
) -> Reals:
    """Carry displacements from the vertices to places: (shapes, rows, columns, 2) pixels."""
    known = np.stack([head.projected(shapes[name]) for name in shapes], axis=1)[keep]
    anchors = _anchors(head, chin)
    points = np.concatenate([head.plane(head.points[: mesh.VERTICES])[keep], anchors])
    values = np.concatenate([known.reshape(len(known), -1), np.zeros((len(anchors), 2 * len(shapes)))])
    points, first = np.unique(np.round(points, 4), axis=0, return_index=True)
    spread = thin_plate(points, values[first], places.reshape(-1, 2), smoothing=_SMOOTHING)
    fade = _face_fade(places, chin)[..., None, None]
    faded: Reals = np.moveaxis(spread.reshape(*places.shape[:2], len(shapes), 2) * fade, 2, 0)
    return faded


def _anchors(head: Head, chin: float) -> Reals:
    """(n, 2) places around the face that no shape moves: two rings outside the oval, two rows on the neck."""
    oval = head.plane(head.points[list(mesh.FACE_OVAL)])
    centre = oval.mean(axis=0)
    inner, outer = centre + (oval - centre) * 1.45, centre + (oval - centre) * 1.9
    neck = chin + _NECK
    rows = [
        np.column_stack([np.linspace(-reach, reach, 9), np.full(9, y)])
        for reach, y in ((1.2, neck), (1.5, neck + 0.4))
    ]
    points = np.concatenate([inner[inner[:, 1] < chin - 0.15], outer, *rows])
    under_chin = (abs(points[:, 0]) < 1.0) & (points[:, 1] > 0) & (points[:, 1] < neck - 0.02)
    return points[~under_chin]


def _motion(head: Head, places: Reals, chin: float) -> Reals:
    """What movements of the head do: (movements, rows, columns, 2) units a unit (or radian) of movement.

    The head is an ellipsoid behind the face; turning it moves what is near the viewer furthest. Everything
    fades below the chin, so that the shoulders stay.
    """
    depth, hold = _ellipsoid(head, places, chin)
    x, y = places[..., 0], places[..., 1] - (chin + 0.35)
    zero = np.zeros_like(hold)
    fields = {
        "yaw": (depth + 0.35 * hold, zero),
        "pitch": (zero, depth - 0.1 * hold),
        "roll": (-y * hold, x * hold),
        "x": (hold, zero),
        "y": (zero, hold),
        "breath": (zero, -0.022 * _chest(places, chin)),
    }
    return np.stack([np.stack(fields[name], axis=-1) for name in MOVEMENTS])


def _ellipsoid(head: Head, places: Reals, chin: float) -> tuple[Reals, Reals]:
    """Depth towards the viewer from the head's middle, and how firmly a place belongs to the head, 0..1."""
    oval = head.plane(head.points[list(mesh.FACE_OVAL)])
    top, half = oval[:, 1].min(), float(np.ptp(oval[:, 0])) / 2
    backwards = head.axes[2, :2] @ head.upright.T
    middle = (oval[:, 0].max() + oval[:, 0].min()) / 2 + 0.7 * backwards[0]
    centre = (1.25 * top + chin) / 2
    rx, ry = max(half, 0.85) * 1.22, (chin - centre) * 1.12
    e = np.hypot((places[..., 0] - middle) / rx, (places[..., 1] - centre) / ry)
    hold = (1 - ramp(1.0, 1.55, e)) * (1 - ramp(chin + 0.02, chin + 0.85, places[..., 1]))
    depth: Reals = np.sqrt(np.clip(1 - (e / 1.25) ** 2, 0, 1)) * rx * 1.1 * hold
    return depth, hold


def _chest(places: Reals, chin: float) -> Reals:
    """1 on the shoulders and the chest, 0 on the head and far to the sides and below."""
    x, y = places[..., 0], places[..., 1] - chin
    return ramp(0.25, 1.1, y) * (1 - ramp(1.5, 2.9, y)) * (1 - ramp(1.3, 2.2, abs(x)))
