"""A listener who draws the mouth itself gets it in time with the voice, over a real server."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from livekit import rtc
from viewer import joined, until, viewer

from livekit_avatar.avatar import open_avatar
from livekit_avatar.demo.livekit_server import LiveKitServer
from livekit_avatar.demo.tts import EspeakTTS
from livekit_avatar.errors import ConfigurationError
from livekit_avatar.room import AvatarSession
from livekit_avatar.room.visemes import TOPIC, packet
from livekit_avatar.types import MOUTH_SHAPES, VISEMES, MouthState
from room.test_session import agent_with, flashing, tone


async def spoken(text: str) -> AsyncIterator[rtc.AudioFrame]:
    voice = await asyncio.to_thread(EspeakTTS)
    samples = await asyncio.to_thread(voice.speak, text)
    yield rtc.AudioFrame(samples.tobytes(), voice.sample_rate, 1, len(samples))


def collect(room: rtc.Room) -> list[tuple[float, dict[str, Any]]]:
    """A list that fills with what arrives on the topic, and when."""
    got: list[tuple[float, dict[str, Any]]] = []

    def keep(data: rtc.DataPacket) -> None:
        if data.topic == TOPIC:
            got.append((time.monotonic(), json.loads(data.data)))

    room.on("data_received", keep)
    return got


async def test_the_mouth_of_every_picture_arrives_with_its_voice(livekit_server: LiveKitServer) -> None:
    avatar = AvatarSession(avatar=await asyncio.to_thread(open_avatar, "ada", size=128), visemes=True)
    async with (
        viewer(livekit_server) as watching,
        joined(livekit_server, "drawer") as drawer,
        agent_with(avatar, livekit_server) as (session, _),
    ):
        got = collect(drawer)
        await until(lambda: watching.video)
        for text in ("Mama and papa gave the baby a big map.", "Who are you?"):
            await session.say(text, audio=spoken(text)).wait_for_playout()
        await until(lambda: got and got[-1][1]["utterance"] is None)
        said = [mouth for _, mouth in got if mouth["utterance"] == 0]
        frames = [round(mouth["time"] * 25) for mouth in said]
        assert [mouth["time"] for mouth in said] == pytest.approx([frame / 25 for frame in frames])
        assert frames == sorted(set(frames))
        assert len(frames) > 0.7 * (frames[-1] + 1) and frames[-1] > 40  # lossy, and the machine is busy
        assert {mouth["utterance"] for _, mouth in got} == {0, 1, None}
        for mouth in said:
            assert len(mouth["visemes"]) == len(VISEMES)
            assert sum(mouth["visemes"]) == pytest.approx(1, abs=0.02)
            assert len(mouth["shapes"]) == len(MOUTH_SHAPES)
        assert max(mouth["aperture"] for mouth in said) > 0.3
        assert min(mouth["aperture"] for mouth in said) < 0.05
        rest = got[-1][1]
        assert not any(rest["shapes"]) and rest["visemes"][VISEMES.index("sil")] == 1
        arrived = next(at for at, mouth in got if mouth["utterance"] == 0)
        assert abs(arrived - watching.heard()[0]) < 0.5


async def test_a_face_whose_mouth_nobody_knows_sends_nothing(livekit_server: LiveKitServer) -> None:
    avatar = AvatarSession(runtime=flashing((128, 128)), visemes=True)
    async with (
        joined(livekit_server, "drawer") as drawer,
        agent_with(avatar, livekit_server) as (session, _),
    ):
        got = collect(drawer)
        await session.say("beep", audio=tone(0.5)).wait_for_playout()
        assert not got


async def test_unless_asked_for_nothing_is_sent(livekit_server: LiveKitServer) -> None:
    avatar = AvatarSession(avatar=await asyncio.to_thread(open_avatar, "ada", size=128))
    async with (
        joined(livekit_server, "drawer") as drawer,
        agent_with(avatar, livekit_server) as (session, _),
    ):
        got = collect(drawer)
        await session.say("Mama.", audio=spoken("Mama.")).wait_for_playout()
        assert not got


def test_a_face_drawn_elsewhere_cannot_send_its_mouth() -> None:
    with pytest.raises(ConfigurationError, match="visemes"):
        AvatarSession(worker="faces", visemes=True)


def test_a_mouth_fits_into_one_packet() -> None:
    full = np.full(len(MOUTH_SHAPES), 0.123456, np.float32)
    mouth = MouthState(full, np.full(len(VISEMES), 0.0666666, np.float32), 0.123456, -0.123456, 0.98765)
    assert len(packet(mouth, 12_345, 3_599.96).encode()) < 1_000
