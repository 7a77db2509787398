"""The metronome keeps its grid of times."""

import pytest
from virtual_clock import VirtualClock

from livekit_avatar.runtime.pacer import Pacer


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


async def test_ticks_come_on_a_fixed_grid(clock: VirtualClock) -> None:
    pacer = Pacer(25, clock=clock.now, sleep=clock.sleep)
    ticks = [await pacer.tick() for _ in range(5)]
    assert ticks == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])


async def test_work_between_ticks_does_not_make_it_drift(clock: VirtualClock) -> None:
    pacer = Pacer(25, clock=clock.now, sleep=clock.sleep)
    for n in range(1000):
        assert await pacer.tick() == pytest.approx(n / 25)
        await clock.sleep(0.013)


async def test_one_late_tick_does_not_move_the_next(clock: VirtualClock) -> None:
    pacer = Pacer(25, clock=clock.now, sleep=clock.sleep)
    await pacer.tick()
    await clock.sleep(0.1)
    assert await pacer.tick() == pytest.approx(0.04)
    assert await pacer.tick() == pytest.approx(0.08)
    assert clock.now() == pytest.approx(0.1), "late ticks are made up for without waiting"
    await pacer.tick()
    assert clock.now() == pytest.approx(0.12)


async def test_after_a_long_stall_the_grid_starts_anew(clock: VirtualClock) -> None:
    pacer = Pacer(25, clock=clock.now, sleep=clock.sleep)
    await pacer.tick()
    await clock.sleep(60)
    assert await pacer.tick() == pytest.approx(60)
    assert await pacer.tick() == pytest.approx(60.04)
