"""Speech with the time of every phone, from the eSpeak NG library of the `espeakng-loader` package.

The calls are those of eSpeak NG's `speak_lib.h`. The library has one voice at a time and one instance a
process, so this module is one, too.
"""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import espeakng_loader
import numpy as np
import numpy.typing as npt

_RETRIEVAL = 1  # AUDIO_OUTPUT_RETRIEVAL: sound comes back through the callback
_IPA_PHONEME_EVENTS = 0b11  # espeakINITIALIZE_PHONEME_EVENTS | espeakINITIALIZE_PHONEME_IPA
_EVENT_END, _EVENT_PHONEME = 0, 7
_UTF8, _PHONEMES = 0x1, 0x100
_IPA = 0x02  # espeakPHONEMES_IPA
_SEED = 1
"""Of the breath in some voices, which else the clock seeds, and of the C library's numbers, from which others
draw their hiss: a new process repeats what the last one said, sample for sample."""

_RATE, _PITCH, _RANGE, _WORD_GAP = 1, 3, 4, 7


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


@dataclass(frozen=True)
class Phone:
    """A phone in IPA ("" is a pause), from `start` to `end` in seconds."""

    name: str
    start: float
    end: float


@dataclass(frozen=True)
class Utterance:
    """(n,) int16 speech at `rate` Hz and what is said in it, without gaps from the first phone to the end."""

    samples: npt.NDArray[np.int16]
    rate: int
    phones: list[Phone]


class _Library:
    """The loaded library, and what its callback has collected."""

    def __init__(self) -> None:
        self.sound: list[npt.NDArray[np.int16]] = []
        self.marks: list[tuple[int, str]] = []
        self.c = ctypes.CDLL(espeakng_loader.get_library_path())
        home = str(Path(espeakng_loader.get_data_path()).parent).encode()
        self.rate: int = self.c.espeak_Initialize(_RETRIEVAL, 200, home, _IPA_PHONEME_EVENTS)
        if self.rate <= 0:
            raise RuntimeError("eSpeak NG found no data: reinstall espeakng-loader")
        self.c.espeak_ng_SetRandSeed(ctypes.c_long(_SEED))
        self.libc = ctypes.CDLL("ucrtbase" if sys.platform == "win32" else None)
        self.c.espeak_TextToPhonemes.restype = ctypes.c_void_p
        self._callback = _Callback(self._collect)  # kept: the library calls it later
        self.c.espeak_SetSynthCallback(self._callback)

    def _collect(self, wave: Any, count: int, events: Any) -> int:
        if wave and count > 0:
            self.sound.append(np.ctypeslib.as_array(wave, (count,)).copy())
        at = 0
        while events[at].type != _EVENT_END:
            if events[at].type == _EVENT_PHONEME:
                place = ctypes.addressof(events[at]) + _Event.id.offset
                name = ctypes.string_at(place, 8).split(b"\0")[0].decode("utf8", "ignore")
                if not name.startswith("("):  # "(en)" is no phone: the voice changes its language
                    self.marks.append((events[at].sample, name))
            at += 1
        return 0


@lru_cache(maxsize=1)
def _library() -> _Library:
    return _Library()


def variants() -> list[str]:
    """Names of the speaker variants that come with eSpeak NG, sorted."""
    folder = Path(espeakng_loader.get_data_path()) / "voices" / "!v"
    return sorted(path.name for path in folder.iterdir())


def set_voice(name: str) -> None:
    """Choose a voice such as "fr" or "en-us+f3".

    Raises:
        ValueError: there is none of that name.
    """
    if _library().c.espeak_SetVoiceByName(name.encode()) != 0:
        raise ValueError(f"eSpeak NG has no voice {name!r}")


def set_manner(*, words_per_minute: int = 175, pitch: int = 50, melody: int = 50, word_gap: int = 0) -> None:
    """How the voice speaks: pitch and melody in 0..99, the gap between words in units of 10 ms."""
    for parameter, value in (
        (_RATE, words_per_minute), (_PITCH, pitch), (_RANGE, melody), (_WORD_GAP, word_gap),
    ):  # fmt: skip
        _library().c.espeak_SetParameter(parameter, value, 0)


def say(text: str, *, phonemes: bool = False) -> Utterance:
    """Speak a text; with `phonemes`, what stands in [[ ]] is read as eSpeak's phoneme names."""
    library = _library()
    library.sound.clear()
    library.marks.clear()
    library.libc.srand(_SEED)  # whatever else draws from it in this process
    data = text.encode() + b"\0"
    flags = _UTF8 | (_PHONEMES if phonemes else 0)
    library.c.espeak_Synth(data, ctypes.c_size_t(len(data)), 0, 0, 0, flags, None, None)
    library.c.espeak_Synchronize()
    samples = np.concatenate([np.zeros(0, np.int16), *library.sound])
    return Utterance(samples, library.rate, _phones(library.marks, samples, library.rate))


def ipa(text: str) -> str:
    """A text in the IPA as the voice would speak it, with stress, a comma after each clause but the last."""
    library = _library()
    rest, clauses = ctypes.c_char_p(text.encode()), []
    while rest.value:
        spoken = library.c.espeak_TextToPhonemes(ctypes.byref(rest), _UTF8, _IPA)
        clauses.append(ctypes.string_at(spoken).decode().strip())
    return ", ".join(clauses)


def _phones(marks: list[tuple[int, str]], samples: npt.NDArray[np.int16], rate: int) -> list[Phone]:
    starts = _closure_starts(marks, samples, rate)
    ends = [*starts[1:], len(samples) / rate]
    return [
        Phone(name, start, end)
        for (_, name), start, end in zip(marks, starts, ends, strict=True)
        if end > start + 1e-4
    ]


_STOPS = tuple("pbtdkɡgqcɟʈɖʔʡ")
_QUIET = 1e-3
_HOP = 0.005


def _closure_starts(marks: list[tuple[int, str]], samples: npt.NDArray[np.int16], rate: int) -> list[float]:
    """Phone starts in seconds. eSpeak marks a stop at its burst; the silence before it is its closure."""
    hop = int(_HOP * rate)
    whole = samples[: len(samples) // hop * hop].reshape(-1, hop) / 32768.0
    loud = np.sqrt((whole**2).mean(1)) >= _QUIET
    starts = [sample / rate for sample, _ in marks]
    for i in range(1, len(marks)):
        if not marks[i][1].startswith(_STOPS) or not marks[i - 1][1]:
            continue
        first = int(starts[i - 1] / _HOP) + 3
        at = min(int(starts[i] / _HOP), len(loud))
        while at > first and not loud[at - 1]:
            at -= 1
            starts[i] -= _HOP
    return starts
