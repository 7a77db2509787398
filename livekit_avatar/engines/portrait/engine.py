"""The portrait engine: one picture, animated on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, cast

import cv2

from livekit_avatar.avatars.bank import has_bank
from livekit_avatar.engines.base import Cancel, EngineInfo, Face, Performance, Prepared, Progress, Step
from livekit_avatar.engines.portrait.bank.face import BankFace
from livekit_avatar.engines.portrait.bank.prepare import prepare_clip
from livekit_avatar.engines.portrait.controls import controls, pose
from livekit_avatar.engines.portrait.emotions import look
from livekit_avatar.engines.portrait.face import PortraitFace
from livekit_avatar.engines.portrait.gestures import ACTIONS
from livekit_avatar.engines.portrait.performance import Drawing, Drawn, PortraitPerformance
from livekit_avatar.engines.portrait.prepare import check_portrait, prepare_portrait
from livekit_avatar.errors import BundleError
from livekit_avatar.lipsync.model import LipStream, LipSync
from livekit_avatar.types import MOUTH_SHAPES, NEUTRAL, Emotion, Floats, Image

if TYPE_CHECKING:
    from livekit_avatar.avatars.bundle import Bundle

_FOUND = 0.5
"""Part of the preparation that is done when the face is found."""


class PortraitEngine:
    """Makes any one picture of a face talk; implements `engines.base.Engine`.

    The lip model is loaded with the first face and shared by all.
    """

    info = EngineInfo(
        name="portrait", lookahead=LipSync.lookahead, emotions=True, actions=ACTIONS, alpha=True
    )

    def __init__(self) -> None:
        self._ears: LipSync | None = None
        self._lock = Lock()

    def prepare(
        self,
        source: Image,
        *,
        size: int | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> Prepared:
        """Find the face of a picture and take it apart.

        Args:
            source: (H, W, 4) uint8 RGBA, straight alpha, upright.
            size: the longer side of the video in pixels.
            progress: called with the fraction done and the stage.
            cancel: asked between the stages.

        Raises:
            PictureError: the picture cannot become a face.
            ModelNotFoundError: the face model is not on this machine.
            PreparationCancelledError: `cancel` said so.
        """
        from livekit_avatar.face.check import check_face  # the face networks are needed for nothing else
        from livekit_avatar.face.mesh import FaceMesh

        if progress is not None:
            progress(0.0, "face")
        check = check_face(source, FaceMesh())
        prepared = prepare_portrait(
            source, check.landmarks, size=size, progress=_rest_of(progress), cancel=cancel
        )
        return replace(prepared, warnings=(*check.warnings, *prepared.warnings))

    def prepare_clip(
        self,
        source: Path,
        *,
        size: int | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> Prepared:
        """Make a bank of mouths from a film of a person who talks.

        Args:
            source: the file of the film, 5 s to 10 minutes.
            size: the longer side of the video in pixels.
            progress: called with the fraction done and the stage.
            cancel: asked again and again.

        Raises:
            ClipError: the film cannot be read, or is no single take of the right length.
            PictureError: it shows no face, several, or too small a one.
            ModelNotFoundError: the face model is not on this machine.
            PreparationCancelledError: `cancel` said so.
        """
        from livekit_avatar.face.clip import open_clip
        from livekit_avatar.face.mesh import FaceMesh

        return prepare_clip(open_clip(source), FaceMesh(), size=size, progress=progress, cancel=cancel)

    def load(self, bundle: Bundle, *, size: int | None = None) -> PortraitFace | BankFace:
        """Make a face from an avatar, and have the lip model ready for it.

        Raises:
            BundleError: a member is missing or not what this engine writes.
        """
        check_portrait(bundle)
        self._lips()
        try:
            return BankFace(bundle, size) if has_bank(bundle) else PortraitFace.load(bundle, size)
        except (ArithmeticError, IndexError, ValueError, cv2.error) as error:  # np.linalg's is a ValueError
            raise BundleError(
                f"{bundle.label} has landmarks of which no face can be made",
                fix="Make it again from its picture.",
            ) from error

    def unload(self, face: Face) -> None:
        """Nothing is held for a face but itself."""

    def perform(self, face: Face, *, seed: int = 0) -> PortraitPerformance:
        """Begin a performance; the seed decides blinks, glances, sway and nods."""
        return PortraitPerformance(cast(Drawn, face), LipStream, seed=seed)

    def hear(self, performances: Sequence[Performance]) -> None:
        """Run the lip model over all speech pushed and not yet heard, in one batch."""
        performing = cast(Sequence[PortraitPerformance], performances)
        self._lips().hear([stream for performance in performing for stream in performance.streams()])

    def render(self, steps: Sequence[Step]) -> list[Image]:
        """Draw steps: one (H, W, 4) uint8 RGBA picture each, owned by the caller."""
        drawings = cast(Sequence[Drawing], [step.data for step in steps])
        return [drawing.face.draw(drawing.pose) for drawing in drawings]

    def still(
        self, face: Face, mouth: Floats, *, emotion: Emotion = NEUTRAL, closed_eyes: bool = False
    ) -> Image:
        """Draw a face with its mouth at (23,) float32 coefficients in the order of `MOUTH_SHAPES`."""
        total = look(emotion) + controls({"eyeBlink": float(closed_eyes)})
        total[: len(MOUTH_SHAPES)] += mouth
        posed = pose(total)
        return face.still(posed) if isinstance(face, BankFace) else cast(PortraitFace, face).draw(posed)

    def _lips(self) -> LipSync:
        with self._lock:
            if self._ears is None:
                self._ears = LipSync()
            return self._ears


def _rest_of(progress: Progress | None) -> Progress | None:
    """Progress of the part after the face was found."""
    if progress is None:
        return None
    return lambda part, stage: progress(_FOUND + (1 - _FOUND) * part, stage)
