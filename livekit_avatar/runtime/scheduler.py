"""The device thread: everything slow that an engine does happens there, the most urgent first.

Sessions hand in work with the time it is due. When the device is free it takes what is due first, together
with all that is waiting already and can be done in the same call of the engine. Nothing waits for company:
alone, a session is served at once, and the busier the device, the larger the batches.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Literal, cast

from livekit_avatar import metrics
from livekit_avatar.engines.base import Engine, Face, Performance, Step
from livekit_avatar.errors import AvatarError, EngineFailedError
from livekit_avatar.runtime.load import PROCESS, DeviceLoad
from livekit_avatar.runtime.picture import fitted
from livekit_avatar.types import Image

_LONGEST_TURN = 5.0
"""Seconds after which an engine counts as hung and is waited for no more."""

What = Literal["hearing", "drawing"]


@dataclass(slots=True, eq=False)
class _Job:
    """A piece of work of one session.

    Attributes:
        engine: what does it.
        what: hearing a `Performance` or drawing a `Step`.
        subject: the one or the other.
        bucket: jobs of one bucket can be done in one call.
        due: when its result is wanted, by the session's clock.
        size: (width, height) of the picture that is wanted.
        result: None of hearing, a picture of drawing.
    """

    engine: Engine
    what: What
    subject: Any
    bucket: Hashable
    due: float
    size: tuple[int, int] | None = None
    result: Future[Any] = field(default_factory=Future)


class DeviceThread:
    """One thread that works off what sessions hand in; lives as long as the process.

    Args:
        name: of the thread.
    """

    def __init__(self, name: str) -> None:
        self.load = DeviceLoad()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._waiting: list[_Job] = []
        self._lock = Lock()

    def submit(self, job: _Job) -> None:
        """Let a job wait for its turn. A session's own jobs are done in order if they fall due in order."""
        with self._lock:
            self._waiting.append(job)
        self._pool.submit(self._work)  # one call a job: after a batch, some find nothing left to do

    def _work(self) -> None:
        jobs = self._take()
        if not jobs:
            return
        started = time.perf_counter()
        _perform(jobs)
        seconds = time.perf_counter() - started
        pictures = len(jobs) if jobs[0].what == "drawing" else 0
        self.load.worked(seconds, pictures)
        PROCESS.read()
        metrics.BATCH_SIZE.labels(jobs[0].what).observe(len(jobs))
        if pictures:
            metrics.RENDER_SECONDS.observe(seconds / pictures)

    def _take(self) -> list[_Job]:
        """The most urgent job and its company, most urgent first; what was cancelled meanwhile is dropped."""
        with self._lock:
            self._waiting = [job for job in self._waiting if not job.result.cancelled()]
            if not self._waiting:
                return []
            first = min(self._waiting, key=lambda job: job.due)
            company = [job for job in self._waiting if job.bucket == first.bucket]
            company = sorted(company, key=lambda job: job.due)[: _most(first)]
            self._waiting = [job for job in self._waiting if job not in company]
        return [job for job in company if job.result.set_running_or_notify_cancel()]


def _most(job: _Job) -> int | None:
    """How many such jobs one call takes."""
    return job.engine.info.batch if job.what == "drawing" else None


def _perform(jobs: list[_Job]) -> None:
    """Do jobs of one bucket; if their batch fails, each alone, so that a failure stays with its session."""
    try:
        results = _call(jobs)
    except Exception as error:
        if len(jobs) == 1:
            jobs[0].result.set_exception(_failure(jobs[0], error))
            return
        for job in jobs:
            _perform([job])
        return
    for job, result in zip(jobs, results, strict=True):
        job.result.set_result(result)


def _call(jobs: Sequence[_Job]) -> Sequence[Any]:
    engine, subjects = jobs[0].engine, [job.subject for job in jobs]
    if jobs[0].what == "hearing":
        engine.hear(cast("list[Performance]", subjects))
        return [None] * len(jobs)
    images = engine.render(cast("list[Step]", subjects))
    if len(images) != len(jobs):
        raise ValueError(f"{len(images)} pictures of {len(jobs)} steps")
    return [fitted(image, job.size) if job.size else image for image, job in zip(images, jobs, strict=True)]


def _failure(job: _Job, error: Exception) -> Exception:
    if isinstance(error, AvatarError):
        return error
    failure = EngineFailedError(
        f"engine {job.engine.info.name!r} failed while {job.what} ({type(error).__name__}: {error})",
        fix="The cause is in the traceback above; report it to the authors of the engine.",
    )
    failure.__cause__ = error
    return failure


_threads: dict[str, DeviceThread] = {}
_lock = Lock()


def _thread_of(engine: Engine) -> DeviceThread:
    """The one thread of an engine's device."""
    name = f"livekit-avatar-{engine.info.name}-{engine.info.device}"
    with _lock:
        if name not in _threads:
            _threads[name] = DeviceThread(name)
            load = _threads[name].load
            metrics.DEVICE_BUSY.labels(engine.info.name, engine.info.device).set_function(lambda: load.busy)
        return _threads[name]


class Device:
    """An engine, called on its own thread.

    A call that is cancelled before its turn is never made. One that is cancelled in its turn ends with it, so
    that a face is not freed while it is drawn.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._thread = _thread_of(engine)

    @property
    def load(self) -> DeviceLoad:
        """How busy the device is."""
        return self._thread.load

    async def hear(self, performance: Performance, due: float) -> None:
        """Run the audio networks over what the performance was given; `due` by the session's clock.

        Raises:
            EngineFailedError: the engine broke.
        """
        await self._do(_Job(self.engine, "hearing", performance, (id(self.engine), "hearing"), due))

    async def render(self, step: Step, face: Face, size: tuple[int, int], due: float) -> Image:
        """Draw a step of a face at a size, (width, height); a face of another shape is letterboxed.

        Raises:
            EngineFailedError: the engine broke.
        """
        bucket = (id(self.engine), "drawing", face.size if self.engine.info.equal_sizes else None)
        image: Image = await self._do(_Job(self.engine, "drawing", step, bucket, due, size))
        return image

    async def _do(self, job: _Job) -> Any:
        self._thread.submit(job)
        result = asyncio.wrap_future(job.result)
        try:
            return await asyncio.shield(result)
        except asyncio.CancelledError:
            if not job.result.cancel():
                await asyncio.wait({result}, timeout=_LONGEST_TURN)
            raise
