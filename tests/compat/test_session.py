"""Agents written for bitHuman's plugin, in a real room: with our session, and with the plugin's own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from livekit import rtc
from livekit.agents import Agent, AgentSession
from livekit.agents.voice.room_io import RoomOptions
from viewer import joined, until, viewer

from livekit_avatar.compat import bithuman
from livekit_avatar.demo.livekit_server import LiveKitServer

SECRET = "bh-not-a-secret"


async def tone(seconds: float) -> AsyncIterator[rtc.AudioFrame]:
    for start in range(0, round(seconds * 24_000), 480):
        wave = 12_000 * np.sin(2 * np.pi * 440 * np.arange(start, start + 480) / 24_000)
        yield rtc.AudioFrame(wave.astype(np.int16).tobytes(), 24_000, 1, 480)


@asynccontextmanager
async def agent_with(avatar: Any, server: LiveKitServer) -> AsyncIterator[AgentSession[Any]]:
    async with joined(server, "agent", agent=True) as room:
        session: AgentSession[Any] = AgentSession(vad=None)
        await avatar.start(session, room=room)
        try:
            options = RoomOptions(audio_input=False, text_input=False, close_on_disconnect=False)
            await session.start(Agent(instructions=""), room=room, room_options=options, record=False)
            yield session
        finally:
            await session.aclose()
            await avatar.aclose()


async def speaks(avatar: Any, server: LiveKitServer) -> None:
    """A subscriber gets the face's video, and its sound for as long as it speaks."""
    async with viewer(server) as watching, agent_with(avatar, server) as session:
        await avatar.wait_for_join()
        await until(lambda: len(watching.video) > 5)
        await session.say("beep", audio=tone(1.5)).wait_for_playout()
        await until(lambda: not watching.heard(time.monotonic() - 0.2))
        heard = watching.heard()
        assert heard[-1] - heard[0] > 1.3  # longer where a busy machine left holes
        assert watching.size[0] == watching.size[1]  # the face's own shape, not a 16:9 box


async def test_a_runtime_goes_from_room_to_room_each_time_as_a_new_transaction(
    livekit_server: LiveKitServer,
) -> None:
    runtime = await bithuman.AsyncBithuman.create(model_path="ada", api_secret=SECRET)
    transactions = {runtime.transaction_id}
    for _ in range(2):
        avatar = bithuman.AvatarSession(runtime=runtime, model_path="agent.imx", api_secret=SECRET)
        await speaks(avatar, livekit_server)
        transactions.add(runtime.transaction_id)
    assert len(transactions) == 3
    assert avatar.runtime is runtime


async def test_a_model_path_and_a_secret_are_enough(livekit_server: LiveKitServer) -> None:
    avatar = bithuman.AvatarSession(model_path="ada", api_secret=SECRET)
    with pytest.raises(bithuman.BitHumanException, match="start"):
        _ = avatar.runtime
    await speaks(avatar, livekit_server)


async def test_the_face_in_the_room_obeys_its_runtime(livekit_server: LiveKitServer) -> None:
    avatar = bithuman.AvatarSession(model_path="ada")
    async with viewer(livekit_server) as watching, agent_with(avatar, livekit_server) as session:
        speech = session.say("beep", audio=tone(20))
        await until(watching.heard)
        await avatar.runtime.push(bithuman.VideoControl(action=["nod", "mini_wave_hello"]))
        assert avatar.runtime.get_first_frame() is not None
        await session.interrupt()
        await speech.wait_for_playout()


async def test_the_plugins_own_session_takes_our_runtime(livekit_server: LiveKitServer) -> None:
    plugin = pytest.importorskip("livekit.plugins.bithuman")
    runtime = await bithuman.AsyncBithuman.create(model_path="ada")
    transaction = runtime.transaction_id
    avatar = plugin.AvatarSession(runtime=runtime, model_path="agent.imx", api_secret=SECRET)
    async with viewer(livekit_server) as watching, joined(livekit_server, "agent", agent=True) as room:
        session: AgentSession[Any] = AgentSession(vad=None)
        await avatar.start(session, room=room)
        options = RoomOptions(audio_input=False, text_input=False, close_on_disconnect=False)
        await session.start(Agent(instructions=""), room=room, room_options=options, record=False)
        await until(lambda: len(watching.video) > 5)
        await session.say("beep", audio=tone(1.5)).wait_for_playout()
        await until(lambda: len(watching.heard()) > 50)
        assert runtime.transaction_id != transaction
        await session.aclose()
        await avatar._avatar_runner.aclose()  # which the plugin itself never does
    await runtime.shutdown()


def test_arguments_that_the_plugin_reads_together_are_read_as_it_does() -> None:
    bithuman.AvatarSession(model_path="ada", api_url="https://face.example/launch", api_secret=SECRET)
    elsewhere = bithuman.AvatarSession(model_path="ada", avatar_id="A23WJF0199", api_secret=SECRET)
    with pytest.raises(bithuman.BitHumanException, match="another machine"):
        _ = elsewhere.runtime


async def test_a_session_that_never_started_can_be_closed() -> None:
    runtime = await bithuman.AsyncBithuman.create(model_path="ada")
    avatar = bithuman.AvatarSession(runtime=runtime)
    assert avatar.runtime is runtime
    await avatar.aclose()
    await asyncio.sleep(0)
