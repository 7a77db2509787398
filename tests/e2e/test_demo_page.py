"""A visitor opens the demo's page in a real browser, writes, listens and watches."""

from __future__ import annotations

import asyncio
import re
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from engines_for_tests import flash
from playwright.async_api import async_playwright

from livekit_avatar.avatar import Avatar, open_avatar
from livekit_avatar.avatars.bundle import Bundle, Manifest
from livekit_avatar.avatars.catalogue import builtin_names
from livekit_avatar.demo.agent import RuleLLM, agent
from livekit_avatar.demo.answers import GREETING
from livekit_avatar.demo.client import find_client
from livekit_avatar.demo.faces import choice
from livekit_avatar.demo.livekit_server import LiveKitServer
from livekit_avatar.demo.page import page
from livekit_avatar.demo.tts import EspeakTTS
from livekit_avatar.room.session import AvatarSession

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
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


@pytest.fixture
def spoken(tmp_path: Path) -> Path:
    """What the visitor says into the microphone, again and again."""
    path, voice = tmp_path / "spoken.wav", EspeakTTS(voice="en-us+m3")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(voice.sample_rate)
        file.writeframes(voice.speak("Mama, I am walking home along the wide open valley.").tobytes())
    return path


@pytest_asyncio.fixture
async def browser(chromium: Path, spoken: Path) -> AsyncIterator[Any]:
    """A headless Chromium with a microphone, which its user allows to be used."""
    flags = [*FLAGS, f"--use-file-for-fake-audio-capture={spoken}"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=flags)
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
    """Where the page of a running agent is, who has two faces: its own, and a black one."""
    client = await find_client(lambda told: None)
    wardrobe = [await asyncio.to_thread(open_avatar, avatar), black()]
    face = AvatarSession(avatar=wardrobe[0])
    async with (
        agent(livekit_server, "room", face=face, language=RuleLLM(), voice=EspeakTTS(), wardrobe=wardrobe),
        page(livekit_server, "room", client, faces=[choice(each) for each in wardrobe], hint=HINT) as address,
    ):
        yield address


def black() -> Avatar:
    engine = flash()
    manifest = Manifest("flash", 1, "black", (256, 256), 25)
    return Avatar(Bundle(manifest, {}), engine, engine.face((256, 256)))


BRIGHTNESS = f"""() => {{
  const values = ({LOWER_FACE})().filter((_, index) => index % 4 !== 3);
  return values.reduce((sum, value) => sum + value) / values.length;
}}"""
"""The mean brightness of the picture that is shown."""

HINT = "Hold the microphone and speak."

LOUDNESS = """() => {
  const context = new AudioContext();
  const heard = context.createAnalyser();
  context.createMediaStreamSource(document.getElementById("voice").srcObject).connect(heard);
  const samples = new Float32Array(heard.fftSize);
  window.loudness = () => {
    heard.getFloatTimeDomainData(samples);
    return Math.max(...samples.map(Math.abs));
  };
}"""
"""Makes `loudness()`: the peak of the sound that is played."""


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


async def until(tab: Any, condition: str) -> None:
    """Returns when a JavaScript condition holds; the page's own policy forbids playwright's way."""
    look = f"const look = () => {condition} ? done() : setTimeout(look, 20); look();"
    look = f"() => new Promise((done) => {{ {look} }})"
    await asyncio.wait_for(tab.evaluate(look), 30)


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


async def test_the_figures_say_how_many_pictures_come_and_how_late(browser: Any, address: str) -> None:
    tab, _ = await opened(browser, address)
    rate = await text_of(tab, "#rate", "ms")
    assert re.fullmatch(r"\d+ fps · \d+×\d+ · \d+ ms", rate)


async def test_another_face_is_chosen_while_it_speaks_and_all_pages_show_it(
    browser: Any, address: str
) -> None:
    tab, complaints = await opened(browser, address)
    other, _ = await opened(browser, address)
    await text_of(tab, "#caption", "Hello!")
    assert await tab.evaluate(BRIGHTNESS) > 30
    first = tab.get_by_role("radio").first
    assert await first.is_checked()
    await first.focus()
    await tab.keyboard.press("ArrowRight")
    await other.get_by_role("radio", name="Black").and_(other.locator(":checked")).wait_for(state="attached")
    await tab.get_by_role("radio").first.evaluate("radio => radio.click()")
    await text_of(tab, "#caption", GREETING[-20:])
    await tab.wait_for_selector("#status[data-state=listening]", timeout=60_000)
    assert await tab.evaluate(BRIGHTNESS) > 30
    await tab.get_by_role("radio", name="Black").evaluate("radio => radio.click()")
    await until(tab, f"({BRIGHTNESS})() < 5")
    assert not complaints


@pytest.mark.parametrize("way", ["mouse", "keyboard"])
async def test_what_is_spoken_into_the_microphone_is_said_back_in_the_same_voice(
    browser: Any, address: str, way: str
) -> None:
    tab, complaints = await opened(browser, address)
    await text_of(tab, "#caption", GREETING[-20:])
    await tab.wait_for_selector("#status[data-state=listening]", timeout=60_000)
    assert await tab.locator("#hint").text_content() == HINT
    await tab.evaluate(LOUDNESS)
    button = tab.get_by_role("button", name="Speak")
    if way == "mouse":
        await button.hover()
        await tab.mouse.down()
    else:
        await button.focus()
        await tab.keyboard.down("Space")
    await tab.wait_for_selector("#speak[data-state=on][aria-pressed=true]", timeout=30_000)
    await text_of(tab, "#hint", "Recording")
    await asyncio.sleep(3)
    assert await tab.evaluate("loudness()") < 0.01
    await (tab.mouse.up() if way == "mouse" else tab.keyboard.up("Space"))
    await tab.wait_for_selector("#status[data-state=speaking]", timeout=30_000)
    await until(tab, "loudness() > 0.05")
    assert await motion(tab) > 20
    await tab.wait_for_selector("#speak[data-state=off][aria-pressed=false]", timeout=30_000)
    await tab.wait_for_selector("#status[data-state=listening]", timeout=60_000)
    assert not complaints


async def test_a_refused_microphone_is_one_line(browser: Any, address: str) -> None:
    refused = (
        "navigator.mediaDevices.getUserMedia = "
        "() => Promise.reject(new DOMException('no', 'NotAllowedError'));"
    )
    tab, _ = await opened(browser, address, script=refused)
    await tab.get_by_role("button", name="Speak").click()
    await text_of(tab, "#hint", "The browser keeps the microphone closed.")
    await tab.wait_for_selector("#speak[data-state=off]")


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
    for selector in ("#face", "#faces", "#text", "#speak", "#send", "#hint"):
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
