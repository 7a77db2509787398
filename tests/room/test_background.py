"""In a room a transparent face has a background, or its matte beside it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from engines_for_tests.flash import FlashEngine
from livekit import rtc

from livekit_avatar import AvatarRuntime, AvatarSession
from livekit_avatar.engines.base import Step
from livekit_avatar.errors import ConfigurationError
from livekit_avatar.room.generator import RuntimeGenerator
from livekit_avatar.runtime.finish import Finish
from livekit_avatar.types import Image


class Clear(FlashEngine):
    """Draws nothing, whose hidden colour is green."""

    def render(self, steps: Sequence[Step]) -> list[Image]:
        return [np.full((48, 64, 4), (0, 255, 0, 0), np.uint8) for _ in steps]


async def first_picture(*finish: Finish) -> np.ndarray:
    engine = Clear()
    async with AvatarRuntime(engine, engine.face(), paced=False) as runtime:
        async for item in RuntimeGenerator(runtime, *finish):
            assert isinstance(item, rtc.VideoFrame)
            return np.frombuffer(item.data, np.uint8).reshape(item.height, item.width, 4)
    raise AssertionError("no picture")


async def test_the_background_is_white_unless_one_is_given() -> None:
    assert (await first_picture() == 255).all()
    assert (await first_picture(Finish("#102030")) == (16, 32, 48, 255)).all()


async def test_a_matte_doubles_the_width() -> None:
    both = await first_picture(Finish(matte="side-by-side"))
    assert both.shape == (48, 128, 4)
    assert (both[:, :64] == (0, 255, 0, 255)).all() and (both[:, 64:] == (0, 0, 0, 255)).all()


@pytest.mark.parametrize("wish", [{"background": "teal"}, {"matte": "side-by-side"}])
def test_the_background_of_a_face_elsewhere_cannot_be_chosen(wish: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="drawn elsewhere"):
        AvatarSession(worker="faces", **wish)


def test_a_background_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(ConfigurationError, match="neither a colour nor a file"):
        AvatarSession(background="tael")
