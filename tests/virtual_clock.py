"""A clock that moves only when somebody sleeps on it."""

from __future__ import annotations

import asyncio


class VirtualClock:
    """Seconds that pass at once."""

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        self._now += seconds
        await asyncio.sleep(0)
