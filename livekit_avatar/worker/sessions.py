"""The sessions of a worker: how many, which launch is which, and how they end together."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from dataclasses import dataclass
from functools import partial

from livekit import rtc

from livekit_avatar.errors import CapacityError, RequestRefusedError
from livekit_avatar.runtime.admission import RETRY_AFTER, Admission
from livekit_avatar.worker.faces import Faces
from livekit_avatar.worker.launch import Launch, Ticket, read_ticket
from livekit_avatar.worker.livekit_url import check_livekit_url
from livekit_avatar.worker.options import WorkerOptions
from livekit_avatar.worker.places import Places
from livekit_avatar.worker.session import Session

logger = logging.getLogger(__name__)

_REMEMBERED = 1000  # sessions that have ended
_SWEEP_SECONDS = 1.0
"""After a session has ended. LiveKit's native part keeps a dozen threads and sockets of a room until the last
Python object that knows it is gone. Finished tasks and their frames know each other, so that would be when
Python next looks for cycles, hundreds of threads later."""

_CONNECT_SECONDS = 3.0  # of each of LiveKit's own tries


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    session: Session
    caller: str
    server: str
    idempotency_key: str


class Sessions:
    """The sessions of a worker.

    Args:
        options: of the worker.
        faces: of the worker.
    """

    def __init__(self, options: WorkerOptions, faces: Faces) -> None:
        self._options = options
        self._faces = faces
        self._places = Places(Admission(limit=options.load_limit, max_lateness=options.max_lateness))
        self._entries: dict[str, _Entry] = {}
        self.draining = False
        self._sweeping: asyncio.TimerHandle | None = None

    @property
    def active(self) -> int:
        """Sessions that have not ended."""
        return sum(entry.session.status != "ended" for entry in self._entries.values())

    @property
    def ready(self) -> bool:
        """Whether one more would be launched."""
        full = self._options.capacity is not None and self.active >= self._options.capacity
        return not (self.draining or full)

    async def launch(self, launch: Launch, caller: str, idempotency_key: str = "") -> Session:
        """Begin a session; it has not joined yet.

        A launch with the idempotency key of one that runs, or ran, is that one.

        Raises:
            RequestRefusedError: the launch cannot work.
            CapacityError: no session can be added now.
        """
        self._forget()
        check_livekit_url(launch.livekit_url, self._options.livekit_urls)
        ticket = read_ticket(launch.token, launch.room_name)
        while True:  # while one ends, another launch may come
            repeated = self._repeated(caller, idempotency_key, ticket) if idempotency_key else None
            if repeated is not None:
                return repeated
            before = self._in_the_way(launch.livekit_url, ticket)
            if before is None:
                break
            before.end("replaced")
            await before.ended()
        self._check_places()
        session = Session(ticket, self._faces, self._places, self._options)
        self._entries[session.id] = _Entry(session, caller, launch.livekit_url, idempotency_key)
        url, token = launch.livekit_url, launch.token

        async def connect(room: rtc.Room) -> None:
            options = rtc.RoomOptions(auto_subscribe=False, connect_timeout=_CONNECT_SECONDS)
            await room.connect(url, token, options)

        session.start(partial(self._faces.of_launch, launch), connect, rtc.Room())
        session.when_ended(self._sweep_soon)
        return session

    def find(self, session_id: str, caller: str) -> Session:
        """A session that this caller launched.

        Raises:
            RequestRefusedError: there is none.
        """
        self._forget()
        entry = self._entries.get(session_id)
        if entry is None or entry.caller != caller:
            raise RequestRefusedError(
                "there is no such session",
                fix="It may have ended a while ago.",
                status=404,
                code="session_not_found",
            )
        return entry.session

    async def prepare(self, avatar: str) -> None:
        """Open an avatar, and measure what a session of its engine costs, before the first launch comes.

        Raises:
            AvatarError: it cannot be opened.
        """
        with self._places.take() as place:
            async with await self._faces.named(avatar) as opened:
                await self._places.seat(place, opened)

    async def drain(self, timeout: float) -> None:
        """Launch no more, and wait until those that run have ended, or that many seconds."""
        self.draining = True
        deadline = time.monotonic() + timeout
        logger.info("draining: %d sessions go on for at most %.0f s", self.active, timeout)
        waits = [asyncio.ensure_future(entry.session.ended()) for entry in self._entries.values()]
        if waits:
            await asyncio.wait(waits, timeout=max(0.0, deadline - time.monotonic()))
        for wait in waits:
            wait.cancel()

    async def aclose(self) -> None:
        """End all of them."""
        self.draining = True
        for entry in self._entries.values():
            entry.session.end("the worker stops")
        await asyncio.gather(*(entry.session.ended() for entry in self._entries.values()))
        if self._sweeping is not None:
            self._sweeping.cancel()

    def _sweep_soon(self) -> None:
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(_SWEEP_SECONDS, self._sweep)

    def _sweep(self) -> None:
        """Let go of what ended sessions hold; takes milliseconds once the program is frozen, see `serve`."""
        self._sweeping = None
        gc.collect()

    def _repeated(self, caller: str, key: str, ticket: Ticket) -> Session | None:
        for entry in self._entries.values():
            same = entry.caller == caller and entry.idempotency_key == key
            if not same or entry.session.failure is not None:
                continue
            if entry.session.ticket != ticket:
                raise RequestRefusedError(
                    "the idempotency key belongs to another launch",
                    fix="Make a new one for every launch.",
                    status=422,
                    code="idempotency_key_reused",
                )
            return entry.session
        return None

    def _in_the_way(self, server: str, ticket: Ticket) -> Session | None:
        """A session that the same agent launched before, as the same participant.

        Raises:
            RequestRefusedError: another agent launched it.
        """
        for entry in self._entries.values():
            before = entry.session.ticket
            if entry.session.status == "ended" or entry.server != server:
                continue
            if (before.room, before.identity) != (ticket.room, ticket.identity):
                continue
            if before.agent != ticket.agent:
                raise RequestRefusedError(
                    f"participant {ticket.identity!r} is in room {ticket.room!r} for another agent",
                    fix="Give the avatar of each agent an identity of its own.",
                    status=409,
                    code="identity_taken",
                )
            return entry.session
        return None

    def _check_places(self) -> None:
        """Check that there may be one more; whether the machine holds it is found out when it begins.

        Raises:
            CapacityError: there may not.
        """
        if self.draining:
            raise CapacityError("the worker is going down", fix="Ask another one.", retry_after=RETRY_AFTER)
        if not self.ready:
            raise CapacityError(
                f"all {self._options.capacity} sessions of this worker are taken",
                fix="Try again later, or ask another worker.",
                retry_after=RETRY_AFTER,
            )

    def _forget(self) -> None:
        """Drop what ended a while ago, or before the last `_REMEMBERED`."""
        oldest = time.monotonic() - self._options.remember
        ended = [key for key, entry in self._entries.items() if entry.session.status == "ended"]
        for n, key in enumerate(reversed(ended)):
            if n >= _REMEMBERED or self._entries[key].session.ended_at < oldest:
                del self._entries[key]
