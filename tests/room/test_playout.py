"""What was heard and what a pause takes back, worked out from times alone."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from livekit_avatar.room.playout import Playout, Slot
from livekit_avatar.room.utterance import Utterance

RATE = 1_000


def slot(utterance: Utterance | None, first: int, count: int = 40) -> Slot[int]:
    return Slot(first, np.arange(first, first + count, dtype=np.int16), utterance)


def filled(count: int) -> tuple[Playout[int], Utterance]:
    """Slots of 40 ms, one after the other from time 0."""
    playout: Playout[int] = Playout(RATE)
    utterance = Utterance()
    for n in range(count):
        playout.push(slot(utterance, 40 * n), at=0.04 * n, now=0.0)
    return playout, utterance


@given(heard=st.integers(0, 200))
def test_heard_and_taken_back_are_the_whole(heard: int) -> None:
    playout, utterance = filled(5)
    assert playout.heard(utterance, heard / RATE) == heard
    unheard = [sample for held in playout.take_back(heard / RATE) for sample in held.sound]
    assert unheard == list(range(heard, 200)), "cut at the sample"
    assert playout.heard(utterance, 99) == heard


@given(times=st.lists(st.integers(0, 200), min_size=1, max_size=5).map(sorted))
def test_asking_often_counts_nothing_twice(times: list[int]) -> None:
    playout, utterance = filled(5)
    assert [playout.heard(utterance, at / RATE) for at in times] == times


def test_silence_is_not_taken_back() -> None:
    playout: Playout[int] = Playout(RATE)
    utterance = Utterance()
    playout.push(slot(None, 0), at=0.0, now=0.0)
    playout.push(slot(utterance, 40), at=0.04, now=0.0)
    assert [held.picture for held in playout.take_back(0.01)] == [40]


def test_what_was_heard_is_not_kept() -> None:
    playout: Playout[int] = Playout(RATE)
    utterance = Utterance()
    for n in range(1_000):
        playout.push(slot(utterance, 0), at=0.04 * n + 0.03, now=0.04 * n)
    assert len(playout._queue) <= 2
