"""A metronome that does not drift."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]


class Pacer:
    """Ticks `fps` times a second on a fixed grid of times: lateness of one tick never moves the next.

    Args:
        fps: ticks a second.
        clock: seconds, monotonic.
        sleep: waits a number of seconds.
    """

    def __init__(self, fps: int, *, clock: Clock = time.monotonic, sleep: Sleep = asyncio.sleep) -> None:
        self.fps = fps
        self.clock = clock
        self._sleep = sleep
        self._start: float | None = None
        self._ticks = 0

    async def tick(self) -> float:
        """Wait for the next tick and return the time it was due.

        After a stall of more than a second (the machine slept) the grid starts anew, so that the ticks missed
        are not all made up for at once.
        """
        now = self.clock()
        if self._start is None:
            self._start = now
        due = self._start + self._ticks / self.fps
        if now - due > 1:
            self._start, self._ticks, due = now, 0, now
        self._ticks += 1
        await self._sleep(max(0.0, due - now))
        return due
