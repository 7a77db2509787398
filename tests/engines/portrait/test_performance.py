"""A portrait's performance: every step has its speech, and nothing that is shown ever jumps."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from readable_ear import JAW, ReadableStream, opening

from livekit_avatar.engines.base import NEED_AUDIO, SEGMENT_END, Performance, Step
from livekit_avatar.engines.portrait.controls import CONTROLS
from livekit_avatar.engines.portrait.motion import Mover
from livekit_avatar.engines.portrait.performance import PortraitPerformance
from livekit_avatar.engines.portrait.pose import SHAPES, Pose
from livekit_avatar.errors import InputError
from livekit_avatar.types import EMOTIONS, FPS, MOUTH_SHAPES, SAMPLES_PER_FRAME, Emotion, Floats, Style

GAUGE = SimpleNamespace(fit=lambda mouth, intensity: mouth.shapes * np.float32(intensity))
FACE = cast(Any, SimpleNamespace(size=(512, 512), mover=lambda seed: Mover(seed, cast(Any, GAUGE))))
OPENING = [SHAPES.index(name) for name in SHAPES if name.startswith(("jaw", "mouthLower", "mouthUpper"))]


def begin(seed: int = 0) -> PortraitPerformance:
    return PortraitPerformance(FACE, cast(Any, ReadableStream), seed=seed)


def hear(performance: PortraitPerformance) -> None:
    for stream in cast(list[ReadableStream], performance.streams()):
        stream.hear()


def say(performance: PortraitPerformance, *percent: int) -> None:
    """One whole segment, heard."""
    performance.push(opening(*percent))
    performance.end_segment()
    hear(performance)


def speak(performance: PortraitPerformance, steps: int = 1) -> list[Step]:
    given = [performance.next() for _ in range(steps)]
    assert all(isinstance(step, Step) for step in given)
    return cast(list[Step], given)


def idle(performance: PortraitPerformance, steps: int) -> list[Step]:
    return [performance.idle() for _ in range(steps)]


def shown(step: Step) -> Pose:
    assert step.data.face is FACE
    pose: Pose = step.data.pose
    return pose


def jaw(*steps: Step) -> list[float]:
    return [float(shown(step).shapes[JAW]) for step in steps]


def vector(step: Step) -> list[float]:
    pose = shown(step)
    rest = [pose.yaw, pose.pitch, pose.roll, pose.x, pose.y, pose.gaze_x, pose.gaze_y, pose.breath]
    return [*pose.shapes.tolist(), *rest]


def test_it_is_a_performance() -> None:
    performance: Performance = begin()
    assert performance.idle().idle


def test_each_step_opens_the_mouth_as_its_own_samples_say() -> None:
    performance = begin()
    say(performance, 10, 20, 30, 40, 50, 60)
    steps = speak(performance, 6)
    assert jaw(*steps[2:]) == pytest.approx([0.3, 0.4, 0.5, 0.6])
    assert [(step.segment, step.start, step.stop) for step in steps] == [
        (0, 640 * index, 640 * (index + 1)) for index in range(6)
    ]
    assert [step.last for step in steps] == [False] * 5 + [True]
    assert performance.next() is SEGMENT_END
    assert performance.next() is NEED_AUDIO


def test_a_step_waits_for_the_sound_that_follows_it() -> None:
    performance = begin()
    performance.push(opening(50, 50))
    hear(performance)
    assert performance.next() is NEED_AUDIO
    performance.push(opening(50))
    hear(performance)
    assert speak(performance)[0].start == 0
    assert performance.next() is NEED_AUDIO


def test_a_segment_waits_while_the_one_before_is_spoken() -> None:
    performance = begin()
    performance.push(opening(50, 50))
    performance.end_segment()
    performance.push(opening(20, 20, 20)[:-100])
    performance.end_segment()
    hear(performance)
    assert [step.segment for step in speak(performance, 2)] == [0, 0]
    assert performance.next() is SEGMENT_END
    steps = speak(performance, 3)
    assert [step.segment for step in steps] == [1, 1, 1]
    assert steps[-1].stop == 3 * 640 - 100 and steps[-1].last
    assert jaw(steps[-1]) == pytest.approx([0.2])


def test_speech_eases_in_over_two_frames() -> None:
    performance = begin()
    idle(performance, 5)
    say(performance, 80, 80, 80, 80)
    opened = jaw(*speak(performance, 4))
    assert 0.3 < opened[0] < 0.6 < opened[1] < 0.8
    assert opened[2:] == pytest.approx([0.8, 0.8])


def test_the_mouth_relaxes_while_speech_is_late_and_eases_back_in() -> None:
    performance = begin()
    performance.push(opening(*[80] * 6))
    hear(performance)
    speak(performance, 4)
    assert performance.next() is NEED_AUDIO
    closing = jaw(*idle(performance, 3))
    assert 0.8 > closing[0] > closing[1] > closing[2] == 0
    performance.end_segment()
    hear(performance)
    opened = jaw(*speak(performance, 2))
    assert 0.3 < opened[0] < 0.6 < opened[1] < 0.8


def test_after_an_interrupt_the_mouth_goes_to_rest_from_what_was_shown() -> None:
    performance = begin()
    say(performance, 60, 60, 60, 60, 100, 100, 100)
    steps = speak(performance, 7)
    performance.interrupt(steps[3].id)
    closing = jaw(*idle(performance, 3))
    assert 0.6 > closing[0] > closing[1] > closing[2] == 0
    assert performance.next() is NEED_AUDIO


def test_speech_after_an_interrupt_is_a_new_segment() -> None:
    performance = begin()
    performance.push(opening(50, 50, 50))
    performance.interrupt(None)
    performance.end_segment()
    say(performance, 20)
    step = speak(performance)[0]
    assert (step.segment, step.start, step.last) == (1, 0, True)


def test_held_steps_are_given_again_and_look_the_same() -> None:
    performance = begin()
    say(performance, *range(0, 100, 5))
    steps = speak(performance, 20)
    performance.hold(steps[9].id)
    again = speak(performance, 10)
    for before, after in zip(steps[10:], again, strict=True):
        assert (before.segment, before.start, before.stop, before.last) == (
            after.segment,
            after.start,
            after.stop,
            after.last,
        )
        assert vector(before) == vector(after)
    assert again[0].id == steps[-1].id + 1


def test_what_is_shown_does_not_jump_when_speech_is_held() -> None:
    performance = begin()
    say(performance, *[70] * 40)
    steps = speak(performance, 30)
    performance.hold(steps[19].id)
    paused = idle(performance, 3)
    head = np.array([vector(step)[len(SHAPES) :] for step in [*steps[:20], *paused]])
    assert np.abs(np.diff(head[:, :5], axis=0)).max() < 0.012
    assert 0.2 < jaw(paused[0])[0] < 0.7


def test_a_seed_and_the_same_calls_give_the_same_steps() -> None:
    def perform(seed: int) -> list[list[float]]:
        performance = begin(seed)
        steps = idle(performance, 50)
        performance.act("nod")
        performance.set_emotion(Emotion("happy"))
        say(performance, *([80, 10, 70, 0, 0, 60] * 10))
        return [vector(step) for step in [*steps, *speak(performance, 60), *idle(performance, 50)]]

    assert perform(7) == perform(7)
    assert perform(7) != perform(8)


@pytest.mark.parametrize("name", EMOTIONS)
def test_a_mood_is_eased_in_and_leaves_closed_lips_closed(name: str) -> None:
    performance = begin()
    performance.set_emotion(Emotion(cast(Any, name)))
    say(performance, *[0] * 40)
    steps = speak(performance, 40)
    look = np.array([shown(step).shapes for step in steps])
    assert not look[:, OPENING].any()
    moved = np.abs(look - look[0]).sum(1)
    assert np.abs(np.diff(look[:, : len(MOUTH_SHAPES)], axis=0)).max() < 0.15
    assert (moved[15] > 0.25) == (name != "neutral")


def test_a_mood_shows_as_strongly_as_it_is() -> None:
    def smile(strength: float) -> float:
        performance = begin()
        performance.set_emotion(Emotion("happy", strength))
        return float(shown(idle(performance, 2 * FPS)[-1]).shapes[SHAPES.index("mouthSmileLeft")])

    assert smile(0.5) == pytest.approx(smile(1.0) / 2, rel=0.01)
    assert smile(0.0) == 0


def difference(action: str) -> Floats:
    """What an action changes in two seconds of idle life: (50, controls)."""
    with_action, without = begin(), begin()
    with_action.act(action)
    rows = [[vector(step) for step in idle(performance, 2 * FPS)] for performance in (with_action, without)]
    return np.array(rows[0], np.float32) - np.array(rows[1], np.float32)


@pytest.mark.parametrize(
    ("action", "control"),
    [("nod", "pitch"), ("shake", "yaw"), ("raise_brows", "browInnerUp"), ("blink", "eyeBlinkLeft")],
)
def test_an_action_moves_what_it_says_and_is_over_within_two_seconds(action: str, control: str) -> None:
    moved = np.abs(difference(action))
    assert moved[:, CONTROLS.index(control)].max() > 0.06
    if action != "blink":  # later blinks come at other times
        assert moved[-1].max() < 1e-6


def test_an_unknown_action_is_refused() -> None:
    with pytest.raises(InputError, match="no action 'fly'"):
        begin().act("fly")


def test_an_action_whose_steps_were_taken_back_is_performed_again() -> None:
    performance = begin()
    before = idle(performance, 3)
    performance.act("nod")
    idle(performance, 4)
    performance.interrupt(before[-1].id)
    pitch = [shown(step).pitch for step in idle(performance, 10)]
    assert max(pitch) - pitch[0] > 0.05


def test_the_same_action_twice_is_not_twice_as_strong() -> None:
    once, twice = begin(), begin()
    once.act("nod")
    twice.act("nod")
    twice.act("nod")
    assert [vector(step) for step in idle(once, 30)] == [vector(step) for step in idle(twice, 30)]


def test_loud_words_move_the_head_and_brows() -> None:
    """Accents every second, against the same speech without any."""
    accents = ([30] * 20 + [100] * 5) * 20
    stressed, level = begin(), begin()
    say(stressed, *accents)
    say(level, *[30] * len(accents))
    moved = [
        np.abs(np.diff([vector(step)[len(SHAPES) :][:3] for step in speak(one, len(accents))], axis=0)).sum()
        for one in (stressed, level)
    ]
    assert moved[0] > 1.2 * moved[1]


def test_nothing_jumps_in_speech_with_moods_and_actions() -> None:
    performance = begin(3)
    rows = [vector(step) for step in idle(performance, 30)]
    for index, name in enumerate(EMOTIONS):
        performance.set_emotion(Emotion(name))
        performance.act(("nod", "shake", "raise_brows")[index % 3])
        say(performance, *([20, 30, 40, 40, 40, 30, 20] * 5), *([0] * 5))
        rows += [vector(step) for step in speak(performance, 40)]
        assert performance.next() is SEGMENT_END
        rows += [vector(step) for step in idle(performance, 10)]
    steps = dict(zip([*SHAPES, "yaw", "pitch", "roll"], np.abs(np.diff(rows, axis=0)).max(0), strict=False))
    assert all(steps[name] < 0.04 for name in ("yaw", "pitch", "roll"))
    quick = {name: step for name, step in steps.items() if step > 0.3 and not name.startswith("eyeBlink")}
    assert not quick


class AnyOrder(RuleBasedStateMachine):
    """Drives two performances of one seed in any order; the second must do what the first does."""

    @initialize(seed=st.integers(0, 3))
    def begin(self, seed: int) -> None:
        self.performances = [begin(seed), begin(seed)]
        self.given = 0
        self.position = (0, 0)  # segment and sample where the next spoken step must start
        self.recent: list[tuple[int, tuple[int, int]]] = []  # id, position after it

    @rule(percent=st.lists(st.integers(0, 100), max_size=8), cut=st.integers(0, 639))
    def push(self, percent: list[int], cut: int) -> None:
        pcm = opening(*percent)
        for performance in self.performances:
            performance.push(pcm[: max(0, len(pcm) - cut)])

    @rule()
    def end_segment(self) -> None:
        for performance in self.performances:
            performance.end_segment()

    @rule()
    def hear(self) -> None:
        for performance in self.performances:
            hear(performance)

    @rule()
    def next(self) -> None:
        first, second = (performance.next() for performance in self.performances)
        if not isinstance(first, Step):
            assert first is second
            if first is SEGMENT_END:
                self.position = (self.position[0] + 1, 0)
                self._move_last_position()
            return
        assert isinstance(second, Step)
        assert (first.segment, first.start) == self.position
        assert first.stop - first.start == SAMPLES_PER_FRAME or first.last
        self.position = (self.position[0], first.stop)
        self._show(first, second)

    @rule()
    def idle(self) -> None:
        self._show(*(performance.idle() for performance in self.performances))

    @rule(back=st.integers(0, 5))
    def hold(self, back: int) -> None:
        kept = self._rewind(back)
        for performance in self.performances:
            performance.hold(kept)

    @rule(back=st.integers(0, 5))
    def interrupt(self, back: int) -> None:
        kept = self._rewind(back)
        for performance in self.performances:
            performance.interrupt(kept)
            performance.push(opening(10))  # tells the number of the next segment
            performance.end_segment()
        self.hear()
        first = self.performances[0].next()
        assert isinstance(first, Step) and first.segment is not None and first.start == 0
        self.position = (first.segment, first.stop)
        second = self.performances[1].next()
        assert isinstance(second, Step)
        self.recent = []
        self._show(first, second)

    @rule(action=st.sampled_from(["nod", "blink", "shake"]))
    def act(self, action: str) -> None:
        for performance in self.performances:
            performance.act(action)

    def _show(self, first: Step, second: Step) -> None:
        assert first.id == second.id == self.given
        assert vector(first) == vector(second)
        self.given += 1
        self.recent.append((first.id, self.position))

    def _move_last_position(self) -> None:
        if self.recent:
            self.recent[-1] = (self.recent[-1][0], self.position)

    def _rewind(self, back: int) -> int | None:
        """The id that stays after taking back that many steps, but never all of them."""
        if not self.recent:
            return None if not self.given else self.given - 1
        back = min(back, len(self.recent) - 1)
        self.recent = self.recent[: len(self.recent) - back]
        kept, self.position = self.recent[-1]
        return kept


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


def test_a_style_scales_the_mouth() -> None:
    performance = begin()
    performance.set_style(Style(intensity=0.5))
    say(performance, 40, 40, 40, 40)
    assert jaw(*speak(performance, 4))[-1] == pytest.approx(0.2, abs=1e-3)


def test_a_smooth_style_calms_the_mouth_and_arrives() -> None:
    plain, smooth = begin(), begin()
    smooth.set_style(Style(smoothing=0.6))
    for performance in (plain, smooth):
        say(performance, *[10, 70] * 8, *[40] * 12)
    calm, lively = jaw(*speak(smooth, 28)), jaw(*speak(plain, 28))
    assert np.ptp(calm[4:16]) < 0.6 * np.ptp(lively[4:16])
    assert calm[-1] == pytest.approx(0.4, abs=0.01)
