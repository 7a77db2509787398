"""The corpus as flat arrays, kept in a work folder so that a second training need not synthesise again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, fields
from itertools import count, islice
from pathlib import Path

import corpus
import natural
import numpy as np
import numpy.typing as npt
from espeak import Phone

from livekit_avatar.types import SPEECH_RATE

Array = npt.NDArray[np.generic]

MADE_OF = ("espeak", "texts", "phones", "labels", "features", "nonspeech", "rooms", "corpus")
SPOKEN_BY = ("espeak", "texts", "kokoro", "natural")
"""The modules that decide what the natural voices say, and how."""

BLOCK = 20
"""Natural sentences that are written at once: about a minute."""

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
    path = folder / f"corpus-{_fingerprint(MADE_OF, minutes, seed, OTHER_SOUNDS)}.npz"
    if not path.is_file():
        _write(path, _synthesised(minutes, seed, progress))
    with np.load(path) as arrays:
        return Corpus(**arrays)


def natural_or_make(
    folder: Path, minutes: float, seed: int, processes: int, progress: Callable[[float], None]
) -> Corpus:
    """The same in natural voices. The speech takes long and is kept on the way; its labels may change."""
    kept = folder / f"natural-{_fingerprint(SPOKEN_BY, seed)}"
    spoken = _reached(_spoken(kept, seed, processes), minutes, progress)
    return Corpus(**gathered(corpus.natural(spoken, seed)))


def _write(path: Path, arrays: dict[str, Array]) -> None:
    """Write aside, and put it in its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(file, **arrays)
    part.replace(path)


def _synthesised(minutes: float, seed: int, progress: Callable[[float], None]) -> dict[str, Array]:
    made = gathered(_reported(corpus.speech(minutes, seed), progress))
    return _joined(made, gathered(corpus.other_sounds(minutes * OTHER_SOUNDS, seed + 1)))


def _spoken(folder: Path, seed: int, processes: int) -> Iterator[natural.Spoken]:
    """Sentences without end: those in the folder, then new ones, which are added to it block by block.

    New ones are read back as well, rounded as they were written: a stop changes nothing.
    """
    there = len(list(folder.glob("*.npz")))
    with closing(natural.sentences(seed, processes, there * BLOCK)) as sentences:
        for number in count():
            path = folder / f"{number:04d}.npz"
            if number >= there:
                _write(path, _block(list(islice(sentences, BLOCK))))
            yield from _sentences(path)


def _reached(
    spoken: Iterator[natural.Spoken], minutes: float, progress: Callable[[float], None]
) -> Iterator[natural.Spoken]:
    """At least so many minutes of it."""
    made = 0.0
    with closing(spoken):
        while made < minutes:
            sound, said = next(spoken)
            made += len(sound) / SPEECH_RATE / 60
            progress(made)
            yield sound, said


def _block(spoken: Sequence[natural.Spoken]) -> dict[str, Array]:
    """Sound and phones of some sentences end to end, and where each ends."""
    flat = [phone for _, said in spoken for phone in said]
    return {
        "sound": np.concatenate([sound for sound, _ in spoken]).astype(np.float16),
        "names": np.array([phone.name for phone in flat]),
        "times": np.array([(phone.start, phone.end) for phone in flat]),
        "sound_ends": np.cumsum([len(sound) for sound, _ in spoken]),
        "phone_ends": np.cumsum([len(said) for _, said in spoken]),
    }


def _sentences(path: Path) -> Iterator[natural.Spoken]:
    with np.load(path) as file:
        arrays = dict(file)
    names, times = arrays["names"].tolist(), arrays["times"].tolist()
    phones = [Phone(name, start, end) for name, (start, end) in zip(names, times, strict=True)]
    sounds = np.split(arrays["sound"], arrays["sound_ends"][:-1])
    starts = [0, *arrays["phone_ends"].tolist()]
    for sound, first, last in zip(sounds, starts, starts[1:], strict=False):
        yield sound.astype(np.float32), phones[first:last]


def _fingerprint(modules: tuple[str, ...], *settings: float) -> str:
    here = Path(__file__).parent
    code = b"".join((here / f"{name}.py").read_bytes() for name in modules)
    return hashlib.sha256(code + str([float(each) for each in settings]).encode()).hexdigest()[:12]


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
