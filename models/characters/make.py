"""Makes the built-in characters: pictures with open and with closed eyes, mouths, the avatar NAME.avatar.

    pip install -e '.[characters]'           (Python 3.11; Blender as a module, 1.3 GB)
    livekit-avatar models download face-landmarker
    python models/characters/make.py ada

`--picture FILE` renders the open-eyed picture only; `--mouths` leaves the pictures in the avatar as they are
and makes its mouths anew; `--reuse` takes what was rendered before.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from banking import with_mouths
from camera import Camera
from character import Character
from company import DRAWN, RENDERED
from contours import brow_height, true_contours
from flat import Drawing
from flow import Flow, around_lips
from head import Head
from landmarks import Projected
from lids import Lids
from lips import Lips
from poses import POSES, REST
from sdf import vector
from sitting import Sitting

from livekit_avatar.avatars.bundle import Bundle, read_bundle, write_bundle
from livekit_avatar.engines.portrait.bank.plane import OUTER_LIPS
from livekit_avatar.engines.portrait.contours import Contours
from livekit_avatar.engines.portrait.curves import Reals
from livekit_avatar.engines.portrait.prepare import ARRAYS, PICTURE
from livekit_avatar.face.picture import read_picture
from livekit_avatar.types import Image

if TYPE_CHECKING:
    from render import Studio

ROOT = Path(__file__).parents[2]
AVATARS = ROOT / "livekit_avatar" / "data"
PICTURES = ROOT / "build" / "characters"
CAMERA = Camera()

Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels."""

LID_ROOM = 0.07
"""Skin around the eyes that is rendered with the closed lids, in sizes of the picture."""

FEATHER = 12
"""Pixels over which a window fades into the picture."""

SNAP = 12
"""The window's edges are multiples of so many pixels: it has whole pixels at 2/3 and 3/4 of its size, too."""

MOUTH_WINDOW = (-0.56, 0.3, -0.45), (0.56, 0.3, -1.40)
"""What is rendered of a mouth: from under the nose to below the chin of a wide open one."""


def main() -> None:
    options = _options()
    if options.picture:
        studio = _studio(RENDERED[options.name], options, options.size, options.samples)
        studio.pose(blink=0)
        studio.render(options.picture)
        return
    path = AVATARS / f"{options.name}.avatar"
    avatar = read_bundle(path) if options.mouths else _portrait(options)
    write_bundle(path, _with_mouths(avatar, options))
    print(f"{path.name}: {path.stat().st_size} bytes, sha256 {sha256(path.read_bytes()).hexdigest()}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Make a built-in character.")
    parser.add_argument("name", choices=[*RENDERED, *DRAWN])
    parser.add_argument("--picture", type=Path, help="render one picture to this file and stop")
    parser.add_argument("--mouths", action="store_true", help="keep the avatar's pictures, make its mouths")
    parser.add_argument("--reuse", action="store_true", help="take what was rendered before")
    parser.add_argument("--size", type=int, default=960, help="pixels of the rendered pictures")
    parser.add_argument("--samples", type=int, default=64, help="light paths per pixel")
    parser.add_argument("--mouth-samples", type=int, default=16, help="the same, for the mouths")
    parser.add_argument("--mouth-scale", type=float, default=1.0, help="size of their renders, a factor")
    parser.add_argument("--step", type=float, default=0.007, help="fineness of the head's mesh")
    parser.add_argument("--density", type=float, default=1.0, help="of the hair")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def _studio(who: Character, options: argparse.Namespace, size: int, samples: int) -> Studio:
    from render import Quality, Studio  # Blender, which is not needed to prepare

    quality = Quality(size, samples, options.step, options.density, options.threads)
    return Studio(who, quality, CAMERA)


def _portrait(options: argparse.Namespace) -> Bundle:
    """The avatar without mouths."""
    if options.name in DRAWN:
        return _drawn(DRAWN[options.name], options.size).avatar()
    who = RENDERED[options.name]
    if not options.reuse:
        _render_both(who, options)
    return _rendered(who).avatar()


def _with_mouths(avatar: Bundle, options: argparse.Namespace) -> Bundle:
    picture = avatar.picture(PICTURE)
    size = len(picture)
    if options.name in DRAWN:
        drawn = DRAWN[options.name]
        pictures = [picture, *(drawn.draw(size, 0, pose) for pose in POSES[1:])]
        points = avatar.arrays(ARRAYS)["points"]
        return with_mouths(
            avatar, POSES, pictures, np.stack([drawn.controls(points, pose, size) for pose in POSES])
        )
    who = RENDERED[options.name]
    files = [PICTURES / f"{who.name}_mouth_{number:02}.png" for number in range(1, len(POSES))]
    _render_mouths(who, options, files, size)
    controls = _controls(who, avatar.arrays(ARRAYS)["points"], size)
    pictures = [picture, *_composed(who, picture, [read_picture(file) for file in files], controls)]
    return with_mouths(avatar, POSES, pictures, controls, glow=who.inside.walls)


def _composed(who: Character, picture: Image, windows: list[Image], controls: Reals) -> Iterator[Image]:
    """The picture with each rendered window; a bearded one carried along, with the rendered lips alone."""
    size, head = len(picture), Head(who.head)
    flow = Flow(CAMERA, head, Lips(who.lips, head))
    for window, pose, points in zip(windows, POSES[1:], controls[1:], strict=True):
        rendered = _pasted(picture, window, _mouth_box(size))
        if not who.bearded:
            yield rendered
            continue
        near = around_lips(points[: len(OUTER_LIPS)], size / CAMERA.frame, size)[..., None]
        carried = flow.carried(picture, pose)
        yield np.asarray(np.round(carried + (rendered.astype(np.float32) - carried) * near), np.uint8)


def _render_mouths(who: Character, options: argparse.Namespace, files: list[Path], size: int) -> None:
    """Render the window around each mouth but the first, which is the picture's own."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    todo = [n for n, file in enumerate(files) if not (options.reuse and file.exists())]
    if not todo:
        return
    smaller = round(size * options.mouth_scale)
    left, top, right, bottom = (round(edge * options.mouth_scale) for edge in _mouth_box(size))
    studio = _studio(who, options, smaller, options.mouth_samples)
    for number in todo:
        studio.pose(0, POSES[number + 1])
        studio.render(files[number], (left, top, right, bottom))


def _controls(who: Character, points: Reals, size: int) -> Reals:
    """(m, c, 2) control points of all mouths in pixels."""
    head = Head(who.head)
    known = Projected(CAMERA, head, Lips(who.lips, head), points, size)
    return np.stack([known.controls(pose) for pose in POSES])


def _mouth_box(size: int) -> Box:
    """Left, top, right and bottom of the window in which mouths change the picture."""
    left, top = CAMERA.project(vector([MOUTH_WINDOW[0]]), size)[0]
    right, bottom = CAMERA.project(vector([MOUTH_WINDOW[1]]), size)[0]
    x0, y0, x1, y1 = (int(edge / SNAP) * SNAP for edge in (left, top, right, bottom))
    return x0, y0, x1, y1


def _pictures(who: Character) -> tuple[Path, Path]:
    """Where the renders with open and with closed eyes are."""
    return PICTURES / f"{who.name}.png", PICTURES / f"{who.name}_lids.png"


def _contours(who: Character, size: int) -> Contours:
    return true_contours(CAMERA, Lids(who.eyes), Lips(who.lips, Head(who.head)), size)


def _render_both(who: Character, options: argparse.Namespace) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    eyes_open, eyes_closed = _pictures(who)
    studio = _studio(who, options, options.size, options.samples)
    studio.pose(blink=0)
    studio.render(eyes_open)
    studio.pose(blink=1)
    studio.render(eyes_closed, _eye_box(_contours(who, options.size), options.size))


def _eye_box(contours: Contours, size: int) -> Box:
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
    return Sitting(
        who.name, who.likeness, who.draw(size, 0, REST), who.draw(size, 1, REST), who.contours(size)
    )


def _rendered(who: Character) -> Sitting:
    """What was rendered before."""
    eyes_open, eyes_closed = _pictures(who)
    picture = read_picture(eyes_open)
    contours = _contours(who, len(picture))
    lids = _pasted(picture, read_picture(eyes_closed), _eye_box(contours, len(picture)))
    brow = None if who.brows.hairs else brow_height(CAMERA, who.brows, len(picture))
    return Sitting(who.name, who.likeness, picture, lids, contours, brow)


def _pasted(picture: Image, window: Image, box: Box) -> Image:
    """The picture with `window`, which may have been rendered smaller, faded into `box`."""
    width, height = box[2] - box[0], box[3] - box[1]
    if window.shape[:2] != (height, width):
        window = np.asarray(cv2.resize(window, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
    x, y = (np.minimum(np.arange(n), np.arange(n)[::-1]) / FEATHER for n in (width, height))
    weight = np.clip(np.minimum(x[None, :], y[:, None]), 0, 1)[..., None]
    result = picture.copy()
    place = result[box[1] : box[1] + height, box[0] : box[0] + width]
    place[:] = np.round(place + (window.astype(np.float64) - place) * weight)
    return result


if __name__ == "__main__":
    main()
