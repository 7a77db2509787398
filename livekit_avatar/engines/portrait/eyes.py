"""Eyes that blink and look around: drawn into the source picture before the head is warped.

An eye's own axes: s runs along the line between its corners to the viewer's right, h down from that line,
both in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from livekit_avatar.engines.portrait import topology as mesh
from livekit_avatar.engines.portrait.curves import Reals, function_of_x, ramp
from livekit_avatar.engines.portrait.head import Head
from livekit_avatar.engines.portrait.sampling import sample
from livekit_avatar.types import Floats, Image

_SIDE, _UNDER = 0.16, 0.16
"""Room around an eye, in widths of the eye beyond its corners and units below its lower lid."""

LID_BEND = 1.5
"""Exponent of the stretch of a closing lid, most near its edge; `blink` has it as x sqrt(x)."""

_GAZE_X, _GAZE_DOWN, _GAZE_UP = 0.05, 0.028, 0.010
"""Way of the iris at gaze 1, units. What an iris hides when it rises, no picture shows: it rises little."""

_LID_FOLLOWS = 0.16
"""How far the upper lid closes when the eye looks down fully."""


@dataclass(frozen=True, slots=True, eq=False)
class Ball:
    """The part of an eye's box where the eyeball shows; maps are (h, w) float32 over it.

    Attributes:
        block: index of its pixels in the eye's box.
        xy: (h, w, 2) each pixel's place in the picture.
        s: place along the eye.
        h: place below the line between its corners.
        upper: height of the upper lid's edge, and a little, at that s.
        upper_slope: its change along s.
        lower: height of the lower lid's edge, less a little.
        lower_slope: its change along s.
        shows: 1 on the eyeball, 0 on the lids.
    """

    block: tuple[slice, slice]
    xy: Floats
    s: Floats
    h: Floats
    upper: Floats
    upper_slope: Floats
    lower: Floats
    lower_slope: Floats
    shows: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Eye:
    """One eye in its picture; maps are (h, w) float32 over its box.

    Attributes:
        box: index of its pixels, (rows, columns).
        x: of each pixel in the picture.
        y: of each pixel in the picture.
        down: (2,) direction of h in the picture.
        along: (2,) direction of s in the picture.
        s: place along the eye.
        h: place below the line between its corners.
        upper: height of the open upper lid's edge at that s.
        lower: height of the lower lid's edge at that s.
        top: height where the skin of the upper lid begins to move.
        beside: 1 between the corners and a little beyond, fading to 0 outside.
        corners: s of the corners, viewer's left and right.
        iris: (s, h, radius) of the iris.
        reach: how far the iris may move to the viewer's left and right, pixels.
        unit: inter-ocular distance in pixels.
        ball: the part of the box where the eyeball shows.
    """

    box: tuple[slice, slice]
    x: Floats
    y: Floats
    along: Floats
    down: Floats
    s: Floats
    h: Floats
    upper: Floats
    lower: Floats
    top: float
    beside: Floats
    corners: tuple[float, float]
    iris: tuple[float, float, float]
    reach: tuple[float, float]
    unit: float
    ball: Ball

    @property
    def closed(self) -> Floats:
        """Height of the closed lid's edge: just over the lower lid."""
        edge: Floats = self.lower + np.float32(0.012 * self.unit)
        return edge


def measure_eye(head: Head, contours: Reals, left: bool, size: tuple[int, int]) -> Eye:
    """Lay the axes of an eye.

    Args:
        head: its frame.
        contours: (2, n, 2) upper and lower lid in pixels, from the inner corner to the outer one.
        left: whether it is the subject's left eye.
        size: (width, height) of the picture.
    """
    ends = contours.mean(axis=0)[[0, -1]]
    start, stop = ends[np.argsort(ends @ head.upright[0])]
    width = float(np.linalg.norm(stop - start))
    along = (stop - start) / width
    down = np.array([-along[1], along[0]])
    axes = np.stack([along, down], axis=1)
    upper, lower = ((lid - start) @ axes for lid in contours)
    brow = (head.points[list((mesh.LEFT_BROW if left else mesh.RIGHT_BROW)[5:]), :2] - start) @ axes
    top = float(brow[:, 1].mean() * 0.85 + upper[:, 1].min() * 0.15)
    low, high = np.array([-_SIDE * width, top - 2]), np.array([(1 + _SIDE) * width, lower[:, 1].max()])
    high[1] += _UNDER * head.unit
    box = _box(start, axes, low, high, size)
    x, y = np.meshgrid(np.arange(box[1].start, box[1].stop), np.arange(box[0].start, box[0].stop))
    s, h = np.moveaxis((np.dstack([x, y]) - start) @ axes, -1, 0)
    edges = [function_of_x(lid, s) for lid in (upper, lower)]
    beside = ramp(-0.15 * width, 0, s) * ramp(-0.15 * width, 0, width - s)
    iris = _iris(head, left, start, axes)
    reach, ball = _reach(iris, width, head.unit), _ball(x, y, s, h, *edges)
    return Eye(
        box, _f32(x), _f32(y), _f32(along), _f32(down), _f32(s), _f32(h), _f32(edges[0]), _f32(edges[1]),
        top, _f32(beside), (0.0, width), iris, reach, head.unit, ball,
    )  # fmt: skip


def _ball(x: Reals, y: Reals, s: Reals, h: Reals, upper: Reals, lower: Reals) -> Ball:
    shows = np.clip(np.minimum(h - upper, lower - h) - 0.5, 0, 1)
    columns, rows = np.flatnonzero(shows.any(axis=0)), np.flatnonzero(shows.any(axis=1))
    if not len(rows):  # the eye is closed in the picture
        columns = rows = np.zeros(1, np.intp)
    block = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
    maps = (s, h, upper + 1.5, np.gradient(upper, axis=1), lower - 1, np.gradient(lower, axis=1), shows)
    return Ball(block, _f32(np.dstack([x, y])[block]), *(_f32(m[block]) for m in maps))


def _f32(values: Reals) -> Floats:
    return np.ascontiguousarray(values, np.float32)


def _box(start: Reals, axes: Reals, low: Reals, high: Reals, size: tuple[int, int]) -> tuple[slice, slice]:
    corners = np.array([[a, b] for a in (low[0], high[0]) for b in (low[1], high[1])]) @ axes.T + start
    (x0, y0), (x1, y1) = np.floor(corners.min(axis=0)).astype(int), np.ceil(corners.max(axis=0)).astype(int)
    return slice(max(y0, 0), min(y1, size[1])), slice(max(x0, 0), min(x1, size[0]))


def _iris(head: Head, left: bool, start: Reals, axes: Reals) -> tuple[float, float, float]:
    points = head.points[list(mesh.LEFT_IRIS if left else mesh.RIGHT_IRIS), :2]
    centre = (points[0] - start) @ axes
    return float(centre[0]), float(centre[1]), float(np.linalg.norm(points[1:] - points[0], axis=1).mean())


def _reach(iris: tuple[float, float, float], width: float, unit: float) -> tuple[float, float]:
    """An iris that already looks aside has little room left on that side."""
    s, _, radius = iris
    most = _GAZE_X * unit
    return float(np.clip(s - 0.8 * radius, 0, most)), float(np.clip(width - s - 0.8 * radius, 0, most))


def look(eye: Eye, source: Image, gaze_x: float, gaze_y: float) -> Image:
    """The pixels of an eye's box with the iris moved under its lids, (h, w, 4) uint8.

    Args:
        eye: the eye.
        source: the picture at rest.
        gaze_x: -1..1, positive to the viewer's right.
        gaze_y: -1..1, positive down.
    """
    dx = gaze_x * (eye.reach[1] if gaze_x > 0 else eye.reach[0])
    dy = gaze_y * (_GAZE_DOWN if gaze_y > 0 else _GAZE_UP) * eye.unit
    ball = eye.ball
    held = _held(eye, ball.s, dx)
    ds = held * np.float32(dx)
    above, below = ball.upper - ds * ball.upper_slope, ball.lower - ds * ball.lower_slope
    dh = ball.h - np.clip(ball.h - held * np.float32(dy), above, np.maximum(below, above))
    places: Floats = ball.xy - ds[..., None] * eye.along - dh[..., None] * eye.down
    seen = sample(source, places)
    pixels: Image = source[eye.box].copy()
    pixels[ball.block] = cv2.blendLinear(seen, pixels[ball.block].copy(), ball.shows, 1 - ball.shows)
    return pixels


def _held(eye: Eye, s: Floats, dx: float) -> Floats:
    """How far a place of the eyeball moves with the iris: wholly on the iris, not at all at the corners."""
    centre, _, radius = eye.iris
    left, right = eye.corners
    rising = (s - left) / max(centre + dx - radius - left, 1.0)
    falling = (right - s) / max(right - centre - dx - radius, 1.0)
    t = np.clip(np.minimum(rising, falling), 0, 1)
    held: Floats = t * t * (3 - 2 * t)
    return held


def lid_follows(gaze_y: float) -> float:
    """How far the upper lid closes because the eye looks down."""
    return _LID_FOLLOWS * max(gaze_y, 0.0)


def blink(eye: Eye, pixels: Image, lid: Image, closure: float) -> Image:
    """Lower the lid over an eye.

    Args:
        eye: the eye.
        pixels: (h, w, 4) its box with the eye open.
        lid: (h, w, 4) the closed lid over its box; alpha says where there is lid.
        closure: 0 open .. 1 closed.

    Returns:
        (h, w, 4) uint8.
    """
    way = eye.closed - eye.upper
    edge = eye.upper + np.float32(closure) * way
    part = np.clip((eye.h - np.float32(eye.top)) / np.maximum(edge - np.float32(eye.top), 1), 0, 1)
    dh = np.float32(1 - closure) * way * part * np.sqrt(part)
    corner = np.array([eye.x[0, 0], eye.y[0, 0]], np.float32)
    places = np.dstack([eye.x + dh * eye.down[0] - corner[0], eye.y + dh * eye.down[1] - corner[1]])
    shown = sample(lid, np.asarray(places, np.float32))
    rim = ramp(-0.06 * eye.unit, -0.035 * eye.unit, eye.h - eye.upper)
    skin = np.maximum(ramp(0, 0.25, closure), rim * min(closure / 0.06, 1.0))
    alpha = (shown[..., 3] * skin * (1 / 255)).astype(np.float32)
    shown[..., 3] = pixels[..., 3]
    return np.asarray(cv2.blendLinear(shown, pixels, alpha, 1 - alpha), np.uint8)
