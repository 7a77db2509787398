"""The device thread: the most urgent first, together what goes together, each failure to its session."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pytest
from engines_for_tests import FlashEngine, FlashPerformance
from virtual_clock import VirtualClock

from livekit_avatar.avatar import open_avatar
from livekit_avatar.engines.base import EngineInfo, Performance, Step
from livekit_avatar.errors import BundleError, EngineFailedError
from livekit_avatar.runtime.pacer import Pacer
from livekit_avatar.runtime.runtime import AvatarRuntime
from livekit_avatar.runtime.scheduler import Device
from livekit_avatar.types import Image, Samples

SIZE = (64, 48)
LOUD = np.full(1280, 9000, np.int16)


@dataclass
class WatchedEngine(FlashEngine):
    """Remembers each call, holds the first one until it is let go, and breaks on what it is told to.

    Attributes:
        drawn: the ids of the steps of each call.
        heard: how many performances each call had.
        breaks: called with each step or performance.
    """

    drawn: list[list[int]] = field(default_factory=list)
    heard: list[int] = field(default_factory=list)
    breaks: Callable[[object], None] = lambda subject: None
    busy: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    def _hold(self) -> None:
        if not self.busy.is_set():
            self.busy.set()
            assert self.go_on.wait(10)

    def render(self, steps: Sequence[Step]) -> list[Image]:
        self._hold()
        self.drawn.append([step.id for step in steps])
        for step in steps:
            self.breaks(step)
        return super().render(steps)

    def hear(self, performances: Sequence[Performance]) -> None:
        self._hold()
        self.heard.append(len(performances))
        for performance in performances:
            self.breaks(performance)
            super().hear([performance])


_names = (f"watched-{n}" for n in itertools.count())


@pytest.fixture
def engine() -> Iterator[WatchedEngine]:
    engine = WatchedEngine(EngineInfo(next(_names)))
    yield engine
    engine.go_on.set()


def batching(engine: WatchedEngine, batch: int, *, equal_sizes: bool = False) -> None:
    engine.info = EngineInfo(engine.info.name, batch=batch, equal_sizes=equal_sizes)


class Studio:
    """Sessions that want pictures of one device; its first piece of work is held until `go_on`."""

    def __init__(self, engine: WatchedEngine) -> None:
        self.engine = engine
        self.device = Device(engine)
        self.performance = cast(FlashPerformance, engine.perform(engine.face(SIZE)))

    async def hold(self) -> asyncio.Task[Image]:
        """Keep the device busy with step 0."""
        first = self.draw(due=0)
        await asyncio.to_thread(self.engine.busy.wait, 10)
        return first

    def draw(self, due: float, size: tuple[int, int] = SIZE) -> asyncio.Task[Image]:
        """Ask for the next step."""
        step = self.performance.idle()
        face = self.engine.face(size)
        return asyncio.create_task(self.device.render(step, face, size, due))

    async def go_on(self, *tasks: asyncio.Task[Any]) -> list[Any]:
        """Free the device once all of the tasks have handed in their work; return what came of it."""
        await asyncio.sleep(0)
        self.engine.go_on.set()
        return await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_lone_session_is_served_at_once(engine: WatchedEngine) -> None:
    engine.go_on.set()
    image = await Studio(engine).draw(due=1e9)
    assert image.shape == (48, 64, 4)
    assert engine.drawn == [[0]]


async def test_what_is_due_first_is_drawn_first(engine: WatchedEngine) -> None:
    studio = Studio(engine)
    first = await studio.hold()
    await studio.go_on(first, *[studio.draw(due) for due in (0.3, 0.1, 0.4, 0.2)])
    assert engine.drawn == [[0], [2], [4], [1], [3]]


async def test_what_is_due_together_keeps_its_order(engine: WatchedEngine) -> None:
    studio = Studio(engine)
    first = await studio.hold()
    await studio.go_on(first, *[studio.draw(due=1) for _ in range(5)])
    assert engine.drawn == [[n] for n in range(6)]


async def test_steps_are_drawn_one_by_one_unless_the_engine_gains_by_batches(engine: WatchedEngine) -> None:
    batching(engine, 4)
    studio = Studio(engine)
    first = await studio.hold()
    images = await studio.go_on(first, *[studio.draw(due) for due in (6, 5, 4, 3, 2, 1)])
    assert engine.drawn == [[0], [6, 5, 4, 3], [2, 1]]
    assert all(image.shape == (48, 64, 4) for image in images)


@pytest.mark.parametrize("equal", [False, True])
async def test_faces_of_unequal_size_are_drawn_apart_if_the_engine_needs_it(
    engine: WatchedEngine, equal: bool
) -> None:
    batching(engine, 8, equal_sizes=equal)
    studio = Studio(engine)
    first = await studio.hold()
    sizes = [SIZE, (32, 32), SIZE, (32, 32)]
    images = await studio.go_on(first, *[studio.draw(1, size) for size in sizes])
    assert engine.drawn == ([[0], [1, 3], [2, 4]] if equal else [[0], [1, 2, 3, 4]])
    assert len(images) == 5


async def test_all_that_waits_is_heard_in_one_call(engine: WatchedEngine) -> None:
    studio = Studio(engine)
    first = await studio.hold()
    sessions = [engine.perform(engine.face()) for _ in range(32)]
    for session in sessions:
        session.push(LOUD)
        session.end_segment()
    await studio.go_on(first, *[asyncio.create_task(studio.device.hear(session, 1)) for session in sessions])
    assert engine.heard == [32]
    assert all(isinstance(session.next(), Step) for session in sessions)


async def test_lips_heard_together_move_as_if_heard_alone(engine: WatchedEngine) -> None:
    """Thirty-two real performances of the portrait, different speech in each."""
    avatar = open_avatar("ada")
    rng = np.random.default_rng(0)
    speeches = [(rng.normal(0, 500 + 200 * n, 8_000)).astype(np.int16) for n in range(32)]

    def performance(speech: Samples) -> Performance:
        performing = avatar.engine.perform(avatar.face)
        performing.push(speech)
        performing.end_segment()
        return performing

    @dataclass
    class Portrait(WatchedEngine):
        def hear(self, performances: Sequence[Performance]) -> None:
            self._hold()
            self.heard.append(len(performances))
            avatar.engine.hear(performances)

    portrait = Portrait(EngineInfo(next(_names)))
    device = Device(portrait)
    first = asyncio.create_task(device.hear(performance(speeches[0]), 0))
    await asyncio.to_thread(portrait.busy.wait, 10)
    together = [performance(speech) for speech in speeches]
    hearing = [asyncio.create_task(device.hear(each, 1)) for each in together]
    await asyncio.sleep(0)
    portrait.go_on.set()
    await asyncio.gather(first, *hearing)
    assert portrait.heard == [1, 32]
    for speech, heard in zip(speeches, together, strict=True):
        alone = performance(speech)
        avatar.engine.hear([alone])
        for _ in range(13):
            a, b = alone.next(), heard.next()
            assert isinstance(a, Step) and isinstance(b, Step)
            np.testing.assert_allclose(a.data.pose.pose.shapes, b.data.pose.pose.shapes, atol=1e-4)


async def test_a_step_that_cannot_be_drawn_fails_alone(engine: WatchedEngine) -> None:
    def break_on_two(subject: object) -> None:
        if isinstance(subject, Step) and subject.id == 2:
            raise RuntimeError("no such pose")

    engine.breaks = break_on_two
    batching(engine, 8)
    studio = Studio(engine)
    first = await studio.hold()
    _, one, two, three = await studio.go_on(first, *[studio.draw(1) for _ in range(3)])
    assert one.shape == three.shape == (48, 64, 4)
    assert isinstance(two, EngineFailedError)
    assert "failed while drawing (RuntimeError: no such pose)" in str(two)
    assert isinstance(two.__cause__, RuntimeError)
    assert engine.drawn == [[0], [1, 2, 3], [1], [2], [3]]


async def test_a_performance_that_cannot_hear_fails_alone(engine: WatchedEngine) -> None:
    studio = Studio(engine)
    first = await studio.hold()
    sessions = [engine.perform(engine.face()) for _ in range(3)]
    for session in sessions:
        session.push(LOUD)
        session.end_segment()

    def break_on_the_second(subject: object) -> None:
        if subject is sessions[1]:
            raise RuntimeError("deaf")

    engine.breaks = break_on_the_second
    _, *results = await studio.go_on(
        first, *[asyncio.create_task(studio.device.hear(session, 1)) for session in sessions]
    )
    assert [type(result) for result in results] == [type(None), EngineFailedError, type(None)]
    assert [isinstance(session.next(), Step) for session in sessions] == [True, False, True]


async def test_an_error_of_ours_is_passed_on_as_it_is(engine: WatchedEngine) -> None:
    def refuse(subject: object) -> None:
        raise BundleError("a broken member", fix="Make it again.")

    engine.breaks = refuse
    engine.go_on.set()
    with pytest.raises(BundleError, match="a broken member"):
        await Studio(engine).draw(due=1)


async def test_an_engine_that_loses_pictures_is_named(engine: WatchedEngine) -> None:
    @dataclass
    class Losing(WatchedEngine):
        def render(self, steps: Sequence[Step]) -> list[Image]:
            return []

    with pytest.raises(EngineFailedError, match="0 pictures of 1 steps"):
        await Studio(Losing(EngineInfo(next(_names)))).draw(due=1)


async def test_work_that_is_cancelled_before_its_turn_is_not_done(engine: WatchedEngine) -> None:
    batching(engine, 8)
    studio = Studio(engine)
    first = await studio.hold()
    tasks = [studio.draw(1) for _ in range(4)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    tasks[2].cancel()
    await asyncio.sleep(0)
    await studio.go_on(first, *tasks)
    assert engine.drawn == [[0], [2, 4]]
    assert [task.cancelled() for task in tasks] == [True, False, True, False]


async def test_work_that_is_cancelled_in_its_turn_disturbs_nobody(engine: WatchedEngine) -> None:
    studio = Studio(engine)
    first = await studio.hold()
    first.cancel()
    (image,) = await studio.go_on(studio.draw(1))
    assert image.shape == (48, 64, 4)


def test_work_that_outlives_its_event_loop_disturbs_nobody(engine: WatchedEngine) -> None:
    async def leave() -> None:
        await Studio(engine).hold()

    async def come() -> None:
        engine.go_on.set()
        assert (await Studio(engine).draw(1)).shape == (48, 64, 4)

    asyncio.run(leave())
    asyncio.run(come())


async def test_engines_have_threads_of_their_own(engine: WatchedEngine) -> None:
    studio = Studio(engine)
    first = await studio.hold()
    other = WatchedEngine(EngineInfo(next(_names)))
    other.go_on.set()
    await Studio(other).draw(1)
    assert not engine.drawn
    await studio.go_on(first)


async def test_a_session_that_stops_takes_its_waiting_work_along(engine: WatchedEngine) -> None:
    clock = VirtualClock()
    other = FlashEngine(engine.info)  # on the same device
    pacer = Pacer(25, clock=clock.now, sleep=clock.sleep)
    async with AvatarRuntime(other, other.face(), pacer=pacer) as runtime:
        frames = runtime.run()
        await anext(frames)
        first = await Studio(engine).hold()
        for _ in range(3):
            assert (await anext(frames)).repeated
        drawn = other.renders
    engine.go_on.set()
    await first
    await Device(other).render(other.perform(other.face()).idle(), other.face(), SIZE, 1)
    assert other.renders == drawn + 1


async def test_speech_whose_reader_left_is_heard_by_the_next(engine: WatchedEngine) -> None:
    clock = VirtualClock()
    other = FlashEngine(engine.info)
    pacer = Pacer(25, clock=clock.now, sleep=clock.sleep)
    async with AvatarRuntime(other, other.face(), pacer=pacer) as runtime:
        first = await Studio(engine).hold()
        await runtime.push_audio(LOUD, 16_000)
        await runtime.flush()
        reader = asyncio.ensure_future(anext(runtime.run()))
        for _ in range(5):
            await asyncio.sleep(0)
        reader.cancel()
        await asyncio.wait({reader})
        engine.go_on.set()
        await first
        frames = [frame async for frame in await runtime.run()]
    assert sum(len(frame.audio.samples) for frame in frames if frame.audio) == len(LOUD)
