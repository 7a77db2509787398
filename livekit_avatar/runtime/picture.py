"""Pictures of one size for one track: letterboxing and cross-fading."""

from __future__ import annotations

import cv2
import numpy as np

from livekit_avatar.types import Image


def fitted(image: Image, size: tuple[int, int]) -> Image:
    """The whole picture at a size, (width, height), with bars where its shape differs.

    They are black, or transparent as parts of the picture are.
    """
    height, width = image.shape[:2]
    if (width, height) == size:
        return image
    scale = min(size[0] / width, size[1] / height)
    inner = round(width * scale), round(height * scale)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    framed = np.zeros((size[1], size[0], 4), np.uint8)
    framed[..., 3] = 255 if image[..., 3].min() == 255 else 0
    left, top = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    framed[top : top + inner[1], left : left + inner[0]] = cv2.resize(image, inner, interpolation=method)
    return framed


def blended(old: Image, new: Image, share: float) -> Image:
    """A picture between two: `share` of the new one, 0..1."""
    return np.asarray(cv2.addWeighted(old, 1 - share, new, share, 0), np.uint8)
