"""The graph that is shipped: the network's weights with ears and a memory, 40 ms at a time.

640 samples -> 4 log-mel spectra -> gain control -> the network of `network`. It is written with few and large
operations, because for one stream each operation costs more than its arithmetic.
"""

from __future__ import annotations

import features
import numpy as np
import torch
from gain import decibels
from network import CENTRE, FRAME, LOOKAHEADS, SAYS, LipNet, spoken
from torch import Tensor, nn
from torch.nn import functional

TAIL = features.WINDOW - features.HOP
"""Samples of the frame before that the first window reaches back to."""


class Ears(nn.Module):
    """Samples to levelled spectra as in `features`.

    The Fourier transform is taken around the middle of the window, which changes no magnitude: cosines are
    even and sines odd, so the window is folded and half the multiplications remain.
    """

    after: Tensor
    before: Tensor
    cosines: Tensor
    sines: Tensor
    filters: Tensor

    def __init__(self) -> None:
        super().__init__()
        away = np.arange(
            features.WINDOW // 2
        )  # the first sample of all has no weight in a periodic Hann window
        middles = np.arange(FRAME)[:, None] * features.HOP + features.WINDOW // 2
        self.register_buffer("after", torch.tensor(middles + away))
        self.register_buffer("before", torch.tensor(middles - away))
        filters = features.mel_filters()
        used = np.flatnonzero(filters.any(0))
        turns = 2 * np.pi * np.outer(away, used) / features.FFT
        half = features.window()[features.WINDOW // 2 :, None] * np.where(away == 0, 0.5, 1)[:, None]
        self.register_buffer("cosines", torch.tensor((np.cos(turns) * half).astype(np.float32)))
        self.register_buffer("sines", torch.tensor((np.sin(turns) * half).astype(np.float32)))
        self.register_buffer("filters", torch.tensor(filters[:, used].T))

    def forward(self, sound: Tensor, level: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 240 + 640) samples, (n, 1) level in dB above the floor -> (n, 4, 80), (n, 1)."""
        after, before = sound[:, self.after], sound[:, self.before]
        real, imaginary = (after + before) @ self.cosines, (after - before) @ self.sines
        power = ((real * real + imaginary * imaginary) @ self.filters).clamp(min=features.QUIETEST)
        over = decibels(power.mean((1, 2)))[:, None] - features.FLOOR_DB - level
        fading = torch.where(over > -features.GATE_DB, -features.DECAY_DB, 0.0)
        level = (level + torch.where(over > 0, over * features.ATTACK, fading)).clamp(min=0)
        relative = decibels(power) - features.FLOOR_DB - level[:, None]
        return (relative / features.SCALE_DB + 6).clamp(*features.SPAN), level


class LipGraph(nn.Module):
    """One frame of many streams: (n, 640) samples of full scale 1 and (n, m) memory, zeros at the start.

    Gives (n, 4, 8) curves and (n, 4, 15) probabilities of visemes, a row for each look-ahead, and the (n, m)
    memory for the next frame.
    """

    early: Tensor
    shares: Tensor

    def __init__(self, net: LipNet) -> None:
        super().__init__()
        self.net, self.ears = net, Ears()
        bands, channels = features.BANDS, net.first.out_channels
        self.parts = [TAIL, 1, 2 * bands, 2 * channels, net.memory.hidden_size, LOOKAHEADS[-1] * SAYS]
        self.register_buffer("shares", 1 / (torch.tensor(LOOKAHEADS)[:, None] + 1))
        self.register_buffer("early", torch.tensor(np.array([[0], [2]]) * bands + np.arange(4 * bands)))

    def forward(self, speech: Tensor, memory: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See the class."""
        tail, level, spectra, inner, state, said = memory.split(self.parts, 1)
        sound = torch.cat([tail, speech], 1)
        heard, level = self.ears(sound, level)
        spectra = torch.cat([spectra, heard.flatten(1)], 1)
        halves = _convolved(self.net.first, (spectra - CENTRE)[:, self.early])
        inner = torch.cat([inner, halves.flatten(1)], 1)
        kept, state = self.net.memory(_convolved(self.net.second, inner)[:, None], state[None])
        said = self.net.heads(kept[:, 0]) + functional.pad(said, (SAYS, 0))  # as in `network.agreed`
        curves, visemes = spoken(said.unflatten(1, (len(LOOKAHEADS), SAYS)) * self.shares)
        left = [sound[:, -TAIL:], level, spectra[:, -self.parts[2] :], inner[:, -self.parts[3] :], state[0]]
        return curves, visemes, torch.cat([*left, said[:, : self.parts[5]]], 1)


def _convolved(layer: nn.Conv1d, heard: Tensor) -> Tensor:
    """A convolution as a product with (..., taps * channels), what each of its places hears."""
    weights = layer.weight.permute(2, 1, 0).flatten(0, 1)
    assert layer.bias is not None
    return functional.gelu(heard @ weights + layer.bias)
