"""Pictures changed so that a face does something else."""

from __future__ import annotations

import cv2

from livekit_avatar.types import Floats, Image


def with_open_mouth(image: Image, points: Floats) -> Image:
    """The picture with everything below the lips' line moved down and a dark mouth in the gap."""
    x, y = points[[13, 14], :2].mean(axis=0).round().astype(int)
    half, gap = int(points[291, 0] - points[61, 0]) // 2, int(points[152, 1] - points[10, 1]) // 8
    opened = image.copy()
    opened[y + gap :] = image[y:-gap]
    opened[y : y + gap] = image[y - 1]
    cv2.ellipse(opened, (int(x), int(y) + gap // 2), (half, gap // 2), 0, 0, 360, (40, 8, 8, 255), -1)
    return opened
