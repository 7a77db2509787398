"""Teaching the network: random three-second pieces of the corpus, varied anew every time."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import features
import numpy as np
import numpy.typing as npt
import spectra
import torch
from labels import CURVES
from network import LOOKAHEAD, SLOT, SPEECH, LipNet
from store import Corpus
from torch import Tensor
from torch.nn import functional

BATCH, CROP = 32, 300
RATE, WARM_UP, DECAY = 2e-3, 50, 1e-2
ROUGH = 0.36
"""How often the copy with noise and rooms is heard."""

SETTLE = 6
"""Slots at the start of a piece that do not count: what was said before is not known."""

AVERAGE = 0.998
"""The shipped weights are a moving average of the last few hundred steps (Polyak)."""

WEIGHTS = {"aperture": 2.0, "width": 1.5, "rounding": 1.0, "jaw": 1.0, "press": 1.0, "tuck": 1.0, "hiss": 0.4}
CLOSURE = 1.0
"""How much more a frame with closed lips counts."""

Progress = Callable[[int, float], None]


@dataclass(frozen=True)
class Batch:
    """(b, t, 80) levelled spectra; per slot (b, t / 2, ...): curves, visemes and what counts."""

    spectra: Tensor
    curves: Tensor
    visemes: Tensor
    counts: Tensor


def train(corpus: Corpus, steps: int, seed: int, progress: Progress) -> LipNet:
    """Train from scratch; the same arguments give the same weights on the same machine."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = LipNet()
    shipped = deepcopy(net).requires_grad_(False)
    optimizer = torch.optim.AdamW(net.parameters(), RATE, weight_decay=DECAY)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1, step / WARM_UP) * (0.5 + 0.5 * np.cos(np.pi * step / steps)) + 1e-5
        error = loss(net, draw(corpus, rng))
        optimizer.zero_grad()
        error.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        _follow(shipped, net, step)
        progress(step, error.item())
    return shipped.eval()


def _follow(shipped: LipNet, net: LipNet, step: int) -> None:
    keep = min(AVERAGE, (step + 1) / (step + 10))
    with torch.no_grad():
        for old, new in zip(shipped.parameters(), net.parameters(), strict=True):
            old.lerp_(new, 1 - keep)


def draw(corpus: Corpus, rng: np.random.Generator) -> Batch:
    """A batch of pieces; the sounds where nobody speaks come as often as their share of the corpus."""
    pieces = [_piece(corpus, rng) for _ in range(BATCH)]
    mels, curves, visemes, counts = (np.stack(part) for part in zip(*pieces, strict=True))
    return Batch(
        torch.from_numpy(features.levelled(mels)), torch.from_numpy(curves),
        torch.from_numpy(visemes), torch.from_numpy(counts),
    )  # fmt: skip


def _piece(corpus: Corpus, rng: np.random.Generator) -> tuple[npt.NDArray[np.generic], ...]:
    sound, curves, visemes = corpus.example(corpus.pick(rng), rough=rng.random() < ROUGH)
    start = rng.integers(0, max(1, len(sound) - CROP + 1)) // features.CHUNK * features.CHUNK
    mels = spectra.vary(sound[start : start + CROP].astype(np.float32), rng)
    slots = (np.arange(CROP // SLOT) - LOOKAHEAD) + start // SLOT
    known = (slots >= start // SLOT + SETTLE * (start > 0)) & (slots < (start + len(mels)) // SLOT)
    padding = ((0, CROP - len(mels)), (0, 0))
    at = np.clip(slots, 0, len(curves) // SLOT - 1) * SLOT
    return (
        np.pad(mels, padding, constant_values=features.QUIETEST_DB),
        (curves[at] + curves[at + 1]) / 2,
        visemes[at + 1],
        known.astype(np.float32),
    )


def loss(net: LipNet, batch: Batch) -> Tensor:
    """Huber on the curves and on their changes, cross-entropy on speech and visemes."""
    said = net(batch.spectra)
    curves, visemes = said[..., :SPEECH], said[..., len(CURVES) :]
    targets, speech = batch.curves[..., :SPEECH], batch.curves[..., SPEECH]
    counts = batch.counts / batch.counts.sum()
    weights = torch.tensor([WEIGHTS[name] for name in CURVES[:SPEECH]])
    emphasis = counts * (1 + CLOSURE * batch.curves[..., CURVES.index("press")])
    far = functional.smooth_l1_loss(curves, targets, beta=0.1, reduction="none") * weights
    jerk = functional.smooth_l1_loss(curves.diff(dim=1), targets.diff(dim=1), beta=0.05, reduction="none")
    known = functional.cross_entropy(visemes.transpose(1, 2), batch.visemes, reduction="none")
    active = functional.binary_cross_entropy_with_logits(said[..., SPEECH], speech, reduction="none")
    return (
        (far.mean(2) * emphasis).sum()
        + ((jerk * weights).mean(2) * emphasis[:, 1:]).sum()
        + 0.05 * (known * counts).sum()
        + 0.05 * (active * counts).sum()
    )
