"""How well picture and sound arrived: frame rate, delays, and the offset between lips and voice.

Times are seconds on the receiver's monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from livekit_avatar.types import FPS, Floats, Image, Samples

RATE = 48_000
"""Sample rate of the sound that is received, in Hz: Opus's own."""

GRID = 48
"""A picture is kept for measuring as GRID x GRID mean brightnesses."""

AUDIBLE = 330
"""-40 dBFS: far above the noise that Opus makes of silence, far below speech."""

MOUTH_CELLS = 16
"""About the area of a mouth in a head-and-shoulders picture of GRID x GRID cells."""

STEP = 0.01
"""Resolution of the curves that are compared, in seconds."""

LONGEST_LAG = 0.3
"""Offsets are searched up to this many seconds each way; a syllable is about 0.25."""

LONGEST_COMPARED = 30.0
"""Seconds of speech that are compared at most, which bounds the memory."""

LEAST_CORRELATION = 0.25
"""Below it the picture does not visibly follow the sound, and no offset is stated."""

Times = npt.NDArray[np.float64]
Cells = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Reception:
    """What a participant received.

    Attributes:
        asked: when the speech was asked for.
        frame_times: (n,) when each picture arrived.
        cells: (n, GRID * GRID) uint8, its mean brightnesses.
        sound_start: when the first sample arrived.
        sound: (m,) all sound, at `RATE`, without a gap.
    """

    asked: float
    frame_times: Times
    cells: Cells
    sound_start: float
    sound: Samples


@dataclass(frozen=True, slots=True)
class Measures:
    """What a `Reception` says about the quality of the way.

    Attributes:
        fps: pictures a second from the request to the end.
        gap_p95_ms: 95th percentile of the time between two pictures.
        first_audio_ms: from the request to the first audible sample.
        first_frame_ms: from the request to the first picture in which the mouth moves; None if it never does.
        av_offset_ms: how much later the lips move than the voice sounds; None if they do not follow it.
            Mouths themselves lead and trail the loudness of speech: it is good to about one picture (40 ms).
    """

    fps: float
    gap_p95_ms: float
    first_audio_ms: float
    first_frame_ms: float | None
    av_offset_ms: float | None


def cells_of(luma: Image) -> Cells:
    """The mean brightnesses, (GRID * GRID,) uint8, of a picture's luma, (H, W) uint8."""
    return np.asarray(cv2.resize(luma, (GRID, GRID), interpolation=cv2.INTER_AREA), np.uint8).reshape(-1)


def sound_start(arrivals: Times, lengths: npt.NDArray[np.int64]) -> float:
    """When the first sample of gapless sound arrived.

    Args:
        arrivals: (n,) when each piece was complete.
        lengths: (n,) its samples.
    """
    return float(np.median(arrivals - np.cumsum(lengths) / RATE))


def measure(reception: Reception) -> Measures | None:
    """The measures; None if nothing audible or fewer than two pictures came after the request."""
    audible = _audible(reception)
    times = reception.frame_times[reception.frame_times >= reception.asked]
    if audible is None or len(times) < 2:
        return None
    gaps = np.diff(times)
    mouth, offset = _follow(reception, *audible)
    moved = _first_move(reception, mouth) if offset is not None else None
    return Measures(
        fps=round(float(len(gaps) / gaps.sum()), 2),
        gap_p95_ms=_ms(float(np.percentile(gaps, 95))),
        first_audio_ms=_ms(audible[0] - reception.asked),
        first_frame_ms=None if moved is None else _ms(moved - reception.asked),
        av_offset_ms=None if offset is None else _ms(offset),
    )


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


def _audible(reception: Reception) -> tuple[float, float] | None:
    """When the first and the last audible sample after the request arrived."""
    begin = max(0, round((reception.asked - reception.sound_start) * RATE))
    heard = np.flatnonzero(np.abs(reception.sound[begin:].astype(np.int32)) >= AUDIBLE)
    if not len(heard):
        return None
    first, last = (reception.sound_start + (begin + int(i)) / RATE for i in (heard[0], heard[-1]))
    return first, last


def _follow(reception: Reception, first: float, last: float) -> tuple[npt.NDArray[np.intp], float | None]:
    """The cells that follow the voice best, and how much later they do so in seconds.

    The lag at which the brightness of those cells correlates best with the loudness. No landmark is
    needed, so it works for any face; a mouth that opens shows as cells that darken.
    """
    last = min(last, first + LONGEST_COMPARED)
    ticks = np.arange(first - LONGEST_LAG, last + LONGEST_LAG, STEP)
    loudness = _standard(_loudness(reception, ticks)[:, None])[:, 0]
    brightness = _standard(_brightness(reception, ticks))
    lags = np.arange(-round(LONGEST_LAG / STEP), round(LONGEST_LAG / STEP) + 1)
    correlation = np.stack([_correlation(loudness, brightness, int(lag)) for lag in lags])
    strength = np.abs(correlation).max(axis=0)
    mouth = np.argsort(strength)[-MOUTH_CELLS:]
    best = correlation[:, mouth]
    signs = np.sign(best[np.abs(best).argmax(axis=0), np.arange(len(mouth))])
    curve = (best * signs).mean(axis=1)
    peak = int(curve.argmax())
    if curve[peak] < LEAST_CORRELATION:
        return mouth, None
    return mouth, float((lags[peak] + _vertex(curve, peak)) * STEP)


def _loudness(reception: Reception, ticks: Times) -> Floats:
    """RMS of the 40 ms around each tick."""
    squares = np.concatenate([[0.0], np.cumsum(np.square(reception.sound, dtype=np.float64))])
    half = RATE // FPS // 2
    middle = np.rint((ticks - reception.sound_start) * RATE).astype(np.int64)
    low, high = (np.clip(middle + side, 0, len(reception.sound)) for side in (-half, half))
    return np.asarray(np.sqrt((squares[high] - squares[low]) / (2 * half)), np.float32)


def _brightness(reception: Reception, ticks: Times) -> Floats:
    """(ticks, cells), linear between pictures; each stands for the middle of the 40 ms it is shown."""
    times = reception.frame_times + 0.5 / FPS
    place = np.interp(ticks, times, np.arange(len(times)))
    below = np.minimum(place.astype(np.int64), len(times) - 2)
    share = (place - below).astype(np.float32)[:, None]
    low, high = (reception.cells[i].astype(np.float32) for i in (below, below + 1))
    return np.asarray(low * (1 - share) + high * share, np.float32)


def _standard(curves: Floats) -> Floats:
    """(t, n) curves without mean, of deviation 1; one that stands still stays zero."""
    centred = curves - curves.mean(axis=0)
    return np.asarray(centred / np.maximum(centred.std(axis=0), 0.5), np.float32)


def _correlation(loudness: Floats, brightness: Floats, lag: int) -> Floats:
    """Of the loudness with each cell `lag` steps later."""
    n = len(loudness) - abs(lag)
    early, late = max(0, -lag), max(0, lag)
    return np.asarray(loudness[early : early + n] @ brightness[late : late + n] / n, np.float32)


def _vertex(curve: Floats, peak: int) -> float:
    """Where between the samples the parabola through a peak and its neighbours is highest, -0.5..0.5."""
    if not 0 < peak < len(curve) - 1:
        return 0.0
    left, top, right = (float(curve[peak + side]) for side in (-1, 0, 1))
    bend = left - 2 * top + right
    return 0.0 if bend == 0 else 0.5 * (left - right) / bend


def _first_move(reception: Reception, mouth: npt.NDArray[np.intp]) -> float | None:
    """When the first picture came that moves the mouth clearly more than at rest before the request."""
    area = reception.cells[:, mouth].astype(np.float32)
    motion = np.abs(np.diff(area, axis=0)).mean(axis=1)
    times = reception.frame_times[1:]
    at_rest = motion[times < reception.asked]
    threshold = 2.0 * float(at_rest.max(initial=0.0)) + 0.5
    moves = np.flatnonzero((times >= reception.asked) & (motion > threshold))
    return float(times[moves[0]]) if len(moves) else None
