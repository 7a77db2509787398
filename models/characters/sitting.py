"""The pictures of a character and what is known of them, made into a portrait: NAME.avatar."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from livekit_avatar.avatars.bundle import Bundle, Manifest, write_bundle
from livekit_avatar.engines.portrait.contours import Contours
from livekit_avatar.engines.portrait.prepare import prepare_portrait
from livekit_avatar.face.mesh import FaceMesh
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
    """

    name: str
    likeness: str
    picture: Image
    lids: Image
    contours: Contours

    def write(self, path: Path) -> None:
        """Prepare the portrait and write its file."""
        landmarks = FaceMesh().find(self.picture)[0]
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
        write_bundle(path, Bundle(manifest, prepared.members))
