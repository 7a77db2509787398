"""Makes the built-in characters: pictures with open and with closed eyes, the portrait, NAME.avatar.

    pip install -e '.[characters]'           (Python 3.11; Blender as a module, 1.3 GB)
    livekit-avatar models download face-landmarker
    python models/characters/make.py ada

`--picture FILE` renders the open-eyed picture only; `--reuse` prepares the pictures rendered before.
"""

from __future__ import annotations

import argparse
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from camera import Camera
from character import Character
from company import DRAWN, RENDERED
from contours import brow_height, true_contours
from flat import Drawing
from head import Head
from lids import Lids
from lips import Lips
from sitting import Sitting

from livekit_avatar.engines.portrait.contours import Contours
from livekit_avatar.face.picture import read_picture
from livekit_avatar.types import Image

if TYPE_CHECKING:
    from render import Studio

ROOT = Path(__file__).parents[2]
AVATARS = ROOT / "livekit_avatar" / "data"
PICTURES = ROOT / "build" / "characters"
CAMERA = Camera()

LID_ROOM = 0.07
"""Skin around the eyes that is rendered with the closed lids, in sizes of the picture."""

FEATHER = 12
"""Pixels over which the window with the closed lids fades into the picture."""


def main() -> None:
    options = _options()
    if options.name in DRAWN:
        sitting = _drawn(DRAWN[options.name], options.size)
    else:
        who = RENDERED[options.name]
        if options.picture:
            _studio(who, options).render(options.picture)
            return
        if not options.reuse:
            _render_both(who, options)
        sitting = _rendered(who)
    path = AVATARS / f"{sitting.name}.avatar"
    sitting.write(path)
    print(f"{path.name}: {path.stat().st_size} bytes, sha256 {sha256(path.read_bytes()).hexdigest()}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Make a built-in character.")
    parser.add_argument("name", choices=[*RENDERED, *DRAWN])
    parser.add_argument("--picture", type=Path, help="render one picture to this file and stop")
    parser.add_argument("--reuse", action="store_true", help="take the pictures rendered before")
    parser.add_argument("--size", type=int, default=960, help="pixels of the rendered pictures")
    parser.add_argument("--samples", type=int, default=64, help="light paths per pixel")
    parser.add_argument("--step", type=float, default=0.007, help="fineness of the head's mesh")
    parser.add_argument("--density", type=float, default=1.0, help="of the hair")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def _studio(who: Character, options: argparse.Namespace) -> Studio:
    from render import Quality, Studio  # Blender, which is not needed to prepare

    quality = Quality(options.size, options.samples, options.step, options.density, options.threads)
    studio = Studio(who, quality, CAMERA)
    studio.pose(blink=0)
    return studio


def _pictures(who: Character) -> tuple[Path, Path]:
    """Where the renders with open and with closed eyes are."""
    return PICTURES / f"{who.name}.png", PICTURES / f"{who.name}_lids.png"


def _contours(who: Character, size: int) -> Contours:
    return true_contours(CAMERA, Lids(who.eyes), Lips(who.lips, Head(who.head)), size)


def _render_both(who: Character, options: argparse.Namespace) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    eyes_open, eyes_closed = _pictures(who)
    studio = _studio(who, options)
    studio.render(eyes_open)
    studio.pose(blink=1)
    studio.render(eyes_closed, _eye_box(_contours(who, options.size), options.size))


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


def _drawn(who: Drawing, size: int) -> Sitting:
    return Sitting(who.name, who.likeness, who.draw(size, 0), who.draw(size, 1), who.contours(size))


def _rendered(who: Character) -> Sitting:
    """What was rendered before."""
    eyes_open, eyes_closed = _pictures(who)
    picture = read_picture(eyes_open)
    contours = _contours(who, len(picture))
    lids = _pasted(picture, read_picture(eyes_closed), _eye_box(contours, len(picture)))
    brow = None if who.brows.hairs else brow_height(CAMERA, who.brows, len(picture))
    return Sitting(who.name, who.likeness, picture, lids, contours, brow)


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
