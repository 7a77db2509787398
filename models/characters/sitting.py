"""The pictures of a character and what is known of them, made into a portrait."""

from __future__ import annotations

from dataclasses import dataclass, replace

from livekit_avatar.avatars.bundle import Bundle, Manifest
from livekit_avatar.engines.portrait.contours import Contours
from livekit_avatar.engines.portrait.prepare import prepare_portrait
from livekit_avatar.engines.portrait.topology import LEFT_BROW, RIGHT_BROW
from livekit_avatar.face.mesh import FaceMesh, Landmarks
from livekit_avatar.types import Image

VIDEO = 512
"""Pixels of the video unless somebody asks for another size; the pictures in the avatar are larger."""


@dataclass(frozen=True, slots=True, eq=False)
class Sitting:
    """What a character gives to its portrait.

    Attributes:
        name: in the manifest.
        likeness: whose face it is.
        picture: (n, n, 4) uint8 RGBA, straight alpha.
        lids: the same with closed eyes.
        contours: true outlines of eyes and lips in its pixels.
        brow: height in pixels of the brows of a face that shows none; the face mesh would look for them over
            the eyes.
    """

    name: str
    likeness: str
    picture: Image
    lids: Image
    contours: Contours
    brow: float | None = None

    def avatar(self) -> Bundle:
        """Prepare the portrait."""
        landmarks = self._settled(FaceMesh().find(self.picture)[0])
        size = len(self.picture)
        prepared = prepare_portrait(
            self.picture, landmarks, size=size, lids=self.lids, contours=self.contours
        )
        manifest = Manifest(
            engine="portrait",
            engine_version=1,
            name=self.name,
            size=(VIDEO, VIDEO),
            fps=25,
            licence="Apache-2.0",
            consent=self.likeness,
            warnings=tuple(prepared.warnings),
        )
        return Bundle(manifest, prepared.members)

    def _settled(self, landmarks: Landmarks) -> Landmarks:
        """Landmarks with the brows where they would be."""
        if self.brow is None:
            return landmarks
        points = landmarks.points.copy()
        for brow in (list(LEFT_BROW), list(RIGHT_BROW)):
            points[brow, 1] += self.brow - points[brow, 1].mean()
        return replace(landmarks, points=points)
