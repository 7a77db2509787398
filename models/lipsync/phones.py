"""How every phone of the IPA looks on the lips.

Apertures were set by what real lips do in each viseme: 0 is closed, 1 as wide as speech ever gets, and a
relaxed mouth between two words is about 0.3. Rounded vowels are small.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple


class Phone(NamedTuple):
    """What the lips aim at, and how strongly.

    Attributes:
        aperture: between the lips, 0..1.
        width: -1 (pursed) .. 1 (spread).
        rounding: 0..1.
        jaw: how far it drops, 0..1.
        hold: how strongly aperture and jaw insist against their neighbours.
        hold_width: the same for width and rounding.
        viseme: one of the fifteen of the Oculus lip-sync SDK.
    """

    aperture: float
    width: float
    rounding: float
    jaw: float
    hold: float
    hold_width: float
    viseme: str


PAUSE = "sil"

_VOWELS = {
    "a": (0.9, 0.15, 0, 0.85), "ä": (0.9, 0.15, 0, 0.85), "æ": (0.82, 0.38, 0, 0.75),
    "ɑ": (0.88, -0.1, 0.05, 0.9), "ɐ": (0.7, 0.05, 0, 0.65), "ʌ": (0.64, 0, 0, 0.6),
    "ɛ": (0.66, 0.32, 0, 0.55), "e": (0.56, 0.4, 0, 0.4), "ɪ": (0.5, 0.33, 0, 0.3),
    "i": (0.52, 0.5, 0, 0.2), "ᵻ": (0.44, 0.25, 0, 0.25), "ɨ": (0.44, 0.25, 0, 0.25),
    "ə": (0.42, 0.05, 0, 0.35), "ɜ": (0.4, -0.15, 0.15, 0.4), "ɚ": (0.38, -0.2, 0.2, 0.35),
    "ɝ": (0.38, -0.2, 0.2, 0.35), "ɔ": (0.38, -0.7, 0.6, 0.6), "ɒ": (0.52, -0.45, 0.4, 0.7),
    "o": (0.22, -0.9, 0.85, 0.4), "ɵ": (0.22, -0.65, 0.65, 0.3), "ʊ": (0.22, -0.65, 0.65, 0.28),
    "u": (0.12, -0.9, 1.0, 0.2), "ʉ": (0.15, -0.75, 0.9, 0.2), "y": (0.14, -0.75, 0.95, 0.2),
    "ʏ": (0.2, -0.6, 0.7, 0.25), "ø": (0.22, -0.65, 0.8, 0.35), "œ": (0.34, -0.55, 0.6, 0.45),
    "ɯ": (0.4, 0.15, 0, 0.22), "ɤ": (0.42, 0, 0, 0.35),
}  # fmt: skip

_CONSONANTS = {
    "PP": {
        "p": (0, -0.1, 0, 0.08, 1, 0.15), "b": (0, -0.1, 0, 0.08, 1, 0.15), "m": (0, -0.1, 0, 0.1, 1, 0.15),
    },
    "FF": {
        "f": (0.06, -0.15, 0, 0.12, 0.9, 0.3), "v": (0.06, -0.15, 0, 0.12, 0.9, 0.3),
        "ɸ": (0.05, -0.3, 0.4, 0.1, 1, 0.4), "β": (0.08, -0.1, 0.2, 0.1, 1, 0.3),
        "ʋ": (0.15, 0, 0.1, 0.15, 0.7, 0.3),
    },
    "ou": {
        "w": (0.08, -0.9, 1, 0.15, 0.8, 1.0), "ʍ": (0.08, -0.9, 1, 0.15, 0.8, 1.0),
        "ɥ": (0.14, -0.8, 0.9, 0.15, 0.8, 0.9),
    },
    "TH": {"θ": (0.32, 0.15, 0, 0.2, 0.5, 0.2), "ð": (0.32, 0.12, 0, 0.2, 0.4, 0.15)},
    "DD": {
        "t": (0.20, 0.12, 0, 0.12, 0.4, 0.15), "d": (0.21, 0.12, 0, 0.14, 0.4, 0.15),
        "ɾ": (0.25, 0.1, 0, 0.2, 0.25, 0.1), "ʈ": (0.18, 0.1, 0, 0.14, 0.4, 0.15),
        "ɖ": (0.18, 0.1, 0, 0.14, 0.4, 0.15),
    },
    "nn": {
        "n": (0.20, 0.05, 0, 0.16, 0.35, 0.12), "l": (0.30, 0.1, 0, 0.28, 0.3, 0.12),
        "ɫ": (0.28, 0, 0.05, 0.28, 0.3, 0.15), "ɲ": (0.26, 0.35, 0, 0.16, 0.35, 0.3),
        "ʎ": (0.28, 0.35, 0, 0.2, 0.3, 0.3), "ɳ": (0.2, 0.1, 0, 0.16, 0.35, 0.12),
        "ɭ": (0.26, 0.1, 0, 0.25, 0.3, 0.12), "ɬ": (0.3, 0.1, 0, 0.25, 0.3, 0.12),
    },
    "SS": {"s": (0.21, 0.38, 0, 0.05, 0.6, 0.4), "z": (0.21, 0.38, 0, 0.06, 0.6, 0.4)},
    "CH": {
        "ʃ": (0.17, -0.4, 0.6, 0.08, 0.7, 0.7), "ʒ": (0.17, -0.4, 0.6, 0.08, 0.7, 0.7),
        "ʂ": (0.18, -0.3, 0.5, 0.08, 0.6, 0.6), "ʐ": (0.18, -0.3, 0.5, 0.1, 0.6, 0.6),
        "ɕ": (0.2, 0.1, 0.2, 0.06, 0.6, 0.4), "ʑ": (0.2, 0.1, 0.2, 0.06, 0.6, 0.4),
    },
    "kk": {
        "k": (0.37, 0.05, 0, 0.25, 0.2, 0.08), "ɡ": (0.37, 0.05, 0, 0.25, 0.2, 0.08),
        "g": (0.37, 0.05, 0, 0.25, 0.2, 0.08), "ŋ": (0.36, 0.05, 0, 0.25, 0.2, 0.08),
        "ɴ": (0.3, 0.05, 0, 0.25, 0.2, 0.08), "x": (0.38, 0.05, 0, 0.28, 0.25, 0.1),
        "ɣ": (0.36, 0.05, 0, 0.28, 0.2, 0.1), "χ": (0.36, 0.05, 0, 0.3, 0.2, 0.1),
        "q": (0.34, 0.05, 0, 0.3, 0.2, 0.1), "h": (0.42, 0.1, 0, 0.35, 0.06, 0.04),
        "ɦ": (0.42, 0.1, 0, 0.35, 0.06, 0.04), "ħ": (0.45, 0.1, 0, 0.4, 0.15, 0.05),
        "ʕ": (0.5, 0.1, 0, 0.45, 0.15, 0.05), "ʔ": (0.4, 0.1, 0, 0.3, 0.05, 0.03),
        "c": (0.34, 0.3, 0, 0.16, 0.3, 0.25), "ɟ": (0.34, 0.3, 0, 0.16, 0.3, 0.25),
    },
    "RR": {
        "ɹ": (0.32, -0.4, 0.45, 0.2, 0.4, 0.5), "r": (0.38, -0.15, 0.1, 0.22, 0.3, 0.2),
        "ʁ": (0.42, -0.05, 0, 0.3, 0.25, 0.1), "ɽ": (0.3, 0, 0.05, 0.2, 0.25, 0.1),
    },
    "ih": {
        "j": (0.42, 0.4, 0, 0.18, 0.35, 0.4), "ʝ": (0.24, 0.5, 0, 0.18, 0.35, 0.4),
        "ç": (0.36, 0.5, 0, 0.15, 0.35, 0.4),
    },
}  # fmt: skip


def _vowel_viseme(aperture: float, width: float, rounding: float) -> str:
    if rounding >= 0.75:
        return "ou" if aperture < 0.33 else "oh"
    if rounding >= 0.3:
        return "oh"
    if aperture >= 0.6:
        return "aa" if width < 0.3 else "E"
    return "ih" if width >= 0.3 and aperture < 0.5 else "E"


VOWELS = {name: Phone(*look, 1, 1, _vowel_viseme(*look[:3])) for name, look in _VOWELS.items()}
CONSONANTS = {
    name: Phone(*look, viseme) for viseme, table in _CONSONANTS.items() for name, look in table.items()
}
ROUNDED_GLIDES = frozenset(CONSONANTS[name] for name in "wʍɥ")

_MARKS = re.compile('[\u0300-\u036fːˑʲʰʱˤˠᵝˈˌ.\\-"]')
_ALONE = {"ʲ": "j", "ʷ": "w"}
"""Marks that eSpeak also speaks as phones of their own."""


@lru_cache(maxsize=4096)
def parts(name: str) -> tuple[Phone, ...]:
    """The phones inside an eSpeak phone name: two for a diphthong, none for a pause.

    An affricate is its fricative: the stop's place is the same and its release comes at once.
    """
    text = unicodedata.normalize("NFD", _ALONE.get(name, name)).replace("c\u0327", "ç").replace("?", "ʔ")
    text = _MARKS.sub("", text).replace("ʷ", "w").replace("ε", "ɛ").strip("_")
    if len(text) > 1 and text[0] in "bptdkɡ" and text.endswith("h"):
        text = text[:-1]
    found = [VOWELS.get(sign) or CONSONANTS.get(sign) for sign in text]
    known = tuple(phone for phone in found if phone)
    if len(known) > 1 and text[0] in "td" and known[1].viseme in ("SS", "CH"):
        return known[1:]
    return known or ((CONSONANTS["ʔ"],) if text else ())
