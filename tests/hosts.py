"""A host that is asked for faces over HTTP and keeps what it was asked; bitHuman's plugin beside ours."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
from aiohttp import web
from livekit import rtc
from livekit.agents import AgentSession, job, utils
from PIL import Image

from livekit_avatar.room import AvatarSession

LIVEKIT = {"livekit_url": "ws://127.0.0.1:9", "livekit_api_key": "key", "livekit_api_secret": "s" * 40}
"""A LiveKit server that nobody runs: a token can be made for it."""

ROOM = "the-room"

OURS = pytest.param("ours", id="ours")


def both(fault: str, *, timed: bool = False) -> pytest.MarkDecorator:
    """Ours passes, the stock plugin does not; where that is a matter of time, it may now and then."""
    mark = pytest.mark.xfail(strict=not timed, reason=fault)
    return pytest.mark.parametrize("kind", [OURS, pytest.param("stock", id="stock", marks=mark)])


@dataclass(frozen=True)
class Upload:
    """A file in a form."""

    data: bytes
    filename: str
    content_type: str

    @property
    def image(self) -> Image.Image:
        return Image.open(io.BytesIO(self.data))


@dataclass(frozen=True)
class Call:
    """A request that arrived."""

    method: str
    url: str
    headers: dict[str, str]
    content_type: str
    fields: dict[str, Any]

    @property
    def claims(self) -> dict[str, Any]:
        """What the token for the room says."""
        token = self.fields["livekit_token"]
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
        return claims


@dataclass(frozen=True)
class Answer:
    """What the host says."""

    status: int = 200
    body: str = "{}"
    headers: dict[str, str] = field(default_factory=dict)
    after: float = 0.0
    """Seconds."""
    in_pieces: bool = False
    """The body comes a byte at a time."""


@dataclass
class Host:
    """A host on loopback; it gives its answers in turn, the last one ever after."""

    url: str
    answers: list[Answer]
    calls: list[Call] = field(default_factory=list)


@asynccontextmanager
async def hosting(*answers: Answer) -> AsyncIterator[Host]:
    host, closing = Host("", list(answers) or [Answer()]), asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        host.calls.append(await _recorded(request))
        said = host.answers.pop(0) if len(host.answers) > 1 else host.answers[0]
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(closing.wait(), said.after)
        if not said.in_pieces:
            return web.Response(status=said.status, text=said.body, headers=said.headers)
        response = web.StreamResponse(status=said.status, headers=said.headers)
        await response.prepare(request)
        for byte in said.body.encode():
            await response.write(bytes([byte]))
            await asyncio.sleep(0.001)
        return response

    app = web.Application(client_max_size=1 << 28)
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host.url = f"http://127.0.0.1:{runner.addresses[0][1]}/launch"
        yield host
    finally:
        closing.set()
        await runner.cleanup()


async def _recorded(request: web.Request) -> Call:
    fields: dict[str, Any] = {}
    if request.content_type == "application/json":
        fields = await request.json()
    else:
        for name, value in (await request.post()).items():
            is_file = isinstance(value, web.FileField)
            fields[name] = Upload(value.file.read(), value.filename, value.content_type) if is_file else value
    return Call(request.method, str(request.url), dict(request.headers), request.content_type, fields)


@dataclass
class Job:
    """What a plugin sees of a job of livekit-agents; it keeps who was removed from the room."""

    removed: list[str] = field(default_factory=list)
    local_participant_identity: str = "agent"

    def __post_init__(self) -> None:
        self.job = SimpleNamespace(room=SimpleNamespace(name=ROOM))
        self.api = SimpleNamespace(room=self)
        self.proc = SimpleNamespace(http_proxy=None)

    def is_fake_job(self) -> bool:
        return False

    def add_shutdown_callback(self, callback: object) -> None:
        pass

    async def remove_participant(self, who: Any) -> None:
        self.removed.append(who.identity)


@contextmanager
def in_a_job() -> Iterator[Job]:
    """As if the code ran in a job of livekit-agents."""
    context = Job()
    token = job._JobContextVar.set(context)  # type: ignore[arg-type]
    try:
        yield context
    finally:
        job._JobContextVar.reset(token)


def avatar_session(kind: str, **arguments: Any) -> Any:
    """An AvatarSession of ours or of bitHuman's plugin."""
    if kind == "ours":
        return AvatarSession(**arguments)
    from livekit.plugins import bithuman

    return bithuman.AvatarSession(**arguments)


def named_room() -> rtc.Room:
    """A room that is not connected, and has its name."""
    room = rtc.Room()
    room._info.name = ROOM
    return room


@asynccontextmanager
async def launched(
    kind: str, room: rtc.Room | None = None, **arguments: Any
) -> AsyncIterator[tuple[Any, AgentSession[Any]]]:
    """An avatar session that was started in a job, and the agent's session."""
    room = room or named_room()
    with in_a_job():
        async with utils.http_context.open():
            session: AgentSession[Any] = AgentSession(vad=None)
            avatar = avatar_session(kind, **arguments)
            try:
                await avatar.start(session, room, **LIVEKIT)
                yield avatar, session
            finally:
                await avatar.aclose()
                await session.aclose()


async def launch(kind: str, **arguments: Any) -> None:
    """Start an avatar session and end it."""
    async with launched(kind, **arguments):
        pass
