"""What a face with a bank of mouths shows, frame by frame: the next picture, and a mouth over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from livekit_avatar.avatars.playback import Playback
from livekit_avatar.engines.portrait.bank.selection import Choice
from livekit_avatar.engines.portrait.motion import Direction, Motion, Mover, Spoken
from livekit_avatar.engines.portrait.pose import Pose
from livekit_avatar.types import Floats

if TYPE_CHECKING:
    from livekit_avatar.engines.portrait.bank.face import BankFace


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One frame, decided but not drawn.

    Attributes:
        film: where the picture comes from; None if there is but one.
        picture: its number in the base film.
        target: (c, 2) where the control points of the mouth shall be, pixels of the plane.
        mouths: (index, weight) of the mouths that are laid over it.
        pose: of a portrait; a film has head, eyes and brows of its own.
    """

    film: Playback | None
    picture: int
    target: Floats
    mouths: tuple[tuple[int, float], ...]
    pose: Pose


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """Everything that the next frame depends on.

    Attributes:
        motion: of speech and mood.
        played: pictures of the base film played so far, counted on for ever.
        choice: the mouth.
        target: (c, 2) the mouth's shape, without the head's turn.
        pose: the mouth's as well, and head, eyes and brows.
    """

    motion: Motion
    played: int
    choice: Choice
    target: Floats
    pose: Pose

    @property
    def obeyed(self) -> int:
        """As `Motion.obeyed`."""
        return self.motion.obeyed


class BankMover:
    """Moves one face with a bank of mouths.

    Args:
        face: what is moved.
        seed: decides where its film begins.
    """

    def __init__(self, face: BankFace, seed: int) -> None:
        self._face = face
        self._mover = Mover(seed, face.gauge)
        self._film = face.play()
        self._first = int(np.random.default_rng(seed & 0xFFFF_FFFF_FFFF_FFFF).integers(2 * face.pictures))

    def begin(self) -> Take:
        """Before the first frame."""
        motion = self._mover.begin()
        pose = self._mover.pose(motion)
        return Take(motion, self._first, self._face.selection.begin(), self._face.target(pose), pose)

    def advance(self, take: Take, heard: Spoken | None, told: Direction) -> Take:
        """One frame later: see `Mover.advance`."""
        motion = self._mover.advance(take.motion, heard, told)
        pose = self._mover.pose(motion)
        target, played = self._face.target(pose), take.played + 1
        turn = self._face.turn(forth_and_back(played, self._face.pictures))
        choice = self._face.selection.next(take.choice, target, turn, pose)
        return Take(motion, played, choice, target, pose)

    def pose(self, take: Take) -> Shot:
        """What a frame shows."""
        picture = forth_and_back(take.played, self._face.pictures)
        target = take.target + self._face.shift(picture)
        return Shot(self._film, picture, target, take.choice.layers, take.pose)


def forth_and_back(played: int, pictures: int) -> int:
    """Which of a film's pictures comes when it is played to its end, back to its beginning, and so on."""
    turn = max(2 * (pictures - 1), 1)
    at = played % turn
    return min(at, turn - at)
