"""What is heard next and when, as the sound source holds it; no room is needed for that."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest
from livekit import rtc
from livekit.agents.voice.avatar import AvatarOptions

from livekit_avatar.room.encoding import Encoding
from livekit_avatar.room.playout import Slot
from livekit_avatar.room.tracks import Tracks
from livekit_avatar.room.utterance import Utterance

RATE = 48_000


@asynccontextmanager
async def tracks() -> AsyncIterator[Tracks]:
    opened = Tracks(rtc.Room(), AvatarOptions(64, 48, 25, RATE, 1), Encoding())
    try:
        yield opened
    finally:
        await opened.aclose()


async def queue(into: Tracks, utterance: Utterance | None, frames: int = 1) -> list[float]:
    """The times at which 40 ms each will be heard."""
    sound = np.full(RATE // 25, 1_000 if utterance else 0, np.int16)
    return [await into.queue(Slot(None, sound, utterance), lambda late: None) for _ in range(frames)]


async def test_speech_takes_the_place_of_silence_that_nobody_has_heard() -> None:
    async with tracks() as out:
        silence = await queue(out, None, 3)
        (speech,) = await queue(out, Utterance())
        assert speech < silence[1]
        assert speech <= time.monotonic()


async def test_speech_follows_speech_that_nobody_has_heard() -> None:
    async with tracks() as out:
        first = await queue(out, Utterance(), 2)
        (silence,) = await queue(out, None)
        (second,) = await queue(out, Utterance())
        assert [silence - first[0], second - first[0]] == pytest.approx([0.08, 0.12])


async def test_an_end_that_was_asked_for_comes_before_the_next_utterance() -> None:
    async with tracks() as out:
        over = asyncio.Event()
        await queue(out, Utterance())
        out.at_end(over.set)
        await queue(out, None)
        await queue(out, Utterance())
        await asyncio.wait_for(over.wait(), 5)


async def test_what_is_forgotten_has_no_end() -> None:
    async with tracks() as out:
        over = asyncio.Event()
        await queue(out, Utterance())
        out.at_end(over.set)
        out.forget()
        await asyncio.sleep(0.1)
        assert not over.is_set()


async def test_nothing_is_due_while_speech_is_queued_however_much_more_comes() -> None:
    async with tracks() as out:
        (at,) = await queue(out, Utterance(), 1)
        await queue(out, Utterance(), 2)
        out.hurry()
        await out.wait_until_due()
        assert time.monotonic() >= at + 0.079


async def test_the_next_is_due_at_once_when_only_silence_would_be_heard_before_it() -> None:
    early = []
    async with tracks() as out:
        for _ in range(5):  # one of them meets no stall of the machine
            out.forget()
            at = await queue(out, None, 2)
            waiting = asyncio.create_task(out.wait_until_due())
            await asyncio.sleep(0)
            out.hurry()
            await waiting
            early.append(time.monotonic() < at[0] + 0.03)
    assert any(early)


async def test_hurrying_again_and_again_does_not_pile_up_silence() -> None:
    async with tracks() as out:
        at = await queue(out, None, 3)
        waiting = asyncio.create_task(out.wait_until_due())
        for _ in range(10):
            out.hurry()
            await asyncio.sleep(0)
        await waiting
        assert time.monotonic() >= at[0] + 0.03
