"""Runs a worker until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
from collections.abc import Callable

from aiohttp import web

from livekit_avatar.errors import ConfigurationError
from livekit_avatar.worker.app import SESSIONS, create_app
from livekit_avatar.worker.options import WorkerOptions

logger = logging.getLogger(__name__)

_NOW = ("SIGINT", "SIGHUP")
_ANSWER_SECONDS = 5.0  # for requests under way, once all sessions have ended


async def serve(options: WorkerOptions, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until a signal: SIGTERM lets sessions end by themselves first, SIGINT and a second one do not.

    Args:
        options: how the worker behaves.
        host: address to listen on.
        port: 0 takes any free one.
        ready: told the worker's address once it listens.

    Raises:
        ConfigurationError: the address cannot be listened on.
        AvatarError: an avatar that is to be opened first cannot be.
    """
    signals = listen_for_signals()
    app = create_app(options)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_ANSWER_SECONDS)
    try:
        await runner.setup()
        gc.collect()
        gc.freeze()  # the program and its open avatars: looking for cycles passes them over from now on
        await _bind(runner, host, port)
        ready(_address(runner))
        if await signals.get() == "SIGTERM":
            await _drain(app, options, signals)
    finally:
        await runner.cleanup()


def listen_for_signals() -> asyncio.Queue[str]:
    """The names of the signals that mean an end, as they come."""
    signals: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    for name in ("SIGTERM", *_NOW):
        with contextlib.suppress(AttributeError, NotImplementedError):  # Windows has not all of it
            loop.add_signal_handler(getattr(signal, name), signals.put_nowait, name)
    return signals


async def _bind(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {host}:{port} ({error.strerror or error})",
            fix="Choose another --host or --port.",
        ) from error


def _address(runner: web.AppRunner) -> str:
    host, port = runner.addresses[0][:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _drain(app: web.Application, options: WorkerOptions, signals: asyncio.Queue[str]) -> None:
    draining = asyncio.ensure_future(app[SESSIONS].drain(options.drain_timeout))
    again = asyncio.ensure_future(signals.get())
    await asyncio.wait({draining, again}, return_when=asyncio.FIRST_COMPLETED)
    draining.cancel()
    again.cancel()
    await asyncio.wait({draining, again})
