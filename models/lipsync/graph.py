"""The graph that is shipped: the network's weights with ears and a memory, 40 ms at a time.

640 samples -> 4 log-mel spectra -> gain control -> the network of `network`. It is written with few and large
operations, because for one stream each operation costs more than its arithmetic, and with slices, which copy
whole rows, because for many streams gathering single numbers costs more than the network.
"""

from __future__ import annotations

import features
import numpy as np
import torch
from gain import MIDDLE
from network import CENTRE, FRAME, LOOKAHEADS, SAYS, LipNet, spoken
from torch import Tensor, nn
from torch.nn import functional

TAIL = features.WINDOW - features.HOP
"""Samples of the frame before that the first window reaches back to."""

UNITS = 10 / np.log(10) / features.SCALE_DB
"""From natural logarithms of power to the units of the spectra."""


class Ears(nn.Module):
    """Samples to levelled spectra as in `features` and `gain`, in units of 12 dB over the lowest level."""

    waves: Tensor
    filters: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.scale = float(np.exp((MIDDLE - features.FLOOR_DB / features.SCALE_DB) / UNITS))
        self.register_buffer("waves", torch.tensor(features.transform()))
        self.register_buffer(
            "filters", torch.tensor(features.mel_filters().astype(float) * self.scale).float()
        )

    def forward(self, sound: Tensor, level: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 240 + 640) samples, (n, 1) level over the floor -> (n, 4, 80), (n, 1)."""
        starts = range(0, FRAME * features.HOP, features.HOP)
        frames = torch.cat([sound[:, start : start + features.WINDOW] for start in starts], 1)
        waves = frames.view(-1, FRAME, features.WINDOW) @ self.waves
        power = ((waves * waves) @ self.filters).clamp(min=features.QUIETEST * self.scale)
        over = power.mean((1, 2))[:, None].log() * UNITS - (level + MIDDLE)
        fading = torch.where(
            over > -features.GATE_DB / features.SCALE_DB, -features.DECAY_DB / features.SCALE_DB, 0.0
        )
        level = (level + torch.maximum(over * features.ATTACK, fading)).relu()
        return (power.log() * UNITS - level[:, None]).clamp(*features.SPAN), level


class LipGraph(nn.Module):
    """One frame of many streams: (n, 640) samples of full scale 1 and (n, m) memory, zeros at the start.

    Gives (n, 4, 8) curves and (n, 4, 15) probabilities of visemes, a row for each look-ahead, and the (n, m)
    memory for the next frame.
    """

    shares: Tensor

    def __init__(self, net: LipNet) -> None:
        super().__init__()
        bands, channels = features.BANDS, net.first.out_channels
        self.ears, self.heads = Ears(), net.heads
        self.first, self.second = _product(net.first, CENTRE), _product(net.second, 0.0)
        self.memory = Cell(net.memory)
        self.parts = [
            TAIL, 1, 2 * bands, 2 * channels, net.memory.hidden_size, SAYS, LOOKAHEADS[-1] * SAYS,
        ]  # fmt: skip
        self.register_buffer("shares", 1 / (torch.tensor(LOOKAHEADS)[:, None] + 1))

    def forward(self, speech: Tensor, memory: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See the class. Of what was said the memory keeps three rows, and one of zeros before them."""
        tail, level, spectra, inner, state, nothing, said = memory.split(self.parts, 1)
        heard, level = self.ears(torch.cat([tail, speech], 1), level)
        spectra = torch.cat([spectra, heard.view(-1, FRAME * features.BANDS)], 1)
        width = 4 * features.BANDS
        halves = torch.cat([spectra[:, :width], spectra[:, width // 2 :]], 1).view(-1, 2, width)
        halves = functional.gelu(self.first(halves)).view(-1, self.parts[3])
        state = self.memory(functional.gelu(self.second(torch.cat([inner, halves], 1))), state)
        said = self.heads(state) + torch.cat([nothing, said], 1)  # as in `network.agreed`
        curves, visemes = spoken(said.view(-1, len(LOOKAHEADS), SAYS) * self.shares)
        left = [speech[:, -TAIL:], level, spectra[:, -self.parts[2] :], halves, state, nothing]
        return curves, visemes, torch.cat([*left, said[:, : self.parts[6]]], 1)


class Cell(nn.Module):
    """One step of a GRU, written out: for so small a step that is cheaper than the operator of ONNX."""

    def __init__(self, gru: nn.GRU) -> None:
        super().__init__()
        self.size = gru.hidden_size
        self.heard = _linear(gru.weight_ih_l0.data, gru.bias_ih_l0.data)
        self.kept = _linear(gru.weight_hh_l0.data, gru.bias_hh_l0.data)

    def forward(self, heard: Tensor, state: Tensor) -> Tensor:
        """(n, i), (n, h) -> the next (n, h), as `torch.nn.GRU` says."""
        gates, new = self.heard(heard).split([2 * self.size, self.size], 1)
        kept_gates, kept = self.kept(state).split([2 * self.size, self.size], 1)
        reset, update = torch.sigmoid(gates + kept_gates).split(self.size, 1)
        new = torch.tanh(new + reset * kept)
        return new + update * (state - new)


def _product(layer: nn.Conv1d, centre: float) -> nn.Linear:
    """A convolution as a product with (..., taps * channels), what each place hears, less `centre`."""
    weights = layer.weight.data.permute(0, 2, 1).flatten(1)
    assert layer.bias is not None
    return _linear(weights, layer.bias.data - centre * weights.sum(1))


def _linear(weights: Tensor, bias: Tensor) -> nn.Linear:
    layer = nn.Linear(weights.shape[1], weights.shape[0])
    layer.weight.data, layer.bias.data = weights, bias
    return layer
