"""The first look at a film: where its face is in every picture, and how good the picture is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from livekit_avatar.engines.portrait.bank.plane import INNER_LIPS
from livekit_avatar.errors import ClipCutError, FaceTooSmallError, NoFaceError, SeveralFacesError
from livekit_avatar.face.check import DOMINANT, SMALLEST_FACE
from livekit_avatar.face.clip import Clip, check_length
from livekit_avatar.face.mesh import FaceMesh, Landmarks
from livekit_avatar.types import FPS, Floats, Image

MOST_LOOKS: Final = 500
"""Pictures that are looked at closely: all of twenty seconds, every other of forty."""

_SEARCHES: Final = 40
"""How often, over a film, the whole picture is searched for further faces; at most once a second."""

_WAIT: Final = 5
"""Pictures after a vain search until the next."""

_LEAST_SEEN: Final = 0.5
"""Share of the pictures that must show the face."""

_MOST_RIVALS: Final = 0.2
"""Share of the searches that may find a second face of about the same size."""

_CUT, _CUT_RATIO = 18.0, 6.0
"""A cut changes the whole picture by so many levels, and by so many times what is usual in this film."""

_SKETCH: Final = (32, 18)


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """What was seen, a row for each picture that was looked at and showed the face.

    Attributes:
        ticks: (n,) number of the picture in the film, 25 a second.
        points: (n, 478, 3) float32 landmarks in pixels of the scaled film.
        looks: (n, 52) float32 blendshapes.
        inside: (n, 3) float32 mean colour between the lips.
        sharpness: (n,) variance of the face's Laplacian.
        light: (n,) mean brightness of the face.
        stride: pictures from one look to the next.
        length: pictures in the film.
    """

    ticks: npt.NDArray[np.int64]
    points: Floats
    looks: Floats
    inside: Floats
    sharpness: Floats
    light: Floats
    stride: int
    length: int


def survey(clip: Clip, size: tuple[int, int], mesh: FaceMesh, tell: Callable[[float], None]) -> Survey:
    """Look at a film.

    Args:
        clip: the film.
        size: (width, height) to look at it in.
        mesh: the face networks.
        tell: called with the fraction done; may raise to stop.

    Raises:
        ClipError: it is broken, too short, or not one take.
        NoFaceError: half of it shows no face.
        SeveralFacesError: two people are in it.
        FaceTooSmallError: the face has too few pixels.
    """
    expected = max(round(clip.seconds * FPS), FPS)
    look = _Looking(mesh, stride=max(1, math.ceil(expected / MOST_LOOKS)), expected=expected)
    for tick, picture in enumerate(clip.pictures(size)):
        look.at(tick, picture)
        if tick % FPS == 0:
            tell(min(tick / expected, 1.0))
    check_length(look.length / FPS, clip.label)
    _check_one_take(look.changes, clip.label)
    _check_faces(look, clip.label)
    return look.survey()


class _Looking:
    """A look under way."""

    def __init__(self, mesh: FaceMesh, stride: int, expected: int) -> None:
        self._mesh = mesh
        self._stride = stride
        self._pause = max(FPS, expected // _SEARCHES) // stride * stride
        self._face: Landmarks | None = None
        self._next_search = 0
        self._sketch: Floats | None = None
        self.changes: list[float] = []
        self.length = self.looks = self.searches = self.rivals = 0
        self._rows: list[tuple[int, Landmarks, Floats, float, float]] = []

    def at(self, tick: int, picture: Image) -> None:
        self.length = tick + 1
        self._compare(picture)
        if tick % self._stride:
            return
        self.looks += 1
        if tick >= self._next_search:
            self._search(tick, picture)
        elif self._face is not None:
            self._face = self._mesh.follow(picture, self._face)
        if self._face is None:
            self._next_search = min(self._next_search, tick + _WAIT * self._stride)
            return
        self._rows.append((tick, self._face, *_judged(picture, self._face)))

    def _compare(self, picture: Image) -> None:
        sketch = cv2.resize(picture[..., :3], _SKETCH, interpolation=cv2.INTER_AREA).astype(np.float32)
        if self._sketch is not None:
            self.changes.append(float(np.abs(sketch - self._sketch).mean()))
        self._sketch = sketch

    def _search(self, tick: int, picture: Image) -> None:
        faces = self._mesh.find(picture)
        self._face = faces[0] if faces else None
        self._next_search = tick + (self._pause if faces else _WAIT * self._stride)
        self.searches += 1
        self.rivals += len(faces) > 1 and _extent(faces[1]) > DOMINANT * _extent(faces[0])

    def faces(self) -> Iterator[Landmarks]:
        return (row[1] for row in self._rows)

    def survey(self) -> Survey:
        ticks, faces, inside, sharpness, light = zip(*self._rows, strict=True)
        return Survey(
            np.array(ticks, np.int64),
            np.stack([face.points for face in faces]),
            np.stack([face.blendshapes for face in faces]),
            np.stack(inside),
            np.array(sharpness, np.float32),
            np.array(light, np.float32),
            self._stride,
            self.length,
        )


def _judged(picture: Image, face: Landmarks) -> tuple[Floats, float, float]:
    """Mean colour between the lips, sharpness and brightness of a face."""
    left, top, width, height = (max(round(side), 0) for side in face.box)
    part = picture[top : top + height, left : left + width, :3]
    if not part.size:
        return np.zeros(3, np.float32), 0.0, 0.0
    grey = cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_RGB2GRAY)
    ring = np.round(face.points[list(INNER_LIPS), :2] - (left, top)).astype(np.int32)
    mask = np.zeros(grey.shape, np.uint8)
    cv2.fillPoly(mask, [cv2.convexHull(ring)], 1)
    inside = np.array(cv2.mean(np.ascontiguousarray(part), mask)[:3], np.float32)
    return inside, float(cv2.Laplacian(grey, cv2.CV_32F).var()), float(grey.mean())


def _extent(face: Landmarks) -> float:
    return math.sqrt(face.box[2] * face.box[3])


def _check_one_take(changes: list[float], label: str) -> None:
    usual = float(np.median(changes)) if changes else 0.0
    cuts = [i for i, change in enumerate(changes, 1) if change > max(_CUT, _CUT_RATIO * usual)]
    if cuts:
        raise ClipCutError(
            f"{label} has a cut at {cuts[0] / FPS:.1f} s", fix="Cut out one take without interruption."
        )


def _check_faces(look: _Looking, label: str) -> None:
    if look.rivals > _MOST_RIVALS * look.searches:
        raise SeveralFacesError(
            f"{label} shows several faces of about the same size",
            fix="Crop it to the person who shall speak.",
        )
    faces = list(look.faces())
    if len(faces) < max(_LEAST_SEEN * look.looks, 1):
        raise NoFaceError(
            f"{label} shows no face in most of its pictures",
            fix="Use a film of one person who looks at the camera, face in view.",
        )
    height = float(np.median([face.box[3] for face in faces]))
    if height < SMALLEST_FACE:
        raise FaceTooSmallError(
            f"The face in {label[0].lower() + label[1:]} is {height:.0f} pixels high",
            fix=f"Film closer or prepare it larger: {SMALLEST_FACE} pixels are needed and 200 look sharp.",
        )
