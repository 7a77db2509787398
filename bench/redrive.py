"""How true the mouths of a face made of a clip are: its second half is spoken by a face made of its first.

    python bench/redrive.py CLIP... [--sheet FOLDER] [--json]

The face is made of the first half of each clip (of five seconds at least). Over each picture of the second
half it lays the mouth that the person had there, once given by the tracked lips themselves, once by the face
model's blendshapes, as in a session; then the lips are tracked again. Lengths are in inter-ocular distances:
mean error and Pearson's r of aperture and width, between what was laid and what was filmed, and by how much
tracking one and the same picture twice differs. `--sheet` draws filmed mouths above those that were laid.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from drawn_lips import measured

from livekit_avatar.avatars.playback import encode_film
from livekit_avatar.creation import prepare_clip
from livekit_avatar.engines.portrait.bank.choice import traits
from livekit_avatar.engines.portrait.bank.face import BankFace
from livekit_avatar.engines.portrait.bank.mover import Shot
from livekit_avatar.engines.portrait.bank.plane import NOSE, Plane, f32, moved
from livekit_avatar.engines.portrait.bank.selection import PAINTED
from livekit_avatar.engines.portrait.bank.survey import Survey, survey
from livekit_avatar.engines.portrait.bank.warp import controls_of
from livekit_avatar.engines.portrait.curves import Reals
from livekit_avatar.engines.portrait.pose import SHAPES, Pose
from livekit_avatar.face.clip import Clip, open_clip
from livekit_avatar.face.mesh import BLENDSHAPE_NAMES, FaceMesh, Landmarks
from livekit_avatar.types import FPS, MOUTH_SHAPES, Image

SHORTEST = 5 * FPS + 1
LONGEST = 20 * FPS  # of the second half
_KNOWN = {
    at: BLENDSHAPE_NAMES.index(name) for at, name in enumerate(MOUTH_SHAPES) if name in BLENDSHAPE_NAMES
}
"""Where the face model has the shapes of a mouth: it does not know the tongue."""

IN_A_ROW, ROWS = 8, 2


@dataclass(frozen=True, slots=True, eq=False)
class Half:
    """The second half of a clip: its pictures that were looked at, and what was seen in them."""

    pictures: list[Image]
    points: Reals
    looks: Reals
    turn: Reals


def first_half(clip: Clip, size: tuple[int, int], pictures: int, folder: Path) -> Path:
    path = folder / "half.mp4"
    shown = (picture[..., :3] for picture in islice(clip.pictures(size), pictures))
    path.write_bytes(encode_film(shown, size, quality=10))
    return path


def second_half(clip: Clip, size: tuple[int, int], seen: Survey, first: int) -> Half:
    rows = np.flatnonzero(seen.ticks >= first)[:LONGEST]
    wanted = set(seen.ticks[rows].tolist())
    pictures = [picture for tick, picture in enumerate(clip.pictures(size)) if tick in wanted]
    return Half(pictures, seen.points[rows], seen.looks[rows], traits(seen).turn[rows, :2])


def poses(half: Half) -> Iterator[Pose]:
    for look in half.looks:
        shapes = np.zeros(len(SHAPES), np.float32)
        shapes[list(_KNOWN)] = look[list(_KNOWN.values())]
        yield Pose(shapes)


def redriven(face: BankFace, half: Half, by: str) -> tuple[list[Image], float]:
    """Pictures with the mouth laid over, and how often it was painted."""
    plane = face.plane
    places = np.stack([plane.placed(points) for points in half.points])
    there = np.stack([moved(place, points[:, :2]) for place, points in zip(places, half.points, strict=True)])
    shifts = (there[:, NOSE] - plane.rest[list(NOSE)]).mean(axis=1)
    choice, frames, painted = face.selection.begin(), [], 0
    for at, pose in enumerate(poses(half)):
        lips = controls_of(there[at : at + 1])[0] - shifts[at]
        target = f32(lips) if by == "lips" else face.target(pose)
        choice = face.selection.next(choice, target, f32(half.turn[at]), pose)
        painted += choice.mouth == PAINTED
        frame = half.pictures[at].copy()
        face.lay(Shot(None, 0, f32(target + shifts[at]), choice.layers, pose), frame, places[at])
        frames.append(frame)
    return frames, painted / len(frames)


def tracked(mesh: FaceMesh, pictures: list[Image], near: Reals) -> Reals:
    """(n, 2) aperture and width."""
    faces = [
        mesh.follow(picture, Landmarks(points, np.zeros(52, np.float32), 1.0, (0, 0, 0, 0)))
        for picture, points in zip(pictures, near, strict=True)
    ]
    return np.array([measured(face.points) if face else (np.nan, np.nan) for face in faces])


def compare(laid: Reals, filmed: Reals) -> dict[str, float]:
    known = ~np.isnan(laid).any(axis=1)
    laid, filmed = laid[known], filmed[known]
    figures = {}
    for column, name in enumerate(("aperture", "width")):
        figures[f"{name} error"] = round(float(np.abs(laid - filmed)[:, column].mean()), 4)
        figures[f"{name} r"] = round(float(np.corrcoef(laid[:, column], filmed[:, column])[0, 1]), 3)
    return figures


def sheet(path: Path, half: Half, frames: list[Image], unit: float) -> None:
    def mouth(picture: Image, points: Reals) -> Image:
        x, y = points[[61, 291], :2].mean(axis=0)
        cut = cv2.getRectSubPix(
            np.ascontiguousarray(picture[..., :3]), (round(2 * unit), round(2 * unit)), (float(x), float(y))
        )
        return np.asarray(cv2.resize(cut, (240, 240)), np.uint8)

    chosen = np.linspace(0, len(frames) - 1, IN_A_ROW * ROWS).astype(int).reshape(ROWS, IN_A_ROW)
    rows = [
        np.hstack([mouth(pictures[at], half.points[at]) for at in row])
        for row in chosen
        for pictures in (half.pictures, frames)
    ]
    cv2.imwrite(str(path), np.vstack(rows)[..., ::-1])


def measure(path: Path, mesh: FaceMesh, sheets: Path | None) -> dict[str, object]:
    clip = open_clip(path)
    factor = min(1.0, 512 / min(clip.size))
    width, height = (2 * round(side * factor / 2) for side in clip.size)
    seen = survey(clip, (width, height), mesh, lambda done: None)
    first = max(SHORTEST, seen.length // 2)
    half = second_half(clip, (width, height), seen, first)
    with tempfile.TemporaryDirectory() as folder:
        made = first_half(clip, (width, height), first, Path(folder))
        start = time.process_time()
        face = BankFace(prepare_clip(made))
        seconds = time.process_time() - start
    again = tracked(mesh, half.pictures, half.points)
    figures: dict[str, object] = {
        "clip": path.stem,
        "pictures": len(half.pictures),
        "prepare s of CPU": round(seconds, 1),
        "tracked twice": compare(again, np.array([measured(points) for points in half.points])),
    }
    for by in ("lips", "blendshapes"):
        frames, painted = redriven(face, half, by)
        told = compare(tracked(mesh, frames, half.points), again)
        figures[f"by {by}"] = {**told, "painted": round(painted, 2)}
        if sheets is not None:
            sheet(sheets / f"{path.stem}_{by}.png", half, frames, Plane.of(half.points[0]).unit)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", type=Path, nargs="+", metavar="CLIP")
    parser.add_argument("--sheet", type=Path, metavar="FOLDER", help="draw what was filmed and what was laid")
    parser.add_argument("--json", action="store_true", help="print one JSON object a clip")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    mesh = FaceMesh()
    for path in arguments.clips:
        figures = measure(path, mesh, arguments.sheet)
        if arguments.json:
            print(json.dumps(figures), flush=True)
        else:
            print("\n".join(f"{name}: {value}" for name, value in figures.items()), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
