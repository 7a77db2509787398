"""How well the lips follow real ones, and what they cost.

    python bench/lipsync.py ../shared/lipsync-dev [--json results.json]

The folder holds real clips: `<clip>.wav` (16 kHz mono) and `<clip>.npz` with `timestamps` in seconds and the
`aperture` and `width` of the tracked lips, listed in index.json. For each clip: Pearson's r of predicted and
measured curve at the best lag within 120 ms. Over all clips: the lag at which the mean r is best, F1 of
visible closures (within 60 ms) and the area under the curve of closed against open lips. Loudness (and, for
the width, the spectral centroid) is the yardstick, measured in the same way.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from livekit_avatar.audio.decode import decode
from livekit_avatar.lipsync.model import LipStream, LipSync
from livekit_avatar.types import FPS, SAMPLES_PER_FRAME, SPEECH_RATE, Samples

Array = npt.NDArray[np.floating]
Predictor = Callable[[Samples], tuple[Array, Array, Array]]
"""Speech -> times in seconds, aperture and width at these times."""

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
    return [_clip(folder, row) for row in json.loads((folder / "index.json").read_text())]


def _clip(folder: Path, row: dict[str, Any]) -> Clip:
    speech = decode(folder / f"{row['clip']}.wav", SPEECH_RATE).samples
    with np.load(folder / f"{row['clip']}.npz") as lips:
        time_, aperture, width = (lips[k].astype(float) for k in ("timestamps", "aperture", "width"))
    usable = np.isfinite(aperture) & (time_ > 0.05) & (time_ < len(speech) / SPEECH_RATE - 0.05)
    spoken = np.interp(time_, *_activity(speech)) > 0.5
    return Clip(
        row["clip"], row.get("group") or row["src"], speech,
        time_[usable], aperture[usable], width[usable], spoken[usable],
    )  # fmt: skip


def _activity(speech: Samples) -> tuple[Array, Array]:
    """10 ms steps: within 200 ms of anything louder than 30 dB under the loud parts."""
    sound = speech / (speech.std() + 1e-9) * 0.08
    power = np.add.reduceat(sound**2, np.arange(0, len(sound), 160)) / 160
    level = np.convolve(10 * np.log10(power + 1e-9), np.ones(9) / 9, "same")
    loud = level > max(np.percentile(level, 95) - 30, -55)
    return np.arange(len(loud)) * 0.01, (np.convolve(loud, np.ones(41), "same") > 0).astype(float)


# ----------------------------------------------------------------------------------------------- predictors


def lips(model: LipSync) -> Predictor:
    """What the package ships."""

    def predict(speech: Samples) -> tuple[Array, Array, Array]:
        states = model.states(speech)
        middle = (np.arange(len(states)) + 0.5) / FPS
        return middle, np.array([s.aperture for s in states]), np.array([s.width for s in states])

    return predict


def loudness(speech: Samples) -> tuple[Array, Array, Array]:
    """The yardstick: the level for the aperture, the spectral centroid for the width."""
    sound = np.pad(speech / (speech.std() + 1e-9) * 0.08, (200, 400))
    frames = np.lib.stride_tricks.sliding_window_view(sound, 400)[::160]
    level = 20 * np.log10(np.sqrt((frames**2).mean(1)) + 1e-5)
    level = np.maximum(level, np.percentile(level, 95) - 35)
    power = np.abs(np.fft.rfft(frames * np.hanning(400), 512, axis=1)) ** 2
    hertz = np.arange(257) * 31.25
    band = (hertz > 800) & (hertz < 3200)
    centroid = (power[:, band] * hertz[band]).sum(1) / (power[:, band].sum(1) + 1e-9)
    return np.arange(len(level)) * 0.01, _smooth(level, 11), _smooth(centroid, 15)


def _smooth(curve: Array, count: int) -> Array:
    window = np.hanning(count)
    smooth: Array = np.convolve(np.pad(curve, count // 2, "edge"), window / window.sum(), "valid")
    return smooth


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


def _table(results: dict[str, dict[str, Any]]) -> str:
    lines = [f"{'':10s}{'aperture':>9s}{'width':>7s}{'F1':>6s}{'P':>6s}{'R':>6s}{'AUC':>6s}  lag ms"]
    for name, r in results.items():
        figures = "".join(f"{r[k]:6.3f}" for k in ("closure_f1", "precision", "recall", "area"))
        lags = f"{r['aperture_lag_ms']:+d} / {r['width_lag_ms']:+d}"
        lines.append(f"{name:10s}{r['aperture']:9.3f}{r['width']:7.3f}{figures}  {lags}")
    lines += ["", "lips, aperture / width"]
    lines += [
        f"  {name:32s}{a:6.2f}{w:6.2f}  ({n} clips)" for name, (a, w, n) in results["lips"]["groups"].items()
    ]
    lines += [""] + [f"  {name:32s}{a:6.2f}{w:6.2f}" for name, (a, w) in results["lips"]["clips"].items()]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", type=Path, help="another lipsync.onnx")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    options = parser.parse_args()
    model, clips = LipSync(options.model), load(options.folder)
    predictors = {"loudness": loudness, "lips": lips(model)}
    results = {name: summary([score(clip, p) for clip in clips]) for name, p in predictors.items()}
    unit, costs = yardstick(), {str(n): cost(model, n) for n in (1, 32)}
    print(_table(results))
    print(f"\none thread; the yardstick, a product of two 256 x 256 matrices, takes {unit:.3f} ms")
    for streams, ms in costs.items():
        print(f"  {streams:>2s} at once: {ms:.3f} ms a 40 ms frame, {ms / unit:.2f} yardsticks")
    if options.json:
        figures = {"scores": results, "milliseconds_a_frame": costs, "yardstick_milliseconds": unit}
        options.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
