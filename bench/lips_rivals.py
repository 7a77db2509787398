"""Other ways from speech to a mouth, as predictors: loudness, Rhubarb Lip Sync, and curves from files."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import tempfile
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from livekit_avatar.types import SPEECH_RATE, Samples

Array = npt.NDArray[np.floating]
Predictor = Callable[[Samples], tuple[Array, Array, Array]]
"""Speech -> times in seconds, aperture and width at these times."""

RHUBARB_MOUTHS = {
    "A": (0.0, 0.0), "B": (0.25, 0.3), "C": (0.55, 0.25), "D": (0.9, 0.1), "E": (0.45, -0.4),
    "F": (0.2, -0.9), "G": (0.1, 0.0), "H": (0.4, 0.1), "X": (0.0, 0.0),
}  # fmt: skip
"""Aperture and width of Rhubarb's mouth shapes, by its own descriptions of them."""


def loudness(speech: Samples) -> tuple[Array, Array, Array]:
    """The yardstick: the level for the aperture, the spectral centroid for the width."""
    sound = np.pad(speech / (speech.std() + 1e-9) * 0.08, (200, 400))
    frames = np.lib.stride_tricks.sliding_window_view(sound, 400)[::160]
    level = 20 * np.log10(np.sqrt((frames**2).mean(1)) + 1e-5)
    level = np.maximum(level, np.percentile(level, 95) - 35)
    power = np.abs(np.fft.rfft(frames * np.hanning(400), 512, axis=1)) ** 2
    hertz = np.arange(257) * 31.25
    band = (hertz > 800) & (hertz < 3200)
    centroid = (power[:, band] * hertz[band]).sum(1) / (power[:, band].sum(1) + 1e-9)
    return np.arange(len(level)) * 0.01, _smooth(level, 11), _smooth(centroid, 15)


def rhubarb() -> Predictor | None:
    """Rhubarb's phonetic recogniser, offline, if its program is on PATH."""
    program = shutil.which("rhubarb")
    return None if program is None else lambda speech: _rhubarb(program, speech)


def _rhubarb(program: str, speech: Samples) -> tuple[Array, Array, Array]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        _write_wav(path, speech)
        command = [program, "--quiet", "-r", "phonetic", "-f", "json", str(path)]
        said = subprocess.run(command, capture_output=True, check=True)
    mouths = np.zeros((len(speech) // 160 + 1, 2))
    for cue in json.loads(said.stdout)["mouthCues"]:
        mouths[int(cue["start"] * 100) : int(np.ceil(cue["end"] * 100))] = RHUBARB_MOUTHS[cue["value"]]
    return (np.arange(len(mouths)) + 0.5) / 100, _smooth(mouths[:, 0], 9), _smooth(mouths[:, 1], 9)


def _write_wav(path: Path, speech: Samples) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SPEECH_RATE)
        file.writeframes(speech.tobytes())


def from_file(path: Path) -> Predictor:
    """Curves of any other program: a CSV file with the columns seconds, aperture and width."""
    with path.open(newline="") as file:
        rows = np.array(
            [[float(row[k]) for k in ("seconds", "aperture", "width")] for row in csv.DictReader(file)]
        )
    return lambda speech: (rows[:, 0], rows[:, 1], rows[:, 2])


def _smooth(curve: Array, count: int) -> Array:
    window = np.hanning(count)
    smooth: Array = np.convolve(np.pad(curve, count // 2, "edge"), window / window.sum(), "valid")
    return smooth
