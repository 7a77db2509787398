"""The example page draws a mouth from the visemes of a real agent, in a real browser."""

from __future__ import annotations

import runpy
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio
from places import ROOT
from playwright.async_api import async_playwright

from livekit_avatar.demo.livekit_server import LiveKitServer

FLAGS = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]

RECORD = """() => {
  window.mouths = [];
  const look = () => {
    const { open, half } = document.getElementById("face").dataset;
    window.mouths.push([Number(open), Number(half)]);
    requestAnimationFrame(look);
  };
  look();
}"""


@pytest_asyncio.fixture
async def address(livekit_server: LiveKitServer) -> AsyncIterator[str]:
    example = runpy.run_path(str(ROOT / "examples" / "visemes" / "main.py"))
    async with example["serve"](livekit_server) as address:
        yield address


@pytest_asyncio.fixture
async def tab(chromium: Path) -> AsyncIterator[Any]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield await browser.new_page(viewport={"width": 900, "height": 700})
        await browser.close()


async def until(tab: Any, condition: str) -> None:
    await tab.wait_for_function(condition, timeout=60_000)


async def test_the_drawn_mouth_opens_closes_and_rounds_with_the_voice(tab: Any, address: str) -> None:
    complaints: list[str] = []
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    await tab.goto(address)
    await until(tab, "document.getElementById('status').textContent === 'Connected'")
    await tab.evaluate(RECORD)
    await tab.get_by_label("What the agent says").fill("Mama saw papa, who chose blue shoes.")
    await tab.get_by_role("button", name="Say").click()
    await until(tab, "window.mouths.some(([open]) => open > 25)")
    await until(tab, "document.getElementById('face').dataset.utterance === ''")
    mouths = await tab.evaluate("window.mouths")
    rest = mouths[0][1]
    assert max(half for _, half in mouths) >= rest
    assert min(half for _, half in mouths) < 0.85 * rest
    first = next(place for place, (opened, _) in enumerate(mouths) if opened > 15)
    assert any(opened < 3 for opened, _ in mouths[first:-40]), "the lips never close between two sounds"
    assert not complaints
