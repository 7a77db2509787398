"""How busy a device and the process are: measured over the last seconds, in a clock of the test's own."""

from __future__ import annotations

import pytest

from livekit_avatar.runtime.load import ENOUGH, LATE_WINDOW, WINDOW, DeviceLoad, ProcessorLoad


class Time:
    """Seconds that pass when told, and processor seconds that are spent with them."""

    def __init__(self) -> None:
        self.now = 100.0
        self.spent = 7.0

    def pass_(self, seconds: float, cores: float = 0.0) -> None:
        self.now += seconds
        self.spent += cores * seconds


def device(time: Time) -> DeviceLoad:
    load = DeviceLoad(lambda: time.now)
    load.worked(3.0, 1)  # the first picture
    time.pass_(2 * WINDOW)
    return load


def draw(load: DeviceLoad, time: Time, pictures: int, seconds: float) -> None:
    """25 pictures a second."""
    for _ in range(pictures):
        time.pass_(1 / 25)
        load.worked(seconds, 1)


def test_a_device_is_busy_for_the_part_of_the_time_that_it_works() -> None:
    time = Time()
    load = device(time)
    draw(load, time, 100, 0.01)
    assert load.busy == pytest.approx(0.25, abs=0.02)


def test_what_a_device_did_is_forgotten() -> None:
    time = Time()
    load = device(time)
    draw(load, time, 100, 0.04)
    time.pass_(WINDOW / 2)
    assert load.busy == pytest.approx(0.5, abs=0.05)
    time.pass_(WINDOW)
    assert load.busy == 0


def test_a_picture_costs_its_drawing_and_its_hearing() -> None:
    time = Time()
    load = device(time)
    for _ in range(ENOUGH):
        load.worked(0.002, 0)
        draw(load, time, 1, 0.008)
    assert load.picture_seconds == pytest.approx(0.010)


def test_what_a_picture_costs_is_unknown_before_a_second_of_them() -> None:
    time = Time()
    load = device(time)
    draw(load, time, ENOUGH - 1, 0.01)
    assert load.picture_seconds is None
    draw(load, time, 1, 0.01)
    assert load.picture_seconds == pytest.approx(0.01), "the three seconds of the first do not count"


def test_pictures_drawn_together_share_their_cost() -> None:
    load = device(Time())
    for _ in range(10):
        load.worked(0.04, 8)
    assert load.picture_seconds == pytest.approx(0.005)


def test_a_face_that_becomes_dearer_is_noticed() -> None:
    time = Time()
    load = device(time)
    draw(load, time, 300, 0.002)
    draw(load, time, 300, 0.02)
    assert load.picture_seconds == pytest.approx(0.02, rel=0.1)


def test_lateness_is_that_of_the_worst_in_twenty() -> None:
    time = Time()
    load = device(time)
    for n in range(100):
        time.pass_(LATE_WINDOW / 200)
        load.late(0.030 if n % 10 == 0 else -0.035)
    assert load.lateness == pytest.approx(0.030)
    time.pass_(2 * LATE_WINDOW)
    assert load.lateness == 0


def test_a_few_late_pictures_say_nothing() -> None:
    load = device(Time())
    for _ in range(ENOUGH - 1):
        load.late(1.0)
    assert load.lateness == 0


def processor(time: Time) -> ProcessorLoad:
    return ProcessorLoad(lambda: time.now, lambda: time.spent)


def test_the_processor_is_read_over_the_last_seconds() -> None:
    time = Time()
    load = processor(time)
    for cores in (0.2,) * 50 + (1.5,) * 50:
        time.pass_(0.1, cores)
        load.read()
    assert load.cores() == pytest.approx(1.5, abs=0.15)


def test_a_process_that_slept_is_read_over_its_sleep() -> None:
    time = Time()
    load = processor(time)
    time.pass_(100, 0.5)
    assert load.cores() == pytest.approx(0.5)


def test_readings_before_a_change_do_not_count() -> None:
    time = Time()
    load = processor(time)
    time.pass_(10, 2.0)
    load.read()
    changed = time.now
    time.pass_(WINDOW / 4, 0.5)
    assert load.cores(since=changed) is None, "too short to tell"
    time.pass_(WINDOW, 0.5)
    assert load.cores(since=changed) == pytest.approx(0.5)
