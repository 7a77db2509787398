"""Draws the inside of the mouth behind the lips of a frame."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from livekit_avatar.engines.portrait.curves import Reals
from livekit_avatar.engines.portrait.head import Head
from livekit_avatar.engines.portrait.interior import LEFT, TOP, Interior
from livekit_avatar.engines.portrait.seams import Block
from livekit_avatar.engines.portrait.shapes import JAW_DROP, UPPER_REST
from livekit_avatar.engines.portrait.warp import Opening
from livekit_avatar.types import Floats, Image

_BEHIND_LIPS = 0.08
"""How far the teeth are behind the lips, units."""

_PURSED_DARK = 0.35
"""How much less light pursed lips let in."""

_TIP_SHOWS = 0.6
"""tongueOut from which the tip comes between the teeth."""


@dataclass(frozen=True, slots=True)
class Bite:
    """What a pose does behind the lips.

    Attributes:
        jaw: how far the jaw is open, in the coefficient's units.
        tongue: tongueOut.
        round: how far the lips are drawn together, 0..1.
        shift: movement of the skull at the mouth in pixels, (x, y).
        lean: further clockwise turn in radians.
    """

    jaw: float
    tongue: float
    round: float
    shift: tuple[float, float]
    lean: float


class Mouth:
    """The inside of one mouth."""

    def __init__(self, head: Head, interior: Interior, lips: Reals) -> None:
        """Place the sprites.

        Args:
            head: its frame.
            interior: the sprites.
            lips: (2, n, 2) inner lip contours in pixels of the picture.
        """
        middle = lips.shape[1] // 2
        line = lips[0, middle] + UPPER_REST * (lips[1, middle] - lips[0, middle])
        self._centre = line + _BEHIND_LIPS * head.unit * head.axes[2, :2]
        self._head = head
        self._sprites = interior

    def draw(self, frame: Image, opening: Opening, bite: Bite) -> None:
        """Draw into a frame, in place, what its lips leave open."""
        x, y, width, height = cv2.boundingRect((opening.inside > 1 / 255).view(np.uint8))
        if not width:
            return
        box = slice(y, y + height), slice(x, x + width)
        corner = opening.block[1].start + x, opening.block[0].start + y
        shade = _shade(opening, box, self._head.unit) * np.float32(1 - _PURSED_DARK * bite.round)
        picture = self._stack(bite, corner, (width, height))
        pixels = frame[opening.block][box].copy()
        drawn = cv2.multiply(picture, cv2.merge((shade,) * 4), dtype=cv2.CV_8U)
        cv2.mixChannels([pixels], [drawn], [3, 3])
        alpha = np.ascontiguousarray(opening.inside[box])
        frame[opening.block][box] = cv2.blendLinear(drawn, pixels, alpha, 1 - alpha)

    def _stack(self, bite: Bite, corner: tuple[int, int], size: tuple[int, int]) -> Image:
        """Cavity, lower teeth, tongue, upper teeth, from back to front: (height, width, 4) opaque."""
        jaw = JAW_DROP * bite.jaw * 0.92
        narrow = 1 - 0.22 * bite.round
        s = self._sprites
        layers = [(s.lower, jaw + 0.028, narrow, 1.0)]
        layers.append((s.tongue, 0.60 * jaw - 0.10 * bite.tongue, narrow, 1 - 0.15 * bite.tongue))
        if bite.tongue > _TIP_SHOWS:
            out = min((bite.tongue - _TIP_SHOWS) / 0.3, 1.0)
            layers.append((s.tip, 0.25 * jaw - 0.03 * (1 - out), narrow, 1.0))
        layers.append((s.upper, -0.035 * bite.round, narrow, 1.0))
        picture = self._place(s.cavity, 0.0, 1.0, 1.0, bite, corner, size)
        for sprite, drop, wide, tall in layers:
            picture = _over(picture, self._place(sprite, drop, wide, tall, bite, corner, size))
        return picture

    def _place(
        self,
        sprite: Image,
        drop: float,
        wide: float,
        tall: float,
        bite: Bite,
        corner: tuple[int, int],
        size: tuple[int, int],
    ) -> Image:
        """A sprite as it lies in the box at `corner`: scaled about the lips' line and `drop` units lower."""
        head, scale = self._head, self._sprites.scale
        c, s = np.cos(bite.lean), np.sin(bite.lean)
        turned = np.array([[c, -s], [s, c]]) @ head.upright.T * head.unit
        linear = turned @ np.diag([wide, tall]) / scale
        first = np.array([(LEFT + 0.5 / scale) * wide, (TOP + 0.5 / scale) * tall + drop])
        origin = self._centre + bite.shift - corner + turned @ first
        matrix = np.column_stack([linear, origin])
        return np.asarray(cv2.warpAffine(sprite, matrix, size, flags=cv2.INTER_LINEAR), np.uint8)


def _over(behind: Image, front: Image) -> Image:
    open_share = cv2.bitwise_not(cv2.extractChannel(front, 3))
    return np.asarray(
        cv2.add(front, cv2.multiply(behind, cv2.merge((open_share,) * 4), scale=1 / 255)), np.uint8
    )


def _shade(opening: Opening, box: Block, unit: float) -> Floats:
    """Light in the mouth: less near the lips, least under the upper lip, whose shadow falls on the teeth."""
    size = int(unit * 0.11) | 1
    lips = cv2.blur(1 - opening.inside[box], (size, size))
    above = cv2.blur(np.ascontiguousarray(opening.lip[box]), (size, size))
    light: Floats = np.clip(1.1 - np.float32(0.40) * lips - np.float32(0.28) * above, 0, 1)
    return light
