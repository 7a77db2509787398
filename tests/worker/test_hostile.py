"""Callers with bad intentions, odd bytes and bad timing: each is refused, and nobody else notices."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from engines_for_tests import FlashEngine
from viewer import until
from workers import Serve, launch_body

from livekit_avatar.avatar import Avatar
from livekit_avatar.avatars.bundle import Bundle, Manifest
from livekit_avatar.demo.livekit_server import LiveKitServer
from livekit_avatar.engines.base import EngineInfo, Face
from livekit_avatar.errors import RequestRefusedError
from livekit_avatar.worker import attendance
from livekit_avatar.worker import faces as faces_module
from livekit_avatar.worker.bodies import _json_fields
from livekit_avatar.worker.faces import Faces
from livekit_avatar.worker.livekit_url import check_livekit_url
from livekit_avatar.worker.logs import SessionFormatter
from livekit_avatar.worker.options import WorkerOptions

TOKEN = "eyJhbGciOi.eyJzdWIi.abc-DEF"


@pytest.mark.parametrize(
    "url",
    [
        "wss://evil.example\\.livekit.cloud",
        "wss://evil.example%5C.livekit.cloud",
        "wss://evil.example%2F.livekit.cloud",
        "wss://evil.example%23.livekit.cloud",
        "wss://evil.example \t.livekit.cloud",
        "wss://evil.example\t\\.livekit.cloud",
        "wss://evil.example\\@x.livekit.cloud",
        "wss://evil.example:443\\.livekit.cloud",
        "wss://evil.example/.livekit.cloud",
        "wss://evil.example?.livekit.cloud",
        "wss://evil.example#.livekit.cloud",
        "wss://user@x.livekit.cloud",
        "wss://evil．example／.livekit.cloud",
        "wss://[::1].livekit.cloud",
    ],
)
def test_no_spelling_of_another_server_passes_for_an_allowed_one(url: str) -> None:
    """The library that connects takes a backslash for the end of the host."""
    with pytest.raises(RequestRefusedError):
        check_livekit_url(url, ["wss://*.livekit.cloud"])


@pytest.mark.parametrize("header", ["api-secret", "Authorization"])
async def test_a_key_of_odd_bytes_is_no_key(serve: Serve, header: str) -> None:
    async with serve() as worker:
        _, _, address = worker.url.partition("//")
        host, _, port = address.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /launch HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n")
        writer.write(header.encode() + b": Bearer \xff\xfe\r\n\r\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 401")


def test_a_small_body_that_would_be_large_in_memory_is_refused_unread() -> None:
    bomb = b'{"image": [' + b"[]," * 300_000 + b"[]]}"
    flat = json.dumps({str(n): "" for n in range(100_000)}).encode()
    for body in (bomb, flat):
        started = time.thread_time()
        with pytest.raises(RequestRefusedError, match="JSON object of texts"):
            _json_fields(body)
        assert time.thread_time() - started < 0.05


async def test_a_form_with_headers_without_end_is_refused_as_broken(serve: Serve) -> None:
    part = b"--b\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(5_000)) + b"\r\n\r\n--b--\r\n"
    async with serve() as worker:
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        status, answer = await worker.launch(data=part, headers=headers)
    assert (status, answer["error"]["code"]) == (400, "bad_request")


@pytest.mark.parametrize("as_json", [False, True])
def test_a_token_is_not_logged_whoever_logs_it(as_json: bool) -> None:
    logger = logging.getLogger("livekit_avatar.worker.somewhere")
    try:
        raise RuntimeError(f"refused {TOKEN}")
    except RuntimeError as error:
        record = logger.makeRecord(
            logger.name, logging.ERROR, "", 0, "with %s", (TOKEN,), (type(error), error, error.__traceback__)
        )
    line = SessionFormatter(as_json=as_json).format(record)
    assert TOKEN not in line
    assert line.count("[token]") == 2


@dataclass
class SlowToFree(FlashEngine):
    """Takes until it is let to free a face."""

    freeing: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    def unload(self, face: Face) -> None:
        self.freeing.set()
        assert self.go_on.wait(10)
        super().unload(face)


def opener(engine: FlashEngine) -> Callable[[], Avatar]:
    def work() -> Avatar:
        manifest = Manifest("slow-to-free", 1, "face", (64, 48), 25, "", "", "", ())
        return Avatar(Bundle(manifest, {}), engine, engine.face())

    return work


async def test_an_avatar_that_is_shown_again_is_not_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = SlowToFree(EngineInfo("slow-to-free"))
    faces = Faces(WorkerOptions())
    for name in ("a", "b"):
        async with faces._open(name, opener(engine), None):
            pass
    monkeypatch.setattr(faces_module, "KEPT", 0)
    freeing = asyncio.create_task(faces._free_unused())
    await asyncio.to_thread(engine.freeing.wait, 10)
    async with faces._open("b", opener(engine), None) as avatar:
        engine.go_on.set()
        await freeing
        assert avatar.face in engine.loaded
    await faces.aclose()
    assert not engine.loaded


async def test_a_launch_that_comes_twice_at_once_gives_one_session(
    serve: Serve, livekit_server: LiveKitServer
) -> None:
    """Both find the session before in their way, and wait for its end."""
    async with serve(capacity=5) as worker:
        body = launch_body(livekit_server)
        _, before = await worker.launch(json=body)
        headers = {"Idempotency-Key": "one"}
        answers = await asyncio.gather(*[worker.launch(json=body, headers=headers) for _ in range(3)])
        assert {status for status, _ in answers} == {200}
        (session,) = {answer["session_id"] for _, answer in answers}
        assert session != before["session_id"]
        assert worker.sessions.active == 1


async def test_an_agent_that_does_not_come_keeps_no_place(
    serve: Serve, livekit_server: LiveKitServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attendance, "_COMING", 0.5)
    async with serve() as worker:
        _, answer = await worker.launch(json=launch_body(livekit_server))
        await until(lambda: not worker.sessions.active)
        _, session = await worker.ask("GET", f"/sessions/{answer['session_id']}")
        assert session["reason"] == "the agent did not come"


async def test_pictures_of_many_launches_are_prepared_a_few_at_a_time() -> None:
    faces, engine = Faces(WorkerOptions()), FlashEngine(EngineInfo("prepared"))
    busy, most = [], 0

    def prepare(n: int) -> Avatar:
        nonlocal most
        busy.append(n)
        most = max(most, len(busy))
        time.sleep(0.02)
        busy.remove(n)
        return opener(engine)()

    async def launch(n: int) -> None:
        async with faces._open(f"picture {n}", lambda: prepare(n), None):
            pass

    await asyncio.gather(*map(launch, range(20)))
    await faces.aclose()
    assert most == faces_module.OPENING
    assert not engine.loaded
