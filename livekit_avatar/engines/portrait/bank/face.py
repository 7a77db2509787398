"""A face made of a film, ready to be drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from livekit_avatar.avatars.bank import open_base, read_bank, read_mouths
from livekit_avatar.avatars.playback import Playback
from livekit_avatar.engines.portrait import topology as mesh
from livekit_avatar.engines.portrait.bank.blend import Blend, Layer
from livekit_avatar.engines.portrait.bank.mover import BankMover, Shot
from livekit_avatar.engines.portrait.bank.plane import CONTROLS, Plane, after, f32, inverse
from livekit_avatar.engines.portrait.bank.selection import PAINTED, Choice, Selection
from livekit_avatar.engines.portrait.bank.warp import MouthWarp
from livekit_avatar.engines.portrait.curves import Reals
from livekit_avatar.engines.portrait.face import PortraitFace, mouth_gap
from livekit_avatar.engines.portrait.head import Head
from livekit_avatar.engines.portrait.pose import Pose
from livekit_avatar.engines.portrait.prepare import ARRAYS, size_of
from livekit_avatar.engines.portrait.shapes import displacements
from livekit_avatar.types import Floats, Image

if TYPE_CHECKING:
    from livekit_avatar.avatars.bundle import Bundle


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
        self._bundle = bundle
        self._bank = bank = read_bank(bundle, controls=len(CONTROLS))
        self._still = PortraitFace.load(bundle)
        self.gauge = self._still.gauge
        self.size = self._still.size if size is None else _scaled(self._still.size, size)
        self._mouths = read_mouths(bundle, bank)
        self.plane = plane = Plane(bank.rest.astype(np.float64), bank.plane_size, float(bank.unit[0]))
        self._warp = MouthWarp(plane, bank.points)
        chin = CONTROLS.index(mesh.CHIN)
        self._blend = Blend(plane, self._warp.grid, float(bank.points[:, chin, 1].max()))
        self.selection = Selection(bank)
        head = Head.of(bundle.arrays(ARRAYS)["points"])
        self._to_still = inverse(plane.placed(head.points))
        self._basis = _basis(self._still, head, plane)
        self._rest = f32(plane.rest[list(CONTROLS)])

    @property
    def pictures(self) -> int:
        """How many pictures its film has."""
        return len(self._bank.base)

    def mover(self, seed: int) -> BankMover:
        """What decides its frames in one session."""
        return BankMover(self, seed)

    def play(self) -> Playback:
        """Its film, for one session."""
        return open_base(self._bundle, self._bank)

    def target(self, pose: Pose) -> Floats:
        """(c, 2) where a pose's mouth has its control points, pixels of the plane."""
        weights = self._still.coefficients.of(pose).shapes
        moved: Floats = np.tensordot(weights, self._basis, 1)
        return self._rest + moved

    def shift(self, picture: int) -> Floats:
        """(2,) how far the head's turn has taken the mouth in a picture of its film."""
        shift: Floats = self._bank.base_shift[picture]
        return shift

    def turn(self, picture: int) -> Floats:
        """(2,) yaw and pitch in a picture of its film, radians."""
        turn: Floats = self._bank.base_turn[picture]
        return turn

    def draw(self, shot: Shot) -> Image:
        """A frame: fresh (H, W, 4) uint8 RGBA, opaque, C-contiguous."""
        frame = shot.film.picture(shot.picture)
        self.lay(frame, self._bank.base[shot.picture].astype(np.float64), shot)
        if self.size == (frame.shape[1], frame.shape[0]):
            return frame
        return np.asarray(cv2.resize(frame, self.size, interpolation=cv2.INTER_AREA), np.uint8)

    def lay(self, frame: Image, place: Reals, shot: Shot) -> None:
        """Lay a shot's mouth over a picture of this person, (H, W, 4), in place.

        Args:
            frame: of the film's size.
            place: (2, 3) similarity from it to the plane.
            shot: which mouth, in which shape.
        """
        self._blend.lay(frame, place, [self._layer(shot, mouth, weight) for mouth, weight in shot.mouths])

    def still(self, pose: Pose) -> Image:
        """A frame out of any session: the first picture of the film with a pose's mouth."""
        target = self.target(pose)
        first = self.selection.next(self.selection.begin(), target, self.turn(0)).mouth
        choice = Choice(first, first, 0)
        return self.draw(Shot(self.play(), 0, target + self.shift(0), choice.layers, pose))

    def _layer(self, shot: Shot, mouth: int, weight: float) -> Layer:
        if mouth != PAINTED:
            return Layer(self._mouths[mouth], self._warp.places(mouth, shot.target), None, weight)
        shift = self._bank.base_shift[shot.picture]
        back = np.array([[1, 0, -shift[0]], [0, 1, -shift[1]]], np.float64)
        return Layer(self._still.draw(shot.pose), None, after(self._to_still, back), weight)


def _scaled(size: tuple[int, int], longer: int) -> tuple[int, int]:
    return size_of(np.empty((size[1], size[0], 4), np.uint8), longer)


def _basis(still: PortraitFace, head: Head, plane: Plane) -> Floats:
    """(shapes, c, 2) how far each shape moves each control point in the plane, pixels."""
    gap, _ = mouth_gap(head)
    place = plane.placed(head.points)[:, :2]
    pixels: list[Reals] = [
        head.projected(vectors[list(CONTROLS)]) @ place.T for vectors in displacements(head, gap).values()
    ]
    return f32(np.stack(pixels))
