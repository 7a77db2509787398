"""A stranger's URL reaches the public internet and nothing else. The servers are real, on this machine."""

from __future__ import annotations

import asyncio
import gzip
import io
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address, ip_network
from types import SimpleNamespace

import pytest
import pytest_asyncio
from aiohttp import web
from PIL import Image as Pillow

from livekit_avatar.errors import (
    AddressRefusedError,
    AddressTooLargeError,
    AddressUnreachableError,
    PictureTooLargeError,
    UnreadablePictureError,
)
from livekit_avatar.face.picture import check_picture
from livekit_avatar.guard import fetch_public, is_public

HERE = (ip_network("127.0.0.0/8"),)
PUBLIC = "93.184.216.34"
BODY = bytes(range(256)) * 100


class Publisher:
    """A web server on this machine that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[web.Request] = []
        self.answer: Callable[[web.Request], Awaitable[web.StreamResponse]] = self._body
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/face.png"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        return await self.answer(request)

    async def _body(self, request: web.Request) -> web.StreamResponse:
        return web.Response(body=BODY)

    def redirects(self, *targets: str) -> None:
        """The first requests are sent elsewhere, one after the other; the next gets the body."""

        async def answer(request: web.Request) -> web.StreamResponse:
            n = len(self.asked) - 1
            return (
                web.Response(status=302, headers={"Location": targets[n]})
                if n < len(targets)
                else await self._body(request)
            )

        self.answer = answer


@asynccontextmanager
async def served(publisher: Publisher, host: str, port: int = 0) -> AsyncIterator[Publisher]:
    runner = web.ServerRunner(web.Server(publisher.handle, handler_cancellation=True), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    publisher.port = runner.addresses[0][1]
    yield publisher
    await runner.cleanup()


@pytest_asyncio.fixture
async def publisher() -> AsyncIterator[Publisher]:
    async with served(Publisher(), "127.0.0.1") as publisher:
        yield publisher


async def fetch(url: str, *, limit: int = 1 << 20, timeout: float = 5.0) -> bytes:
    """As for a stranger, but this machine is allowed."""
    return await fetch_public(url, limit=limit, timeout=timeout, allow=HERE)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.9",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::ffff:0:7f00:1",
        "64:ff9b::7f00:1",
        "64:ff9b::808:808",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:10::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "2606:4700:4700::1111%1",
        "fec0::1",
        "ff02::1",
    ],
)
def test_special_addresses_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", PUBLIC, "172.32.0.1", "2606:4700:4700::1111", "2a00:1450::1"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.1.",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1%25lo]",
        "0",
        "0.0.0.0",
        "１２７.0.0.1",
        "①②⑦.0.0.1",
        "169.254.169.254",
    ],
)
async def test_no_spelling_of_this_machine_is_reached(publisher: Publisher, host: str) -> None:
    for port in ("", f":{publisher.port}"):
        with pytest.raises((AddressRefusedError, AddressUnreachableError)):
            await fetch_public(f"http://{host}{port}/", limit=100, timeout=5)
    assert not publisher.asked


@pytest.mark.parametrize(
    "url",
    [
        "",
        "face.png",
        "//example.com/face.png",
        "http://",
        "http:///face.png",
        "file:///etc/passwd",
        "ftp://example.com/face.png",
        "gopher://example.com/",
        "data:image/png;base64,AAAA",
        "javascript:alert(1)",
        "http://example.com:0/",
        "http://example.com:99999/",
        "http://[::1/",
        "http://exa mple.com/\r\nX: y",
    ],
)
async def test_what_is_not_the_web_is_refused(url: str) -> None:
    with pytest.raises(AddressRefusedError):
        await fetch_public(url, limit=100, timeout=5)


@pytest.mark.parametrize("port", [22, 25, 6379, 7880, 8080])
async def test_other_services_are_not_spoken_to(port: int) -> None:
    with pytest.raises(AddressRefusedError, match=f"Port {port}.*80 or 443"):
        await fetch_public(f"http://{PUBLIC}:{port}/", limit=100, timeout=5)


async def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(AddressRefusedError) as refused:
        await fetch_public("https://anna:hunter2@example.com/face.png", limit=100, timeout=5)
    assert "hunter2" not in str(refused.value) and "anna" not in str(refused.value)


async def test_a_file_arrives_whole(publisher: Publisher) -> None:
    assert await fetch(publisher.url) == BODY
    assert await fetch(publisher.url, limit=len(BODY)) == BODY


async def test_nothing_of_ours_is_sent_along(publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    publisher.redirects(publisher.url)
    answer = publisher.answer

    async def with_cookie(request: web.Request) -> web.StreamResponse:
        response = await answer(request)
        response.headers["Set-Cookie"] = "a=b; Path=/"
        return response

    publisher.answer = with_cookie
    assert await fetch(publisher.url) == BODY
    for request in publisher.asked:
        assert not {"Cookie", "Authorization", "Referer"} & set(request.headers)


def names(monkeypatch: pytest.MonkeyPatch, **answers: list[list[str]]) -> list[str]:
    """A name server: each host has its answers, one a look-up; the last is repeated. Returns who asked."""
    asked: list[str] = []

    def look_up(host: str, *_: object, **__: object) -> list[object]:
        known = answers[host.replace(".", "_")]
        answer = known[min(asked.count(host), len(known) - 1)]
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in answer]

    monkeypatch.setattr(
        "livekit_avatar.guard.socket", SimpleNamespace(**vars(socket) | {"getaddrinfo": look_up})
    )
    return asked


async def test_a_name_of_a_private_address_is_refused(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    names(monkeypatch, inside_example=[["10.0.0.7", "127.0.0.1"]])
    with pytest.raises(AddressRefusedError, match=r"'inside\.example' is not on the public internet"):
        await fetch_public("http://inside.example/", limit=100, timeout=5)


async def test_a_name_that_changes_its_address_is_looked_up_once(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = names(monkeypatch, rebinding_example=[["127.0.0.1"], ["127.0.0.2"]])
    url = f"http://rebinding.example:{publisher.port}/"
    only_one = (ip_network("127.0.0.1/32"),)
    assert await fetch_public(url, limit=1 << 20, timeout=5, allow=only_one) == BODY
    assert asked == ["rebinding.example"]
    assert publisher.asked[0].headers["Host"] == f"rebinding.example:{publisher.port}"
    with pytest.raises(AddressRefusedError):
        await fetch_public(url, limit=1 << 20, timeout=5, allow=only_one)


async def test_of_several_addresses_only_the_allowed_are_tried(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served(Publisher(), "127.0.0.2", publisher.port) as other:
        names(monkeypatch, both_example=[["127.0.0.2", "127.0.0.1"]])
        url = f"http://both.example:{publisher.port}/"
        await fetch_public(url, limit=1 << 20, timeout=5, allow=(ip_network("127.0.0.1/32"),))
        assert len(publisher.asked) == 1 and not other.asked


async def test_redirects_are_followed(publisher: Publisher) -> None:
    publisher.redirects("/elsewhere.png?x=1", publisher.url)
    assert await fetch(publisher.url) == BODY
    assert [request.path_qs for request in publisher.asked] == [
        "/face.png",
        "/elsewhere.png?x=1",
        "/face.png",
    ]


@pytest.mark.parametrize(
    "target",
    [
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "//192.168.0.1/",
        "http://2130706433/",
        "file:///etc/passwd",
        "http://user:secret@127.0.0.1/",
        "http://8.8.8.8:22/",
        "",
    ],
)
async def test_a_redirect_is_checked_like_the_url(publisher: Publisher, target: str) -> None:
    publisher.redirects(*[target] * 9)
    with pytest.raises((AddressRefusedError, AddressUnreachableError)) as refused:
        await fetch(publisher.url)
    assert len(publisher.asked) == (1 if target else 4)
    assert "secret" not in str(refused.value)


async def test_redirects_without_end_are_refused(publisher: Publisher) -> None:
    publisher.redirects(*[publisher.url] * 99)
    with pytest.raises(AddressUnreachableError, match="more than 3 redirects"):
        await fetch(publisher.url)
    assert len(publisher.asked) == 4


async def test_a_large_file_is_refused_by_its_announced_length(publisher: Publisher) -> None:
    with pytest.raises(AddressTooLargeError, match=r"0\.02 MB.*smaller"):
        await fetch(publisher.url, limit=20_000)


@pytest.mark.parametrize("status", [200, 302])
async def test_a_body_without_end_is_left_at_the_limit(publisher: Publisher, status: int) -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(status=status, headers={"Location": "http://10.0.0.1/"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        while True:
            await response.write(bytes(10_000))
            sent += 10_000

    publisher.answer = endless
    with pytest.raises(AddressTooLargeError if status == 200 else AddressRefusedError):
        await fetch(publisher.url, limit=200_000)
    assert sent < 20_000_000, "what the two kernels held, and no more"


@pytest.mark.parametrize("dripping", [True, False])
async def test_a_slow_body_ends_at_the_deadline(publisher: Publisher, dripping: bool) -> None:
    async def slow(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(1000 if dripping else 0):
            await response.write(b".")
            await asyncio.sleep(0.01)
        await asyncio.sleep(10)
        return response

    publisher.answer = slow
    with pytest.raises(AddressUnreachableError, match=r"not complete after 0\.2 s"):
        await fetch(publisher.url, timeout=0.2)


async def test_a_name_server_that_does_not_answer_ends_at_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    go_on = threading.Event()

    def hang(*_: object, **__: object) -> list[object]:
        go_on.wait(10)
        return []

    monkeypatch.setattr(
        "livekit_avatar.guard.socket", SimpleNamespace(**vars(socket) | {"getaddrinfo": hang})
    )
    with pytest.raises(AddressUnreachableError, match="not complete"):
        await fetch_public("http://slow.example/", limit=100, timeout=0.1)
    go_on.set()


async def test_compressed_content_is_refused_unread(publisher: Publisher) -> None:
    bomb = gzip.compress(bytes(50_000_000))

    async def compressed(request: web.Request) -> web.StreamResponse:
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    publisher.answer = compressed
    with pytest.raises(AddressUnreachableError, match="compressed"):
        await fetch(publisher.url, limit=100_000_000)
    assert publisher.asked[0].headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("status", [204, 304, 401, 404, 500])
async def test_another_answer_than_the_file_says_its_status(publisher: Publisher, status: int) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status)

    publisher.answer = answer
    with pytest.raises(AddressUnreachableError, match=f"HTTP {status}"):
        await fetch(publisher.url)


async def test_garbage_for_an_answer_is_an_error_of_ours() -> None:
    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x00\xff SSH-2.0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(garbage, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(AddressUnreachableError, match=r"'127\.0\.0\.1'"):
            await fetch(f"http://127.0.0.1:{port}/?token=hunter2")


async def test_a_closed_door_is_an_error_of_ours_that_keeps_the_query_secret() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(AddressUnreachableError) as error:
        await fetch(f"http://127.0.0.1:{port}/?token=hunter2")
    assert "hunter2" not in str(error.value)


def as_file(kind: str, size: tuple[int, int] = (30, 20)) -> bytes:
    file = io.BytesIO()
    Pillow.new("RGB", size).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_pictures_of_the_web_are_taken(kind: str) -> None:
    check_picture(as_file(kind))


@pytest.mark.parametrize("kind", ["EPS", "TIFF", "ICO", "TGA", "PDF"])
def test_other_formats_are_not_taken_of_strangers(kind: str) -> None:
    with pytest.raises(UnreadablePictureError, match="PNG or JPEG"):
        check_picture(as_file(kind))


def test_pixels_are_counted_before_anything_is_decoded() -> None:
    with pytest.raises(PictureTooLargeError, match=r"0\.001 million|0 million"):
        check_picture(as_file("PNG", (40, 30)), max_pixels=1_000)
    cut = as_file("PNG", (40, 30))[:60]
    check_picture(cut)


def test_bytes_are_counted_before_anything_is_read() -> None:
    with pytest.raises(PictureTooLargeError, match="MB"):
        check_picture(b"nothing like a picture", max_bytes=10)


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"<svg/>", b"PK\x03\x04"])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadablePictureError):
        check_picture(data)
