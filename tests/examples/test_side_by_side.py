"""The example page joins colour and matte of a real agent's video in a real browser."""

from __future__ import annotations

import runpy
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest_asyncio
from engines_for_tests.flash import FlashEngine
from places import ROOT
from playwright.async_api import async_playwright

from livekit_avatar.avatar import Avatar
from livekit_avatar.avatars.bundle import Bundle, Manifest
from livekit_avatar.demo.livekit_server import LiveKitServer
from livekit_avatar.engines.base import Step
from livekit_avatar.types import Image

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--enable-unsafe-swiftshader",
    "--autoplay-policy=no-user-gesture-required",
]
SIZE = (256, 192)

PIXELS = """() => {
  const face = document.getElementById("face");
  const copy = document.createElement("canvas");
  [copy.width, copy.height] = [face.width, face.height];
  const context = copy.getContext("2d");
  context.drawImage(face, 0, 0);
  return [[10, 10], [128, 96], [245, 181]].map(([x, y]) => [...context.getImageData(x, y, 1, 1).data]);
}"""
"""What the canvas shows in two corners and in the middle."""


class CutOut(FlashEngine):
    """Draws an orange square on nothing, whose hidden colour is green."""

    def render(self, steps: Sequence[Step]) -> list[Image]:
        image = np.zeros((SIZE[1], SIZE[0], 4), np.uint8)
        image[..., 1] = 255
        image[48:144, 64:192] = 255, 128, 0, 255
        return [image.copy() for _ in steps]


@pytest_asyncio.fixture
async def address(livekit_server: LiveKitServer) -> AsyncIterator[str]:
    engine = CutOut()
    avatar = Avatar(Bundle(Manifest("flash", 1, "square", SIZE, 25), {}), engine, engine.face(SIZE))
    example = runpy.run_path(str(ROOT / "examples" / "side_by_side" / "main.py"))
    async with example["serve"](livekit_server, avatar) as address:
        yield address


@pytest_asyncio.fixture
async def tab(chromium: Path) -> AsyncIterator[Any]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield await browser.new_page(viewport={"width": 800, "height": 700})
        await browser.close()


async def test_the_page_shows_through_where_the_face_is_transparent(
    tab: Any, address: str, tmp_path: Path
) -> None:
    complaints: list[str] = []
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    await tab.goto(address)
    ready = f"document.getElementById('face').width === {SIZE[0]} && ({PIXELS})()[1][3] > 200"
    await tab.wait_for_function(ready, timeout=60_000)
    first_corner, middle, last_corner = await tab.evaluate(PIXELS)
    assert first_corner == last_corner == [0, 0, 0, 0]
    assert middle[3] == 255
    assert np.abs(np.array(middle[:3]) - (255, 128, 0)).max() < 24
    await tab.screenshot(path=tmp_path / "page.png")
    assert not complaints
