"""`livekit-avatar worker`: faces as a service, launched over HTTP or dispatched by LiveKit."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = (
    "Examples: [cyan]LIVEKIT_AVATAR_KEYS=$(openssl rand -hex 24) livekit-avatar worker[/] · "
    "[cyan]livekit-avatar worker --key-file keys.txt --livekit-url 'wss://*.livekit.cloud'[/] · "
    "[cyan]livekit-avatar worker --dispatch faces[/]"
)


def worker(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes any free one.", min=0, max=65535)] = 8089,
    capacity: Annotated[
        int | None,
        typer.Option(help="Sessions at once.", min=1, show_default="as many as the machine holds"),
    ] = None,
    livekit_url: Annotated[
        list[str] | None,
        typer.Option(
            help="A LiveKit server that it joins; host and port may have * in them. Given again: more.",
            show_default="LIVEKIT_URL, else servers on this machine",
        ),
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option(help="File with the keys, one a line.", show_default="LIVEKIT_AVATAR_KEYS")
    ] = None,
    no_auth: Annotated[bool, typer.Option("--no-auth", help="Ask for no key; on loopback only.")] = False,
    avatar: Annotated[
        list[str] | None,
        typer.Option(help="An avatar to open before the first launch.", show_default="ada"),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="NAME=ENGINE[,ENGINE]: which engines draw a model, such as expression=portrait."),
    ] = None,
    idle_timeout: Annotated[
        float, typer.Option(help="Seconds after which a session that nobody uses ends.", min=1)
    ] = 300.0,
    drain_timeout: Annotated[
        float, typer.Option(help="Seconds that sessions may go on after SIGTERM.", min=0)
    ] = 300.0,
    dispatch: Annotated[
        str | None,
        typer.Option(help="Take LiveKit's jobs for this agent name instead of launches over HTTP."),
    ] = None,
    json_logs: Annotated[bool, typer.Option("--json-logs", help="Log a JSON object a line.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log more.")] = False,
) -> None:
    """Be the face of agents that run elsewhere."""
    from livekit_avatar.settings import settings
    from livekit_avatar.worker.logs import log_to_stderr
    from livekit_avatar.worker.options import LOOPBACK, WorkerOptions
    from livekit_avatar.worker.serve import serve

    log_to_stderr(as_json=json_logs, verbose=verbose)
    patterns = tuple(livekit_url or ()) or ((settings().livekit_url,) if settings().livekit_url else LOOPBACK)
    options = WorkerOptions(
        keys=() if no_auth or dispatch else _keys(key_file),
        capacity=capacity,
        livekit_urls=_checked(patterns),
        engines=dict(_row(each) for each in model or ()),
        idle_timeout=idle_timeout,
        drain_timeout=drain_timeout,
        preload=tuple(avatar or ("ada",)),
    )
    if dispatch:
        from livekit_avatar.worker.agent import take_jobs

        _run(take_jobs(dispatch, options, host, port))
        return
    _check_open(host, no_auth)
    _run(serve(options, host, port, _ready))


def _checked(patterns: tuple[str, ...]) -> tuple[str, ...]:
    from livekit_avatar.worker.livekit_url import check_pattern

    return tuple(map(check_pattern, patterns))


def _keys(path: Path | None) -> tuple[str, ...]:
    """The keys of the file, or of LIVEKIT_AVATAR_KEYS.

    Raises:
        ConfigurationError: there are none.
    """
    from livekit_avatar.errors import ConfigurationError
    from livekit_avatar.settings import settings

    try:
        lines = path.read_text().splitlines() if path else settings().keys.get_secret_value().split(",")
    except OSError as error:
        raise ConfigurationError(
            f"the key file {str(path)!r} cannot be read ({error.strerror})", fix="Check its path."
        ) from error
    keys = tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))
    if not keys:
        raise ConfigurationError(
            "the worker has no keys, so everybody could launch faces",
            fix="Set LIVEKIT_AVATAR_KEYS or give --key-file; --no-auth does without, on loopback.",
        )
    return keys


def _check_open(host: str, no_auth: bool) -> None:
    from livekit_avatar.errors import ConfigurationError

    loopback = host == "localhost"
    with contextlib.suppress(ValueError):
        loopback = loopback or ip_address(host).is_loopback
    if no_auth and not loopback:
        raise ConfigurationError(
            f"--no-auth with --host {host} would let everybody launch faces", fix="Use keys, or 127.0.0.1."
        )


def _row(text: str) -> tuple[str, tuple[str, ...]]:
    from livekit_avatar.errors import ConfigurationError

    name, equals, names = text.partition("=")
    engines = tuple(each.strip() for each in names.split(",") if each.strip())
    if not (name and equals and engines):
        raise ConfigurationError(f"--model {text!r} is not NAME=ENGINE", fix="Such as expression=portrait.")
    return name, engines


def _ready(address: str) -> None:
    typer.echo(f"Launch faces at {address}/launch. Ctrl-C ends it.", err=True)


def _run(work: Coroutine[None, None, None]) -> None:
    with contextlib.suppress(KeyboardInterrupt):  # before it could listen for signals
        asyncio.run(work)
