"""Lays a mouth over a picture so that no edge shows: a soft mask, and the picture's light on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from livekit_avatar.engines.portrait.bank.light import Light
from livekit_avatar.engines.portrait.bank.plane import Plane, after, inverse, moved
from livekit_avatar.engines.portrait.curves import Reals
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
    """The mask of one face, and its light."""

    def __init__(self, grid: Grid, mask: Floats, light: Light | None) -> None:
        """Prepare.

        Args:
            grid: of the fields.
            mask: (height, width) 0..1 how much of a mouth's picture is seen.
            light: of the pictures that mouths are laid over; None if they have its colours already.
        """
        self._grid, self._to_nodes = grid, grid.to_nodes
        self._mask = mask
        self._light = light
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
        here = None if self._light is None else self._light.colours(frame, None, inverse(placed))
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
        if self._light is None or here is None:
            return pixels
        there = self._light.colours(layer.pixels, layer.places, layer.matrix)
        correction = self._dense(self._light.correction(here, there), to_nodes, size)
        return np.asarray(cv2.add(pixels, correction, dtype=cv2.CV_8U), np.uint8)

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
