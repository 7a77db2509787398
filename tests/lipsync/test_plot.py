from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from livekit_avatar.lipsync.cues import Take
from livekit_avatar.lipsync.model import LipSync
from livekit_avatar.lipsync.plot import plot


def pixels(take: Take) -> np.ndarray:
    """(H, W, 3) of the picture of a take."""
    return np.asarray(Image.open(io.BytesIO(plot(take))).convert("RGB"))


def coloured(picture: np.ndarray) -> int:
    """Pixels that are not grey."""
    return int((np.ptp(picture.astype(int), axis=2) > 20).sum())


def test_speech_is_a_curve_and_silence_is_flat(lips: LipSync, say: Callable[..., Any]) -> None:
    samples = say("Papa sang to the baby.").samples
    silent = np.zeros_like(samples)
    spoken = pixels(Take("speech.wav", samples, lips.states(samples)))
    quiet = pixels(Take("silence.wav", silent, lips.states(silent)))
    assert spoken.shape == quiet.shape
    assert coloured(spoken) > 10 * coloured(quiet)


@pytest.mark.parametrize(("seconds", "lines"), [(0.01, 1), (8, 1), (8.1, 2), (400, 24)])
def test_long_sounds_are_lines_below_one_another(lips: LipSync, seconds: float, lines: int) -> None:
    samples = np.zeros(round(seconds * 16000), np.int16)
    rest = lips.states(samples[:640])
    one = pixels(Take("one.wav", samples[:640], rest))
    picture = pixels(Take("rest.wav", samples, rest * -(-len(samples) // 640)))
    assert picture.shape == (lines * one.shape[0], *one.shape[1:])
