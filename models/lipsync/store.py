"""The corpus as flat arrays, kept in a work folder so that a second training need not synthesise again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from pathlib import Path

import corpus
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]

MADE_OF = ("espeak", "texts", "phones", "labels", "features", "nonspeech", "rooms", "corpus")
OTHER_SOUNDS = 0.08
"""Noise, tones and breath, as a part of the minutes of speech."""


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
        made = gathered(_reported(corpus.speech(minutes, seed), progress))
        other = gathered(corpus.other_sounds(minutes * OTHER_SOUNDS, seed + 1))
        part = path.with_suffix(".part.npz")
        np.savez(part, **_joined(made, other))
        part.replace(path)
    with np.load(path) as arrays:
        return Corpus(**{field.name: arrays[field.name] for field in fields(Corpus)})


def _fingerprint(minutes: float, seed: int) -> str:
    here = Path(__file__).parent
    code = b"".join((here / f"{name}.py").read_bytes() for name in MADE_OF)
    return hashlib.sha256(code + f"{minutes} {seed} {OTHER_SOUNDS}".encode()).hexdigest()[:12]


def _reported(
    examples: Iterable[corpus.Example], progress: Callable[[float], None]
) -> Iterable[corpus.Example]:
    made = 0
    for example in examples:
        made += len(example.visemes)
        progress(made / 6000)
        yield example


def gathered(examples: Iterable[corpus.Example]) -> dict[str, Array]:
    """Examples as the arrays of a `Corpus`."""
    kept = list(examples)
    arrays = {field.name: np.concatenate([getattr(e, field.name) for e in kept]) for field in fields(kept[0])}
    return arrays | {"bounds": np.cumsum([0, *(len(e.visemes) for e in kept)])}


def _joined(first: dict[str, Array], second: dict[str, Array]) -> dict[str, Array]:
    both = {name: np.concatenate([first[name], second[name]]) for name in first if name != "bounds"}
    return both | {"bounds": np.concatenate([first["bounds"], second["bounds"][1:] + first["bounds"][-1]])}
