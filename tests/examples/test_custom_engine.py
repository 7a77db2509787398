"""The example of an engine outside the package does what it says."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

from livekit_avatar import AudioChunk, engines

EXAMPLE = Path(__file__).parents[2] / "examples" / "custom_engine.py"


def test_the_bar_is_as_high_as_the_speech_is_loud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_engines", {})
    example = runpy.run_path(str(EXAMPLE))
    loudness = [0.0, 0.25, 0.5, 1.0]
    samples = np.repeat([round(32767 * level) for level in loudness], 640).astype(np.int16)
    frames = list(example["film"](AudioChunk(samples, 16_000)))
    assert [(frame.image[..., 1] == 224).mean() for frame in frames] == pytest.approx(loudness, abs=0.01)
    assert engines.get("bar") is not None and "bar" in engines.names()
