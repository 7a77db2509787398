"""A voice agent whose face is drawn in its own process, on a plain CPU.

    export LIVEKIT_URL=wss://... LIVEKIT_API_KEY=... LIVEKIT_API_SECRET=...
    python agents/local_agent.py dev

AVATAR is a built-in name, a picture or a .avatar file; "ada" if not set. Ears, mind and voice come from
LiveKit's inference service; put plugins of your choice in their place.
"""

from __future__ import annotations

import os

from livekit.agents import Agent, AgentServer, AgentSession, JobContext, cli, function_tool

from livekit_avatar import AvatarSession, Emotion
from livekit_avatar.types import EmotionName

INSTRUCTIONS = (
    "You are a friendly face in a browser. Your answers are spoken: keep them to one or two short sentences "
    "of plain words. Show how you feel with the tool show_emotion, and nod when you agree."
)

server = AgentServer()


class Assistant(Agent):
    """Talks, and moves its face."""

    def __init__(self, avatar: AvatarSession) -> None:
        super().__init__(instructions=INSTRUCTIONS)
        self._avatar = avatar

    async def on_enter(self) -> None:
        """Greet."""
        await self.session.generate_reply(instructions="Greet the user.")

    @function_tool
    async def show_emotion(self, emotion: EmotionName) -> str:
        """Show an emotion in your face."""
        await self._avatar.set_emotion(Emotion(emotion, 0.7))
        return f"you look {emotion}"

    @function_tool
    async def nod(self) -> str:
        """Nod."""
        await self._avatar.act("nod")
        return "you nodded"


@server.rtc_session()
async def entrypoint(ctx: JobContext) -> None:
    """One conversation."""
    session: AgentSession[None] = AgentSession(
        stt="deepgram/nova-3", llm="openai/gpt-4.1-mini", tts="cartesia/sonic-3"
    )
    avatar = AvatarSession(avatar=os.environ.get("AVATAR", "ada"))
    await ctx.connect()
    await avatar.start(session, room=ctx.room)  # before session.start
    await session.start(Assistant(avatar), room=ctx.room)


if __name__ == "__main__":
    cli.run_app(server)
