"""Makes ada: renders her with open and with closed eyes, prepares the portrait and writes ada.avatar.

    pip install -e '.[characters]'           (Python 3.11; Blender as a module, 1.3 GB)
    livekit-avatar models download face-landmarker
    python models/characters/make.py

`--picture FILE` renders the open-eyed picture only; `--reuse` prepares the pictures rendered before.
"""

from __future__ import annotations

import argparse
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ada import ADA
from camera import Camera
from contours import true_contours
from lips import Lips

from livekit_avatar.avatars.bundle import Bundle, Manifest, write_bundle
from livekit_avatar.engines.portrait.contours import Contours
from livekit_avatar.engines.portrait.prepare import prepare_portrait
from livekit_avatar.face.mesh import FaceMesh
from livekit_avatar.face.picture import read_picture
from livekit_avatar.types import Image

if TYPE_CHECKING:
    from render import Studio

ROOT = Path(__file__).parents[2]
AVATAR = ROOT / "livekit_avatar" / "data" / f"{ADA.name}.avatar"
PICTURES = ROOT / "build" / "characters"
OPEN, CLOSED = PICTURES / "open.png", PICTURES / "closed.png"
CAMERA = Camera()

LID_ROOM = 0.07
"""Skin around the eyes that is rendered with the closed lids, in sizes of the picture."""

VIDEO = 512
"""Pixels of the video unless somebody asks for another size; the pictures in the avatar are larger."""

FEATHER = 12
"""Pixels over which the window with the closed lids fades into the picture."""


def main() -> None:
    options = _options()
    if options.picture:
        _studio(options).render(options.picture)
        return
    if not options.reuse:
        _render_both(options)
    _write(AVATAR)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Make the built-in character ada.")
    parser.add_argument("--picture", type=Path, help="render one picture to this file and stop")
    parser.add_argument("--reuse", action="store_true", help="take the pictures rendered before")
    parser.add_argument("--size", type=int, default=960, help="pixels of the rendered pictures")
    parser.add_argument("--samples", type=int, default=64, help="light paths per pixel")
    parser.add_argument("--step", type=float, default=0.007, help="fineness of the head's mesh")
    parser.add_argument("--density", type=float, default=1.0, help="of the hair")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def _studio(options: argparse.Namespace) -> Studio:
    from render import Quality, Studio  # Blender, which is not needed to prepare

    quality = Quality(options.size, options.samples, options.step, options.density, options.threads)
    studio = Studio(ADA, quality, CAMERA)
    studio.pose(blink=0)
    return studio


def _render_both(options: argparse.Namespace) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    studio = _studio(options)
    studio.render(OPEN)
    studio.pose(blink=1)
    studio.render(CLOSED, _eye_box(true_contours(CAMERA, Lips(), options.size), options.size))


def _eye_box(contours: Contours, size: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the window in which closing the lids changes the picture."""
    lids = (
        contours.right_eye_upper,
        contours.right_eye_lower,
        contours.left_eye_upper,
        contours.left_eye_lower,
    )
    edges = np.concatenate([lid for lid in lids if lid is not None])
    low, high = edges.min(0) - LID_ROOM * size, edges.max(0) + LID_ROOM * size
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _write(path: Path) -> None:
    picture = read_picture(OPEN)
    contours = true_contours(CAMERA, Lips(), len(picture))
    lids = _pasted(picture, read_picture(CLOSED), _eye_box(contours, len(picture)))
    landmarks = FaceMesh().find(picture)[0]
    prepared = prepare_portrait(picture, landmarks, size=len(picture), lids=lids, contours=contours)
    manifest = Manifest(
        engine="portrait",
        engine_version=1,
        name=ADA.name,
        size=(VIDEO, VIDEO),
        fps=25,
        licence="Apache-2.0",
        consent="A drawn person: nobody's likeness.",
        warnings=tuple(prepared.warnings),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bundle(path, Bundle(manifest, prepared.members))
    print(f"{path.name}: {path.stat().st_size} bytes, sha256 {sha256(path.read_bytes()).hexdigest()}")


def _pasted(picture: Image, window: Image, box: tuple[int, int, int, int]) -> Image:
    """The picture with `window` faded into `box`."""
    height, width = window.shape[:2]
    x, y = (np.minimum(np.arange(n), np.arange(n)[::-1]) / FEATHER for n in (width, height))
    weight = np.clip(np.minimum(x[None, :], y[:, None]), 0, 1)[..., None]
    result = picture.copy()
    place = result[box[1] : box[1] + height, box[0] : box[0] + width]
    place[:] = np.round(place + (window.astype(np.float64) - place) * weight)
    return result


if __name__ == "__main__":
    main()
