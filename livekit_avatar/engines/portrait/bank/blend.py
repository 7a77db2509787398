"""Lays a mouth over a picture so that no edge shows: a soft mask, and colours that meet at its rim."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from livekit_avatar.engines.portrait.bank.plane import Plane, after, f32, inverse, moved
from livekit_avatar.engines.portrait.curves import Reals, resample
from livekit_avatar.engines.portrait.grid import Grid
from livekit_avatar.engines.portrait.sampling import sample
from livekit_avatar.types import Floats, Image

_JAW: Final = (132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361)
_CHEEKS: Final = ((280, 425), (50, 205))
_NOSE_TIP, _NOSE_BASE, _CORNER, _CHIN = 4, 2, 61, 152

_NARROW: Final = 0.93
"""The mask stays so far inside the sides of the jaw."""

_RIM, _SOFT = 0.10, 0.055
"""How much the mask is drawn in, and then blurred, units."""

_UNDER_CHIN: Final = 0.24
"""How far below the lowest chin the mask reaches, units."""

_STATIONS: Final = 48
"""Places on the rim where colours are compared."""

_PATCH: Final = 0.02
"""Half the side of the square over which a colour is averaged there, units."""

_STRONGEST: Final = 30.0
"""Levels by which light changes a colour at most: beyond, something else lies there, as hair beside a jaw."""

_HOLD: Final = 30.0
"""How firmly the correction keeps to the differences at the rim, against its own smoothness."""


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A picture to take pixels from.

    Attributes:
        pixels: (H, W, 4) uint8 RGBA.
        places: (rows, columns, 2) float32, where the nodes of the grid are in `pixels`; or
        matrix: (2, 3) from the plane to `pixels`.
        weight: its share among the layers.
    """

    pixels: Image
    places: Floats | None
    matrix: Reals | None
    weight: float


class Blend:
    """Mask and colours of one face."""

    def __init__(self, plane: Plane, grid: Grid, mask: Floats, *, same_light: bool) -> None:
        """Prepare.

        Args:
            plane: of the person.
            grid: of the fields.
            mask: (height, width) 0..1 how much of a mouth's picture is seen.
            same_light: the mouths have the colours of the pictures that they are laid over.
        """
        self._grid = grid
        self._mask = mask
        self._same_light = same_light
        self._rim = _rim(self._mask)
        self._around = _PATCH * plane.unit
        first = grid.to_pixels(np.zeros(2, np.float32), grid.window)
        self._to_nodes = np.column_stack([np.eye(2) / grid.step, -first / grid.step])
        self._membrane = _membrane(grid, moved(self._to_nodes, self._rim))
        rows, columns = (np.flatnonzero((self._mask > 0).any(axis=axis)) for axis in (1, 0))
        self._corners = np.array([(x, y) for x in columns[[0, -1]] for y in rows[[0, -1]]], np.float64)

    def lay(self, frame: Image, placed: Reals, layers: list[Layer]) -> None:
        """Lay layers over a picture, in place.

        Args:
            frame: (H, W, 4) uint8 RGBA.
            placed: (2, 3) similarity from it to the plane.
            layers: their weights add up to 1.
        """
        block = self._block(frame, placed)
        if block is None:
            return
        rows, columns = block
        size = columns.stop - columns.start, rows.stop - rows.start
        to_plane = after(placed, np.array([[1.0, 0, columns.start], [0, 1.0, rows.start]]))
        here = None if self._same_light else self._colours(frame, None, inverse(placed))
        total: Image | None = None
        share = 0.0
        for layer in layers:
            pixels = self._layer(layer, here, to_plane, size)
            share += layer.weight
            part = layer.weight / share
            total = pixels if total is None else _mixed(pixels, total, part)
        mask = _lookup(self._mask, to_plane, size)
        if total is not None:
            behind = frame[rows, columns].copy()
            laid = cv2.blendLinear(total, behind, mask, 1 - mask)
            cv2.mixChannels([behind], [laid], [3, 3])
            frame[rows, columns] = laid

    def _block(self, frame: Image, placed: Reals) -> tuple[slice, slice] | None:
        """Index of the pixels of a frame that the mask reaches."""
        corners = moved(inverse(placed), self._corners)
        (left, top), (right, bottom) = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0)) + 1
        rows = slice(max(int(top), 0), min(int(bottom), frame.shape[0]))
        columns = slice(max(int(left), 0), min(int(right), frame.shape[1]))
        return (rows, columns) if rows.start < rows.stop and columns.start < columns.stop else None

    def _layer(self, layer: Layer, here: Floats | None, to_plane: Reals, size: tuple[int, int]) -> Image:
        """A layer's pixels in the block, its colours met with those at the rim if they are given."""
        to_nodes = after(self._to_nodes, to_plane)
        if layer.places is not None:
            pixels = sample(layer.pixels, self._dense(layer.places, to_nodes, size))
        else:
            assert layer.matrix is not None
            pixels = _lookup_image(layer.pixels, after(layer.matrix, to_plane), size)
        if here is None:
            return pixels
        correction = self._dense(self._correction(layer, here), to_nodes, size)
        return np.asarray(cv2.add(pixels, correction, dtype=cv2.CV_8U), np.uint8)

    def _correction(self, layer: Layer, here: Floats) -> Floats:
        """(rows, columns, 4) at the nodes: what a layer lacks of the colours at the rim."""
        there = self._colours(layer.pixels, layer.places, layer.matrix)
        correction: Floats = (self._membrane @ _believed(here - there)).reshape(*self._grid.window.shape, 4)
        return correction

    def _dense(self, values: Floats, to_nodes: Reals, size: tuple[int, int]) -> Floats:
        """Values at the nodes of the grid, looked up for all pixels of a block.

        It goes by nodes that lie as far apart in the block: to stretch them is five times as fast as to look
        every pixel up through a similarity.
        """
        step = self._grid.step
        middle = (step - 1) / 2
        to_corners = after(to_nodes, np.array([[step, 0, middle], [0, step, middle]], np.float64))
        few = _lookup(values, to_corners, (-(-size[0] // step), -(-size[1] // step)))
        many = np.asarray(cv2.resize(few, None, fx=step, fy=step), np.float32)
        return many[: size[1], : size[0]]

    def _colours(self, pixels: Image, places: Floats | None, matrix: Reals | None) -> Floats:
        """(stations, 4) mean colours of a picture around the rim; the alpha of all is 0."""
        if places is not None:
            at = sample(places, f32(moved(self._to_nodes, self._rim))[None])[0]
        else:
            assert matrix is not None
            at = f32(moved(matrix, self._rim))
        near = np.array([(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)], np.float32) * np.float32(
            self._around
        )
        colours = sample(pixels, np.ascontiguousarray(at[:, None] + near)).astype(np.float32).mean(axis=1)
        colours[:, 3] = 0
        return np.asarray(colours, np.float32)


def _believed(difference: Floats) -> Floats:
    """(stations, 4) differences of colour; where one is too large, what its neighbours say."""
    alike = np.flatnonzero(np.abs(difference).max(axis=1) < _STRONGEST)
    if len(alike) in (0, len(difference)):
        return difference if len(alike) else np.zeros_like(difference)
    all_around = np.arange(len(difference))
    columns = [np.interp(all_around, alike, c[alike], period=len(difference)) for c in difference.T]
    return f32(np.stack(columns, axis=1))


def _lookup(values: Floats, matrix: Reals, size: tuple[int, int]) -> Floats:
    """Values on a lattice, looked up through a similarity from the pixels of a block."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    found = cv2.warpAffine(values, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.float32)


def _lookup_image(pixels: Image, matrix: Reals, size: tuple[int, int]) -> Image:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    found = cv2.warpAffine(pixels, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.uint8)


def _mixed(front: Image, behind: Image, part: float) -> Image:
    return np.asarray(cv2.addWeighted(front, part, behind, 1 - part, 0), np.uint8)


def whole_mask(plane: Plane) -> Floats:
    """(height, width) 0..1: all of the plane below the nose, for mouths that were made for one picture.

    What does not move is alike in them and in the picture, hair and neck beside the jaw as well.
    """
    width, height = plane.size
    border = round(3 * _SOFT * plane.unit)
    mask = np.zeros((height, width), np.float32)
    mask[max(round(plane.rest[_NOSE_TIP, 1]), border) : height - border, border : width - border] = 1
    return _softened(mask, plane)


def jaw_mask(plane: Plane, lowest_chin: float) -> Floats:
    """(height, width) 0..1: mouth, chin and jaw line, from under the nose to under the lowest chin.

    Args:
        plane: of the person.
        lowest_chin: the largest y of the chin in any picture of the film, pixels of the plane.
    """
    width, height = plane.size
    rest, unit = plane.rest, plane.unit
    jaw = rest[_NOSE_BASE] + (rest[list(_JAW)] - rest[_NOSE_BASE]) * (_NARROW, 1)
    reach = max(lowest_chin - rest[_CHIN, 1], 0) + _UNDER_CHIN * unit
    depth = np.clip((jaw[:, 1] - rest[_CORNER, 1]) / (rest[_CHIN, 1] - rest[_CORNER, 1]), 0, 1)
    jaw[:, 1] += reach * depth
    left, right = (rest[list(pair)].mean(axis=0) for pair in _CHEEKS)
    polygon = np.concatenate([jaw, [left, rest[_NOSE_BASE] + (0, 0.03 * unit), right]])
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.round(polygon).astype(np.int32)], 255)
    rim = int(_RIM * unit) | 1
    mask[[0, -1]], mask[:, [0, -1]] = 0, 0
    drawn_in = cv2.erode(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (rim, rim)), borderValue=0)
    return _softened(np.asarray(drawn_in / 255, np.float32), plane)


def _softened(mask: Floats, plane: Plane) -> Floats:
    soft = cv2.GaussianBlur(mask, (0, 0), _SOFT * plane.unit)
    return np.ascontiguousarray(np.where(soft < 1 / 255, 0, soft), np.float32)


def _rim(mask: Floats) -> Reals:
    """(stations, 2) places along the outer half of the mask's soft edge, in order."""
    contours, _ = cv2.findContours((mask > 0.3).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(contours, key=len)[:, 0].astype(np.float64)
    return resample(np.concatenate([outline, outline[:1]]), _STATIONS + 1)[:-1]


def _membrane(grid: Grid, rim: Reals) -> Floats:
    """(nodes, stations): the smoothest values over the grid that are those given at the rim.

    It minimizes the sum of squared differences between neighbours plus those at the rim (the membrane of
    Perez et al., Poisson Image Editing, 2003).
    """
    rows, columns = grid.window.shape
    laplacian = np.kron(np.eye(rows), _chain(columns)) + np.kron(_chain(rows), np.eye(columns))
    at = np.clip(rim, 0, (columns - 1.001, rows - 1.001))
    corner, part = np.floor(at).astype(int), at - np.floor(at)
    look = np.zeros((len(rim), rows * columns))
    for i in (0, 1):
        for j in (0, 1):
            weight = np.abs(1 - i - part[:, 0]) * np.abs(1 - j - part[:, 1])
            look[np.arange(len(rim)), (corner[:, 1] + j) * columns + corner[:, 0] + i] += weight
    return f32(np.linalg.solve(laplacian + _HOLD * look.T @ look, _HOLD * look.T))


def _chain(n: int) -> Reals:
    """(n, n) Laplacian of a chain."""
    chain = 2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1)
    chain[0, 0] = chain[-1, -1] = 1
    return chain
