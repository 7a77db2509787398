"""How busy a device and this process have been of late: what admission is decided by.

No thread and no timer: readings are taken when work is done and when somebody asks. Any thread may call.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import Final

import numpy as np

Clock = Callable[[], float]

WINDOW: Final = 2.0
"""Seconds over which use is measured: a session that left is forgotten after so long."""

LATE_WINDOW: Final = 5.0
"""Seconds over which lateness is judged."""

ENOUGH: Final = 25
"""Pictures that make a measurement: a second of one session."""

MEMORY: Final = 100
"""Pictures over which the cost of one is averaged."""


class DeviceLoad:
    """What a device thread has been doing.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._worked: deque[tuple[float, float]] = deque()  # when it ended, seconds
        self._late: deque[tuple[float, float]] = deque()  # when, seconds
        self._pictures = 0
        self._picture_seconds = 0.0
        self._warm = False  # the first picture, for which engines load what they need, counts nothing
        self._unpaid = 0.0  # seconds of hearing that the next pictures will be charged with

    def worked(self, seconds: float, pictures: int) -> None:
        """The device was busy for so long, up to now, and drew so many pictures; hearing draws none."""
        with self._lock:
            self._worked.append((self._clock(), seconds))
            _forget(self._worked, self._clock() - WINDOW)
            if not self._warm:
                self._warm = pictures > 0
                return
            self._unpaid += seconds
            if pictures:
                self._charge(pictures)

    def _charge(self, pictures: int) -> None:
        """Average what was spent since the last picture into the cost of one."""
        self._pictures += pictures
        weight = pictures / min(self._pictures, max(MEMORY, pictures))
        self._picture_seconds += (self._unpaid / pictures - self._picture_seconds) * weight
        self._unpaid = 0.0

    def late(self, seconds: float) -> None:
        """A picture was ready so long after it was due; negative: before."""
        with self._lock:
            self._late.append((self._clock(), seconds))
            _forget(self._late, self._clock() - LATE_WINDOW)

    def rest(self) -> None:
        """What kept the device busy up to now is over and will not come again."""
        with self._lock:
            self._worked.clear()

    @property
    def busy(self) -> float:
        """Part of the time, 0..1, that the device was busy."""
        with self._lock:
            _forget(self._worked, self._clock() - WINDOW)
            return min(1.0, sum(seconds for _, seconds in self._worked) / WINDOW)

    @property
    def picture_seconds(self) -> float | None:
        """What a picture costs the device, with the hearing that belongs to it; None before `ENOUGH`."""
        return self._picture_seconds if self._pictures >= ENOUGH else None

    @property
    def lateness(self) -> float:
        """By how many seconds pictures are late at most, but for the worst 5 in 100; 0 if there are few."""
        with self._lock:
            _forget(self._late, self._clock() - LATE_WINDOW)
            late = [seconds for _, seconds in self._late]
        return float(np.percentile(late, 95)) if len(late) >= ENOUGH else 0.0


class ProcessorLoad:
    """What this whole process takes of the processor: drawing, video encoders, sound, network.

    Args:
        clock: seconds, monotonic.
        processor_clock: processor seconds of all threads so far.
    """

    def __init__(self, clock: Clock = time.monotonic, processor_clock: Clock = time.process_time) -> None:
        self._clock = clock
        self._processor_clock = processor_clock
        self._lock = Lock()
        self._readings: deque[tuple[float, float]] = deque()
        self.read()

    def read(self) -> None:
        """Take a reading; costs little and may be called at any rate."""
        with self._lock:
            now = self._clock()
            if not self._readings or now - self._readings[-1][0] >= WINDOW / 8:
                self._readings.append((now, self._processor_clock()))
            while len(self._readings) > 1 and self._readings[1][0] <= now - WINDOW:
                self._readings.popleft()

    def cores(self, since: float = float("-inf")) -> float | None:
        """Processor seconds a second, over about `WINDOW`.

        None if no reading of at least half that age has been taken `since` a time of the clock.
        """
        self.read()
        with self._lock:
            now, used = self._clock(), self._processor_clock()
            for at, before in self._readings:
                if at >= since:
                    return (used - before) / (now - at) if now - at >= WINDOW / 2 else None
        return None


PROCESS: Final = ProcessorLoad()
"""This process."""


def _forget(readings: deque[tuple[float, float]], before: float) -> None:
    while readings and readings[0][0] < before:
        readings.popleft()
