"""A visitor opens the demo's page in a real browser, writes, listens and watches."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from livekit_avatar.avatar import builtin_names, open_avatar
from livekit_avatar.demo.agent import RuleLLM, agent
from livekit_avatar.demo.answers import GREETING
from livekit_avatar.demo.client import find_client
from livekit_avatar.demo.livekit_server import LiveKitServer
from livekit_avatar.demo.page import page
from livekit_avatar.demo.tts import EspeakTTS
from livekit_avatar.errors import DemoError
from livekit_avatar.room.session import AvatarSession

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

BLOCKED_SOUND = """
const play = HTMLMediaElement.prototype.play;
let clicked = false;
addEventListener("click", () => (clicked = true), true);
HTMLMediaElement.prototype.play = function () {
  const refused = this.tagName === "AUDIO" && !clicked;
  return refused ? Promise.reject(new DOMException("no gesture", "NotAllowedError")) : play.call(this);
};
"""
"""A headless browser never blocks sound; this one does, until the first click."""

LOWER_FACE = """() => {
  const video = document.getElementById("face");
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [48, 48];
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0, 48, 48);
  return [...context.getImageData(0, 0, 48, 48).data];
}"""
"""The picture that is shown, small."""


def skip(what: str, reason: str) -> None:
    if what in os.environ.get("LIVEKIT_AVATAR_REQUIRE", "").split(","):
        pytest.fail(f"{what} is required here: {reason}")
    pytest.skip(reason)


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Any]:
    """A headless Chromium."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        skip("chromium", "no Chromium on PATH: apt-get install chromium")
    try:
        from playwright.async_api import async_playwright
    except ImportError:
        skip("chromium", "no playwright: pip install playwright")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
def avatar(request: pytest.FixtureRequest) -> str:
    """A face that talks: the built-in one, else a portrait."""
    if "ada" in builtin_names():
        return "ada"
    request.getfixturevalue("face_model")
    portraits: Path = request.getfixturevalue("portraits")
    return str(portraits / "pearl_earring.jpg")


@pytest_asyncio.fixture
async def address(avatar: str, livekit_server: LiveKitServer) -> AsyncIterator[str]:
    """Where the page of a running agent is."""
    try:
        client = await find_client(lambda told: None)
    except DemoError as error:
        skip("chromium", str(error))
    face = AvatarSession(avatar=await asyncio.to_thread(open_avatar, avatar))
    async with (
        agent(livekit_server, "room", face=face, language=RuleLLM(), voice=EspeakTTS()),
        page(livekit_server, "room", client) as address,
    ):
        yield address


async def opened(browser: Any, address: str, *, width: int = 1200, script: str = "") -> tuple[Any, list[str]]:
    """The page once the face is shown, and a list that collects what goes wrong."""
    tab = await browser.new_page(viewport={"width": width, "height": 800})
    complaints: list[str] = []
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    if script:
        await tab.add_init_script(script)
    await tab.goto(address)
    await tab.wait_for_selector("#stage[data-state=live]", timeout=60_000)
    return tab, complaints


async def text_of(tab: Any, selector: str, wanted: str) -> str:
    """The text of an element once it holds `wanted`."""
    await tab.locator(selector).filter(has_text=wanted).wait_for(timeout=60_000)
    return str(await tab.locator(selector).text_content())


async def motion(tab: Any) -> int:
    """The largest change of brightness in the picture that is shown, over a second."""
    seen: list[list[int]] = []
    for _ in range(10):
        seen.append(await tab.evaluate(LOWER_FACE))
        await asyncio.sleep(0.1)
    return max(max(values) - min(values) for values in zip(*seen, strict=True))


async def test_a_visitor_is_greeted_writes_and_is_answered(browser: Any, address: str) -> None:
    tab, complaints = await opened(browser, address)
    assert GREETING.startswith((await text_of(tab, "#caption", "Hello!")).strip())
    before = await tab.evaluate("document.getElementById('face').currentTime")
    await tab.get_by_label("Write to the agent").fill(
        "repeat after me: the rain in Spain stays mainly in the plain"
    )
    await tab.keyboard.press("Enter")
    await text_of(tab, "#asked", "repeat after me")
    await text_of(tab, "#caption", "the rain")
    await tab.wait_for_selector("#status[data-state=speaking]", timeout=60_000)
    assert await motion(tab) > 20
    await text_of(tab, "#caption", "the rain in Spain stays mainly in the plain")
    await tab.wait_for_selector("#status[data-state=listening]", timeout=60_000)
    video = await tab.evaluate(
        "(({videoWidth, currentTime}) => [videoWidth, currentTime])(document.getElementById('face'))"
    )
    assert video[0] > 0
    assert video[1] > before
    assert not complaints


async def test_where_sound_is_blocked_a_button_starts_it(browser: Any, address: str) -> None:
    tab, _ = await opened(browser, address, script=BLOCKED_SOUND)
    start = tab.get_by_role("button", name="Start with sound")
    await start.wait_for()
    assert not await tab.locator("#caption").text_content()
    await start.click()
    await text_of(tab, "#caption", "Hello!")
    assert not await start.is_visible()


async def test_on_a_phone_nothing_is_cut_off(browser: Any, address: str) -> None:
    tab, _ = await opened(browser, address, width=360)
    assert await tab.evaluate("document.documentElement.scrollWidth") == 360
    for selector in ("#face", "#text", "#send"):
        box = await tab.locator(selector).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
        assert box["y"] + box["height"] <= 800


async def test_the_page_says_when_the_agent_has_gone(
    browser: Any, livekit_server: LiveKitServer, avatar: str
) -> None:
    client = await find_client(lambda told: None)
    face = AvatarSession(avatar=await asyncio.to_thread(open_avatar, avatar))
    async with page(livekit_server, "room", client) as address:
        async with agent(livekit_server, "room", face=face, language=RuleLLM(), voice=EspeakTTS()):
            tab, _ = await opened(browser, address)
        await tab.wait_for_selector("#status[data-state=lost]", timeout=60_000)
        assert await tab.get_by_label("Write to the agent").is_disabled()
