"""What a worker launches, what it refuses, and what it says then."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from engines_for_tests.colour import ColourEngine, colour_bundle
from livekit import api
from PIL import Image as Pillow
from workers import Serve, avatar_token, launch_body

from livekit_avatar.avatars.bundle import encode_bundle
from livekit_avatar.demo.livekit_server import LiveKitServer

NOWHERE = LiveKitServer("ws://127.0.0.1:9", "key", "a-secret-of-thirty-two-characters")
"""For what is refused before any server is asked."""


def body(**fields: Any) -> dict[str, Any]:
    return {**launch_body(NOWHERE), **fields}


def without(name: str, **fields: Any) -> dict[str, Any]:
    return {key: value for key, value in body(**fields).items() if key != name}


def png(width: int = 64, height: int = 64) -> bytes:
    file = io.BytesIO()
    Pillow.new("RGB", (width, height)).save(file, "PNG")
    return file.getvalue()


async def test_without_a_key_of_the_worker_nothing_is_launched(serve: Serve) -> None:
    async with serve() as worker:
        for headers in (
            {},
            {"Authorization": "Bearer another"},
            {"api-secret": "another"},
            {"api-secret": ""},
        ):
            async with worker.http.post(f"{worker.url}/launch", json=body(), headers=headers) as answer:
                refusal = (await answer.json())["error"]
                assert answer.status == 401
                assert refusal["code"] == "unauthorized" and refusal["message"] and refusal["fix"]


@pytest.mark.parametrize("header", [{"Authorization": "Bearer a-key"}, {"api-secret": "a-key"}])
async def test_a_key_comes_as_bearer_or_as_api_secret(serve: Serve, header: dict[str, str]) -> None:
    async with (
        serve() as worker,
        worker.http.post(f"{worker.url}/launch", json={}, headers=header) as answer,
    ):
        assert answer.status == 400


@pytest.mark.parametrize(
    ("request_body", "status", "code", "words"),
    [
        (without("livekit_url"), 400, "bad_request", "livekit_url"),
        (without("livekit_token"), 400, "bad_request", "livekit_token"),
        (without("agent_id"), 400, "bad_request", "whose face"),
        (body(avatar_image_url="https://example.com/me.jpg"), 400, "bad_request", "agent_id and"),
        (body(model=7), 400, "bad_request", "model"),
        (body(async_mode="perhaps"), 400, "bad_request", "async_mode"),
        (without("agent_id", image="not base64!"), 400, "bad_request", "image"),
        (
            body(livekit_url="wss://elsewhere.example.com"),
            403,
            "livekit_url_refused",
            "elsewhere.example.com",
        ),
        (body(livekit_url="ftp://127.0.0.1"), 400, "bad_livekit_url", "livekit_url"),
        (body(livekit_url="ws://user:word@127.0.0.1"), 400, "bad_livekit_url", "livekit_url"),
        (body(livekit_token="nonsense"), 400, "bad_token", "token"),
        (body(room_name="another"), 400, "bad_token", "room"),
        (body(agent_id="nobody"), 404, "avatar_not_found", "nobody"),
        (body(agent_id="../../etc/passwd"), 404, "avatar_not_found", "passwd"),
        (body(model="expression"), 400, "engine_unavailable", "ditto or musetalk"),
        (body(model="essence"), 400, "engine_unavailable", "colour"),
        (body(model="no-such-model"), 400, "engine_unavailable", "no-such-model"),
        (body(mode="tpu"), 400, "engine_unavailable", "tpu"),
        (without("agent_id", image=base64.b64encode(b"no picture").decode()), 400, "unusable", "picture"),
        (without("agent_id", avatar_file=base64.b64encode(b"PK\x03\x04 no").decode()), 400, "unusable", ""),
    ],
)
async def test_a_launch_that_cannot_work_is_refused_in_words(
    serve: Serve, request_body: dict[str, Any], status: int, code: str, words: str
) -> None:
    async with serve() as worker:
        answered, answer = await worker.launch(json=request_body)
        assert (answered, answer["error"]["code"]) == (status, code)
        assert words in answer["error"]["message"] and answer["error"]["fix"]
        assert worker.sessions.active == 0


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ({"attributes": False}, "for whom"),
        ({"can_publish": False}, "publish"),
        ({"room_join": False}, "opens no room"),
    ],
)
async def test_a_token_with_which_no_avatar_can_join_is_refused_at_once(
    serve: Serve, token: dict[str, Any], words: str
) -> None:
    async with serve() as worker:
        request = {**body(), "room_name": "", "livekit_token": avatar_token(NOWHERE, **token)}
        status, answer = await worker.launch(json=request)
        assert (status, answer["error"]["code"]) == (400, "bad_token")
        assert words in answer["error"]["message"]


async def test_a_token_that_has_expired_is_refused_without_being_repeated(serve: Serve) -> None:
    access = api.AccessToken(NOWHERE.api_key, NOWHERE.api_secret).with_identity("avatar")
    access = access.with_grants(api.VideoGrants(room_join=True, room="test"))
    access = access.with_attributes({"lk.publish_on_behalf": "agent"}).with_ttl(timedelta(minutes=-5))
    async with serve() as worker:
        status, answer = await worker.launch(json=body(livekit_token=access.to_jwt()))
        assert (status, answer["error"]["code"]) == (400, "bad_token")
        assert "expired" in answer["error"]["message"]


async def test_a_server_that_refuses_the_token_and_one_that_is_not_there_are_told_apart(
    serve: Serve, livekit_server: LiveKitServer
) -> None:
    forged = avatar_token(LiveKitServer(livekit_server.url, livekit_server.api_key, NOWHERE.api_secret))
    async with serve() as worker:
        status, answer = await worker.launch(json={**launch_body(livekit_server), "livekit_token": forged})
        assert (status, answer["error"]["code"]) == (400, "token_refused")
        assert forged not in str(answer)
        status, answer = await worker.launch(json=body())
        assert (status, answer["error"]["code"]) == (502, "room_unreachable")
        assert worker.sessions.active == 0


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"[" * 100_000, b"\xff"])
async def test_a_body_that_is_no_json_object_is_refused(serve: Serve, content: bytes) -> None:
    async with serve() as worker:
        status, answer = await worker.launch(data=content, headers={"Content-Type": "application/json"})
        assert (status, answer["error"]["code"]) == (400, "bad_request")


async def test_a_body_of_another_kind_is_refused(serve: Serve) -> None:
    async with serve() as worker:
        status, answer = await worker.launch(data=b"hello", headers={"Content-Type": "text/plain"})
        assert status == 415
        kind = "multipart/form-data; boundary=b"
        status, answer = await worker.launch(data=b"--c\r\n\r\n", headers={"Content-Type": kind})
        assert (status, answer["error"]["code"]) == (400, "bad_request")


async def test_a_picture_of_50_mb_is_refused_before_it_is_read_to_its_end(serve: Serve) -> None:
    async with serve() as worker:
        form = aiohttp.FormData(without("agent_id"))
        form.add_field("avatar_image", io.BytesIO(bytes(50_000_000)), filename="me.jpg")
        status, answer = await worker.launch(data=form)
        assert (status, answer["error"]["code"]) == (413, "too_large")
        encoded = base64.b64encode(bytes(50_000_000)).decode()
        content = io.BytesIO(json.dumps(without("agent_id", image=encoded)).encode())
        status, answer = await worker.launch(data=content, headers={"Content-Type": "application/json"})
        assert (status, answer["error"]["code"]) == (413, "too_large")


async def test_a_picture_of_too_many_pixels_is_refused_by_its_header(serve: Serve) -> None:
    start = b"IHDR" + (60_000).to_bytes(4, "big") * 2 + b"\x08\x02\x00\x00\x00"
    picture = png()[:12] + start + zlib.crc32(start).to_bytes(4, "big") + png()[33:]
    async with serve() as worker:
        request = without("agent_id", image=base64.b64encode(picture).decode())
        status, answer = await worker.launch(json=request)
        assert (status, answer["error"]["code"]) == (413, "too_large")


async def test_an_upload_that_takes_for_ever_is_given_up(serve: Serve) -> None:
    async def drops() -> AsyncIterator[bytes]:
        while True:
            yield b"{"
            await asyncio.sleep(0.05)

    async with serve(upload_timeout=0.3) as worker:
        headers = {"Content-Type": "application/json"}
        status, answer = await worker.launch(data=drops(), headers=headers)
        assert (status, answer["error"]["code"]) == (408, "too_slow")


async def test_no_more_uploads_are_read_at_once_than_memory_allows(serve: Serve) -> None:
    ended = []

    async def launch(name: str, body: AsyncIterator[bytes]) -> None:
        headers = {"Content-Type": "application/json"}
        await worker.launch(data=body, headers=headers)
        ended.append(name)

    async def drops() -> AsyncIterator[bytes]:
        begun.set()
        while True:
            yield b"{"
            await asyncio.sleep(0.05)

    async def whole() -> AsyncIterator[bytes]:
        yield b"{}"

    begun = asyncio.Event()
    async with serve(uploads=1, upload_timeout=0.5) as worker:
        slow = asyncio.create_task(launch("slow", drops()))
        await begun.wait()
        await asyncio.sleep(0.1)  # for the first drop to arrive
        await asyncio.gather(slow, launch("quick", whole()))
    assert ended == ["slow", "quick"]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/me.jpg",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/me.jpg",
        "http://localhost/me.jpg",
        "http://10.0.0.1/me.jpg",
    ],
)
async def test_a_picture_on_a_private_address_is_not_fetched(serve: Serve, url: str) -> None:
    async with serve() as worker:
        for name in ("avatar_image_url", "image"):
            status, answer = await worker.launch(json=without("agent_id", **{name: url}))
            assert (status, answer["error"]["code"]) == (400, "unusable")


@asynccontextmanager
async def pictures(handler: Any) -> AsyncIterator[str]:
    """A web server on a loopback address and port 80, or whatever port is free."""
    app = web.Application()
    app.router.add_get("/{name}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 80).start()
    except PermissionError:
        await runner.cleanup()
        pytest.skip("pictures are fetched from port 80 only, and this user may not listen there")
    try:
        yield "http://127.0.0.1"
    finally:
        await runner.cleanup()


async def test_a_redirect_to_a_private_address_is_not_followed(serve: Serve) -> None:
    asked = []

    async def redirect(request: web.Request) -> web.Response:
        asked.append(request.path)
        raise web.HTTPFound("http://127.0.0.2/secret")

    async with pictures(redirect) as site, serve(fetch_from=(ip_network("127.0.0.1/32"),)) as worker:
        status, answer = await worker.launch(json=without("agent_id", image=f"{site}/me.jpg"))
        assert (status, answer["error"]["code"]) == (400, "unusable")
        assert asked == ["/me.jpg"]


async def test_every_way_to_say_whose_face_it_is_leads_to_the_same_session(
    serve: Serve, livekit_server: LiveKitServer, colours: ColourEngine
) -> None:
    """As plugin 1.8.10 sends JSON, as it and the first plugin send forms, and as our own session does."""
    picture = png()
    data = encode_bundle(colour_bundle("green"))
    fields = {
        key: value for key, value in launch_body(livekit_server).items() if key not in ("agent_id", "mode")
    }

    def form(**files: bytes) -> aiohttp.FormData:
        data = aiohttp.FormData({**fields, "async_mode": "false"})
        for name, content in files.items():
            data.add_field(name, content, filename="file", content_type="application/octet-stream")
        return data

    painted = {"model": "colour"}
    requests: list[dict[str, Any]] = [
        {"json": {**fields, "mode": "cpu", "agent_id": "red"}},
        {"json": {**fields, "mode": "gpu", "model": "colour", "agent_id": "red"}},
        {"data": {**fields, "avatar_id": "red"}},  # urlencoded: a form without a file
        {"data": aiohttp.FormData({**fields, "avatar_id": "red"}, default_to_multipart=True)},
        {"data": form(avatar_file=data)},
        {"json": {**fields, "avatar_file": base64.b64encode(data).decode()}},
        {"json": {**fields, **painted, "image": base64.b64encode(picture).decode()}},
        {
            "json": {
                **fields,
                **painted,
                "image": "data:image/png;base64," + base64.b64encode(picture).decode(),
            }
        },
    ]
    async with serve() as worker:
        for request in requests:
            status, answer = await worker.launch(**request)
            assert status == 200, answer
            assert set(answer) == {"session_id", "status", "avatar_identity"}
            assert (await worker.ask("DELETE", f"/sessions/{answer['session_id']}"))[0] == 200


async def test_async_mode_answers_before_the_face_has_joined(
    serve: Serve, livekit_server: LiveKitServer
) -> None:
    async with serve() as worker:
        for request in (
            {"json": {**launch_body(livekit_server), "async_mode": "true"}},
            {"data": {**launch_body(livekit_server, identity="second"), "async_mode": "true"}},
        ):
            status, answer = await worker.launch(**request)
            assert (status, answer["status"]) == (200, "starting")
        async with worker.http.post(
            f"{worker.url}/launch?async=true",
            json=launch_body(livekit_server, identity="third"),
            headers={"api-secret": "a-key"},
        ) as response:
            assert (await response.json())["status"] == "starting"


async def test_a_launch_that_is_repeated_is_one_session(serve: Serve, livekit_server: LiveKitServer) -> None:
    headers = {"Idempotency-Key": "one"}
    async with serve() as worker:
        again = [worker.launch(json=launch_body(livekit_server), headers=headers) for _ in range(3)]
        answers = await asyncio.gather(*again)
        assert {status for status, _ in answers} == {200}
        assert len({answer["session_id"] for _, answer in answers}) == 1
        assert worker.sessions.active == 1
        other = launch_body(livekit_server, identity="another")
        status, answer = await worker.launch(json=other, headers=headers)
        assert (status, answer["error"]["code"]) == (422, "idempotency_key_reused")


async def test_a_launch_that_failed_may_be_repeated(serve: Serve, livekit_server: LiveKitServer) -> None:
    headers = {"Idempotency-Key": "one"}
    async with serve() as worker:
        status, _ = await worker.launch(json=launch_body(livekit_server, "nobody"), headers=headers)
        assert status == 404
        status, _ = await worker.launch(json=launch_body(livekit_server), headers=headers)
        assert status == 200


async def test_of_20_launches_at_capacity_4_sixteen_are_told_when_to_come_again(
    serve: Serve, livekit_server: LiveKitServer
) -> None:
    async with serve(capacity=4) as worker:

        async def launch(number: int) -> tuple[int, str | None]:
            async with worker.http.post(
                f"{worker.url}/launch",
                json=launch_body(livekit_server, identity=f"avatar-{number}", room=f"room-{number}"),
                headers={"api-secret": "a-key"},
            ) as answer:
                return answer.status, answer.headers.get("Retry-After")

        answers = await asyncio.gather(*(launch(number) for number in range(20)))
        assert [status for status, _ in answers].count(200) == 4
        refused = [wait for status, wait in answers if status == 503]
        assert len(refused) == 16 and all(wait is not None and int(wait) > 0 for wait in refused)
        assert (await worker.ask("GET", "/ready"))[0] == 503
        assert worker.sessions.active == 4


async def test_another_key_sees_no_session(serve: Serve, livekit_server: LiveKitServer) -> None:
    async with serve(keys=("a-key", "another-key")) as worker:
        _, answer = await worker.launch(json=launch_body(livekit_server))
        path = f"/sessions/{answer['session_id']}"
        assert (await worker.ask("GET", path, key="another-key"))[0] == 404
        assert (await worker.ask("DELETE", path, key="another-key"))[0] == 404
        assert (await worker.ask("GET", path, key="no-key"))[0] == 401
        status, told = await worker.ask("GET", path)
        assert (status, told["status"], told["avatar"], told["room_name"]) == (
            200,
            "running",
            "white",
            "test",
        )
        assert (await worker.ask("DELETE", path))[1]["status"] == "ended"
        assert (await worker.ask("GET", path))[1]["reason"] == "deleted"


async def test_health_readiness_and_metrics_are_open_to_all(serve: Serve) -> None:
    async with serve() as worker:
        for path, words in (
            ("/health", "ok"),
            ("/ready", "capacity"),
            ("/metrics", "livekit_avatar_launches"),
        ):
            async with worker.http.get(worker.url + path) as answer:
                assert answer.status == 200 and words in await answer.text()


async def test_what_is_not_served_is_refused_as_json(serve: Serve) -> None:
    async with serve() as worker:
        assert (await worker.ask("GET", "/nothing"))[0] == 404
        status, answer = await worker.ask("GET", "/launch")
        assert status == 405 and answer["error"]["fix"]


async def test_a_worker_that_drains_refuses_new_sessions_and_lets_old_ones_be(
    serve: Serve, livekit_server: LiveKitServer
) -> None:
    async with serve() as worker:
        _, answer = await worker.launch(json=launch_body(livekit_server))
        draining = asyncio.create_task(worker.sessions.drain(30))
        await asyncio.sleep(0)
        status, refusal = await worker.launch(json=launch_body(livekit_server, identity="late"))
        assert (status, refusal["error"]["code"]) == (503, "at_capacity")
        assert (await worker.ask("GET", "/ready"))[0] == 503
        assert not draining.done()
        await worker.ask("DELETE", f"/sessions/{answer['session_id']}")
        await asyncio.wait_for(draining, 5)
