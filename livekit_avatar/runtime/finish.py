"""What becomes of transparent pictures where video has no alpha: a background, or a matte beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal, TypeAlias

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL import ImageColor

from livekit_avatar.errors import ConfigurationError
from livekit_avatar.face.picture import read_picture
from livekit_avatar.types import Image

Background: TypeAlias = "str | Path | bytes | tuple[int, int, int] | Pillow.Image | Image"
"""A colour (a CSS name, "#rrggbb", or red, green and blue in 0..255), or a picture (path, bytes, Pillow or
array)."""

Matte: TypeAlias = Literal["side-by-side"]

WHITE: Final = (255, 255, 255)


class Finish:
    """Makes opaque pictures of transparent ones; what is opaque stays as it is.

    Args:
        background: what is behind them; a picture covers the whole frame, and what is too much is cut off.
        matte: "side-by-side": on the left the colours, on the right how opaque each pixel is, as grey; the
            frame is twice as wide. Whoever plays it joins the two.

    Raises:
        ConfigurationError: both are given, or neither a colour nor a file.
        PictureError: the background cannot be read.
    """

    def __init__(self, background: Background | None = None, matte: Matte | None = None) -> None:
        if background is not None and matte is not None:
            raise ConfigurationError(
                "`background` and `matte` are both given", fix="Leave one of them out: a matte keeps it open."
            )
        if matte not in (None, "side-by-side"):
            raise ConfigurationError(f"there is no matte {matte!r}", fix='Use matte="side-by-side".')
        self._matte = matte
        self._picture = _picture_of(WHITE if background is None else background)
        self._ground = self._picture

    def size(self, size: tuple[int, int]) -> tuple[int, int]:
        """(width, height) of what becomes of pictures of a size."""
        return (2 * size[0], size[1]) if self._matte else size

    def __call__(self, image: Image) -> Image:
        """An opaque picture of a straight-alpha one, both (H, W, 4) uint8 RGBA; the same if it is opaque."""
        alpha = cv2.extractChannel(image, 3)
        if self._matte:
            return _side_by_side(image, np.asarray(alpha, np.uint8))
        if cv2.minMaxLoc(alpha)[0] == 255:
            return image
        ground = self._ground
        if ground.shape != image.shape:
            self._ground = ground = covering(self._picture, (image.shape[1], image.shape[0]))
        share = np.multiply(alpha, np.float32(1 / 255), dtype=np.float32)
        composed = cv2.blendLinear(image, ground, share, 1 - share)
        cv2.mixChannels([ground], [composed], [3, 3])  # whose alpha is 255
        return np.asarray(composed, np.uint8)


def opaque(image: Image) -> Image:
    """The picture, (H, W, 4) uint8 RGBA, on white if it is transparent anywhere."""
    return ON_WHITE(image)


def covering(picture: Image, size: tuple[int, int]) -> Image:
    """A picture that fills (width, height): scaled, its middle cut out, opaque on white."""
    width, height = size
    scale = max(width / picture.shape[1], height / picture.shape[0])
    scaled = max(width, round(picture.shape[1] * scale)), max(height, round(picture.shape[0] * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    whole = np.asarray(cv2.resize(picture, scaled, interpolation=method), np.uint8)
    left, top = (scaled[0] - width) // 2, (scaled[1] - height) // 2
    return np.ascontiguousarray(whole[top : top + height, left : left + width])


def _picture_of(background: Background) -> Image:
    """A colour as a picture of one pixel; a picture, made opaque on white."""
    colour = _colour_of(background)
    if colour is not None:
        return np.array([[(*colour, 255)]], np.uint8)
    if isinstance(background, str):
        background = Path(background)
    assert not isinstance(background, tuple)
    picture = read_picture(background)
    alpha = picture[..., 3:].astype(np.uint16)
    picture[..., :3] = (picture[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255
    picture[..., 3] = 255
    return picture


def _colour_of(background: Background) -> tuple[int, ...] | None:
    if isinstance(background, tuple):
        if len(background) != 3 or not all(0 <= level <= 255 for level in background):
            raise ConfigurationError(f"{background} is no colour", fix="Use three numbers from 0 to 255.")
        return background
    if not isinstance(background, str):
        return None
    try:
        return ImageColor.getrgb(background)[:3]
    except ValueError:
        if Path(background).exists():
            return None
        raise ConfigurationError(
            f"{background[:60]!r} is neither a colour nor a file",
            fix='Use a name such as "white", "#rrggbb", or the path of a picture.',
        ) from None


def _side_by_side(image: Image, alpha: Image) -> Image:
    colours: Image = image.copy()
    grey = cv2.cvtColor(alpha, cv2.COLOR_GRAY2RGBA)
    cv2.mixChannels([grey], [colours], [3, 3])  # whose alpha is 255
    return np.asarray(cv2.hconcat([colours, grey]), np.uint8)


ON_WHITE: Final = Finish()
