"""How many sessions the machine holds: the scheduler's admission, calibrated for each engine at first use."""

from __future__ import annotations

import asyncio

from livekit_avatar.avatar import Avatar
from livekit_avatar.runtime.admission import Admission, Ticket


class Places:
    """The places of a worker.

    Args:
        admission: decides.
        calibrate: measure an engine at its first use; in vain where there will be one session only.
    """

    def __init__(self, admission: Admission, *, calibrate: bool = True) -> None:
        self._admission = admission
        self._calibrate = calibrate
        self._calibrated: set[str] = set()
        self._calibrating = asyncio.Lock()

    def take(self) -> Ticket:
        """A place for one more session, before its avatar is opened.

        Raises:
            CapacityError: there is none now.
        """
        return self._admission.admit()

    async def seat(self, place: Ticket, avatar: Avatar) -> None:
        """Say which avatar a place was taken for.

        Raises:
            CapacityError: its engine has no room for it now; the place must still be released.
            EngineFailedError: the engine cannot draw it.
        """
        engine = avatar.engine
        async with self._calibrating:
            if self._calibrate and engine.info.name not in self._calibrated:
                await self._admission.calibrate(engine, avatar.face)
                self._calibrated.add(engine.info.name)
        place.seat(engine)
