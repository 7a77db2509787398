"""One more session is admitted while it fits, and refused in time when it does not."""

from __future__ import annotations

import asyncio
import itertools
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from engines_for_tests import FlashEngine, slow

from livekit_avatar.engines.base import EngineInfo
from livekit_avatar.errors import CapacityError
from livekit_avatar.runtime import admission as admission_module
from livekit_avatar.runtime.admission import TYPICAL_CORES, Admission, Ticket
from livekit_avatar.runtime.load import ENOUGH, WINDOW, ProcessorLoad
from livekit_avatar.runtime.runtime import AvatarRuntime
from livekit_avatar.runtime.scheduler import Device

MANY_CORES = 1000.0
_names = (f"admitted-{n}" for n in itertools.count())


def engine_of(seconds: float = 0.0) -> FlashEngine:
    """On a device of its own, taking that long for a picture."""
    return FlashEngine(EngineInfo(next(_names)), before_render=lambda number: time.sleep(seconds))


async def calibrated(engine: FlashEngine, **options: float) -> Admission:
    admission = Admission(**{"cores": MANY_CORES, **options})  # type: ignore[arg-type]
    await admission.calibrate(engine, engine.face())
    return admission


def admit_all(admission: Admission, engine: FlashEngine, launches: int = 50) -> list[Ticket]:
    """Ask until refused."""
    tickets: list[Ticket] = []
    for _ in range(launches):
        try:
            tickets.append(admission.admit(engine))
        except CapacityError:
            return tickets
    raise AssertionError(f"all of {launches} were admitted")


async def test_an_engine_of_eight_milliseconds_holds_four_sessions() -> None:
    engine = engine_of()
    admission = Admission(cores=MANY_CORES)
    for _ in range(ENOUGH + 1):
        Device(engine).load.worked(0.0079, 1)  # 19.8 % of the device a session
    Device(engine).load.rest()
    tickets = admit_all(admission, engine)
    assert len(tickets) == 4
    with pytest.raises(CapacityError, match="the device would be 99 % in use") as refused:
        admission.admit(engine)
    assert refused.value.retry_after > 0
    assert f"Try again in {refused.value.retry_after:.0f} s" in refused.value.fix
    tickets[2].release()
    assert len(admit_all(admission, engine)) == 1


async def test_a_slow_engine_holds_as_many_as_it_was_measured_to_hold() -> None:
    """In real time; on a quiet machine that is four."""
    engine = engine_of(0.0065)
    admission = await calibrated(engine, max_lateness=1)
    tickets = admit_all(admission, engine)
    cost = Device(engine).load.picture_seconds
    assert cost is not None and cost >= 0.0065
    assert len(tickets) == max(1, int(0.8 / (25 * cost)))
    async with AsyncExitStack() as stack:
        runtimes = [await stack.enter_async_context(AvatarRuntime(engine, engine.face())) for _ in tickets]
        await asyncio.gather(*[read(runtime, 60) for runtime in runtimes])
        use = admission.use(engine)
    assert use.sessions == len(tickets)
    assert use.device > 0.1 * len(tickets)


async def test_who_left_is_forgotten_after_a_while() -> None:
    engine = engine_of()
    admission = Admission(cores=MANY_CORES)
    load = Device(engine).load
    for _ in range(ENOUGH + 1):
        load.worked(0.001, 1)
    load.rest()
    admission.admit(engine)
    load.worked(0.79 * WINDOW, 0)
    with pytest.raises(CapacityError, match="the device"):
        admission.admit(engine)
    await asyncio.sleep(1.1 * WINDOW)
    admission.admit(engine)


async def read(runtime: AvatarRuntime, frames: int) -> None:
    async for frame in runtime.run():
        if frame.number == frames:
            return


async def test_sessions_that_are_drawn_late_keep_others_out() -> None:
    engine = slow(0.015)
    admission = Admission(cores=MANY_CORES, limit=1e9)
    tickets = [admission.admit(engine)]
    async with AsyncExitStack() as stack:
        runtimes = [await stack.enter_async_context(AvatarRuntime(engine, engine.face())) for _ in range(8)]
        await asyncio.gather(*[read(runtime, 40) for runtime in runtimes])
        with pytest.raises(CapacityError, match=r"pictures are \d+ ms late with 1 sessions"):
            admission.admit(engine)
    tickets[0].release()
    admission.admit(engine)  # nobody is there to be disturbed


async def test_until_the_first_session_is_measured_it_is_alone() -> None:
    engine = engine_of()
    admission = Admission(cores=MANY_CORES, max_lateness=1)
    admission.admit(engine)
    with pytest.raises(CapacityError, match="still being measured"):
        admission.admit(engine)
    async with AvatarRuntime(engine, engine.face(), paced=False) as runtime:
        await read(runtime, ENOUGH)
    admission.admit(engine)


async def test_a_machine_too_slow_for_one_serves_one() -> None:
    engine = engine_of(0.05)
    admission = await calibrated(engine)
    assert len(admit_all(admission, engine)) == 1


async def test_twenty_launches_at_once_are_admitted_up_to_the_set_capacity() -> None:
    engine = engine_of()
    admission = await calibrated(engine, capacity=4)

    async def launch() -> bool:
        try:
            with admission.admit(engine):
                await asyncio.sleep(0.05)
                return True
        except CapacityError as refused:
            assert "all 4 places are taken" in str(refused)
            return False

    assert sum(await asyncio.gather(*[launch() for _ in range(20)])) == 4
    assert admission.sessions == 0


async def test_a_place_is_given_back_once() -> None:
    engine = engine_of()
    admission = await calibrated(engine)
    with admission.admit(engine) as ticket, admission.admit(engine):
        ticket.release()
        ticket.release()
        assert admission.sessions == 1
    assert admission.sessions == 0


async def test_the_engine_may_be_named_later() -> None:
    engine = engine_of(0.02)
    admission = await calibrated(engine)
    tickets = [admission.admit() for _ in range(5)]
    tickets[0].seat(engine)
    for ticket in tickets[1:]:
        with ticket, pytest.raises(CapacityError, match=r"the device would be 1\d\d % in use"):
            ticket.seat(engine)
    assert admission.sessions == 1
    tickets[0].release()
    with admission.admit() as ticket:
        ticket.seat(engine)
    assert admission.sessions == 0


async def test_a_busy_device_does_not_keep_sessions_from_another() -> None:
    busy, free = engine_of(0.02), engine_of()
    admission = await calibrated(busy)
    await admission.calibrate(free, free.face())
    assert len(admit_all(admission, busy)) == 1
    admission.admit(free)


class Machine:
    """A processor whose time the test spends."""

    def __init__(self, cores: float) -> None:
        self.now = self.spent = 0.0
        self.load = ProcessorLoad(lambda: self.now, lambda: self.spent)
        self.admission = Admission(cores=cores, clock=lambda: self.now, processor=self.load)

    def work(self, seconds: float, cores: float) -> None:
        for _ in range(round(seconds * 10)):
            self.now += 0.1
            self.spent += 0.1 * cores
            self.load.read()


async def test_two_cores_hold_what_a_typical_session_takes_of_them() -> None:
    machine, engine = Machine(cores=2), engine_of()
    await machine.admission.calibrate(engine, engine.face())
    assert len(admit_all(machine.admission, engine)) == int(2 * 0.8 / TYPICAL_CORES)
    with pytest.raises(CapacityError, match=r"the processor would be 88 % in use"):
        machine.admission.admit(engine)


@pytest.mark.parametrize(("quota", "held"), [("100000 200000", 1), ("50000 100000", 1), ("200000 100000", 6)])
async def test_the_quota_of_a_container_counts(
    quota: str, held: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    monkeypatch.setattr(admission_module, "_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(admission_module.os, "sched_getaffinity", lambda _: range(64), raising=False)
    engine, idle = engine_of(), ProcessorLoad(lambda: 0.0, lambda: 0.0)
    admission = Admission(processor=idle)
    await admission.calibrate(engine, engine.face())
    assert len(admit_all(admission, engine)) == held


@pytest.mark.parametrize(("each", "held"), [(0.11, 14), (0.5, 4)])
async def test_what_sessions_really_take_of_the_processor_counts(each: float, held: int) -> None:
    machine, engine = Machine(cores=2), engine_of()
    await machine.admission.calibrate(engine, engine.face())
    tickets = [machine.admission.admit(engine) for _ in range(4)]
    machine.work(2 * WINDOW, cores=4 * each)
    if held > len(tickets):
        tickets += admit_all(machine.admission, engine)
    assert len(tickets) == held
    with pytest.raises(CapacityError):
        machine.admission.admit(engine)


async def test_other_work_of_the_process_leaves_less_room() -> None:
    """A picture is prepared, a film is rendered: nobody is admitted meanwhile, and again afterwards."""
    machine, engine = Machine(cores=2), engine_of()
    await machine.admission.calibrate(engine, engine.face())
    machine.admission.admit(engine)
    machine.work(2 * WINDOW, cores=1.9)
    with pytest.raises(CapacityError, match="the processor"):
        machine.admission.admit(engine)
    machine.work(2 * WINDOW, cores=0.2)
    machine.admission.admit(engine)


async def test_lateness_is_judged_only_while_somebody_is_there() -> None:
    engine = engine_of()
    admission = await calibrated(engine)
    for _ in range(ENOUGH):
        Device(engine).load.late(0.05)
    with admission.admit(engine), pytest.raises(CapacityError, match="50 ms late"):
        admission.admit(engine)
