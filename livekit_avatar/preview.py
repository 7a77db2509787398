"""A sheet that shows at a glance how an avatar speaks: its visemes, a blink and its moods, labelled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from livekit_avatar.avatar import Avatar
from livekit_avatar.engines.base import Poser
from livekit_avatar.errors import ConfigurationError
from livekit_avatar.lipsync.visemes import VISEME_SHAPES
from livekit_avatar.types import EMOTIONS, VISEMES, Emotion, Image

_COLUMNS: Final = 6
_TILE, _LABEL, _GAP = 240, 22, 4
"""Pixels of a tile's side, of the line under it, and between tiles."""

_CHANGED: Final = 24
"""Levels by which a pixel differs where the face moves."""

_ROOM: Final = 1.7
"""The part of the picture that is shown, beside the part that moves."""

_CHECKS: Final = (236, 208)
"""The two greys of the board behind what is transparent."""


def preview_sheet(avatar: Avatar) -> Pillow.Image:
    """The whole picture, then close: the fifteen visemes, closed eyes, and the moods, at full strength.

    Raises:
        ConfigurationError: the avatar's engine draws no stills.
    """
    if not isinstance(avatar.engine, Poser):
        raise ConfigurationError(
            f"the engine {avatar.bundle.manifest.engine!r} draws no previews", fix="Leave --preview out."
        )
    looks = dict(_looks(avatar, avatar.engine))
    close = _close_up([looks[name] for name in (*VISEMES, "blink")])
    tiles = [("picture", looks["sil"]), *((name, image[close]) for name, image in looks.items())]
    return _sheet(tiles)


def _looks(avatar: Avatar, engine: Poser) -> Iterator[tuple[str, Image]]:
    at_rest = VISEME_SHAPES[VISEMES.index("sil")]
    for name, mouth in zip(VISEMES, VISEME_SHAPES, strict=True):
        yield name, engine.still(avatar.face, mouth)
    yield "blink", engine.still(avatar.face, at_rest, closed_eyes=True)
    for mood in EMOTIONS[1:]:
        yield mood, engine.still(avatar.face, at_rest, emotion=Emotion(mood))


def _close_up(images: list[Image]) -> tuple[slice, slice]:
    """The square around all that moves, with some room; the whole picture if nothing does."""
    rest = images[0].astype(np.int16)
    moves = np.zeros(rest.shape[:2], bool)
    for image in images[1:]:
        moves |= np.abs(image - rest).max(axis=2) > _CHANGED
    height, width = images[0].shape[:2]
    if not moves.any():
        return slice(0, height), slice(0, width)
    top, left, *sides = _bounds(moves)
    side = min(int(_ROOM * max(sides)) + 1, height, width)
    top = _held(top + (sides[0] - side) // 2, height - side)
    left = _held(left + (sides[1] - side) // 2, width - side)
    return slice(top, top + side), slice(left, left + side)


def _bounds(moves: npt.NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Top, left, height and width of what is true."""
    left, top, width, height = cv2.boundingRect(moves.astype(np.uint8))
    return top, left, height, width


def _held(value: int, most: int) -> int:
    return min(max(value, 0), most)


def _sheet(tiles: list[tuple[str, Image]]) -> Pillow.Image:
    rows = -(-len(tiles) // _COLUMNS)
    step = _TILE + _GAP
    sheet = Pillow.new("RGB", (_COLUMNS * step + _GAP, rows * (step + _LABEL) + _GAP), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    for number, (name, image) in enumerate(tiles):
        row, column = divmod(number, _COLUMNS)
        left, top = _GAP + column * step, _GAP + row * (step + _LABEL)
        sheet.paste(_tile(image), (left, top))
        draw.text((left + _TILE // 2, top + _TILE + _LABEL // 2), name, "black", font, anchor="mm")
    return sheet


def _tile(image: Image) -> Pillow.Image:
    """A picture, whole, on a square of checks."""
    picture = Pillow.fromarray(image)
    scale = _TILE / max(picture.size)
    picture = picture.resize(
        (round(picture.width * scale), round(picture.height * scale)), Pillow.Resampling.LANCZOS
    )
    rows, columns = np.indices((_TILE, _TILE)) // 12
    board = Pillow.fromarray(np.where((rows + columns) % 2, *_CHECKS).astype(np.uint8)).convert("RGBA")
    place = (_TILE - picture.width) // 2, (_TILE - picture.height) // 2
    board.alpha_composite(picture, place)
    return board.convert("RGB")
