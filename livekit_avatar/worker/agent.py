"""The worker as one of LiveKit's agents: the server hands it jobs, each a face in a process of its own.

LiveKit spreads jobs over all workers of a name (with Redis, over all nodes of the server). A job is made by
`AvatarSession(worker=NAME)`, whose dispatch carries the metadata that room/wire.py describes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from dataclasses import dataclass
from functools import partial
from typing import Any

from livekit import rtc
from livekit.agents import AgentServer, AutoSubscribe, JobContext, JobProcess, JobRequest

from livekit_avatar.avatar import open_avatar
from livekit_avatar.errors import AvatarError, ConfigurationError
from livekit_avatar.room import wire
from livekit_avatar.runtime.admission import Admission
from livekit_avatar.settings import settings
from livekit_avatar.worker.faces import Faces
from livekit_avatar.worker.launch import Launch, Ticket
from livekit_avatar.worker.logs import be_discreet
from livekit_avatar.worker.options import WorkerOptions
from livekit_avatar.worker.places import Places
from livekit_avatar.worker.serve import listen_for_signals
from livekit_avatar.worker.session import Session

logger = logging.getLogger(__name__)

_WARM_SECONDS = 60.0  # until a process has opened its avatars
_FULL = 0.99  # of the capacity
_OPENED = "avatars"  # key in the process's userdata


@dataclass(frozen=True, slots=True)
class Job:
    """What the metadata of a job says.

    Attributes:
        identity: as whom the face joins.
        agent: identity of the agent that it speaks for.
        name: of the participant, as viewers see it.
        launch: whose face it is.
    """

    identity: str
    agent: str
    name: str
    launch: Launch


def read_job(metadata: str) -> Job:
    """The job that the metadata of a dispatch describes.

    Raises:
        ConfigurationError: it describes none.
    """
    try:
        fields: dict[str, Any] = json.loads(metadata)
        texts = {name: str(value) for name, value in fields.items() if value is not None}
        identity, agent = texts[wire.AVATAR_IDENTITY], texts[wire.AGENT_IDENTITY]
    except (ValueError, AttributeError, KeyError, RecursionError):
        raise ConfigurationError(
            "the metadata of the job describes no face", fix="Dispatch it with AvatarSession(worker=...)."
        ) from None
    launch = Launch(
        livekit_url="",
        token="",
        avatar_id=texts.get(wire.AVATAR_ID),
        picture_url=texts.get(wire.AVATAR_IMAGE_URL),
        model=texts.get(wire.MODEL),
        mode=texts.get(wire.MODE),
    )
    if (launch.avatar_id is None) == (launch.picture_url is None):
        raise ConfigurationError(
            "the metadata of the job does not say whose face it is",
            fix=f"It needs one of {wire.AVATAR_ID} and {wire.AVATAR_IMAGE_URL}.",
        )
    return Job(identity, agent, texts.get(wire.PARTICIPANT_NAME, ""), launch)


def agent_server(name: str, options: WorkerOptions, host: str, port: int) -> AgentServer:
    """The worker, as an agent server of this name.

    Args:
        name: as which sessions dispatch it.
        options: how it behaves.
        host: address of livekit-agents' own health check.
        port: of the same.

    Raises:
        ConfigurationError: LIVEKIT_URL or its key pair is missing.
    """
    known = settings()
    secret = known.livekit_api_secret.get_secret_value()
    if not (known.livekit_url and known.livekit_api_key and secret):
        raise ConfigurationError(
            "the worker does not know which LiveKit server gives it jobs",
            fix="Set LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET.",
        )
    by_count: dict[str, Any] = {}
    if options.capacity is not None:
        by_count = {"load_fnc": partial(_load, options.capacity), "load_threshold": _FULL}
    server = AgentServer(
        ws_url=known.livekit_url,
        api_key=known.livekit_api_key,
        api_secret=secret,
        host=host,
        port=port,
        drain_timeout=round(options.drain_timeout),
        setup_fnc=partial(_warm, options),
        initialize_process_timeout=_WARM_SECONDS,
        num_idle_processes=1,
        **by_count,
    )
    server.rtc_session(partial(_appear, options), agent_name=name, on_request=_accept)
    return server


async def take_jobs(name: str, options: WorkerOptions, host: str, port: int) -> None:
    """Take jobs until a signal: SIGTERM lets sessions end by themselves first, SIGINT does not.

    Args:
        name: as which sessions dispatch it.
        options: how the worker behaves.
        host: address of livekit-agents' own health check.
        port: of the same.

    Raises:
        ConfigurationError: LIVEKIT_URL or its key pair is missing.
    """
    be_discreet()
    server = agent_server(name, options, host, port)
    signals = listen_for_signals()
    running = asyncio.ensure_future(server.run())
    stopping = asyncio.ensure_future(signals.get())
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    try:
        if stopping.done() and stopping.result() == "SIGTERM":
            with contextlib.suppress(asyncio.TimeoutError):
                await server.drain()
    finally:
        stopping.cancel()
        await server.aclose()
        await running


def _load(capacity: int, server: AgentServer) -> float:
    return len(server.active_jobs) / capacity


def _warm(options: WorkerOptions, process: JobProcess) -> None:
    """Have avatars open before a job comes to this process."""
    be_discreet()
    opened = process.userdata[_OPENED] = {}
    for name in options.preload:
        try:
            opened[name] = open_avatar(name)
        except AvatarError as error:
            logger.warning("avatar %r cannot be opened: %s", name, error)


async def _accept(request: JobRequest) -> None:
    """Take a job as the participant that its metadata names."""
    try:
        job = read_job(request.job.metadata)
    except ConfigurationError as error:
        logger.warning("a job is refused: %s", error)
        await request.reject()
        return
    await request.accept(
        identity=job.identity,
        name=job.name or job.identity,
        attributes={wire.PUBLISH_ON_BEHALF: job.agent},
    )


async def _appear(options: WorkerOptions, context: JobContext) -> None:
    """One job: be the face until it is over."""
    job = read_job(context.job.metadata)
    ticket = Ticket(job.identity, context.job.room.name, job.agent)
    faces = Faces(options)
    for name, avatar in context.proc.userdata.get(_OPENED, {}).items():
        faces.keep(name, avatar)
    session = Session(ticket, faces, Places(Admission(), calibrate=False), options)

    async def connect(_: rtc.Room) -> None:
        await context.connect(auto_subscribe=AutoSubscribe.SUBSCRIBE_NONE)

    async def end(reason: str) -> None:
        session.end(reason or "the job ends")
        await session.ended()
        await faces.aclose()

    context.add_shutdown_callback(end)
    session.start(partial(faces.of_launch, job.launch), connect, context.room)
    try:
        await session.started()
        await session.ended()
    finally:
        context.shutdown(session.reason)
