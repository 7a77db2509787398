"""How well the lips follow real ones, and what they cost.

    python bench/lipsync.py ../shared/lipsync-dev [--json results.json] [--plot FOLDER]
    python bench/lipsync.py ../shared/lipsync-dev --curves wawa=FOLDER    # another program's curves

The folder holds real clips: `<clip>.wav` (16 kHz mono) and `<clip>.npz` with `timestamps` in seconds and the
`aperture` and `width` of the tracked lips; index.json may name their groups. For each clip: Pearson's r of
predicted and measured curve at the best lag within 120 ms. Over all clips: the lag at which the mean r is
best, F1 of visible closures (within 60 ms) and the area under the curve of closed against open lips.

The lips are scored for each look-ahead and for worse recordings of the same clips. Beside them stand loudness
(with the spectral centroid for the width), Rhubarb Lip Sync if its program `rhubarb` is on PATH, and other
programs whose curves are given as `<clip>.csv` with the columns seconds, aperture and width.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
from lips_plot import plot
from lips_rivals import Predictor, from_file, loudness, rhubarb
from lips_worse import WORSE

from livekit_avatar.audio.decode import decode
from livekit_avatar.lipsync.model import LOOKAHEAD, LipStream, LipSync, Lookahead
from livekit_avatar.types import FPS, SAMPLES_PER_FRAME, SPEECH_RATE, Samples

Array = npt.NDArray[np.floating]

LAGS = np.arange(-0.12, 0.1201, 0.01)
THRESHOLDS = np.arange(0.05, 0.6, 0.05)


@dataclass(frozen=True)
class Clip:
    """Speech and the lips that spoke it; `spoken` says at which times somebody speaks."""

    name: str
    group: str
    speech: Samples
    time: Array
    aperture: Array
    width: Array
    spoken: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Score:
    """One clip: r at every lag of `LAGS`, counts (hit, predicted, real) a threshold, area under the curve."""

    clip: Clip
    aperture: Array
    width: Array
    closures: npt.NDArray[np.int64]
    area: float


# ---------------------------------------------------------------------------------------------------- clips


def load(folder: Path) -> list[Clip]:
    """All clips of a folder."""
    index = folder / "index.json"
    rows = json.loads(index.read_text()) if index.is_file() else []
    groups = {row["clip"]: row.get("group") or row["src"] for row in rows}
    names = [row["clip"] for row in rows] or sorted(path.stem for path in folder.glob("*.npz"))
    return [_clip(folder, name, groups.get(name, "all")) for name in names]


def _clip(folder: Path, name: str, group: str) -> Clip:
    speech = decode(folder / f"{name}.wav", SPEECH_RATE).samples
    with np.load(folder / f"{name}.npz") as lips:
        time_, aperture, width = (lips[k].astype(float) for k in ("timestamps", "aperture", "width"))
    usable = np.isfinite(aperture) & (time_ > 0.05) & (time_ < len(speech) / SPEECH_RATE - 0.05)
    spoken = np.interp(time_, *_activity(speech)) > 0.5
    return Clip(name, group, speech, time_[usable], aperture[usable], width[usable], spoken[usable])


def _activity(speech: Samples) -> tuple[Array, Array]:
    """10 ms steps: within 200 ms of anything louder than 30 dB under the loud parts."""
    sound = speech / (speech.std() + 1e-9) * 0.08
    power = np.add.reduceat(sound**2, np.arange(0, len(sound), 160)) / 160
    level = np.convolve(10 * np.log10(power + 1e-9), np.ones(9) / 9, "same")
    loud = level > max(np.percentile(level, 95) - 30, -55)
    return np.arange(len(loud)) * 0.01, (np.convolve(loud, np.ones(41), "same") > 0).astype(float)


# ----------------------------------------------------------------------------------------------- predictors


def lips(model: LipSync, lookahead_ms: Lookahead = LOOKAHEAD) -> Predictor:
    """What the package ships."""

    def predict(speech: Samples) -> tuple[Array, Array, Array]:
        states = model.states(speech, lookahead_ms)
        middle = (np.arange(len(states)) + 0.5) / FPS
        return middle, np.array([s.aperture for s in states]), np.array([s.width for s in states])

    return predict


def _scores(clips: list[Clip], predict: Predictor) -> list[Score]:
    return [score(clip, predict) for clip in clips]


def _worsened(clips: list[Clip], worse: Callable[[Samples], Samples]) -> list[Clip]:
    """The same lips, with a worse recording."""
    return [replace(clip, speech=worse(clip.speech)) for clip in clips]


def _by_name(clips: list[Clip], folder: Path) -> list[Score]:
    """Scores of another program whose curves lie in a folder."""
    return [score(clip, from_file(folder / f"{clip.name}.csv")) for clip in clips]


def compare(clips: list[Clip], model: LipSync, curves: dict[str, Path]) -> dict[str, dict[str, Any]]:
    """The figures of the lips and of everything that they are compared with."""
    rivals = {"loudness": loudness} | ({"Rhubarb": program} if (program := rhubarb()) else {})
    results = {name: summary(_scores(clips, predict)) for name, predict in rivals.items()}
    results |= {name: summary(_by_name(clips, folder)) for name, folder in curves.items()}
    results["lips"] = summary(_scores(clips, lips(model)))
    for lookahead in (each for each in get_args(Lookahead) if each != LOOKAHEAD):
        results[f"lips, {lookahead} ms ahead"] = summary(_scores(clips, lips(model, lookahead)))
    for name, worse in WORSE.items():
        results[f"lips, {name}"] = summary(_scores(_worsened(clips, worse), lips(model)))
    return results


# --------------------------------------------------------------------------------------------------- scores


def score(clip: Clip, predict: Predictor) -> Score:
    """How well a predictor does on a clip."""
    time_, aperture, width = predict(clip.speech)
    follow = _correlations(clip.time, clip.aperture, time_, aperture)
    lag = LAGS[follow.argmax()]
    closures, area = _closures(clip, np.interp(clip.time - lag, time_, aperture))
    return Score(clip, follow, _correlations(clip.time, clip.width, time_, width), closures, area)


def _correlations(time_: Array, real: Array, at: Array, said: Array) -> Array:
    return np.array([_pearson(np.interp(time_ - lag, at, said), real) for lag in LAGS])


def _pearson(a: Array, b: Array) -> float:
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum() + 1e-12))


def _closures(clip: Clip, said: Array) -> tuple[npt.NDArray[np.int64], float]:
    real, said = _ranged(clip.aperture), _ranged(said)
    shut = _dips(real, clip, below=0.12, depth=0.3)
    counts = []
    for threshold in THRESHOLDS:
        guessed = _dips(said, clip, below=float(threshold), depth=0.1)
        counts.append((_hits(clip.time[shut], clip.time[guessed]), len(guessed), len(shut)))
    return np.array(counts), _area(real[clip.spoken] < 0.1, -said[clip.spoken])


def _ranged(curve: Array) -> Array:
    low, high = np.percentile(curve, [5, 95])
    ranged: Array = (curve - low) / (high - low + 1e-6)
    return ranged


def _dips(curve: Array, clip: Clip, below: float, depth: float) -> list[int]:
    """Minima in speech under `below`, 100 ms apart, with something higher by `depth` in 260 ms each side."""
    before, here, after = curve[:-2], curve[1:-1], curve[2:]
    flat = ((here <= before) & (here < after)) | ((here < before) & (here <= after))
    kept: list[int] = []
    for i in (np.flatnonzero(flat & (here < below) & clip.spoken[1:-1]) + 1).tolist():
        if kept and clip.time[i] - clip.time[kept[-1]] < 0.1:
            kept[-1] = i if curve[i] < curve[kept[-1]] else kept[-1]
        else:
            kept.append(i)
    return [i for i in kept if _is_deep(curve, clip.time, i, depth)]


def _is_deep(curve: Array, time_: Array, i: int, depth: float) -> bool:
    away = time_ - time_[i]
    left, right = curve[(away < 0) & (away > -0.26)], curve[(away > 0) & (away < 0.26)]
    return bool(len(left) and len(right) and min(left.max(), right.max()) > curve[i] + depth)


def _hits(real: Array, guessed: Array) -> int:
    """How many real closures have a guessed one of their own within 61 ms."""
    used: set[int] = set()
    for moment in real:
        near = [
            (abs(g - moment), j) for j, g in enumerate(guessed) if j not in used and abs(g - moment) <= 0.061
        ]
        if near:
            used.add(min(near)[1])
    return len(used)


def _area(positive: npt.NDArray[np.bool_], value: Array) -> float:
    """Area under the ROC curve by ranks; nan where one class is missing."""
    count = positive.sum()
    if count <= 3 or (~positive).sum() <= 3:
        return float("nan")
    ranks = np.argsort(np.argsort(value))
    return float((ranks[positive].mean() - (count - 1) / 2) / (~positive).sum())


# -------------------------------------------------------------------------------------------------- results


def summary(scores: list[Score]) -> dict[str, Any]:
    """The figures of one predictor."""
    closures = np.sum([s.closures for s in scores], 0)
    f1 = 2 * closures[:, 0] / (closures[:, 1] + closures[:, 2] + 1e-9)
    mean_aperture, mean_width = (np.mean([getattr(s, n) for s in scores], 0) for n in ("aperture", "width"))
    groups = defaultdict(list)
    for s in scores:
        groups[s.clip.group].append(s)
    return {
        "aperture": _mean(scores, "aperture"),
        "width": _mean(scores, "width"),
        "aperture_lag_ms": round(1000 * LAGS[mean_aperture.argmax()]),
        "width_lag_ms": round(1000 * LAGS[mean_width.argmax()]),
        "closure_f1": float(f1.max()),
        "precision": float(closures[f1.argmax(), 0] / max(1, closures[f1.argmax(), 1])),
        "recall": float(closures[f1.argmax(), 0] / max(1, closures[f1.argmax(), 2])),
        "area": float(np.nanmean([s.area for s in scores])),
        "groups": {name: (_mean(g, "aperture"), _mean(g, "width"), len(g)) for name, g in groups.items()},
        "clips": {s.clip.name: (float(s.aperture.max()), float(s.width.max())) for s in scores},
    }


def _mean(scores: list[Score], name: str) -> float:
    return float(np.mean([getattr(s, name).max() for s in scores]))


def cost(model: LipSync, streams: int, seconds: int = 8) -> float:
    """Milliseconds of one thread's processor time for a 40 ms frame of one stream, `streams` at once."""
    rng = np.random.default_rng(0)
    sessions = [LipStream() for _ in range(streams)]
    spent = 0.0
    for _ in range(seconds * FPS):
        for session in sessions:
            session.push(rng.integers(-8000, 8000, SAMPLES_PER_FRAME).astype(np.int16))
        start = time.thread_time()
        model.hear(sessions)
        spent += time.thread_time() - start
    return spent * 1000 / (seconds * FPS * streams)


def yardstick() -> float:
    """Milliseconds of one thread's processor time to multiply two 256 x 256 float32 matrices with numpy."""
    matrix = np.random.default_rng(0).random((256, 256), np.float32)
    start = time.thread_time()
    for _ in range(200):
        matrix @ matrix
    return (time.thread_time() - start) * 5


def table(results: dict[str, dict[str, Any]]) -> str:
    """The figures as text."""
    lines = [f"{'':26s}{'aperture':>9s}{'width':>7s}{'F1':>6s}{'P':>6s}{'R':>6s}{'AUC':>6s}  lag ms"]
    for name, r in results.items():
        figures = "".join(f"{r[k]:6.3f}" for k in ("closure_f1", "precision", "recall", "area"))
        lags = f"{r['aperture_lag_ms']:+d} / {r['width_lag_ms']:+d}"
        lines.append(f"{name:26s}{r['aperture']:9.3f}{r['width']:7.3f}{figures}  {lags}")
    lines += ["", "lips, aperture / width"]
    lines += [
        f"  {name:32s}{a:6.2f}{w:6.2f}  ({n} clips)" for name, (a, w, n) in results["lips"]["groups"].items()
    ]
    lines += [""] + [f"  {name:32s}{a:6.2f}{w:6.2f}" for name, (a, w) in results["lips"]["clips"].items()]
    return "\n".join(lines)


def _plots(clips: list[Clip], model: LipSync, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for clip in clips:
        at, aperture, width = lips(model)(clip.speech)
        pairs = {
            "aperture": (clip.aperture, np.interp(clip.time, at, aperture)),
            "width": (clip.width, np.interp(clip.time, at, width)),
        }
        plot(folder / f"{clip.name}.png", clip.name, clip.time, pairs)


def main() -> None:
    options = _options()
    model, clips = LipSync(options.model), load(options.folder)
    curves = dict(each.split("=", 1) for each in options.curves)
    results = compare(clips, model, {name: Path(folder) for name, folder in curves.items()})
    unit, costs = yardstick(), {str(n): cost(model, n) for n in (1, 32)}
    print(table(results))
    print(f"\none thread; the yardstick, a product of two 256 x 256 matrices, takes {unit:.3f} ms")
    for streams, ms in costs.items():
        print(f"  {streams:>2s} at once: {ms:.3f} ms a 40 ms frame, {ms / unit:.2f} yardsticks")
    if options.json:
        figures = {"scores": results, "milliseconds_a_frame": costs, "yardstick_milliseconds": unit}
        options.json.write_text(json.dumps(figures, indent=2))
    if options.plot:
        _plots(clips, model, options.plot)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", type=Path, help="another lipsync.onnx")
    parser.add_argument(
        "--curves", action="append", default=[], metavar="NAME=FOLDER", help="another program's curves"
    )
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    parser.add_argument("--plot", type=Path, help="draw predicted against measured lips there, a PNG a clip")
    return parser.parse_args()


if __name__ == "__main__":
    main()
