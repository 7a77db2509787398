"""The corpus as flat arrays, kept in a work folder so that a second training need not synthesise again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from itertools import chain
from pathlib import Path

import corpus
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]

MADE_OF = (
    "espeak",
    "natural",
    "vowels",
    "texts",
    "phones",
    "labels",
    "features",
    "nonspeech",
    "rooms",
    "corpus",
)
NATURAL, HELD_VOWELS, OTHER_SOUNDS = 0.35, 0.05, 0.12
"""The natural voice; vowels that are held; noise, tones and breath: as a part of all minutes."""


@dataclass(frozen=True)
class Corpus:
    """All examples end to end, arrays as in `corpus.Example`; number i is rows bounds[i] to bounds[i + 1]."""

    clean: Array
    rough: Array
    curves: Array
    visemes: Array
    bounds: npt.NDArray[np.int64]

    def pick(self, rng: np.random.Generator) -> int:
        """An example, the more often the longer it is."""
        return int(np.searchsorted(self.bounds, rng.integers(self.bounds[-1]), "right")) - 1

    def example(self, number: int, *, rough: bool) -> tuple[Array, Array, Array]:
        """Its spectra, curves and visemes."""
        rows = slice(self.bounds[number], self.bounds[number + 1])
        return (self.rough if rough else self.clean)[rows], self.curves[rows], self.visemes[rows]


def load_or_make(folder: Path, minutes: float, seed: int, progress: Callable[[float], None]) -> Corpus:
    """The corpus of these arguments and this code; `progress` is told the minutes made so far."""
    path = folder / f"corpus-{_fingerprint(minutes, seed)}.npz"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        parts = (
            corpus.speech(minutes * (1 - NATURAL - HELD_VOWELS - OTHER_SOUNDS), seed),
            corpus.natural(minutes * NATURAL, seed),
            corpus.held_vowels(minutes * HELD_VOWELS, seed),
            corpus.other_sounds(minutes * OTHER_SOUNDS, seed + 1),
        )
        part = path.with_suffix(".part.npz")
        np.savez(part, **_gathered(_reported(chain(*parts), progress)))
        part.replace(path)
    with np.load(path) as arrays:
        return Corpus(**{field.name: arrays[field.name] for field in fields(Corpus)})


def _fingerprint(minutes: float, seed: int) -> str:
    here = Path(__file__).parent
    parts = (NATURAL, HELD_VOWELS, OTHER_SOUNDS)
    code = b"".join((here / f"{name}.py").read_bytes() for name in MADE_OF)
    return hashlib.sha256(code + f"{minutes} {seed} {parts}".encode()).hexdigest()[:12]


def _reported(
    examples: Iterable[corpus.Example], progress: Callable[[float], None]
) -> Iterable[corpus.Example]:
    made = 0
    for example in examples:
        made += len(example.visemes)
        progress(made / 6000)
        yield example


def _gathered(examples: Iterable[corpus.Example]) -> dict[str, Array]:
    kept = list(examples)
    arrays = {field.name: np.concatenate([getattr(e, field.name) for e in kept]) for field in fields(kept[0])}
    return arrays | {"bounds": np.cumsum([0, *(len(e.visemes) for e in kept)])}
