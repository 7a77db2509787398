"""Looking a picture or a field up at given places: the one call of `cv2.remap`."""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from livekit_avatar.types import Floats

_Pixels = TypeVar("_Pixels", bound=npt.NDArray[np.uint8] | npt.NDArray[np.float32])


def sample(pixels: _Pixels, places: Floats) -> _Pixels:
    """Interpolate between pixels; beyond the edges their last ones go on.

    Args:
        pixels: (H, W) or (H, W, c) uint8 or float32.
        places: (h, w, 2) float32 x and y in `pixels`.

    Returns:
        (h, w) or (h, w, c) of the same type, fresh.
    """
    taken = cv2.remap(  # type: ignore[call-overload]  # OpenCV's stub forgets that the second map may be None
        pixels, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(taken, pixels.dtype)  # type: ignore[return-value]
