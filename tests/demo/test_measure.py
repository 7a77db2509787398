"""The measures find what was put in: rate, delays, and the offset between lips and voice."""

from __future__ import annotations

import numpy as np
import pytest

from livekit_avatar.demo.measure import GRID, RATE, Reception, cells_of, measure, sound_start

MOUTH = slice(1500, 1516)
SECONDS = 8.0
REQUEST = 2.0
FIRST_SOUND = 2.16


def reception(offset: float, *, moves: float = 20.0, fps: float = 25.0) -> Reception:
    """Syllables from `FIRST_SOUND` on, and a mouth that darkens with them `offset` seconds later."""
    rng = np.random.default_rng(1)
    syllables = np.abs(rng.normal(1.0, 0.6, round(SECONDS / 0.08))) + 0.1
    syllables[: round(FIRST_SOUND / 0.08)] = 0
    loudness = np.repeat(syllables, round(RATE * 0.08))
    tone = np.sin(2 * np.pi * 200 * np.arange(len(loudness)) / RATE)
    sound = (loudness * 2000 * tone).clip(-32_000, 32_000).astype(np.int16)
    times = np.arange(round(SECONDS * fps)) / fps + rng.normal(0, 0.004, round(SECONDS * fps))
    cells = rng.normal(128, 1, (len(times), GRID * GRID))
    heard = np.clip((times + 0.02 - offset) * RATE, 0, len(loudness) - 1).astype(int)
    cells[:, MOUTH] -= moves * loudness[heard][:, None]
    return Reception(REQUEST, times, cells.clip(0, 255).astype(np.uint8), 0.0, sound)


@pytest.mark.parametrize("offset", [-0.12, -0.04, 0.0, 0.03, 0.08, 0.2])
def test_the_offset_between_lips_and_voice_is_found_to_a_few_milliseconds(offset: float) -> None:
    found = measure(reception(offset))
    assert found is not None
    assert found.av_offset_ms == pytest.approx(offset * 1000, abs=10)


def test_delays_count_from_the_request() -> None:
    found = measure(reception(0.1))
    assert found is not None
    assert found.first_audio_ms == pytest.approx((FIRST_SOUND - REQUEST) * 1000, abs=5)
    assert found.first_frame_ms == pytest.approx((FIRST_SOUND - REQUEST) * 1000 + 100, abs=50)


@pytest.mark.parametrize("fps", [15.0, 20.0, 25.0])
def test_the_frame_rate_is_that_of_the_arrivals(fps: float) -> None:
    found = measure(reception(0.0, fps=fps))
    assert found is not None
    assert found.fps == pytest.approx(fps, abs=0.2)
    assert found.gap_p95_ms == pytest.approx(1000 / fps, abs=20)


def test_a_face_that_does_not_follow_the_voice_has_no_offset() -> None:
    found = measure(reception(0.0, moves=0.0))
    assert found is not None
    assert found.av_offset_ms is None
    assert found.first_frame_ms is None


def test_silence_has_no_measures() -> None:
    silent = reception(0.0)
    assert measure(Reception(REQUEST, silent.frame_times, silent.cells, 0.0, silent.sound * 0)) is None


def test_the_start_of_the_sound_is_found_through_jitter() -> None:
    lengths = np.full(500, 480)
    arrivals = 3.0 + np.cumsum(lengths) / RATE + np.random.default_rng(0).normal(0, 0.003, 500)
    assert sound_start(arrivals, lengths) == pytest.approx(3.0, abs=0.001)


def test_a_cell_is_the_mean_of_its_part_of_the_picture() -> None:
    luma = np.zeros((GRID * 4, GRID * 2), np.uint8)
    luma[-4:, -2:] = 200
    cells = cells_of(luma)
    assert cells.shape == (GRID * GRID,)
    assert cells[-1] == 200
    assert not cells[:-1].any()
