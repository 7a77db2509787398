"""A voice agent on a small machine; a worker elsewhere draws its face.

On the machine with the cores:

    LIVEKIT_AVATAR_KEYS=a-long-random-key livekit-avatar worker --host 0.0.0.0 --livekit-url 'wss://...'

Here:

    export LIVEKIT_URL=wss://... LIVEKIT_API_KEY=... LIVEKIT_API_SECRET=...
    export LIVEKIT_AVATAR_API_URL=https://worker.example.com/launch LIVEKIT_AVATAR_API_TOKEN=a-long-random-key
    python agents/cloud_agent.py dev

With BITHUMAN_API_SECRET instead of the last two, and AVATAR set to the code of an agent there, bitHuman's
hosts draw it. With WORKER set to the name of workers (`livekit-avatar worker --dispatch NAME`), LiveKit's own
dispatch finds one.
"""

from __future__ import annotations

import logging
import os

from livekit.agents import Agent, AgentServer, AgentSession, JobContext, cli

from livekit_avatar import AvatarSession
from livekit_avatar.errors import LaunchError

INSTRUCTIONS = (
    "You are a friendly face in a browser. Your answers are spoken: keep them to one or two short sentences "
    "of plain words."
)

logger = logging.getLogger("cloud-agent")
server = AgentServer()


@server.rtc_session()
async def entrypoint(ctx: JobContext) -> None:
    """One conversation."""
    session: AgentSession[None] = AgentSession(
        stt="deepgram/nova-3", llm="openai/gpt-4.1-mini", tts="cartesia/sonic-3"
    )
    avatar = AvatarSession(avatar_id=os.environ.get("AVATAR", "ada"), worker=os.environ.get("WORKER"))
    await ctx.connect()
    try:
        await avatar.start(session, room=ctx.room)  # before session.start
    except LaunchError as error:
        logger.error("no face: %s", error)  # the conversation goes on with the voice alone
    await session.start(Agent(instructions=INSTRUCTIONS), room=ctx.room)
    await session.generate_reply(instructions="Greet the user.")


if __name__ == "__main__":
    cli.run_app(server)
