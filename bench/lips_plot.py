"""Pictures of predicted lips against measured ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

Array = npt.NDArray[np.floating]

WIDTH, PANEL, MARGIN = 1600, 150, 24
MEASURED, PREDICTED, INK = (150, 150, 150), (200, 40, 30), (30, 30, 30)


def plot(path: Path, title: str, time: Array, pairs: dict[str, tuple[Array, Array]]) -> None:
    """Write a PNG: for each named pair the measured (grey) and the predicted (red) curve.

    Every curve is drawn from its 5th to its 95th percentile, as the scores compare them.
    """
    image = Image.new("RGB", (WIDTH, MARGIN + len(pairs) * (PANEL + MARGIN)), "white")
    pen = ImageDraw.Draw(image)
    pen.text((8, 6), f"{title}: measured grey, predicted red", INK)
    for place, (name, (measured, predicted)) in enumerate(pairs.items()):
        top = MARGIN + place * (PANEL + MARGIN)
        pen.text((8, top), name, INK)
        for curve, colour in ((measured, MEASURED), (predicted, PREDICTED)):
            pen.line(_points(time, curve, top), colour, 2)
    image.save(path)


def _points(time: Array, curve: Array, top: float) -> list[tuple[float, float]]:
    low, high = np.percentile(curve, [5, 95])
    x = 8 + (time - time[0]) / max(time[-1] - time[0], 1e-6) * (WIDTH - 16)
    y = top + PANEL * (1 - np.clip((curve - low) / (high - low + 1e-9), -0.15, 1.15) * 0.75 - 0.1)
    return list(zip(x.tolist(), y.tolist(), strict=True))
