"""Teaching the network: random three-second pieces of the corpus, varied anew every time.

Every step draws from the seed and its own number, so a training that was stopped goes on unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import features
import numpy as np
import numpy.typing as npt
import spectra
import torch
from gain import levelled
from labels import CURVES
from network import FRAME, LOOKAHEADS, SPEECH, LipNet
from store import Corpus
from torch import Tensor
from torch.nn import functional

BATCH, CROP = 32, 300
RATE, WARM_UP, DECAY = 2e-3, 50, 1e-2
HORIZON = 6000
"""Steps along which the learning rate falls. A training ends long before: one that went on followed the
synthesiser better and real speakers less well."""

NATURAL = 0.75
"""How many of the pieces are spoken by natural voices. The others have more languages and more voices, and
among them are the sounds that nobody speaks."""

ROUGH = 0.4
"""How often the copy with noise and rooms is heard."""

SETTLE = 3
"""Frames at the start of a piece that do not count: what was said before is not known."""

AVERAGE = 0.998
"""The shipped weights are a moving average of the last few hundred steps (Polyak)."""

WEIGHTS = {"aperture": 2.0, "width": 1.5, "rounding": 1.0, "jaw": 1.0, "press": 1.0, "tuck": 1.0, "hiss": 0.4}
CLOSURE = 2.0
"""How much more a frame with closed lips counts."""

SETTLING = 300
"""The last steps go on from the averaged weights at a lower rate, with steady sounds among the others."""

SETTLING_RATE, SETTLING_AVERAGE = 4e-4, 0.98
STEADY = 0.4
"""How often a steady sound is heard in them."""

SAVE_EVERY = 250

Progress = Callable[[int, float], None]


@dataclass(frozen=True)
class Batch:
    """(b, t, 80) levelled spectra; (b, t / 4, 4, ...) curves, visemes and counts, by frame and look-ahead."""

    spectra: Tensor
    curves: Tensor
    visemes: Tensor
    counts: Tensor


class Training:
    """The network while it learns.

    Args:
        corpus: what it learns from.
        natural: the same in natural voices.
        steady: what is added in the last `SETTLING` steps.
        steps: after how many it is done.
        seed: decides the first weights, and what every step hears.
        device: "cpu" or "cuda". With one corpus, processor and torch version two trainings end alike.
    """

    def __init__(
        self, corpus: Corpus, natural: Corpus, steady: Corpus, steps: int, seed: int, device: str = "cpu"
    ) -> None:
        torch.manual_seed(seed)
        self._sources = [(corpus, 1 - NATURAL), (natural, NATURAL)]
        self._settling = [
            *((source, share * (1 - STEADY)) for source, share in self._sources),
            (steady, STEADY),
        ]
        self.steps, self.seed, self.device, self.done = steps, seed, device, 0
        self.net = LipNet().to(device)
        self.shipped = deepcopy(self.net).requires_grad_(False)
        self._optimizer = self._new_optimizer()

    def _new_optimizer(self) -> torch.optim.AdamW:
        return torch.optim.AdamW(self.net.parameters(), RATE, weight_decay=DECAY)

    def run(self, progress: Progress, checkpoint: Path) -> LipNet:
        """Learn until all steps are done; the state is kept in `checkpoint` on the way and at the end."""
        try:
            while self.done < self.steps:
                progress(self.done + 1, self._step())
                if self.done % SAVE_EVERY == 0:
                    self.save(checkpoint)
        finally:
            self.save(checkpoint)
        return self.shipped.cpu().eval()

    def save(self, path: Path) -> None:
        """Write the state aside and put it in its place."""
        part = path.with_suffix(".part")
        state = {
            "seed": self.seed, "done": self.done, "net": self.net.state_dict(),
            "shipped": self.shipped.state_dict(), "optimizer": self._optimizer.state_dict(),
        }  # fmt: skip
        torch.save(state, part)
        part.replace(path)

    def resume(self, path: Path) -> None:
        """Go on from a saved state.

        Raises:
            ValueError: it has another seed.
        """
        state = torch.load(path, map_location=self.device, weights_only=True)
        if state["seed"] != self.seed:
            raise ValueError(f"{path} is of another training: give --training-seed {state['seed']}")
        self.done = state["done"]
        self.net.load_state_dict(state["net"])
        self.shipped.load_state_dict(state["shipped"])
        self._optimizer.load_state_dict(state["optimizer"])

    def _step(self) -> float:
        rng = np.random.default_rng([self.seed, self.done])
        torch.manual_seed(int(rng.integers(2**31)))
        settled = self.done - (self.steps - SETTLING)
        if settled == 0:
            self.net.load_state_dict(self.shipped.state_dict())
            self._optimizer = self._new_optimizer()
        for group in self._optimizer.param_groups:
            group["lr"] = _rate(self.done) if settled < 0 else SETTLING_RATE * (1 - settled / SETTLING)
        sources = self._sources if settled < 0 else self._settling
        error = loss(self.net, draw(sources, rng, self.device))
        self._optimizer.zero_grad()
        error.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self._optimizer.step()
        self._follow()
        self.done += 1
        return error.item()

    def _follow(self) -> None:
        settling = self.done >= self.steps - SETTLING
        keep = SETTLING_AVERAGE if settling else min(AVERAGE, (self.done + 1) / (self.done + 10))
        with torch.no_grad():
            for old, new in zip(self.shipped.parameters(), self.net.parameters(), strict=True):
                old.lerp_(new, 1 - keep)


def _rate(step: int) -> float:
    return float(RATE * min(1, step / WARM_UP) * (0.5 + 0.5 * np.cos(np.pi * step / HORIZON)) + 1e-5)


def draw(sources: Sequence[tuple[Corpus, float]], rng: np.random.Generator, device: str = "cpu") -> Batch:
    """A batch of pieces, of each source its share; the sounds where nobody speaks come as often as in it."""
    corpora, shares = zip(*sources, strict=True)
    pieces = [_piece(corpora[which], rng) for which in rng.choice(len(corpora), BATCH, p=shares)]
    mels, curves, visemes, counts = (
        torch.from_numpy(np.stack(part)).to(device) for part in zip(*pieces, strict=True)
    )
    return Batch(levelled(spectra.vary(mels, rng)), curves, visemes, counts)


def _piece(corpus: Corpus, rng: np.random.Generator) -> tuple[npt.NDArray[np.generic], ...]:
    sound, curves, visemes = corpus.example(corpus.pick(rng), rough=rng.random() < ROUGH)
    start = int(rng.integers(0, max(1, len(sound) - CROP + 1))) // FRAME
    mels = sound[start * FRAME : start * FRAME + CROP].astype(np.float32)
    frames = np.arange(CROP // FRAME)[:, None] - np.array(LOOKAHEADS) + start
    known = (frames >= start + SETTLE * (start > 0)) & (frames < start + len(mels) // FRAME)
    rows = np.clip(frames, 0, len(curves) // FRAME - 1)[..., None] * FRAME + np.arange(FRAME)
    return (
        np.pad(mels, ((0, CROP - len(mels)), (0, 0)), constant_values=features.QUIETEST_DB),
        curves[rows].mean(2),
        visemes[rows[..., FRAME // 2]],
        known.astype(np.float32),
    )


def loss(net: LipNet, batch: Batch) -> Tensor:
    """Huber on the curves and on their changes, cross-entropy on speech and visemes."""
    said = net(batch.spectra)
    curves, visemes = said[..., :SPEECH], said[..., len(CURVES) :]
    targets, speech = batch.curves[..., :SPEECH], batch.curves[..., SPEECH]
    counts = batch.counts / batch.counts.sum()
    weights = torch.tensor([WEIGHTS[name] for name in CURVES[:SPEECH]], device=said.device)
    emphasis = counts * (1 + CLOSURE * batch.curves[..., CURVES.index("press")])
    far = functional.smooth_l1_loss(curves, targets, beta=0.1, reduction="none") * weights
    jerk = functional.smooth_l1_loss(curves.diff(dim=1), targets.diff(dim=1), beta=0.05, reduction="none")
    known = functional.cross_entropy(visemes.movedim(3, 1), batch.visemes, reduction="none")
    active = functional.binary_cross_entropy_with_logits(said[..., SPEECH], speech, reduction="none")
    return (
        (far.mean(3) * emphasis).sum()
        + ((jerk * weights).mean(3) * emphasis[:, 1:]).sum()
        + 0.05 * (known * counts).sum()
        + 0.05 * (active * counts).sum()
    )
