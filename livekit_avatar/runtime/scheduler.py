"""The device thread: everything slow that an engine does happens there, one call at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TypeVar

from livekit_avatar import metrics
from livekit_avatar.engines.base import Engine, Performance, Step
from livekit_avatar.errors import AvatarError, EngineFailedError
from livekit_avatar.runtime.picture import fitted
from livekit_avatar.types import Image

T = TypeVar("T")

_threads: dict[str, ThreadPoolExecutor] = {}
_lock = Lock()


def _thread_of(engine: Engine) -> ThreadPoolExecutor:
    """The one thread of an engine's device; lives as long as the process."""
    name = f"livekit-avatar-{engine.info.name}-{engine.info.device}"
    with _lock:
        if name not in _threads:
            _threads[name] = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        return _threads[name]


class Device:
    """An engine, called on its own thread."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._thread = _thread_of(engine)

    async def hear(self, performance: Performance) -> None:
        """Run the audio networks over what the performance was given."""
        await self._call("hearing", lambda: self.engine.hear([performance]))

    async def render(self, step: Step, size: tuple[int, int]) -> Image:
        """Draw a step at a size, (width, height); a face of another shape is letterboxed."""

        def draw() -> Image:
            started = time.perf_counter()
            image = fitted(self.engine.render([step])[0], size)
            metrics.RENDER_SECONDS.observe(time.perf_counter() - started)
            return image

        return await self._call("drawing", draw)

    def _call(self, what: str, work: Callable[[], T]) -> asyncio.Future[T]:
        def guarded() -> T:
            try:
                return work()
            except AvatarError:
                raise
            except Exception as error:
                raise EngineFailedError(
                    f"engine {self.engine.info.name!r} failed while {what} ({type(error).__name__}: {error})",
                    fix="The cause is in the traceback above; report it to the authors of the engine.",
                ) from error

        return asyncio.get_running_loop().run_in_executor(self._thread, guarded)
