"""Plugins of the user's choice take part by their names; one that keeps failing ends the demo."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import pytest
from ears_for_tests import Understands
from engines_for_tests import flash
from livekit import rtc
from livekit.agents import APIError, llm, tts

from livekit_avatar.avatar import Avatar
from livekit_avatar.avatars.bundle import Bundle, Manifest
from livekit_avatar.demo import client
from livekit_avatar.demo.agent import RuleLLM
from livekit_avatar.demo.faces import choice
from livekit_avatar.demo.livekit_server import LiveKitServer
from livekit_avatar.demo.show import Cast, cast, plugin, talk
from livekit_avatar.demo.tts import EspeakTTS
from livekit_avatar.errors import ConfigurationError, DemoError
from livekit_avatar.settings import settings
from livekit_avatar.types import Samples


def test_a_plugin_is_made_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_plugin.py").write_text("from livekit_avatar.demo.agent import RuleLLM as Mine\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert isinstance(plugin("my_plugin:Mine", llm.LLM), llm.LLM)
    del sys.modules["my_plugin"]


@pytest.mark.parametrize(
    "name",
    ["json", "json:", ":", "no.such.module:Class", "json:NoSuchClass", "json:JSONDecoder", "io:BytesIO"],
)
def test_what_is_no_such_plugin_is_refused_by_name(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot be used|is not a livekit-agents TTS"):
        plugin(name, tts.TTS)


class Running(Understands):
    """Understands running speech only."""

    offline = False


def test_a_recogniser_must_take_recordings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ears", SimpleNamespace(Running=Running, Understands=Understands))
    faces = (choice(avatar()),)
    assert isinstance(cast(lambda: faces, ear="ears:Understands").ear, Understands)
    with pytest.raises(ConfigurationError, match="understands running speech only"):
        cast(lambda: faces, ear="ears:Running")


class Hoarse(EspeakTTS):
    """Has lost its voice."""

    def speak(self, text: str) -> Samples:
        raise APIError("no voice today", retryable=False)


@pytest.fixture
def running_server(livekit_server: LiveKitServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo finds a server and the page's client."""
    monkeypatch.setenv("LIVEKIT_URL", livekit_server.url)
    monkeypatch.setenv("LIVEKIT_API_KEY", livekit_server.api_key)
    monkeypatch.setenv("LIVEKIT_API_SECRET", livekit_server.api_secret)
    settings.cache_clear()
    cached = settings().home / "page" / f"{client.PACKAGE}-{client.VERSION}.mjs"
    cached.parent.mkdir(parents=True)
    cached.touch()


def avatar() -> Avatar:
    engine = flash()
    return Avatar(Bundle(Manifest("flash", 1, "flash", (128, 128), 25), {}), engine, engine.face((128, 128)))


async def keep_writing(address: str) -> None:
    """A visitor who does not give up."""
    async with aiohttp.ClientSession() as http, http.post(address + "token") as answer:
        given = await answer.json()
    room = rtc.Room()
    await room.connect(given["url"], given["token"], rtc.RoomOptions(auto_subscribe=False))
    try:
        while room.isconnected():
            await room.local_participant.send_text("Hello?", topic="lk.chat")
            await asyncio.sleep(1)
    finally:
        await room.disconnect()


@pytest.mark.usefixtures("running_server")
async def test_a_voice_that_fails_again_and_again_ends_the_demo_with_its_reason() -> None:
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    who = Cast((choice(avatar()),), RuleLLM(), Hoarse())
    show = asyncio.create_task(talk(who, ready=ready.set_result, progress=lambda told: None))
    visitor = asyncio.create_task(keep_writing(await ready))
    try:
        with pytest.raises(DemoError, match="no voice today"):
            await asyncio.wait_for(show, 60)
    finally:
        visitor.cancel()
        await asyncio.gather(visitor, return_exceptions=True)
