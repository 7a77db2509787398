"""An agent with a face that needs no network, no key and no model: eSpeak NG speaks, rules answer.

    pip install "livekit-avatar[demo]"
    python agents/offline_agent.py console --text        # a conversation in the terminal; needs PortAudio
    python agents/offline_agent.py dev                   # in rooms of the server at LIVEKIT_URL

Write to it over LiveKit's chat (the text stream `lk.chat`, as in LiveKit's playground). AVATAR is a built-in
name, a picture or a .avatar file; "ada" if not set.
"""

from __future__ import annotations

import os

from livekit.agents import Agent, AgentServer, AgentSession, JobContext, TurnHandlingOptions, cli
from livekit.agents.voice.room_io import RoomOptions

from livekit_avatar import AvatarSession
from livekit_avatar.demo.agent import RuleLLM
from livekit_avatar.demo.answers import GREETING
from livekit_avatar.demo.tts import EspeakTTS

server = AgentServer()


@server.rtc_session()
async def entrypoint(ctx: JobContext) -> None:
    """One conversation."""
    session: AgentSession[None] = AgentSession(
        llm=RuleLLM(),
        tts=EspeakTTS(),
        vad=None,
        turn_handling=TurnHandlingOptions(turn_detection="manual"),
    )
    avatar = AvatarSession(avatar=os.environ.get("AVATAR", "ada"))
    await ctx.connect()
    await avatar.start(session, room=ctx.room)  # before session.start
    await session.start(
        Agent(instructions="Answer by rule."), room=ctx.room, room_options=RoomOptions(audio_input=False)
    )
    await avatar.wait_for_join()
    session.say(GREETING)


if __name__ == "__main__":
    cli.run_app(server)
