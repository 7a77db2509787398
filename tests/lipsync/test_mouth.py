from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livekit_avatar.lipsync.mouth import ALIVE, CURVES, MANY, mouth_states, presence
from livekit_avatar.types import MOUTH_SHAPES, VISEMES, MouthState


def mouth(viseme: str = "sil", present: float = 1.0, **curves: float) -> MouthState:
    visemes = np.eye(len(VISEMES), dtype=np.float32)[VISEMES.index(viseme)]
    return mouth_states([[curves.get(name, 0.0) for name in CURVES]], [visemes], [present])[0]


def shape(state: MouthState, name: str) -> float:
    return float(state.shapes[MOUTH_SHAPES.index(name)])


@given(st.lists(st.floats(-2, 3), min_size=len(CURVES), max_size=len(CURVES)), st.floats(0, 1))
def test_whatever_the_network_says_is_a_possible_mouth(curves: list[float], present: float) -> None:
    state = mouth_states([curves], [np.full(15, 1 / 15, np.float32)], [present])[0]
    assert state.shapes.dtype == np.float32
    assert state.shapes.min() >= 0 and state.shapes.max() <= 1
    assert 0 <= state.aperture <= 1
    assert -1 <= state.width <= 1
    assert 0 <= state.speech <= 1


def test_without_a_speaker_the_mouth_rests_whatever_else_is_heard() -> None:
    state = mouth("aa", present=0.05, aperture=0.9, width=0.5, jaw=0.8, press=1, tuck=1, hiss=1)
    assert not state.shapes.any()
    assert state.aperture == state.width == 0


def test_the_jaw_follows_the_aperture() -> None:
    opened = [shape(mouth(aperture=a, jaw=a), "jawOpen") for a in (0.0, 0.2, 0.5, 0.9)]
    assert opened == sorted(opened)
    assert opened[0] == 0 and opened[-1] > 0.5


def test_pressed_lips_are_closed() -> None:
    state = mouth("PP", press=0.95, aperture=0.3, jaw=0.3)
    assert state.aperture == 0
    assert shape(state, "jawOpen") == 0
    assert shape(state, "mouthPressLeft") > 0.4


def test_round_and_pressed_lips_are_narrower() -> None:
    widths = [mouth(), mouth(press=0.8), mouth(rounding=0.8)]
    assert widths[2].width < widths[1].width < widths[0].width == 0


def test_lips_nearly_closed_still_move() -> None:
    apertures = [mouth(aperture=aperture).aperture for aperture in (0.05, 0.14, 0.16, 0.18, 0.3)]
    assert apertures[0] == 0
    assert apertures == sorted(set(apertures))
    assert apertures[2] < 0.03


def test_f_and_v_tuck_the_lower_lip_under_the_teeth() -> None:
    state = mouth("FF", tuck=0.9, aperture=0.1)
    assert shape(state, "mouthRollLower") > 0.4
    assert shape(state, "mouthUpperUpLeft") > 0.2
    assert shape(state, "mouthPressLeft") == 0


def test_width_stretches_and_rounding_puckers() -> None:
    assert shape(mouth(width=0.8), "mouthStretchLeft") > 0.3
    assert shape(mouth(width=-0.8, rounding=0.9), "mouthPucker") > 0.5
    assert shape(mouth(width=-0.8, rounding=0.9), "mouthStretchLeft") == 0


@pytest.mark.parametrize("viseme", ["TH", "DD", "nn"])
def test_the_tongue_shows_in_th_d_and_n(viseme: str) -> None:
    assert shape(mouth(viseme, aperture=0.3), "tongueOut") > 0.3
    assert shape(mouth("aa", aperture=0.3), "tongueOut") == 0


def test_both_halves_of_the_mouth_are_alike() -> None:
    state = mouth("E", aperture=0.5, width=0.5, jaw=0.4, hiss=0.3, tuck=0.5)
    for name in ("mouthStretch", "mouthSmile", "mouthUpperUp", "mouthLowerDown", "mouthPress"):
        assert shape(state, name + "Left") == shape(state, name + "Right")


def test_the_presence_of_a_speaker_comes_in_two_frames_and_outlasts_pauses() -> None:
    heard = [0.0, 0.4, 0.4] + [1.0] * 10 + [0.2] * 10 + [0.0] * 30
    present, now = [], 0.0
    for speech in heard:
        now = presence(now, speech)
        present.append(now)
    assert present[2] == 0
    assert present[4] > ALIVE[0]
    assert present[5] > ALIVE[1]
    assert present[13 + 8] > ALIVE[1]
    assert present[-1] == 0


def test_many_mouths_are_as_each_alone() -> None:
    rng = np.random.default_rng(0)
    curves = rng.uniform(-0.5, 1.5, (3 * MANY, len(CURVES))).tolist()
    visemes = [*rng.dirichlet(np.ones(15), 3 * MANY).astype(np.float32)]
    present = rng.uniform(0, 1, 3 * MANY).tolist()
    together = mouth_states(curves, visemes, present)
    for i, state in enumerate(together):
        alone = mouth_states(curves[i : i + 1], visemes[i : i + 1], present[i : i + 1])[0]
        np.testing.assert_allclose(state.shapes, alone.shapes, atol=1e-6)
        assert (state.aperture, state.width, state.speech) == pytest.approx(
            (alone.aperture, alone.width, alone.speech)
        )
