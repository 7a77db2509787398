"""What a session asks a host for, beside bitHuman's plugin, which the hosts are made for.

Each test states a behaviour that programs rely on. B1 .. B20 name the faults of livekit-plugins-bithuman
1.8.10: the stock plugin fails the test (the day it does not, the test says so), ours passes.
"""

from __future__ import annotations

import asyncio
import base64
import io
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hosts import (
    LIVEKIT,
    ROOM,
    Answer,
    Call,
    Upload,
    avatar_session,
    both,
    hosting,
    in_a_job,
    launch,
    launched,
    named_room,
)
from livekit import rtc
from livekit.agents import AgentSession, APIConnectionError, APIConnectOptions, APIStatusError, utils
from PIL import Image
from viewer import joined

from livekit_avatar.avatar import open_avatar
from livekit_avatar.avatars.bundle import encode_bundle, read_bundle
from livekit_avatar.compat.bithuman import AsyncBithuman
from livekit_avatar.demo.livekit_server import LiveKitServer
from livekit_avatar.errors import (
    BitHumanException,
    ConfigurationError,
    LaunchError,
    LaunchRefusedError,
    PictureTooLargeError,
)
from livekit_avatar.room.mode import Cloud, choose_mode
from livekit_avatar.settings import Settings

SECRET, TOKEN = "the-account-secret", "a-runtime-token"
AT_ONCE = APIConnectOptions(max_retry=3, retry_interval=0.01, timeout=10.0)


def picture(mode: str = "RGB", size: tuple[int, int] = (64, 48)) -> Image.Image:
    """A gradient in colour."""
    width, height = size
    across, down = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    pixels = np.stack([across, down, 255 - across], axis=2).astype(np.uint8)
    image = Image.fromarray(pixels)
    return Image.fromarray(down.astype(np.uint16) * 256) if mode == "I;16" else image.convert(mode)


def jpeg(image: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95, **options)
    return buffer.getvalue()


def sent_picture(call: Call) -> Image.Image:
    value = call.fields.get("image") or call.fields["avatar_image"]
    data = value.data if isinstance(value, Upload) else base64.b64decode(value)
    return Image.open(io.BytesIO(data))


# What is sent.

LEAKS = {"api_secret"}
"""What the stock plugin writes where every participant of the room reads it."""

ASKED = [
    pytest.param({"avatar_id": "A31KJC8622"}, id="id"),
    pytest.param({"avatar_id": "A31KJC8622", "model": "essence-2"}, id="id-model"),
    pytest.param({"avatar_id": "A31KJC8622", "model": "expression"}, id="id-expression"),
    pytest.param({"avatar_image": "https://example.com/me.jpg"}, id="url"),
    pytest.param({"avatar_image": picture()}, id="pillow"),
    pytest.param({"avatar_image": picture(), "model": "expression"}, id="pillow-expression"),
    pytest.param({"avatar_image": picture(), "avatar_id": "A31KJC8622"}, id="both"),
    pytest.param({"avatar_image": base64.b64encode(jpeg(picture())).decode()}, id="base64"),
    pytest.param({"avatar_image": "path"}, id="path"),
]


async def _asked(kind: str, asked: dict[str, Any], query: str = "", **more: Any) -> Call:
    async with hosting() as host:
        url = host.url + query
        await launch(kind, api_url=url, api_secret=SECRET, conn_options=AT_ONCE, **asked, **more)
        return host.calls[0]


@pytest.mark.parametrize("asked", ASKED)
async def test_a_json_launch_equals_that_of_the_stock_plugin(
    asked: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if asked.get("avatar_image") == "path":
        picture().save(tmp_path / "me.png")
        asked = {"avatar_image": str(tmp_path / "me.png")}
    monkeypatch.setattr("livekit.plugins.bithuman.AvatarSession._is_default_api_url", lambda _: True)
    ours = await _asked("ours", asked, request_format="json", avatar_participant_identity="face")
    stock = await _asked("stock", asked, avatar_participant_identity="face")
    assert _without_token(ours) == _without_token(stock)
    assert ours.content_type == stock.content_type == "application/json"
    assert ours.headers["api-secret"] == stock.headers["api-secret"] == SECRET
    _same_claims(ours, stock)


@pytest.mark.parametrize("query", ["", "?async=true", "?async=false", "?x=1&async=True"])
@pytest.mark.parametrize("asked", [each for each in ASKED if each.id not in ("path", "both")])
async def test_a_form_launch_equals_that_of_the_stock_plugin(asked: dict[str, Any], query: str) -> None:
    asked = {**asked, "model": "expression"}
    ours = await _asked("ours", asked, query, avatar_participant_identity="face")
    stock = await _asked("stock", asked, query, avatar_participant_identity="face")
    assert _without_token(ours) == _without_token(stock)
    assert ours.fields.get("async_mode") == stock.fields.get("async_mode")
    assert ours.headers["Authorization"] == stock.headers["Authorization"] == f"Bearer {SECRET}"
    assert ours.url.endswith(query)
    _same_claims(ours, stock)


def _without_token(call: Call) -> dict[str, Any]:
    return {name: value for name, value in call.fields.items() if name != "livekit_token"}


def _same_claims(ours: Call, stock: Call) -> None:
    mine, theirs = ours.claims, stock.claims
    leaks = {name: value for name, value in theirs["attributes"].items() if name not in LEAKS}
    assert mine["attributes"] == leaks
    assert (mine["sub"], mine["kind"]) == (theirs["sub"], theirs["kind"]) == ("face", "agent")
    assert mine["video"]["roomJoin"] and theirs["video"]["roomJoin"]
    assert mine["video"]["room"] == ROOM


@both("B1: the account secret is an attribute that every participant of the room reads")
async def test_no_secret_is_in_the_token(kind: str) -> None:
    call = await _asked(kind, {"avatar_id": "someone"})
    assert SECRET not in str(call.claims)


@both("B2: a host of one's own is sent the account secret though there is a token for it")
async def test_a_host_of_ones_own_is_sent_its_token_and_not_the_account_secret(kind: str) -> None:
    call = await _asked(kind, {"avatar_id": "someone", "model": "essence"}, api_token=TOKEN)
    assert call.headers["Authorization"] == f"Bearer {TOKEN}"
    assert SECRET not in str(call.headers) + str(call.fields) + str(call.claims)


@both("B3: a token alone is refused")
async def test_a_token_alone_is_enough(kind: str) -> None:
    async with hosting() as host:
        await launch(kind, api_url=host.url, api_token=TOKEN, avatar_id="someone", model="expression")
        assert host.calls[0].headers["Authorization"] == f"Bearer {TOKEN}"


@both("B4: a refusal that will stay is tried again, and its status is lost")
async def test_a_wrong_key_is_said_at_once(kind: str) -> None:
    async with hosting(Answer(401, '{"detail": "unknown key"}')) as host:
        with pytest.raises(APIStatusError) as refused:
            await launch(kind, api_url=host.url, api_secret=SECRET, avatar_id="someone", conn_options=AT_ONCE)
        assert refused.value.status_code == 401
        assert "unknown key" in str(refused.value)
        assert len(host.calls) == 1


@pytest.mark.parametrize("request_format", ["form", "json"])
async def test_every_try_has_a_body_of_its_own(request_format: str) -> None:
    """B5: the stock plugin's form fails the second time; aiohttp 3.12 forgives it."""
    async with hosting(Answer(503), Answer(503), Answer()) as host:
        asked = {"avatar_image": picture(), "request_format": request_format}
        await launch("ours", api_url=host.url, api_secret=SECRET, conn_options=AT_ONCE, **asked)
        assert len({str(_without_token(call)) for call in host.calls}) == 1
        assert [sent_picture(call).size for call in host.calls] == [(64, 48)] * 3


@both("B6: a host that takes its time is waited for without end")
async def test_one_deadline_holds_over_all_tries(kind: str) -> None:
    async with hosting(Answer(after=1.5)) as host:
        hasty = APIConnectOptions(max_retry=3, retry_interval=0.01, timeout=0.3)
        with pytest.raises(APIConnectionError, match=r"0\.3 s"):
            await launch(kind, api_url=host.url, api_secret=SECRET, avatar_id="someone", conn_options=hasty)
        assert len(host.calls) == 1


@both("B7: no retries mean that nothing is sent")
async def test_without_retries_there_is_one_try(kind: str) -> None:
    async with hosting() as host:
        once = APIConnectOptions(max_retry=0)
        await launch(kind, api_url=host.url, api_secret=SECRET, avatar_id="someone", conn_options=once)
        assert len(host.calls) == 1


@both("B8: nothing tells a host that a second try is the same launch")
async def test_all_tries_of_a_launch_carry_one_key(kind: str) -> None:
    async with hosting(Answer(503), Answer()) as host:
        for _ in range(2):
            await launch(kind, api_url=host.url, api_secret=SECRET, avatar_id="x", conn_options=AT_ONCE)
        first, again, other = (call.headers["Idempotency-Key"] for call in host.calls)
        assert first == again != other


@both("B9: a form without a picture is not multipart")
async def test_a_form_is_multipart_with_or_without_a_picture(kind: str) -> None:
    call = await _asked(kind, {"avatar_id": "someone", "model": "expression"})
    assert call.content_type == "multipart/form-data"


@both("B10: a path with a slip that is valid base64 is sent as a picture")
@pytest.mark.parametrize("slip", ["portrait", "faces/me", "x" * 300_000])
def test_a_path_with_a_slip_is_refused_at_once(kind: str, slip: str) -> None:
    with pytest.raises(BitHumanException if kind == "ours" else Exception) as refused:
        avatar_session(kind, avatar_image=slip, api_secret=SECRET)
    assert len(str(refused.value)) < 300


@both("B11: data: URIs are refused, in a message as long as they are")
@pytest.mark.parametrize("model", ["essence", "expression"])
async def test_a_data_uri_is_a_picture(kind: str, model: str) -> None:
    uri = f"data:image/jpeg;base64,{base64.b64encode(jpeg(picture())).decode()}"
    call = await _asked(kind, {"avatar_image": uri, "model": model})
    assert sent_picture(call).size == (64, 48)


@both("B12: only pictures that JPEG takes as they are can be sent")
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "I;16"])
async def test_pictures_of_every_mode_are_sent(kind: str, mode: str) -> None:
    sent = sent_picture(await _asked(kind, {"avatar_image": picture(mode)}))
    there, here = (np.asarray(image.convert("L"), np.float32) for image in (sent, picture("RGB")))
    assert sent.size == (64, 48)
    if mode in ("RGBA", "P"):
        assert np.abs(there - here).mean() < 16
    else:
        assert np.ptp(there) > 100, "neither black nor white"


@both("B13: a photo taken upright lies on its side")
async def test_a_picture_is_sent_upright(kind: str, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter to the right
    (tmp_path / "me.jpg").write_bytes(jpeg(picture(), exif=exif))
    sent = sent_picture(await _asked(kind, {"avatar_image": str(tmp_path / "me.jpg")}))
    assert sent.size == (48, 64)
    assert sent.getexif().get(0x0112, 1) == 1


@both("B14: a picture is encoded on the event loop")
async def test_a_picture_is_encoded_off_the_event_loop(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    threads, save = [], Image.Image.save

    def watched(self: Image.Image, *arguments: Any, **options: Any) -> None:
        threads.append(threading.current_thread())
        save(self, *arguments, **options)

    monkeypatch.setattr(Image.Image, "save", watched)
    await _asked(kind, {"avatar_image": picture()})
    assert threads and threading.main_thread() not in threads


@both("B15: the program's log handlers are removed on import")
def test_an_import_leaves_the_log_as_it_was(kind: str) -> None:
    module = "livekit_avatar.room" if kind == "ours" else "livekit.plugins.bithuman"
    program = f"""
import loguru
before = set(loguru.logger._core.handlers)
import {module}
assert set(loguru.logger._core.handlers) == before
"""
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


@both("B16: a runtime needs a model path beside it")
async def test_a_runtime_is_enough(kind: str) -> None:
    runtime = await AsyncBithuman.create()
    avatar_session(kind, runtime=runtime)
    await runtime.shutdown()


@both("B16: a model that is not there is noticed only when it is loaded")
def test_a_missing_model_is_noticed_at_once(kind: str) -> None:
    with pytest.raises(Exception, match="nowhere"):
        avatar_session(kind, model_path="nowhere.imx", api_secret=SECRET)


@both("B17: a failed start leaves its listeners behind")
async def test_a_failed_start_leaves_nothing_behind(kind: str) -> None:
    room = named_room()
    with in_a_job():
        async with utils.http_context.open(), hosting(Answer(403)) as host:
            session: AgentSession[Any] = AgentSession(vad=None)
            before = _listeners(room, session)
            once = APIConnectOptions(max_retry=1)
            avatar = avatar_session(
                kind, avatar_id="someone", api_url=host.url, api_secret=SECRET, conn_options=once
            )
            with pytest.raises(APIConnectionError):
                await avatar.start(session, room, **LIVEKIT)
            left, voice = _listeners(room, session), session.output.audio
            await avatar.aclose()
            await session.aclose()
    assert left == before
    assert voice is None


def _listeners(*emitters: rtc.EventEmitter[Any]) -> list[dict[str, int]]:
    return [{event: len(known) for event, known in emitter._events.items() if known} for emitter in emitters]


@both("B18: the end of a face that was drawn here removes the agent from the room")
async def test_the_end_of_a_local_face_leaves_the_agent_in_the_room(
    kind: str, livekit_server: LiveKitServer
) -> None:
    runtime = await AsyncBithuman.create()
    async with joined(livekit_server, "agent", agent=True) as room:
        with in_a_job() as job:
            session: AgentSession[Any] = AgentSession(vad=None)
            avatar = _local(kind, runtime)
            await avatar.start(session, room)
            await avatar.aclose()
            await _end_all(avatar, session)
        assert job.removed == []
    await runtime.shutdown()


@both("B19: what publishes a face that was drawn here is never closed")
async def test_the_end_of_a_local_face_ends_its_tasks(kind: str, livekit_server: LiveKitServer) -> None:
    runtime = await AsyncBithuman.create()
    async with joined(livekit_server, "agent", agent=True) as room:
        session: AgentSession[Any] = AgentSession(vad=None)
        before = asyncio.all_tasks()
        avatar = _local(kind, runtime)
        await avatar.start(session, room)
        await avatar.aclose()
        await asyncio.sleep(0.1)
        left = asyncio.all_tasks() - before
        await _end_all(avatar, session)
        await runtime.shutdown()
    assert not left


def _local(kind: str, runtime: AsyncBithuman) -> Any:
    """A session with a face that is drawn here, on our engine also under bitHuman's plugin."""
    needless = {} if kind == "ours" else {"model_path": "any.imx", "api_secret": SECRET}
    return avatar_session(kind, runtime=runtime, **needless)


async def _end_all(avatar: Any, session: AgentSession[Any]) -> None:
    """What the stock plugin leaves running."""
    runner = getattr(avatar, "_avatar_runner", None)
    if runner is not None:
        await runner.aclose()
    await session.aclose()


@both("B20: speech may change its rate, and sets out before anybody can show it")
async def test_speech_goes_out_at_one_rate_when_the_face_is_there(
    kind: str, livekit_server: LiveKitServer
) -> None:
    async with (
        hosting() as host,
        joined(livekit_server, "agent", agent=True) as room,
        launched(
            kind,
            room,
            api_url=host.url,
            api_secret=SECRET,
            avatar_id="someone",
            avatar_participant_identity="face",
        ) as (_, session),
    ):
        output = session.output.audio
        frame = rtc.AudioFrame.create(24_000, 1, 480)
        speaking = asyncio.create_task(output.capture_frame(frame))
        async with joined(livekit_server, "face", agent=True):
            early = asyncio.Event()
            await asyncio.wait({speaking}, timeout=1)
            early.set() if speaking.done() else None
        speaking.cancel()
        await asyncio.wait({speaking})
        assert output.sample_rate is not None
        assert not early.is_set()


# What is refused.


async def test_bithuman_s_own_hosts_are_asked_in_json_and_others_by_a_form() -> None:
    call = await _asked("ours", {"avatar_id": "someone"})
    assert call.content_type == "multipart/form-data"
    theirs = choose_mode({"avatar_id": "someone", "api_secret": SECRET}, Settings())
    assert isinstance(theirs, Cloud)
    assert theirs.host.request_format == "json"
    assert theirs.host.headers == {"api-secret": SECRET}


async def test_a_busy_host_says_when_to_come_again() -> None:
    async with hosting(Answer(429, headers={"Retry-After": "1"}), Answer()) as host:
        since = time.monotonic()
        await launch("ours", api_url=host.url, api_secret=SECRET, avatar_id="x", conn_options=AT_ONCE)
        assert time.monotonic() - since >= 1
        assert len(host.calls) == 2


async def test_a_host_that_is_busy_for_longer_than_there_is_time_is_not_waited_for() -> None:
    async with hosting(Answer(503, headers={"Retry-After": "60"})) as host:
        with pytest.raises(LaunchRefusedError, match="503"):
            await launch("ours", api_url=host.url, api_secret=SECRET, avatar_id="x", conn_options=AT_ONCE)
        assert len(host.calls) == 1


async def test_a_host_that_is_not_there_is_tried_again_and_then_named() -> None:
    url = "http://127.0.0.1:9/launch?key=in-the-query"
    with pytest.raises(APIConnectionError, match=r"127\.0\.0\.1:9/launch cannot be reached") as refused:
        await launch("ours", api_url=url, api_secret=SECRET, avatar_id="x", conn_options=AT_ONCE)
    assert isinstance(refused.value, LaunchError)
    assert "in-the-query" not in str(refused.value)


async def test_a_key_does_not_follow_a_redirect() -> None:
    async with hosting() as elsewhere, hosting(Answer(307, headers={"Location": elsewhere.url})) as host:
        with pytest.raises(LaunchRefusedError, match="307"):
            await launch("ours", api_url=host.url, api_secret=SECRET, avatar_id="x", conn_options=AT_ONCE)
        assert elsewhere.calls == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422, 500, 503])
async def test_a_refusal_has_its_status_an_excerpt_and_a_fix_and_no_secret(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    echo = f"your key {SECRET} is " + "long " * 10_000
    async with hosting(Answer(status, echo)) as host:
        with pytest.raises(LaunchRefusedError) as refused:
            await launch("ours", api_url=host.url, api_secret=SECRET, avatar_id="x", conn_options=AT_ONCE)
        token = host.calls[0].fields["livekit_token"]
    error = refused.value
    assert isinstance(error, BitHumanException | APIStatusError)
    assert isinstance(error, APIConnectionError), "the stock plugin raises nothing else"
    assert error.status_code == status
    assert "your key [secret]" in str(error) and error.fix in str(error)
    for text in (str(error), repr(error), str(error.body), caplog.text):
        assert SECRET not in text and token not in text
        assert len(text) < 2_000
    assert len(host.calls) == (3 if status >= 500 else 1)


async def test_a_worker_s_own_words_are_passed_on() -> None:
    body = '{"error": {"code": "unknown_avatar", "message": "no avatar \'x\'", "fix": "Name one of: ada."}}'
    async with hosting(Answer(404, body)) as host:
        with pytest.raises(LaunchRefusedError, match=r"no avatar 'x'\. Name one of: ada\."):
            await launch("ours", api_url=host.url, api_secret=SECRET, avatar_id="x", conn_options=AT_ONCE)


async def test_an_answer_that_is_garbage_is_a_yes_as_for_the_stock_plugin() -> None:
    async with hosting(Answer(200, "<html>")) as host:
        await launch("ours", api_url=host.url, api_secret=SECRET, avatar_id="x")
        assert [call.method for call in host.calls] == ["POST"]


@pytest.mark.parametrize("in_pieces", [False, True])
async def test_a_worker_is_told_when_the_face_is_not_needed_any_more(in_pieces: bool) -> None:
    body = '{"session_id": "s-1", "status": "running", "avatar_identity": "face"}'
    async with hosting(Answer(200, body, in_pieces=in_pieces)) as host:
        arguments = {"api_token": TOKEN, "avatar_id": "x", "avatar_participant_identity": "face"}
        await launch("ours", api_url=host.url, **arguments)
        end = host.calls[1]
        assert (end.method, end.url.rpartition("/")[0]) == ("DELETE", host.url.replace("launch", "sessions"))
        assert end.headers["Authorization"] == f"Bearer {TOKEN}"


async def test_a_picture_beyond_the_limits_is_not_sent() -> None:
    huge = Image.new("1", (20_000, 20_000))
    async with hosting() as host:
        with pytest.raises(PictureTooLargeError):
            await launch("ours", api_url=host.url, api_secret=SECRET, avatar_image=huge)
        assert host.calls == []


async def test_a_transparent_picture_keeps_its_transparency() -> None:
    clear = picture("RGBA")
    clear.putalpha(128)
    call = await _asked("ours", {"avatar_image": clear})
    assert call.fields["avatar_image"].content_type == "image/png"
    assert sent_picture(call).getpixel((0, 0))[3] == 128


async def test_an_avatar_file_is_sent_as_a_file(tmp_path: Path) -> None:
    path = tmp_path / "me.avatar"
    path.write_bytes(encode_bundle(open_avatar("ada").bundle))
    for source in (path, str(path), path.read_bytes(), open_avatar("ada")):
        call = await _asked("ours", {"avatar": source})
        assert read_bundle(call.fields["avatar_file"].data).manifest.name == "ada"


async def test_the_room_must_be_known() -> None:
    session: AgentSession[Any] = AgentSession(vad=None)
    avatar = avatar_session("ours", api_url="http://127.0.0.1:9", api_secret=SECRET, avatar_id="x")
    with pytest.raises(ConfigurationError, match="not connected"):
        await avatar.start(session, rtc.Room(), **LIVEKIT)
    await avatar.aclose()
    await session.aclose()


async def test_a_livekit_account_is_needed() -> None:
    session: AgentSession[Any] = AgentSession(vad=None)
    avatar = avatar_session("ours", api_url="http://127.0.0.1:9", api_secret=SECRET, avatar_id="x")
    with pytest.raises(ConfigurationError, match="LIVEKIT_API_KEY, LIVEKIT_API_SECRET"):
        await avatar.start(session, rtc.Room(), livekit_url="ws://127.0.0.1:9")
    await avatar.aclose()
    await session.aclose()


def test_a_face_elsewhere_has_no_runtime_here() -> None:
    for arguments in ({"avatar_id": "x", "api_secret": SECRET}, {"avatar": "ada"}):
        with pytest.raises(BitHumanException):
            _ = avatar_session("ours", **arguments).runtime


async def test_the_console_has_no_face(monkeypatch: pytest.MonkeyPatch) -> None:
    with in_a_job() as job:
        monkeypatch.setattr(job, "is_fake_job", lambda: True)
        session: AgentSession[Any] = AgentSession(vad=None)
        for arguments in (
            {"avatar": "ada"},
            {"avatar_id": "x", "api_url": "http://127.0.0.1:9", "api_token": "t"},
        ):
            avatar = avatar_session("ours", **arguments)
            await avatar.start(session, rtc.Room())
            await avatar.wait_for_join()
            assert session.output.audio is None
            await avatar.aclose()
        await session.aclose()
