"""An agent with a face joins a room and says a recording; agents/ has whole voice agents to deploy.

LIVEKIT_URL=... LIVEKIT_API_KEY=... LIVEKIT_API_SECRET=... python examples/agent_in_a_room.py lobby speech.wav
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator

from livekit import api, rtc
from livekit.agents import Agent, AgentSession
from livekit.agents.voice.room_io import RoomOptions

from livekit_avatar import AvatarSession
from livekit_avatar.audio.decode import decode
from livekit_avatar.settings import settings


def token(room: str) -> str:
    """Lets an agent into a room."""
    access = api.AccessToken(settings().livekit_api_key, settings().livekit_api_secret.get_secret_value())
    grants = api.VideoGrants(room_join=True, room=room, agent=True)
    return access.with_identity("speaker").with_kind("agent").with_grants(grants).to_jwt()


async def sound(path: str) -> AsyncIterator[rtc.AudioFrame]:
    """A recording in pieces of 20 ms."""
    speech = decode(path)
    step = speech.sample_rate // 50
    for start in range(0, len(speech.samples), step):
        piece = speech.samples[start : start + step]
        yield rtc.AudioFrame(piece.tobytes(), speech.sample_rate, 1, len(piece))


async def main(name: str, path: str) -> None:
    """Join, speak, leave."""
    room = rtc.Room()
    await room.connect(settings().livekit_url, token(name))
    session: AgentSession[None] = AgentSession(vad=None)
    avatar = AvatarSession(avatar="ada")
    await avatar.start(session, room=room)  # before session.start
    await session.start(Agent(instructions=""), room=room, room_options=RoomOptions(audio_input=False))
    await avatar.wait_for_join()
    await session.say("what the recording says", audio=sound(path)).wait_for_playout()
    await session.aclose()
    await avatar.aclose()
    await room.disconnect()


asyncio.run(main(*sys.argv[1:]))
