"""`livekit-avatar demo`: talk to a face in the browser, or let it say something and measure."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
from collections.abc import Coroutine
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

EXAMPLES = (
    "Examples: [cyan]livekit-avatar demo[/] · [cyan]livekit-avatar demo --avatar ada --avatar me.jpg[/] · "
    '[cyan]livekit-avatar demo --say "Hello there." --record hello.mp4[/]'
)

Result = TypeVar("Result")


def demo(
    avatar: Annotated[
        list[str] | None,
        typer.Option(
            help="A built-in name, a picture, or a .avatar file. Given again: more faces to choose from.",
            show_default="all built-in ones, ada first; with --say: ada",
        ),
    ] = None,
    say: Annotated[
        str | None, typer.Option(help="Say this to a second participant, who measures, instead of a page.")
    ] = None,
    record: Annotated[
        Path | None, typer.Option(help="With --say: record what that participant receives, as mp4.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="With --say: end with one line of JSON.")] = False,
    port: Annotated[int, typer.Option(help="Port of the page; 0 takes any free one.", min=0, max=65535)] = 0,
    llm: Annotated[
        str, typer.Option(help="module:Class of a livekit-agents LLM instead of answers by rule.")
    ] = "",
    tts: Annotated[str, typer.Option(help="module:Class of a livekit-agents TTS instead of eSpeak NG.")] = "",
    stt: Annotated[
        str, typer.Option(help="module:Class of a livekit-agents STT, to understand what is spoken.")
    ] = "",
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log to standard error.")] = False,
) -> None:
    """Talk to a face in the browser: a LiveKit server, a voice agent and a page, all on this machine."""
    _log(verbose)
    from livekit_avatar.demo.wishes import check_path, check_text
    from livekit_avatar.errors import ConfigurationError

    if say is None and (record is not None or as_json):
        raise ConfigurationError("--record and --json need --say", fix="Add --say with a sentence.")
    text = None if say is None else check_text(say)
    path = None if record is None else check_path(record)

    if text is not None and len(avatar or ()) > 1:
        raise ConfigurationError("--say takes one --avatar", fix="Leave the others out.")

    from livekit_avatar.avatars.catalogue import builtin_names
    from livekit_avatar.demo import show
    from livekit_avatar.demo.faces import open_faces

    names = avatar or (builtin_names() if text is None else ["ada"])
    who = show.cast(partial(open_faces, names, progress=_progress), language=llm, voice=tts, ear=stt)
    if text is None:
        with contextlib.suppress(KeyboardInterrupt):
            _run(show.talk(who, port=port, ready=_ready, progress=_progress))
        return
    report = _run(show.say(text, who, path=path, progress=_progress))
    typer.echo(json.dumps(asdict(report)) if as_json else _sentence(asdict(report)))


def _log(verbose: bool) -> None:
    """Sends the log to standard error: all of it, or what a user can do something about."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    if not verbose:
        levels = {"": logging.ERROR, "livekit": logging.CRITICAL, "livekit.agents": logging.ERROR}
        for name, level in {**levels, "livekit_avatar": logging.WARNING}.items():
            logging.getLogger(name).setLevel(level)


def _ready(address: str) -> None:
    typer.echo(f"Open {address} to talk to it. Ctrl-C ends it.")


def _progress(sentence: str) -> None:
    typer.echo(sentence, err=True)


def _sentence(report: dict[str, Any]) -> str:
    parts = [
        f"{report['fps']:.1f} pictures a second",
        f"first sound after {report['first_audio_ms']:.0f} ms",
    ]
    if report["av_offset_ms"] is not None:
        parts.append(f"lips {report['av_offset_ms']:+.0f} ms from the voice")
    where = f"{report['file']}: " if report["file"] else ""
    return f"{where}{report['duration_s']:.1f} s received, " + ", ".join(parts)


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    """Runs `work`; Ctrl-C, SIGTERM and a closed terminal cancel it, and it cleans up: KeyboardInterrupt."""

    async def cancellable() -> Result:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            with contextlib.suppress(AttributeError, NotImplementedError):  # Windows has not all of it
                loop.add_signal_handler(getattr(signal, name), task.cancel)
        return await task

    try:
        return asyncio.run(cancellable())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
