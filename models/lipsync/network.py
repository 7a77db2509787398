"""The network that learns, and the graph that is shipped: the same weights with ears and a memory.

640 samples -> 4 log-mel spectra -> gain control -> conv 4/2 -> conv 3 -> GRU -> 2 slots of 20 ms
"""

from __future__ import annotations

import features
import numpy as np
import torch
from labels import CURVES
from torch import Tensor, nn
from torch.nn import functional

from livekit_avatar.types import SAMPLES_PER_FRAME, VISEMES

SLOT = 2
"""Spectra in one output slot: 20 ms."""

LOOKAHEAD = 4
"""Slots: what comes out after hearing slot j describes slot j - 4, so 80 ms beyond a frame are heard."""

CENTRE = 4.0
"""Taken off the levelled spectra. Padding with zeros is done before, so that it stands for silence."""

CHANNELS, HIDDEN = 96, 128
SPEECH = CURVES.index("speech")


class LipNet(nn.Module):
    """(batch, time, 80) levelled spectra -> (batch, time / 2, 8 + 15): curves and viseme logits, causal.

    The speech curve is a logit as well.
    """

    def __init__(self, channels: int = CHANNELS, hidden: int = HIDDEN) -> None:
        super().__init__()
        self.first = nn.Conv1d(features.BANDS, channels, 4, stride=SLOT)
        self.second = nn.Conv1d(channels, hidden, 3)
        self.drop = nn.Dropout(0.1)
        self.memory = nn.GRU(hidden, hidden, batch_first=True)
        self.head = nn.Linear(hidden, len(CURVES) + len(VISEMES))

    def forward(self, spectra: Tensor) -> Tensor:
        """See the class."""
        heard = functional.pad(spectra.transpose(1, 2), (2, 0)) - CENTRE
        heard = functional.gelu(self.first(heard))
        heard = functional.gelu(self.second(functional.pad(heard, (2, 0))))
        kept, _ = self.memory(self.drop(heard.transpose(1, 2)))
        return self.head(self.drop(kept))


class Ears(nn.Module):
    """Samples to levelled spectra as in `features`, with what must be remembered between two calls.

    The Fourier transform is taken around the middle of the window, which changes no magnitude: cosines are
    even and sines odd, so the frame is folded and half the multiplications remain.
    """

    def __init__(self) -> None:
        super().__init__()
        away = np.arange(features.WINDOW // 2)
        turns = 2 * np.pi * np.outer(away, np.arange(features.FFT // 2 + 1)) / features.FFT
        half = features.window()[features.WINDOW // 2 :, None] * np.where(away == 0, 0.5, 1)[:, None]
        self.register_buffer("cosines", torch.tensor((np.cos(turns) * half).astype(np.float32)))
        self.register_buffer("sines", torch.tensor((np.sin(turns) * half).astype(np.float32)))
        self.register_buffer("filters", torch.tensor(features.mel_filters().T))

    def forward(self, sound: Tensor, level: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 240 + 640) samples, (n, 1) level in dB above the floor -> (n, 4, 80), (n, 1)."""
        hops = range(0, SAMPLES_PER_FRAME, features.HOP)
        # The first sample of a frame has no weight in a periodic Hann window; without it there is a middle.
        frames = torch.stack([sound[:, at + 1 : at + features.WINDOW] for at in hops], 1)
        after, before = (
            frames[..., features.WINDOW // 2 - 1 :],
            frames.flip(-1)[..., features.WINDOW // 2 - 1 :],
        )
        real, imaginary = (after + before) @ self.cosines, (after - before) @ self.sines
        power = (real * real + imaginary * imaginary) @ self.filters
        mels = torch.clamp(10 * torch.log10(power + 1e-10), min=features.QUIETEST_DB)
        loudness = 10 * torch.log10((10 ** (mels / 10)).mean((1, 2)) + 1e-10)[:, None]
        over = loudness - features.FLOOR_DB - level
        fading = torch.where(over > -features.GATE_DB, -features.DECAY_DB, 0.0)
        level = torch.clamp(level + torch.where(over > 0, over * features.ATTACK, fading), min=0)
        relative = mels - features.FLOOR_DB - level[:, None]
        return torch.clamp(relative / features.SCALE_DB + 6, *features.SPAN), level


class LipGraph(nn.Module):
    """One frame of many streams: (n, 640) samples of full scale 1 and (n, m) memory, zeros at the start.

    Gives (n, 2, 8) curves, (n, 2, 15) viseme probabilities and the (n, m) memory for the next frame.
    """

    def __init__(self, net: LipNet) -> None:
        super().__init__()
        self.net, self.ears = net, Ears()
        channels, hidden = net.first.out_channels, net.memory.hidden_size
        tail = features.WINDOW - features.HOP
        self.parts = [tail, 1, 2 * features.BANDS, 2 * channels, hidden]

    def forward(self, speech: Tensor, memory: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See the class."""
        tail, level, spectra, inner, state = memory.split(self.parts, 1)
        sound = torch.cat([tail, speech], 1)
        heard, level = self.ears(sound, level)
        heard = torch.cat([spectra.reshape(-1, features.BANDS, 2), heard.transpose(1, 2)], 2)
        middle = functional.gelu(self.net.first(heard - CENTRE))
        middle = torch.cat([inner.reshape(-1, self.net.first.out_channels, 2), middle], 2)
        last = functional.gelu(self.net.second(middle)).transpose(1, 2)
        kept, state = self.net.memory(last, state[None])
        curves, visemes = self.net.head(kept).split([len(CURVES), len(VISEMES)], 2)
        curves = torch.cat([curves[..., :SPEECH], torch.sigmoid(curves[..., SPEECH:])], 2)
        left = [sound[:, -self.parts[0] :], level, heard[:, :, -2:].flatten(1), middle[:, :, -2:].flatten(1)]
        return curves, visemes.softmax(2), torch.cat([*left, state[0]], 1)
