"""Makes an avatar's data from a film of a person who talks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from livekit_avatar.avatars.bank import ARRAYS, BASE, MAX_MOUTH_PIXELS, MOUTHS, Bank, encode_bank
from livekit_avatar.avatars.playback import encode_film
from livekit_avatar.engines.base import Cancel, Prepared, Progress
from livekit_avatar.engines.portrait.bank.choice import (
    MOST_MOUTHS,
    Numbers,
    Traits,
    base_part,
    face_at_rest,
    mouths,
    traits,
)
from livekit_avatar.engines.portrait.bank.plane import NOSE, Plane, f32, moved
from livekit_avatar.engines.portrait.bank.survey import Survey, survey
from livekit_avatar.engines.portrait.bank.warp import controls_of
from livekit_avatar.engines.portrait.curves import Reals
from livekit_avatar.engines.portrait.prepare import prepare_portrait
from livekit_avatar.errors import ClipCutError, PreparationCancelledError
from livekit_avatar.face.clip import Clip
from livekit_avatar.face.mesh import FaceMesh, Landmarks
from livekit_avatar.types import Floats, Image

DEFAULT_SHORTER: Final = 512
"""Pixels on the shorter side of the video, if the film has as many."""

_BASE_QUALITY, MOUTH_QUALITY = 19, 15
_CALM: Final = 1.2
"""Frames over which the place of the face in the base film is smoothed: landmarks tremble, heads do not."""

_LOOKS: Final = 12
_SKETCH: Final = (24, 20)
_SPEAKS: Final = 0.06
"""Gap between the lips, units, that one picture in twenty of somebody who talks exceeds."""

_SURVEYED, _FILMED = 0.6, 0.95
"""Parts of the preparation that are done after the two passes."""


@dataclass(frozen=True, slots=True, eq=False)
class _Chosen:
    """What the second pass shall fetch.

    Attributes:
        rest: the row of the survey whose face is at rest.
        base: pictures [start, stop) of the film that are played.
        mouths: rows of the survey.
    """

    rest: int
    base: tuple[int, int]
    mouths: Numbers


@dataclass(slots=True)
class _Fetched:
    """What the second pass has fetched: pictures, and the base film's landmarks."""

    rest: Image | None = None
    mouths: dict[int, Image] = field(default_factory=dict)
    base: list[Floats] = field(default_factory=list)


def prepare_clip(
    clip: Clip,
    mesh: FaceMesh,
    *,
    size: int | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Prepared:
    """Make an avatar's data from a film. It is read twice, a picture at a time.

    Args:
        clip: the film.
        mesh: the face networks.
        size: pixels on the longer side of the video; if None, its shorter side has 512 at most.
        progress: told the fraction done and the stage.
        cancel: asked again and again.

    Raises:
        ClipError: it is broken, too short or too long, or not one take.
        PictureError: it shows no face, several, or too small a one.
        PreparationCancelledError: `cancel` said so.
    """

    def tell(done: float, stage: str) -> None:
        if cancel is not None and cancel():
            raise PreparationCancelledError("The preparation was cancelled", fix="Start it again.")
        if progress is not None:
            progress(done, stage)

    video = _video_size(clip.size, size)
    seen = survey(clip, video, mesh, lambda done: tell(_SURVEYED * done, "face"))
    t = traits(seen)
    chosen = _choose(seen, t)
    plane = Plane.of(seen.points[chosen.rest])
    fetched = _Fetched()
    span = _FILMED - _SURVEYED

    def going(done: float) -> None:
        tell(_SURVEYED + span * done, "film")

    film = encode_film(
        _second_pass(clip, video, seen, chosen, plane, mesh, fetched, going), video, quality=_BASE_QUALITY
    )
    if fetched.rest is None or len(fetched.mouths) < len(chosen.mouths):
        raise ClipCutError(f"{clip.label} gave other pictures when read again", fix="Convert it to mp4.")
    tell(_FILMED, "mouths")
    pictures = [fetched.mouths[int(row)] for row in chosen.mouths]
    portrait = _portrait(fetched.rest, seen, chosen.rest, max(video))
    members = {
        **portrait.members,
        BASE: film,
        MOUTHS: encode_film(pictures, plane.size, quality=MOUTH_QUALITY, group=1),
        ARRAYS: encode_bank(_bank(seen, t, chosen, plane, fetched.base, pictures)),
    }
    tell(1.0, "done")
    return Prepared(members, video, (*portrait.warnings, *_warnings(t, clip, chosen)))


def _video_size(size: tuple[int, int], longer: int | None) -> tuple[int, int]:
    factor = longer / max(size) if longer else min(1.0, DEFAULT_SHORTER / min(size))
    width, height = (max(2, 2 * round(side * factor / 2)) for side in size)
    return width, height


def _choose(seen: Survey, t: Traits) -> _Chosen:
    rest = face_at_rest(t)
    width, height = Plane.of(seen.points[rest]).size
    most = min(MOST_MOUTHS, MAX_MOUTH_PIXELS // (width * height))
    return _Chosen(rest, base_part(seen, t), mouths(seen, t, rest, most))


def _second_pass(
    clip: Clip,
    video: tuple[int, int],
    seen: Survey,
    chosen: _Chosen,
    plane: Plane,
    mesh: FaceMesh,
    fetched: _Fetched,
    tell: Callable[[float], None],
) -> Iterator[Image]:
    """The pictures of the base film, (H, W, 3); the others that are wanted are put into `fetched`."""
    rows = {int(tick): row for row, tick in enumerate(seen.ticks)}
    wanted = set(chosen.mouths.tolist())
    last = max(chosen.base[1] - 1, *(int(seen.ticks[row]) for row in (*wanted, chosen.rest)))
    for tick, picture in enumerate(clip.pictures(video)):
        row = rows.get(tick, -1)
        if row == chosen.rest:
            fetched.rest = picture
        if row in wanted:
            fetched.mouths[row] = cut(picture, seen.points[row], plane)
        if chosen.base[0] <= tick < chosen.base[1]:
            fetched.base.append(seen.points[row] if row >= 0 else _between(mesh, picture, fetched.base[-1]))
            yield picture[..., :3]
        tell(tick / max(last, 1))
        if tick == last:
            return


def _between(mesh: FaceMesh, picture: Image, before: Floats) -> Floats:
    """Landmarks in a picture that the survey left out."""
    known = Landmarks(before, np.zeros(52, np.float32), 1.0, (0.0, 0.0, 0.0, 0.0))
    found = mesh.follow(picture, known)
    return before if found is None else found.points


def cut(picture: Image, points: npt.ArrayLike, plane: Plane) -> Image:
    """(height, width, 3): the lower face of a picture in the plane."""
    lower_face = cv2.warpAffine(
        picture, plane.placed(points), plane.size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.ascontiguousarray(lower_face[..., :3], np.uint8)


def _portrait(picture: Image, seen: Survey, rest: int, size: int) -> Prepared:
    points = seen.points[rest]
    return prepare_portrait(
        picture, Landmarks(points, seen.looks[rest], 1.0, (0.0, 0.0, 0.0, 0.0)), size=size
    )


def _bank(
    seen: Survey, t: Traits, chosen: _Chosen, plane: Plane, base: list[Floats], pictures: list[Image]
) -> Bank:
    places = _calm(np.stack([plane.placed(points) for points in base]))
    there = np.stack([moved(place, points[:, :2]) for place, points in zip(places, base, strict=True)])
    kept = seen.points[chosen.mouths]
    mouth_points = np.stack([moved(plane.placed(points), points[:, :2]) for points in kept])
    ticks = np.arange(*chosen.base)
    return Bank(
        unit=f32([plane.unit]),
        size=f32(plane.size),
        rest=f32(plane.rest),
        base=f32(places),
        base_shift=f32(_calm(_shift(there, plane))),
        base_turn=f32(np.stack([np.interp(ticks, seen.ticks, t.turn[:, k]) for k in (0, 1)], axis=1)),
        points=f32(controls_of(mouth_points)),
        shift=f32(_shift(mouth_points, plane)),
        turn=f32(t.turn[chosen.mouths, :2]),
        tongue=np.zeros(len(chosen.mouths), np.float32),
        tuck=np.zeros(len(chosen.mouths), np.float32),
        looks=looks(pictures, plane),
    )


def _shift(points: Reals, plane: Plane) -> Reals:
    """(n, 2) how far the places under the nose are from where they are at rest."""
    shift: Reals = (points[:, NOSE] - plane.rest[list(NOSE)]).mean(axis=1)
    return shift


def _calm(values: Reals) -> Reals:
    """Smoothed over time, (n, ...), by a Gaussian that leaves the ends where they are."""
    reach = round(3 * _CALM)
    weights = np.exp(-0.5 * np.square(np.arange(-reach, reach + 1) / _CALM))
    flat = values.reshape(len(values), -1)
    longer = np.pad(flat, ((reach, reach), (0, 0)), mode="edge")
    calm = np.stack([np.convolve(column, weights / weights.sum(), "valid") for column in longer.T], axis=1)
    return np.asarray(calm.reshape(values.shape), np.float64)


def looks(pictures: list[Image], plane: Plane) -> npt.NDArray[np.float32]:
    """(m, k) what mouths look like, in few numbers: principal components of their small pictures."""
    x, y = np.round(plane.mouth).astype(int)
    half = round(0.6 * plane.unit)
    parts = [picture[max(y - half, 0) : y + half, x - half : x + half] for picture in pictures]
    small = np.stack([cv2.resize(part, _SKETCH, interpolation=cv2.INTER_AREA).ravel() for part in parts])
    spread = small - small.mean(axis=0, dtype=np.float64)
    u, s, _ = np.linalg.svd(spread, full_matrices=False)
    return f32(u[:, :_LOOKS] * s[:_LOOKS] / max(float(s[0]), 1.0) * np.sqrt(len(pictures)))


def _warnings(t: Traits, clip: Clip, chosen: _Chosen) -> Iterator[str]:
    if np.percentile(t.gap, 95) < _SPEAKS:
        yield (
            "Nobody talks in the clip, so there are no open mouths in it and teeth are painted. "
            "Use a clip in which the person talks."
        )
    if np.abs(t.turn[:, :2]).max(axis=1).mean() > np.radians(12):
        yield "The head turns much in the clip. Use one in which it mostly faces the camera."
    if min(clip.size) < 360:
        yield f"The clip is only {clip.size[0]}x{clip.size[1]} pixels and will look soft."
