"""An agent as bitHuman's plugin documents it, for `test_stock_plugin.py`: not a line of it is ours.

Its worker, key and avatar come from the environment, as a user of the plugin would set them.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import numpy as np
from livekit import rtc
from livekit.agents import Agent, AgentServer, AgentSession, JobContext, cli
from livekit.agents.voice.room_io import RoomOptions
from livekit.plugins import bithuman

SPEECH = np.load(os.environ["SPEECH"])
RATE = 22_050


def idle() -> float:
    """The load of a machine that is busy with other tests decides about no job."""
    return 0.0


server = AgentServer(num_idle_processes=0, port=0, load_fnc=idle, initialize_process_timeout=60)


async def speech() -> AsyncIterator[rtc.AudioFrame]:
    """Recorded words in one burst, as a speech synthesiser sends them."""
    for start in range(0, len(SPEECH), RATE // 50):
        piece = SPEECH[start : start + RATE // 50]
        yield rtc.AudioFrame(piece.tobytes(), RATE, 1, len(piece))


def tell(words: str) -> None:
    print(words, flush=True)


@server.rtc_session(agent_name="stock")
async def entry(ctx: JobContext) -> None:
    await ctx.connect()
    session: AgentSession[None] = AgentSession(vad=None)
    model = os.environ.get("AVATAR_MODEL")
    avatar = bithuman.AvatarSession(
        avatar_id=os.environ["AVATAR_ID"],
        **({"model": model} if model else {}),  # type: ignore[arg-type]
    )
    await avatar.start(session, room=ctx.room)
    options = RoomOptions(audio_input=False, text_input=False, close_on_disconnect=False)
    await session.start(Agent(instructions=""), room=ctx.room, room_options=options, record=False)
    await avatar.wait_for_join()
    tell(f"joined {avatar.avatar_identity}")
    await session.say("words", audio=speech()).wait_for_playout()
    tell("said all of it")
    cut = session.say("words", audio=speech())
    await asyncio.sleep(1)  # the plugin does not tell when playback begins
    await session.interrupt()
    await cut.wait_for_playout()
    tell("was interrupted")


if __name__ == "__main__":
    cli.run_app(server)
