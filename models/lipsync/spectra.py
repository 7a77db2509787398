"""Another voice, microphone, room and noise, on batches of mel spectra: cheap enough to draw every time."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from features import log_mel
from gain import decibels, powers
from torch import Tensor

from livekit_avatar.types import SPEECH_RATE

OFTEN = 0.7
"""How many of the pieces are varied; the others get only a trace of noise."""

TRACT, TRACT_SPAN = 0.7, (0.86, 1.16)
BAND_LIMITED, SMEARED = 0.15, 0.25
NOISE_BELOW_DB = (0.0, 42.0)
NOISE_SLOPE_DB = (-3.0, 24.0)
"""From the lowest band to the highest: pink noise falls by 17 dB, brown noise by twice as much."""

NOISE_MINUTES = 2
TRACE_DB = -80.0
GAIN_DB = 12.0

Rows = npt.NDArray[np.floating]


def vary(mels: Tensor, rng: np.random.Generator) -> Tensor:
    """(batch, time, bands) dB -> the same pieces as other speakers, rooms and lines would give them."""
    count, time, bands = mels.shape
    varied = rng.random(count) < OFTEN
    mels = _other_tract(mels, varied & (rng.random(count) < TRACT), rng)
    mels = mels + _rows(
        varied[:, None] * (_equaliser(count, bands, rng) - _band_limit(count, bands, rng)), mels
    )
    power = _smeared(powers(mels), np.flatnonzero(varied & (rng.random(count) < SMEARED)), rng)
    top = torch.quantile(mels.mean(2), 0.95, dim=1).cpu().numpy()
    floor = np.where(varied[:, None], top[:, None] + _floor(count, bands, rng), TRACE_DB)
    noise = torch.from_numpy(_pieces(_noise(), count, time, rng)).to(mels.device) + _rows(floor, mels)
    gain = varied * rng.uniform(-GAIN_DB, GAIN_DB, count)
    return decibels(power + powers(noise)) + _rows(gain[:, None], mels)


def _rows(values: Rows, like: Tensor) -> Tensor:
    """(batch, bands) values for every moment of (batch, time, bands)."""
    return torch.from_numpy(values.astype(np.float32)).to(like.device)[:, None]


def _other_tract(mels: Tensor, which: npt.NDArray[np.bool_], rng: np.random.Generator) -> Tensor:
    """Vocal tract length: the mel axis is stretched."""
    count, time, bands = mels.shape
    stretch = np.where(which, rng.uniform(*TRACT_SPAN, count), 1)
    moved = which * rng.uniform(-0.5, 0.5, count)
    at = np.clip(np.arange(bands) * stretch[:, None] + moved[:, None], 0, bands - 1.001)
    low = torch.from_numpy(at.astype(np.int64)).to(mels.device)[:, None].expand(count, time, bands)
    below, above = mels.gather(2, low), mels.gather(2, low + 1)
    return below + (above - below) * _rows(at % 1, mels)


def _equaliser(count: int, bands: int, rng: np.random.Generator) -> Rows:
    """A microphone's curve: a tilt, and a bent line."""
    tilt = np.linspace(-1, 1, bands) * rng.normal(0, 3, (count, 1))
    return _bent(rng.normal(0, 2, (count, 6)), bands) + tilt


def _bent(knots: Rows, bands: int) -> Rows:
    grid, places = np.linspace(0, knots.shape[1] - 1, bands), np.arange(knots.shape[1])
    return np.stack([np.interp(grid, places, row) for row in knots])


def _band_limit(count: int, bands: int, rng: np.random.Generator) -> Rows:
    first, steep = rng.uniform(0.55, 0.97, (count, 1)) * bands, rng.uniform(6, 24, (count, 1))
    return (rng.random((count, 1)) < BAND_LIMITED) * np.clip((np.arange(bands) - first) * steep, 0, 60)


def _smeared(power: Tensor, which: npt.NDArray[np.intp], rng: np.random.Generator) -> Tensor:
    """Late reverberation: a fading memory of the power."""
    if not len(which):
        return power
    keep, mix = rng.uniform(0.55, 0.9, (len(which), 1)), rng.uniform(0.02, 0.3, (len(which), 1))
    fading, share = (torch.from_numpy(x.astype(np.float32)).to(power.device) for x in (keep, mix))
    dry = power[torch.from_numpy(which).to(power.device)]
    tail, memory = [], torch.zeros_like(dry[:, 0])
    for now in dry.unbind(1):
        tail.append(memory)
        memory = fading * memory + (1 - fading) * now
    power[which] = dry + share[:, None] * torch.stack(tail, 1)
    return power


def _floor(count: int, bands: int, rng: np.random.Generator) -> Rows:
    """Steady noise of some colour, in dB relative to loud speech."""
    slope = np.linspace(0.5, -0.5, bands) * rng.uniform(*NOISE_SLOPE_DB, (count, 1))
    return _bent(rng.normal(0, 4, (count, 6)), bands) + slope - rng.uniform(*NOISE_BELOW_DB, (count, 1))


@lru_cache(maxsize=1)
def _noise() -> npt.NDArray[np.float32]:
    """(time, bands) white noise in dB over its mean in each band: it flickers as noise does."""
    sound = np.random.default_rng(0).standard_normal(NOISE_MINUTES * 60 * SPEECH_RATE)
    power = 10 ** (log_mel(sound) / 10)
    return (10 * np.log10(power / power.mean(0))).astype(np.float32)


def _pieces(
    rows: npt.NDArray[np.float32], count: int, time: int, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """(count, time, bands) of what is longer."""
    return np.stack([rows[at : at + time] for at in rng.integers(0, len(rows) - time, count)])
