"""Whether one more session fits: refused in time is better than served badly together with all others.

    admission = Admission()
    await admission.calibrate(engine, face)   # once, so that the first sessions are judged too
    with admission.admit(engine):             # or CapacityError, with `retry_after`
        ...                                   # the session

Who does not know yet which engine it will be says so later: `admit()`, then `ticket.seat(engine)`.

A session fits if pictures have not been late, and if the device's thread and the processor would stay below
`limit` with it. What a session costs is measured, not configured: its drawing and hearing on the thread of
its device, all else (video encoders, sound, network) by what this process takes of the processor.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from typing_extensions import Self

from livekit_avatar import metrics
from livekit_avatar.engines.base import Engine, Face, Step
from livekit_avatar.errors import CapacityError
from livekit_avatar.runtime.load import PROCESS, WINDOW, Clock, ProcessorLoad
from livekit_avatar.runtime.scheduler import Device
from livekit_avatar.types import SPEECH_RATE

TYPICAL_CORES = 0.25
"""What a session of 512x512 takes of one core, VP8 included, as measured by bench/session.py; taken until
this machine's own sessions have been measured."""

RETRY_AFTER = 5.0
"""Seconds after which asking again makes sense: a session that left is noticed after `load.WINDOW`."""

_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # microseconds of processor time, and in how many (cgroup v2)
_SOON = 2.0  # seconds until the first session has been measured
_DUE = 3600.0  # seconds: the calibration gives way to every session


@dataclass(frozen=True, slots=True)
class Use:
    """How much of the machine is in use.

    Attributes:
        sessions: admitted and not yet released.
        device: part of the time, 0..1, that the device's thread is busy.
        processor: part of the processor, 0..1, that this process takes.
        lateness: seconds by which pictures are late at most, but for the worst 5 in 100.
    """

    sessions: int
    device: float
    processor: float
    lateness: float


class Ticket:
    """A session's place. Give it back with `release`, or use it in a `with` statement."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._device: str | None = None
        self._released = False

    def seat(self, engine: Engine) -> None:
        """The session's face is drawn by this engine.

        Raises:
            CapacityError: its device has no room; the place must still be released.
        """
        self._device = self._admission._seat(engine)

    def release(self) -> None:
        """The session is over. May be called twice."""
        if not self._released:
            self._released = True
            self._admission._leave(self._device)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class Admission:
    """Counts the sessions of this process and decides on each further one. Belongs to one event loop.

    Args:
        cores: of the processor that this process may use; None: all that the system lets it.
        capacity: sessions above which none is admitted, whatever they cost; None: as many as fit.
        limit: part of the device and of the processor, 0..1, that may be in use.
        max_lateness: seconds by which pictures may be late, but for the worst 5 in 100.
        clock: seconds, monotonic.
        processor: what this process takes.
    """

    def __init__(
        self,
        *,
        cores: float | None = None,
        capacity: int | None = None,
        limit: float = 0.8,
        max_lateness: float = 0.010,
        clock: Clock = time.monotonic,
        processor: ProcessorLoad = PROCESS,
    ) -> None:
        self._cores = cores or _usable_cores()
        self._capacity = capacity
        self._limit = limit
        self._max_lateness = max_lateness
        self._clock = clock
        self._processor = processor
        self._admitted = 0
        self._seated: Counter[str] = Counter()  # sessions by device
        self._changed = clock()
        self._session_cores: float | None = None

    @property
    def sessions(self) -> int:
        """Admitted and not yet released."""
        return self._admitted

    def use(self, engine: Engine) -> Use:
        """How much is in use of an engine's device, and of the processor."""
        load = Device(engine).load
        cores = self._processor.cores() or 0.0
        return Use(self.sessions, load.busy, cores / self._cores, load.lateness)

    def admit(self, engine: Engine | None = None) -> Ticket:
        """A place for one more session, drawn by an engine if that is known.

        Raises:
            CapacityError: there is none now.
        """
        self._measure()
        with _counted():
            self._check_places()
            self._check_processor()
        self._admitted += 1
        self._changed = self._clock()
        metrics.SESSIONS.inc()
        ticket = Ticket(self)
        if engine is not None:
            try:
                ticket.seat(engine)
            except CapacityError:
                ticket.release()
                raise
        return ticket

    async def calibrate(self, engine: Engine, face: Face) -> None:
        """Measure what a session costs an engine's device: the face speaks two seconds of noise, unseen.

        Raises:
            EngineFailedError: the engine cannot draw the face.
        """
        device, performance = Device(engine), engine.perform(face)
        noise = np.random.default_rng(0).normal(0, 3000, 2 * SPEECH_RATE).astype(np.int16)
        due = self._clock() + _DUE
        performance.push(noise)
        performance.end_segment()
        await device.hear(performance, due)
        while isinstance(step := performance.next(), Step):
            await device.render(step, face, face.size, due)
        device.load.rest()

    def _check_places(self) -> None:
        if self._capacity is not None and self._admitted >= self._capacity:
            raise _full(f"all {self._capacity} places are taken")

    def _check_processor(self) -> None:
        if not self._admitted:
            return  # a machine that is too slow for one serves one all the same: its voice is whole
        share = TYPICAL_CORES if self._session_cores is None else self._session_cores
        cores = _projected(self._processor.cores() or 0.0, self._admitted, share)
        self._check_projected("the processor", cores / self._cores)

    def _check_device(self, engine: Engine, sessions: int) -> None:
        load = Device(engine).load
        if not sessions:
            return  # as above
        if load.lateness > self._max_lateness:
            raise _full(f"pictures are {1000 * load.lateness:.0f} ms late with {sessions} sessions")
        if load.picture_seconds is None:
            raise _full("the first session is still being measured", retry_after=_SOON)
        use = _projected(load.busy, sessions, load.picture_seconds * engine.info.fps)
        self._check_projected("the device", use)

    def _check_projected(self, what: str, use: float) -> None:
        if use > self._limit:
            raise _full(f"with one more session {what} would be {100 * use:.0f} % in use")

    def _seat(self, engine: Engine) -> str:
        name = f"{engine.info.name}-{engine.info.device}"
        with _counted():
            self._check_device(engine, self._seated[name])
        self._seated[name] += 1
        return name

    def _leave(self, device: str | None) -> None:
        self._measure()
        self._admitted -= 1
        if device is not None:
            self._seated[device] -= 1
        self._changed = self._clock()
        metrics.SESSIONS.dec()

    def _measure(self) -> None:
        """Learn what a session takes of the processor, if they have been the same long enough."""
        if self._admitted and self._clock() - self._changed >= WINDOW:
            cores = self._processor.cores(since=self._changed)
            if cores is not None:
                self._session_cores = cores / self._admitted


@contextmanager
def _counted() -> Iterator[None]:
    """Count a refusal."""
    try:
        yield
    except CapacityError:
        metrics.REFUSALS.inc()
        raise


def _projected(use: float, sessions: int, share: float) -> float:
    """Use with one more session; those that have just been admitted count although they do not show yet."""
    return max(use, sessions * share) + share


def _usable_cores() -> float:
    """Cores that this process is scheduled on, or less if its container has a quota of processor time."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with suppress(OSError, ValueError):  # no such file, or "max": no quota
        quota, period = _QUOTA.read_text().split()
        return min(cores, int(quota) / int(period))
    return cores


def _full(problem: str, *, retry_after: float = RETRY_AFTER) -> CapacityError:
    return CapacityError(
        f"no room for one more session: {problem}",
        fix=f"Try again in {retry_after:.0f} s, or start another worker.",
        retry_after=retry_after,
    )
