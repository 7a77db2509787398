"""What mouths are laid over: a film played forth and back, or one picture that moves as a portrait."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from livekit_avatar.avatars.bank import Bank, open_base
from livekit_avatar.avatars.playback import Playback
from livekit_avatar.engines.portrait.curves import Reals
from livekit_avatar.engines.portrait.face import PortraitFace
from livekit_avatar.engines.portrait.pose import Pose
from livekit_avatar.engines.portrait.prepare import size_of
from livekit_avatar.types import Image

if TYPE_CHECKING:
    from livekit_avatar.avatars.bundle import Bundle

Lay = Callable[[Image, Reals], None]
"""Lays a mouth over a picture, (H, W, 4), in place; its similarity to the plane is (2, 3)."""


class Base(Protocol):
    """What a face shows but for its mouth."""

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of a frame in pixels."""
        ...

    @property
    def pictures(self) -> int:
        """How many it has."""
        ...

    def play(self) -> Playback | None:
        """Its film, for one session."""
        ...

    def draw(self, film: Playback | None, picture: int, pose: Pose, lay: Lay) -> Image:
        """A frame with the mouth that `lay` lays."""
        ...


class Film:
    """The film of an avatar that was made of a clip: its own head movement, blinks and breath."""

    def __init__(self, bundle: Bundle, bank: Bank, size: int | None) -> None:
        """Take the film of an avatar.

        Args:
            bundle: the avatar.
            bank: what lies where in it.
            size: the longer side of the video in pixels; the film's own if not given.
        """
        self._bundle, self._bank = bundle, bank
        width, height = bundle.manifest.size
        self.size = size_of(np.empty((height, width, 4), np.uint8), size) if size else (width, height)

    @property
    def pictures(self) -> int:
        """How many it has."""
        return len(self._bank.base)

    def play(self) -> Playback:
        """The film, for one session."""
        return open_base(self._bundle, self._bank)

    def draw(self, film: Playback | None, picture: int, pose: Pose, lay: Lay) -> Image:
        """A picture of the film with a mouth laid over; what else the pose says, the film itself does."""
        assert film is not None
        frame = film.picture(picture)
        lay(frame, self._bank.base[picture].astype(np.float64))
        if self.size == (frame.shape[1], frame.shape[0]):
            return frame
        return np.asarray(cv2.resize(frame, self.size, interpolation=cv2.INTER_AREA), np.uint8)


class Sitter:
    """The picture of an avatar whose mouths were made for it: head, eyes and brows move as a portrait's."""

    pictures = 1

    def __init__(self, portrait: PortraitFace, place: Reals) -> None:
        """Take the picture of an avatar.

        Args:
            portrait: the avatar without its mouths.
            place: (2, 3) similarity from its picture to the plane.
        """
        self._portrait, self._place = portrait, place
        self.size = portrait.size

    def play(self) -> None:
        """There is no film."""

    def draw(self, film: Playback | None, picture: int, pose: Pose, lay: Lay) -> Image:
        """The picture with a mouth laid over, moved as the pose says."""
        return self._portrait.draw_around(pose, lambda source: lay(source, self._place))
