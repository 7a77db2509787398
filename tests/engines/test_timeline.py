"""Whatever the order of calls, speech is cut into frames without gap, and every segment ends once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from engines_for_tests import FlashPerformance, flash
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from livekit_avatar.engines.base import NEED_AUDIO, SEGMENT_END, Step
from livekit_avatar.engines.timeline import HISTORY, Timeline
from livekit_avatar.types import SAMPLES_PER_FRAME


def heard(segments: list[int]) -> Timeline[int, str]:
    """A timeline with complete segments of these lengths, heard; the state before all is "start"."""
    timeline: Timeline[int, str] = Timeline("start")
    for samples in segments:
        number = timeline.push(samples)
        timeline.end_segment()
        timeline.hear(number, range(-(-samples // SAMPLES_PER_FRAME)))
    return timeline


def spoken(timeline: Timeline[int, str]) -> Step:
    step = timeline.next()
    assert isinstance(step, Step)
    return step


def test_a_segment_is_cut_into_frames_and_the_last_one_stops_at_its_last_sample() -> None:
    timeline = heard([1500])
    steps = [spoken(timeline) for _ in range(3)]
    assert [(step.start, step.stop, step.last) for step in steps] == [
        (0, 640, False),
        (640, 1280, False),
        (1280, 1500, True),
    ]
    assert [step.data for step in steps] == [0, 1, 2]
    assert timeline.next() is SEGMENT_END
    assert timeline.next() is NEED_AUDIO


def test_a_segment_without_a_sample_ends_without_a_step() -> None:
    timeline = heard([0, 640])
    assert timeline.next() is SEGMENT_END
    assert spoken(timeline).segment == 1


def test_a_whole_frame_waits_until_it_is_known_whether_it_is_the_last() -> None:
    timeline: Timeline[int, None] = Timeline(None)
    number = timeline.push(640)
    timeline.hear(number, [0])
    assert timeline.next() is NEED_AUDIO
    timeline.end_segment()
    step = timeline.next()
    assert isinstance(step, Step) and step.last


def test_steps_that_are_held_come_again_with_new_ids() -> None:
    timeline = heard([1280, 640])
    first, second = spoken(timeline), spoken(timeline)
    assert timeline.next() is SEGMENT_END
    third = spoken(timeline)
    timeline.hold(first.id)
    again = spoken(timeline)
    assert (again.segment, again.start, again.stop, again.last) == (0, second.start, second.stop, True)
    assert again.id == third.id + 1
    assert timeline.next() is SEGMENT_END
    assert spoken(timeline).segment == 1


def test_the_end_of_a_segment_that_was_shown_whole_does_not_come_again() -> None:
    timeline = heard([640, 640])
    first = spoken(timeline)
    assert timeline.next() is SEGMENT_END
    spoken(timeline)
    timeline.hold(first.id)
    assert spoken(timeline).segment == 1


def test_after_an_interrupt_nothing_is_left_and_the_next_segment_has_the_next_number() -> None:
    timeline = heard([1280])
    timeline.push(640)
    spoken(timeline)
    timeline.interrupt(None)
    timeline.hear(1, [0])  # comes late from the network
    assert timeline.next() is NEED_AUDIO
    assert timeline.end_segment() is None
    assert timeline.push(1) == 2


def test_the_state_comes_back_that_was_left_at_the_shown_step() -> None:
    timeline = heard([6400])
    for index in range(5):
        assert spoken(timeline).id == index
        timeline.remember(f"after {index}")
    assert timeline.hold(2) == "after 2"
    assert timeline.hold(None) == "start"
    assert spoken(timeline).start == 0


def test_memory_of_a_long_performance_does_not_grow() -> None:
    timeline: Timeline[int, str] = Timeline("start")
    number = timeline.push(SAMPLES_PER_FRAME * 2000)
    for index in range(1500):
        timeline.hear(number, [index])
        assert spoken(timeline).data == index
    assert timeline._segments[number].heard.keys() == set(range(1500 - HISTORY, 1500))
    timeline.hold(None)
    assert spoken(timeline).data == 1500 - HISTORY


class AnyOrder(RuleBasedStateMachine):
    """Drives the `flash` engine in any order, as a runtime might."""

    @initialize()
    def begin(self) -> None:
        self.engine = flash()
        self.performance: FlashPerformance = self.engine.perform(self.engine.face())
        self.ids: list[int] = []
        self.lengths: dict[int, int] = {}  # samples of each segment
        self.open: int | None = None
        self.opened = 0
        self.queue: list[Step | str] = []  # what would be published, with the ends in it

    @rule(samples=st.integers(0, 3000))
    def push(self, samples: int) -> None:
        if self.open is None:
            self.open, self.opened = self.opened, self.opened + 1
            self.lengths[self.open] = 0
        self.lengths[self.open] += samples
        self.performance.push(np.zeros(samples, np.int16))

    @rule()
    def end_segment(self) -> None:
        self.performance.end_segment()
        self.open = None

    @rule()
    def hear(self) -> None:
        self.engine.hear([self.performance])

    @rule(times=st.integers(1, 6))
    def next(self, times: int) -> None:
        for _ in range(times):
            step = self.performance.next()
            if isinstance(step, Step):
                self.ids.append(step.id)
                self.queue.append(step)
            elif step is SEGMENT_END:
                self.queue.append("end")

    @rule()
    def idle(self) -> None:
        step = self.performance.idle()
        assert step.idle and not step.last
        self.ids.append(step.id)
        self.queue.append(step)

    @rule(back=st.integers(0, 8))
    def hold(self, back: int) -> None:
        self.performance.hold(self._take_back(back))

    @rule(back=st.integers(0, 8))
    def interrupt(self, back: int) -> None:
        self.performance.interrupt(self._take_back(back))
        self.open = None
        self.queue = []
        self.lengths = {}

    def _take_back(self, back: int) -> int | None:
        """Take the last steps out of the queue, each with the ends that follow it."""
        steps = [index for index, step in enumerate(self.queue) if isinstance(step, Step)]
        if back < len(steps):
            shown = self.queue[steps[len(steps) - back - 1]]
            self.queue = self.queue[: steps[-back]] if back else self.queue
            assert isinstance(shown, Step)
            return shown.id
        self.queue = self.queue[: steps[0]] if steps else self.queue
        return None

    @invariant()
    def ids_count_up_by_one(self) -> None:
        assert self.ids == list(range(len(self.ids)))

    @invariant()
    def spoken_steps_tile_their_segments_and_each_ends_once(self) -> None:
        expected = iter(self._steps_and_ends())
        for given in self.queue:
            if isinstance(given, str):
                assert given == next(expected)
            elif not given.idle:
                assert (given.segment, given.start, given.stop, given.last) == next(expected)

    def _steps_and_ends(self) -> Iterator[tuple[int, int, int, bool] | str]:
        """All that will ever come of the segments, in order."""
        for segment, samples in self.lengths.items():
            for start in range(0, samples, SAMPLES_PER_FRAME):
                stop = min(start + SAMPLES_PER_FRAME, samples)
                yield segment, start, stop, stop == samples and segment != self.open
            yield "end"

    def teardown(self) -> None:
        if not hasattr(self, "performance"):
            return
        self.end_segment()
        self.hear()
        self.next(len(list(self._steps_and_ends())) + 1)
        self.spoken_steps_tile_their_segments_and_each_ends_once()
        spoken = [step for step in self.queue if isinstance(step, str) or not step.idle]
        assert len(spoken) == len(list(self._steps_and_ends()))


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
