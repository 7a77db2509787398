"""A face with a bank of mouths, ready to be drawn."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import cv2
import numpy as np

from livekit_avatar.avatars.bank import Bank, has_film, read_bank, read_mouths
from livekit_avatar.avatars.playback import Playback
from livekit_avatar.engines.portrait import topology as mesh
from livekit_avatar.engines.portrait.bank.base import Base, Film, Sitter
from livekit_avatar.engines.portrait.bank.blend import Blend, Layer, jaw_mask, whole_mask
from livekit_avatar.engines.portrait.bank.light import Light
from livekit_avatar.engines.portrait.bank.mover import BankMover, Shot
from livekit_avatar.engines.portrait.bank.plane import CONTROLS, Plane, after, f32, inverse
from livekit_avatar.engines.portrait.bank.selection import PAINTED, Choice, Selection
from livekit_avatar.engines.portrait.bank.skin import Skin
from livekit_avatar.engines.portrait.bank.warp import MouthWarp
from livekit_avatar.engines.portrait.curves import Reals
from livekit_avatar.engines.portrait.face import PortraitFace, mouth_gap
from livekit_avatar.engines.portrait.head import Head
from livekit_avatar.engines.portrait.pose import Pose
from livekit_avatar.engines.portrait.shapes import displacements
from livekit_avatar.types import Floats, Image

if TYPE_CHECKING:
    from livekit_avatar.avatars.bundle import Bundle

_SMALLER = 0.95
"""Of the size that mouths were made in: below it they are made smaller."""


class BankFace:
    """A face that can be drawn. Immutable but for films that are being played, which belong to sessions."""

    def __init__(self, bundle: Bundle, size: int | None = None) -> None:
        """Compute all that no frame changes.

        Args:
            bundle: an avatar with a bank.
            size: the longer side of the video in pixels; the avatar's own if not given.

        Raises:
            BundleError: a member is missing or broken.
        """
        bank, filmed = read_bank(bundle, controls=len(CONTROLS)), has_film(bundle)
        mouths = read_mouths(bundle, bank)
        self._portrait = PortraitFace.load(bundle, None if filmed else size)
        head = self._portrait.head
        if not filmed:
            bank, mouths = _made_smaller(bank, mouths, head.unit)
        self._bank, self._mouths, self.gauge = bank, mouths, self._portrait.gauge
        self.plane = plane = Plane(bank.rest.astype(np.float64), bank.plane_size, float(bank.unit[0]))
        place = plane.placed(head.points)
        self._warp = MouthWarp(plane, bank.points)
        self._base: Base
        if filmed:
            self._base, self._skin = Film(bundle, bank, size), None
            mask = jaw_mask(plane, float(bank.points[:, CONTROLS.index(mesh.CHIN), 1].max()))
            light = Light(self._warp.grid, mask, plane.unit)
        else:
            self._base, self._skin = Sitter(self._portrait, place), Skin(bank.points, plane.unit)
            mask, light = whole_mask(plane), None
        self._blend = Blend(self._warp.grid, mask, light)
        self.selection = Selection(bank, paints=filmed)
        self._to_portrait = inverse(place)
        self._basis = _basis(head, plane)
        self._rest = f32(plane.rest[list(CONTROLS)])

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of a frame in pixels."""
        return self._base.size

    @property
    def pictures(self) -> int:
        """How many pictures the mouths are laid over, one after another."""
        return self._base.pictures

    def mover(self, seed: int) -> BankMover:
        """What decides its frames in one session."""
        return BankMover(self, seed)

    def play(self) -> Playback | None:
        """Its film, if it has one, for one session."""
        return self._base.play()

    def target(self, pose: Pose) -> Floats:
        """(c, 2) where a pose's mouth has its control points, pixels of the plane."""
        weights = self._portrait.coefficients.of(pose.mouth).shapes
        target: Floats = self._rest + np.tensordot(weights, self._basis, 1)
        return self._skin.follow(target) if self._skin else target

    def shift(self, picture: int) -> Floats:
        """(2,) how far the head's turn has taken the mouth in a picture."""
        shift: Floats = self._bank.base_shift[picture]
        return shift

    def turn(self, picture: int) -> Floats:
        """(2,) yaw and pitch in a picture, radians."""
        turn: Floats = self._bank.base_turn[picture]
        return turn

    def draw(self, shot: Shot) -> Image:
        """A frame: fresh (H, W, 4) uint8 RGBA, straight alpha, C-contiguous."""
        return self._base.draw(shot.film, shot.picture, shot.pose, partial(self.lay, shot))

    def lay(self, shot: Shot, picture: Image, place: Reals) -> None:
        """Lay a shot's mouth over a picture of this person, in place.

        Args:
            shot: which mouth, in which shape.
            picture: (H, W, 4) uint8 RGBA.
            place: (2, 3) similarity from it to the plane.
        """
        self._blend.lay(picture, place, [self._layer(shot, mouth, weight) for mouth, weight in shot.mouths])

    def still(self, pose: Pose) -> Image:
        """A frame out of any session: the first picture with a pose's mouth."""
        target = self.target(pose)
        first = self.selection.next(self.selection.begin(), target, self.turn(0), pose).mouth
        choice = Choice(first, first, 0)
        return self.draw(Shot(self.play(), 0, target + self.shift(0), choice.layers, pose))

    def _layer(self, shot: Shot, mouth: int, weight: float) -> Layer:
        if mouth != PAINTED:
            return Layer(self._mouths[mouth], self._warp.places(mouth, shot.target), None, weight)
        shift = self._bank.base_shift[shot.picture]
        back = np.array([[1, 0, -shift[0]], [0, 1, -shift[1]]], np.float64)
        return Layer(self._portrait.draw(shot.pose.mouth), None, after(self._to_portrait, back), weight)


def _made_smaller(bank: Bank, mouths: list[Image], unit: float) -> tuple[Bank, list[Image]]:
    """A bank and its mouths for a portrait that is drawn in a smaller size; otherwise as they are.

    Fetched from pictures with twice the pixels, mouths would flicker. The middle of the first pixel is where
    it is in no other size: hence the shift.
    """
    factor = unit / float(bank.unit[0])
    if factor > _SMALLER:
        return bank, mouths

    def places(points: Floats) -> Floats:
        return np.asarray(points * np.float32(factor) + np.float32((factor - 1) / 2), np.float32)

    mouths = [
        np.asarray(cv2.resize(mouth, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)
        for mouth in mouths
    ]
    height, width = mouths[0].shape[:2]
    smaller = replace(
        bank,
        unit=bank.unit * np.float32(factor),
        size=f32([width, height]),
        rest=places(bank.rest),
        points=places(bank.points),
    )
    return smaller, mouths


def _basis(head: Head, plane: Plane) -> Floats:
    """(shapes, c, 2) how far each shape moves each control point in the plane, pixels."""
    gap, _ = mouth_gap(head)
    place = plane.placed(head.points)[:, :2]
    pixels: list[Reals] = [
        head.projected(vectors[list(CONTROLS)]) @ place.T for vectors in displacements(head, gap).values()
    ]
    return f32(np.stack(pixels))
