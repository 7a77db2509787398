"""How much of the lips' truth is lost when they are drawn.

    python bench/drawn_lips.py ../shared/lipsync-dev [--clips 8] [--avatar ada] [--still] [--json FILE]

The folder is that of `bench/lipsync.py`. For each clip the mouth is predicted from the speech, the avatar
speaks the clip as it would in a room, and the lips of every drawn frame are tracked again by the face mesh.
Pearson's r with the lips of the real speaker is taken of what was predicted and of what was drawn: the
difference is the loss. `--still` draws the mouth alone, without life and nods: what is lost then is lost in
the mapping, the rest by movement. r of drawn and predicted says how faithful the drawing is by itself.

What was tracked is kept for each clip (under the system's folder for temporary files, by a hash of the lip
model and the program), so that a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
from lipsync import LAGS, Array, Clip, Predictor, Score, load, score, summary
from rich.progress import Progress

import livekit_avatar
from livekit_avatar.avatar import Avatar, open_avatar
from livekit_avatar.engines.portrait.bank.face import BankFace
from livekit_avatar.engines.portrait.engine import PortraitEngine
from livekit_avatar.engines.portrait.face import PortraitFace
from livekit_avatar.face.mesh import FaceMesh
from livekit_avatar.lipsync.model import LipSync
from livekit_avatar.types import FPS, SPEECH_RATE, AudioChunk, Image

GAPS = ((81, 178), (82, 87), (13, 14), (312, 317), (311, 402))
"""Pairs of landmarks across the opening between the lips."""

CORNERS, EYES = (61, 291), (33, 263)


def measured(points: Array) -> tuple[float, float]:
    """Aperture and width of (478, 2 or 3) landmarks, in distances of the outer corners of the eyes."""
    flat = np.asarray(points, np.float64)[:, :2]

    def apart(pair: tuple[int, int]) -> float:
        return float(np.linalg.norm(flat[pair[0]] - flat[pair[1]]))

    unit = apart(EYES)
    return float(np.mean([apart(pair) for pair in GAPS])) / unit, apart(CORNERS) / unit


def pictures(avatar: Avatar, clip: Clip, still: bool) -> Iterator[Image]:
    """The frames of a clip."""
    if not still:
        yield from (frame.image for frame in avatar.render(AudioChunk(clip.speech, SPEECH_RATE)))
        return
    engine, face = PortraitEngine(), cast("PortraitFace | BankFace", avatar.face)
    for state in LipSync().states(clip.speech):
        yield engine.still(face, face.gauge.fit(state))


def tracked(avatar: Avatar, clip: Clip, mesh: FaceMesh, still: bool, tick: Any) -> Array:
    """(frames, 2) aperture and width of the drawn lips; nan where no face was found."""
    rows = []
    for image in pictures(avatar, clip, still):
        found = mesh.find(image)
        rows.append(measured(found[0].points) if found else (np.nan, np.nan))
        tick()
    return np.array(rows)


def curve(rows: Array) -> Predictor:
    """The drawn lips as `bench/lipsync.py` takes a predictor."""
    middle = (np.arange(len(rows)) + 0.5) / FPS
    known = np.isfinite(rows[:, 0])
    return lambda speech: (middle[known], rows[known, 0], rows[known, 1])


def predicted(clip: Clip, model: LipSync) -> Array:
    return np.array([(state.aperture, state.width) for state in model.states(clip.speech)])


def key(options: argparse.Namespace) -> str:
    """A hash of everything that the tracked lips depend on."""
    digest = hashlib.sha256(f"{options.avatar} {options.size} {options.still} {options.seconds}".encode())
    package = Path(livekit_avatar.__file__).parent
    for part in ("engines/portrait", "lipsync", "data"):
        for path in sorted((package / part).rglob("*.*")):
            if path.suffix in (".py", ".onnx", ".avatar"):
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def chosen(clips: list[Clip], count: int | None, seconds: float) -> list[Clip]:
    """So many clips from all over the list, none longer than so many seconds."""
    every = max(1, len(clips) // count) if count else 1
    return [_cut(clip, seconds) for clip in clips[::every][:count]]


def _cut(clip: Clip, seconds: float) -> Clip:
    keep = clip.time < seconds - 0.05
    speech = clip.speech[: round(seconds * SPEECH_RATE)]
    return Clip(
        clip.name,
        clip.group,
        speech,
        clip.time[keep],
        clip.aperture[keep],
        clip.width[keep],
        clip.spoken[keep],
    )


def best(s: Score) -> tuple[float, float]:
    return float(s.aperture.max()), float(s.width.max())


def faithful(drawn: Array, said: Array) -> tuple[float, float]:
    """Pearson's r of drawn and predicted aperture and width, frame by frame."""
    known = np.isfinite(drawn[:, 0])
    pairs = (np.corrcoef(drawn[known, i], said[known, i])[0, 1] for i in (0, 1))
    aperture, width = (float(r) for r in pairs)
    return aperture, width


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--avatar", default="ada", help="a built-in name, a picture or an .avatar file")
    parser.add_argument("--size", type=int, default=512, help="the longer side of the frames in pixels")
    parser.add_argument("--clips", type=int, help="so many clips from all over the list; all if not given")
    parser.add_argument("--seconds", type=float, default=12.0, help="of each clip")
    parser.add_argument("--still", action="store_true", help="draw the mouth alone")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    clips = chosen(load(options.folder), options.clips, options.seconds)
    folder = Path(tempfile.gettempdir()) / "livekit-avatar-drawn-lips" / key(options)
    folder.mkdir(parents=True, exist_ok=True)
    avatar, mesh, model = open_avatar(options.avatar, size=options.size), FaceMesh(), LipSync()
    rows: dict[str, list[Score]] = {"predicted": [], "drawn": []}
    truth = []
    with Progress(transient=True) as bar:
        task = bar.add_task("Drawing", total=sum(-(-len(c.speech) // 640) for c in clips))
        for clip in clips:
            said, kept = predicted(clip, model), folder / f"{clip.name}.npy"
            if not kept.exists():
                drawn = tracked(avatar, clip, mesh, options.still, lambda: bar.advance(task))
                aside = kept.with_suffix(".part.npy")
                np.save(aside, drawn)
                aside.replace(kept)
            else:
                bar.advance(task, len(said))
            drawn = np.load(kept)
            rows["predicted"].append(score(clip, curve(said)))
            rows["drawn"].append(score(clip, curve(drawn)))
            truth.append(faithful(drawn, said))
            a, b = best(rows["predicted"][-1]), best(rows["drawn"][-1])
            bar.console.print(
                f"{clip.name:34s} predicted {a[0]:.3f}/{a[1]:.3f}  drawn {b[0]:.3f}/{b[1]:.3f}"
                f"  drawn to predicted {truth[-1][0]:.3f}/{truth[-1][1]:.3f}"
            )
    results = {name: summary(scores) for name, scores in rows.items()}
    _report(results, truth, options)


def _report(results: dict[str, Any], truth: list[tuple[float, float]], options: argparse.Namespace) -> None:
    print(f"\n{len(truth)} clips drawn on {options.avatar}, {options.size} pixels: aperture / width")
    for name, r in results.items():
        print(
            f"  {name:10s} r {r['aperture']:.3f} / {r['width']:.3f}   closures F1 {r['closure_f1']:.3f}"
            f"  AUC {r['area']:.3f}   lag {r['aperture_lag_ms']:+d} / {r['width_lag_ms']:+d} ms"
        )
    loss = [results["predicted"][k] - results["drawn"][k] for k in ("aperture", "width")]
    mean = np.mean(truth, axis=0)
    print(f"  lost       r {loss[0]:.3f} / {loss[1]:.3f}")
    print(f"  r of drawn and predicted {mean[0]:.3f} / {mean[1]:.3f}")
    if options.json:
        figures = {**results, "loss": loss, "drawn_to_predicted": mean.tolist(), "lags": LAGS.tolist()}
        options.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
