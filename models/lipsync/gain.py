"""Spectra under a gain control, so that the level of a recording does not matter; causal."""

from __future__ import annotations

import math

import torch
from features import ATTACK, CHUNK, DECAY_DB, FLOOR_DB, GATE_DB, SCALE_DB, SPAN
from torch import Tensor

MIDDLE = 6.0
"""What is as loud as the level, in units of 12 dB."""


def levelled(mels: Tensor) -> Tensor:
    """(batch, time, 80) dB -> the same relative to a causal level, 0 (silent) .. 8.5, in units of 12 dB."""
    chunks = mels.unflatten(1, (-1, CHUNK))
    loudness = decibels(powers(chunks).mean((2, 3)))
    level, levels = torch.full_like(loudness[:, 0], FLOOR_DB), []
    for now in loudness.unbind(1):
        over = now - level
        fading = torch.where(over > -GATE_DB, -DECAY_DB, 0.0)
        level = (level + torch.maximum(over * ATTACK, fading)).clamp(min=FLOOR_DB)
        levels.append(level)
    relative = chunks - torch.stack(levels, 1)[..., None, None]
    return (relative / SCALE_DB + MIDDLE).clamp(*SPAN).flatten(1, 2)


def powers(mels: Tensor) -> Tensor:
    """Decibels as powers."""
    return torch.exp(mels * (math.log(10) / 10))


def decibels(power: Tensor) -> Tensor:
    """Powers above 0 in decibels."""
    return torch.log(power) * (10 / math.log(10))
