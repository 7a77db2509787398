"""The demo as a whole: server, agent and page, or server, agent and recorder."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from livekit import api
from livekit.agents import AgentSession, CloseEvent, llm, stt, tts

from livekit_avatar.demo.agent import IDENTITY, RuleLLM, agent
from livekit_avatar.demo.client import find_client
from livekit_avatar.demo.conversation import READY, SAY
from livekit_avatar.demo.faces import Choice
from livekit_avatar.demo.livekit_server import LiveKitServer, dev_server
from livekit_avatar.demo.page import hint, page
from livekit_avatar.demo.recorder import Order, Report
from livekit_avatar.demo.tts import EspeakTTS
from livekit_avatar.errors import ConfigurationError, DemoError
from livekit_avatar.room.session import AvatarSession

logger = logging.getLogger(__name__)

VIEWER = "viewer"
"""Identity of the participant who measures and records."""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Cast:
    """Who is on stage.

    Attributes:
        faces: one or more; the first is shown first.
        language: finds the answers.
        voice: speaks them.
        ear: understands speech; None: what is heard is said back.
    """

    faces: tuple[Choice, ...]
    language: llm.LLM[Any]
    voice: tts.TTS[Any]
    ear: stt.STT[Any] | None = None


def cast(
    faces: Callable[[], tuple[Choice, ...]], *, language: str = "", voice: str = "", ear: str = ""
) -> Cast:
    """The faces with a mind, a voice and an ear.

    Args:
        faces: opens one or more; that takes longest, so it is done when all else is there.
        language: "module:Class" of a livekit-agents LLM, made without arguments; empty for answers by rule.
        voice: "module:Class" of a livekit-agents TTS, made without arguments; empty for eSpeak NG.
        ear: "module:Class" of a livekit-agents STT, made without arguments; empty for none.

    Raises:
        ConfigurationError: there is no such class, it is of another kind, or it cannot be made or used.
        DemoError: eSpeak NG is wanted, but not installed.
    """
    mind = plugin(language, llm.LLM) if language else RuleLLM()
    speaker = plugin(voice, tts.TTS) if voice else EspeakTTS()
    recogniser = _recogniser(ear) if ear else None
    return Cast(faces(), mind, speaker, recogniser)


def _recogniser(name: str) -> stt.STT[Any]:
    ear: stt.STT[Any] = plugin(name, stt.STT)
    if not ear.capabilities.offline_recognize:
        raise ConfigurationError(
            f"{name!r} understands running speech only, not a recording",
            fix="Give an STT that can `recognize`, such as livekit.plugins.openai:STT.",
        )
    return ear


def plugin(name: str, kind: type) -> Any:
    """An instance of the class "module:Class", which must be a `kind`.

    Raises:
        ConfigurationError: there is no such class, it is of another kind, or it cannot be made.
    """
    module, _, attribute = name.partition(":")
    try:
        made = getattr(import_module(module), attribute)
        found = made()
    except Exception as error:
        raise ConfigurationError(
            f"{name!r} cannot be used: {' '.join(str(error).split())}",
            fix="Give module:Class, such as livekit.plugins.openai:LLM, and what its class needs to be made.",
        ) from error
    if not isinstance(found, kind):
        raise ConfigurationError(
            f"{name!r} is not a livekit-agents {kind.__name__}", fix="Give another class."
        )
    return found


async def talk(who: Cast, *, port: int = 0, ready: Progress, progress: Progress) -> None:
    """Serves the page until cancelled.

    Args:
        who: is on stage.
        port: of the page; 0 for any free one.
        ready: told the address of the page, once it can be opened.
        progress: told in a sentence about steps that take long.

    Raises:
        ConfigurationError: the port is taken.
        DemoError: a part is missing, or the language model or the voice failed again and again.
    """
    client = await find_client(progress)
    async with (
        _stage(who, progress) as (server, room, session),
        page(
            server, room, client, faces=who.faces, hint=hint(server.url, who.ear is not None), port=port
        ) as address,
    ):
        ready(address)
        why = await _end_of(session)
    raise DemoError(f"the agent gave up: {why}", fix="Look at its log with --verbose.")


async def _end_of(session: AgentSession[None]) -> str:
    """Waits until the session has ended by itself; says why."""
    ended: asyncio.Future[CloseEvent] = asyncio.get_running_loop().create_future()
    session.on("close", ended.set_result)
    try:
        event = await ended
    finally:
        session.off("close", ended.set_result)
    return str(event.error.error) if event.error else event.reason.value


async def say(text: str, who: Cast, *, path: Path | None = None, progress: Progress) -> Report:
    """Lets the agent say `text` to a second participant, who measures and records.

    Args:
        text: as `check_text` returns it.
        who: is on stage.
        path: of the mp4 file to write, as `check_path` returns it; None for none.
        progress: told in a sentence about steps that take long.

    Raises:
        DemoError: nothing arrived, or the file could not be written.
    """
    async with _stage(who, progress) as (server, room, _):
        order = Order(
            server.url, _viewer_token(server, room), IDENTITY, READY, SAY, text, str(path) if path else ""
        )
        return await _record(order)


@contextlib.asynccontextmanager
async def _stage(
    who: Cast, progress: Progress
) -> AsyncIterator[tuple[LiveKitServer, str, AgentSession[None]]]:
    """A server, the name of a room in it where the agent is, and the agent's session."""
    room = f"avatar-demo-{secrets.token_hex(3)}"
    async with dev_server(progress=progress) as server:
        wardrobe = [choice.avatar for choice in who.faces]
        face = AvatarSession(avatar=wardrobe[0])
        async with agent(
            server,
            room,
            face=face,
            language=who.language,
            voice=who.voice,
            ear=who.ear,
            wardrobe=wardrobe,
        ) as session:
            yield server, room, session


def _viewer_token(server: LiveKitServer, room: str) -> str:
    return (
        api.AccessToken(server.api_key, server.api_secret)
        .with_identity(VIEWER)
        .with_ttl(timedelta(minutes=10))
        .with_grants(api.VideoGrants(room_join=True, room=room, can_publish=False, can_publish_data=True))
        .to_jwt()
    )


async def _record(order: Order) -> Report:
    """Runs the recorder in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "livekit_avatar.demo.recorder",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        answer, _ = await process.communicate(json.dumps(asdict(order)).encode())
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    if process.returncode != 0:
        raise DemoError(
            f"the recorder ended with status {process.returncode}", fix="Look at its message above."
        )
    report = json.loads(answer)
    if "problem" in report:
        raise DemoError(report["problem"], fix=report["fix"])
    return Report(**report)
