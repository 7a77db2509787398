from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livekit_avatar.lipsync.cues import RHUBARB_SHAPES, Cue, rhubarb_cues, viseme_cues
from livekit_avatar.lipsync.model import LipSync
from livekit_avatar.types import FPS, MOUTH_SHAPES, VISEMES, MouthState


def mouth(aperture: float = 0.0, viseme: str = "aa", speech: float = 1.0, **shapes: float) -> MouthState:
    values = np.array([shapes.get(name, 0.0) for name in MOUTH_SHAPES], np.float32)
    visemes = np.eye(len(VISEMES), dtype=np.float32)[VISEMES.index(viseme)]
    return MouthState(values, visemes, aperture, 0.0, speech)


CLOSED = mouth(viseme="PP", mouthPressLeft=0.6)
TUCKED = mouth(0.1, "FF", mouthRollLower=0.5)
ROUND = mouth(0.15, "ou", mouthPucker=0.7)
SILENT = mouth(viseme="sil", speech=0.0)


def shown(*states: MouthState, each: int = 3) -> str:
    """The mouths of states that last some frames each."""
    return "".join(cue.value for cue in rhubarb_cues([state for state in states for _ in range(each)]))


def covers(cues: Sequence[Cue], frames: int) -> bool:
    """Whether they follow one another without gaps from 0 to the end, no two alike side by side."""
    edges = [0, *(cue.stop for cue in cues)]
    alike = any(a.value == b.value for a, b in pairwise(cues))
    return [cue.start for cue in cues] == edges[:-1] and edges[-1] == frames and not alike


def test_the_wider_the_mouth_the_later_the_letter() -> None:
    assert shown(mouth(0.1), mouth(0.5), mouth(0.9)) == "BCD"


def test_closures_f_roundness_and_a_raised_tongue_have_mouths_of_their_own() -> None:
    assert shown(CLOSED, TUCKED, ROUND, mouth(0.5, "oh", mouthFunnel=0.6), mouth(0.5, "nn")) == "AGFEH"


def test_pauses_are_at_rest_and_short_ones_are_not() -> None:
    assert shown(mouth(0.9), SILENT, mouth(0.9), each=6) == "DXD"
    assert "X" not in shown(mouth(0.9), SILENT, mouth(0.9), each=2)
    assert shown(SILENT, mouth(0.9), SILENT, each=2) == "XDX"


def test_a_closure_of_one_frame_is_shown_and_a_flicker_is_not() -> None:
    around = [mouth(0.5)] * 4
    assert [cue.value for cue in rhubarb_cues([*around, CLOSED, *around])] == ["C", "A", "C"]
    assert [cue.value for cue in rhubarb_cues([*around, mouth(0.2), *around])] == ["C"]


@given(st.lists(st.sampled_from([CLOSED, TUCKED, ROUND, SILENT, mouth(0.3), mouth(0.7)]), max_size=60))
def test_cues_cover_all_frames_once(states: list[MouthState]) -> None:
    for cues in (rhubarb_cues(states), viseme_cues(states)):
        assert covers(cues, len(states))


def test_visemes_are_the_most_probable_ones() -> None:
    assert viseme_cues([CLOSED, CLOSED, ROUND]) == [Cue(0, 2, "PP"), Cue(2, 3, "ou")]


@pytest.mark.parametrize("text", ["mama papa baby", "Maybe Bob bought a map."])
def test_spoken_closures_are_drawn_closed(lips: LipSync, say: Callable[..., Any], text: str) -> None:
    spoken = say(text)
    cues = rhubarb_cues(lips.states(spoken.samples))
    assert {cue.value for cue in cues} <= set(RHUBARB_SHAPES)
    for name, start, end in spoken.phones:
        if name in ("p", "b", "m"):
            near = [cue for cue in cues if cue.start < (end + 0.04) * FPS and cue.stop > (start - 0.08) * FPS]
            assert "A" in [cue.value for cue in near], f"{name} at {start:.2f} s"
