"""The network that learns: log-mel spectra in, mouth curves and visemes out, for four look-aheads at once.

4 spectra of 10 ms -> conv 4/2 -> conv 4/2 -> GRU -> a frame of 40 ms, with a head for each look-ahead
"""

from __future__ import annotations

import features
import torch
from labels import CURVES
from torch import Tensor, nn
from torch.nn import functional

from livekit_avatar.types import VISEMES

FRAME = 4
"""Spectra in a frame."""

LOOKAHEADS = (0, 1, 2, 3)
"""Frames: after frame j the heads describe frames j to j - 3, so up to 120 ms beyond a frame are heard."""

CENTRE = 4.0
"""Taken off the levelled spectra. Padding with zeros is done before, so that it stands for silence."""

CHANNELS, HIDDEN = 96, 128
DROP = 0.1
SPEECH = CURVES.index("speech")
SAYS = len(CURVES) + len(VISEMES)


class LipNet(nn.Module):
    """(batch, time, 80) levelled spectra -> (batch, time / 4, 4, 8 + 15): curves and viseme logits, causal.

    The speech curve is a logit as well.
    """

    def __init__(self, channels: int = CHANNELS, hidden: int = HIDDEN) -> None:
        super().__init__()
        self.first = nn.Conv1d(features.BANDS, channels, 4, stride=2)
        self.second = nn.Conv1d(channels, hidden, 4, stride=2)
        self.drop = nn.Dropout(DROP)
        self.memory = nn.GRU(hidden, hidden, batch_first=True)
        self.heads = nn.Linear(hidden, len(LOOKAHEADS) * SAYS)

    def forward(self, spectra: Tensor) -> Tensor:
        """See the class."""
        heard = functional.pad(spectra.transpose(1, 2), (2, 0)) - CENTRE
        heard = functional.gelu(self.first(heard))
        heard = functional.gelu(self.second(functional.pad(heard, (2, 0))))
        kept, _ = self.memory(self.drop(heard.transpose(1, 2)))
        said: Tensor = self.heads(self.drop(kept))
        return said.unflatten(2, (len(LOOKAHEADS), SAYS))


def agreed(said: Tensor) -> Tensor:
    """(batch, time, 4, 23) -> the same, each row the mean of all that was said of its frame so far.

    The head of h frames describes now what the head of h - 1 described a frame ago: h + 1 opinions, each from
    its own weights, err less than one.
    """
    sums = [said[:, :, 0]]
    for ahead in LOOKAHEADS[1:]:
        sums.append(said[:, :, ahead] + functional.pad(sums[-1], (0, 0, 1, 0))[:, :-1])
    return torch.stack([each / (ahead + 1) for ahead, each in zip(LOOKAHEADS, sums, strict=True)], 2)


def spoken(said: Tensor) -> tuple[Tensor, Tensor]:
    """What was agreed on (..., 23) as (..., 8) curves and (..., 15) probabilities of visemes."""
    curves, visemes = said.split([len(CURVES), len(VISEMES)], -1)
    curves = torch.cat([curves[..., :SPEECH], torch.sigmoid(curves[..., SPEECH:])], -1)
    return curves, visemes.softmax(-1)
