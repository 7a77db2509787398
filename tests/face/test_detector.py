"""How votes of the detector become faces, without the network."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from livekit_avatar.face.detector import ANCHORS, INPUT, detect, merge
from livekit_avatar.types import Floats


def vote(left: float, top: float, side: float) -> Floats:
    return np.array([left, top, left + side, top + side, *[left] * 12], np.float32)


def test_votes_that_overlap_become_their_weighted_mean() -> None:
    faces = merge(np.stack([vote(10, 10, 100), vote(20, 10, 100)]), np.array([0.9, 0.6], np.float32))
    assert len(faces) == 1
    np.testing.assert_allclose(faces[0].box, [14, 10, 114, 110], rtol=1e-5)
    assert faces[0].score == pytest.approx(0.9)


def test_votes_apart_stay_apart() -> None:
    faces = merge(np.stack([vote(0, 0, 50), vote(100, 0, 50)]), np.array([0.6, 0.9], np.float32))
    assert [float(face.box[0]) for face in faces] == [100, 0]


@given(
    arrays.arrays(
        np.float32, st.tuples(st.integers(0, 12), st.just(16)), elements=st.floats(-500, 500, width=32)
    )
)
@settings(deadline=None)
def test_any_votes_however_degenerate_are_merged_to_finite_faces(votes: Floats) -> None:
    scores = np.linspace(0.5, 1, len(votes), dtype=np.float32)
    faces = merge(votes, scores)
    assert len(faces) <= len(votes) and (not len(votes) or faces)
    assert all(np.isfinite(face.box).all() and np.isfinite(face.points).all() for face in faces)


def test_a_vote_lands_where_its_anchor_lies_in_the_picture() -> None:
    chosen = 700
    seen = []

    def network(pixels: Floats) -> tuple[Floats, Floats]:
        seen.append(pixels)
        raw, logits = np.zeros((896, 16), np.float32), np.full(896, -99, np.float32)
        raw[chosen, 2:4] = 32
        logits[chosen] = 99
        return raw, logits

    wide = np.zeros((100, 400, 3), np.uint8)
    face = next(iter(detect(wide, network)))[0]
    assert seen[0].shape == (1, INPUT, INPUT, 3) and seen[0].dtype == np.float32 and seen[0].min() == -1
    centre = (face.box[:2] + face.box[2:]) / 2
    np.testing.assert_allclose(centre, ANCHORS[chosen] * 400 - (0, 150) - 0.5, atol=0.1)
    np.testing.assert_allclose(face.box[2:] - face.box[:2], 100, atol=0.1)
