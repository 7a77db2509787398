"""A face that nobody drives looks alive, and never the same twice."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from livekit_avatar.engines.portrait.controls import CONTROLS, HEAD, pose
from livekit_avatar.engines.portrait.idle import BLINK_FRAMES, Idle
from livekit_avatar.types import FPS, Floats

SEEDS = (0, 1, 2**40)
MINUTE = 60 * FPS


@lru_cache
def lived(seed: int, frames: int = 5 * MINUTE, talking: float = 0.0) -> Floats:
    """(frames, controls) of a face that is left alone."""
    idle = Idle(seed)
    life, rows = idle.begin(), []
    for _ in range(frames):
        life = idle.advance(life, talking=talking)
        rows.append(idle.controls(life))
    return np.stack(rows)


def of(seed: int, name: str) -> Floats:
    return lived(seed)[:, CONTROLS.index(name)]


def blinks(seed: int) -> list[int]:
    """Frames in which a blink begins."""
    shut = of(seed, "eyeBlinkLeft") > 0
    return [int(frame) for frame in np.flatnonzero(shut[1:] & ~shut[:-1])]


def test_the_same_seed_lives_the_same_life_and_another_seed_another() -> None:
    again = Idle(1)
    life = again.advance(again.begin(), talking=0)
    assert np.array_equal(again.controls(life), lived(1)[0])
    assert np.abs(lived(1) - lived(2**40)).mean() > 1e-3


@pytest.mark.parametrize("seed", SEEDS)
def test_no_ten_seconds_of_five_minutes_come_again(seed: int) -> None:
    window = 10 * FPS
    names = (*HEAD, "gaze_x", "gaze_y")
    rows = lived(seed)[:, [CONTROLS.index(name) for name in names]]
    rows = (rows - rows.mean(0)) / rows.std(0)
    for lag in range(window, len(rows) - window, 7):
        apart = np.square(rows[lag:] - rows[:-lag]).mean(1)
        nearest = np.convolve(apart, np.full(window, 1 / window), "valid").min()
        assert nearest > 0.15, f"{lag / FPS} s later the face does nearly the same"


@pytest.mark.parametrize("seed", SEEDS)
def test_blinks_are_two_to_six_seconds_apart_or_double(seed: int) -> None:
    gaps = np.diff(blinks(seed)) / FPS
    double = gaps < 0.6
    assert 0 < double.mean() < 0.25
    assert ((gaps[~double] > 1.8) & (gaps[~double] < 6.2)).all()
    assert gaps.std() > 0.5


def test_lids_close_faster_than_they_open() -> None:
    start = blinks(0)[0]
    blink = of(0, "eyeBlinkLeft")[start : start + BLINK_FRAMES + 1]
    shut = np.flatnonzero(blink > 0.99)
    closing, opening = shut[0], len(np.flatnonzero(blink)) - shut[-1]
    assert len(shut) and closing <= 3 < opening + 1 <= 6


@pytest.mark.parametrize("seed", SEEDS)
def test_the_eyes_are_mostly_on_the_viewer_and_sometimes_past_them(seed: int) -> None:
    past = np.hypot(of(seed, "gaze_x"), of(seed, "gaze_y")) > 0.15
    assert 0.05 < past.mean() < 0.35


@pytest.mark.parametrize("seed", SEEDS)
def test_fixations_last(seed: int) -> None:
    jumps = np.flatnonzero(np.abs(np.diff(of(seed, "gaze_x"))) > 0.08)
    starts = jumps[np.diff(jumps, prepend=-FPS) > 2]  # a saccade takes two frames
    gaps = np.diff(starts) / FPS
    assert gaps.min() >= 0.7


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ["yaw", "pitch", "roll"])
def test_the_head_sways_a_degree_or_two(seed: int, name: str) -> None:
    degrees = np.degrees(of(seed, name))
    assert 0.3 < degrees.std() < 1.5
    assert np.abs(degrees).max() < 4


@pytest.mark.parametrize("seed", SEEDS)
def test_breath_comes_and_goes_every_four_seconds_or_so(seed: int) -> None:
    breath = of(seed, "breath")
    full = np.flatnonzero((breath[1:-1] > breath[:-2]) & (breath[1:-1] >= breath[2:]) & (breath[1:-1] > 0.5))
    gaps = np.diff(full) / FPS
    assert gaps.min() > 3.3 and gaps.max() < 5.3 and gaps.std() > 0.1
    assert breath.min() >= 0 and breath.max() <= 1


@pytest.mark.parametrize("talking", [0.0, 1.0])
def test_nothing_jumps(talking: float) -> None:
    steps = np.abs(np.diff(lived(5, MINUTE, talking), axis=0)).max(0)
    limits = {"eyeBlinkLeft": 0.75, "eyeBlinkRight": 0.75, "gaze_x": 0.36, "gaze_y": 0.2, "breath": 0.06}
    for name, step in zip(CONTROLS, steps, strict=True):
        assert step <= limits.get(name, 0.008), name


def test_a_face_that_talks_moves_its_head_more() -> None:
    def speed(talking: float) -> float:
        yaw = lived(3, MINUTE, talking)[:, CONTROLS.index("yaw")]
        return float(np.abs(np.diff(yaw)).mean())

    assert speed(1.0) > 1.3 * speed(0.0)


def test_the_mouth_is_at_rest() -> None:
    assert not lived(0)[:, : CONTROLS.index("browInnerUp")].any()


def test_people_blink_when_a_phrase_ends() -> None:
    soon = 0
    for seed in range(40):
        idle = Idle(seed)
        life = idle.begin()
        for _ in range(20):
            life = idle.advance(life, talking=1)
        before = life.blink.index
        life = idle.advance(life, talking=1, phrase_ended=True)
        for _ in range(10):
            life = idle.advance(life, talking=0)
        soon += life.blink.index > before
    assert 15 <= soon <= 35


def test_a_blink_that_is_asked_for_comes_at_once() -> None:
    idle = Idle(0)
    life = idle.advance(idle.begin(), talking=0, blink=True)
    assert life.blink.age == 0


def test_the_eyes_stay_on_the_viewer_when_the_head_turns() -> None:
    turned = np.zeros(len(CONTROLS), np.float32)
    turned[CONTROLS.index("yaw")] = 0.05
    turned[CONTROLS.index("pitch")] = -0.04
    shown = pose(turned)
    assert shown.yaw > 0 > shown.gaze_x
    assert shown.pitch < 0 < shown.gaze_y
