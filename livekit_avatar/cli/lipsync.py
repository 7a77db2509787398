"""`livekit-avatar lipsync`: the mouth of a recording as curves, visemes, or cues for other programs."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from livekit_avatar.lipsync.cues import Take
    from livekit_avatar.types import MouthState, Samples

EXAMPLES = (
    "Examples: [cyan]livekit-avatar lipsync speech.wav -o curves.csv[/] · "
    "[cyan]livekit-avatar lipsync speech.wav -o curves.png[/] · "
    "[cyan]livekit-avatar lipsync speech.mp3 --format rhubarb-tsv[/] · "
    "[cyan]livekit-avatar lipsync speech.ogg --format oculus -o visemes.json[/]"
)

_PIECE = 10 * 16_000
"""Samples that are heard between two movements of the progress bar."""


class Form(str, Enum):
    """What `--format` takes."""

    CSV = "csv"
    JSON = "json"
    PLOT = "plot"
    RHUBARB_TSV = "rhubarb-tsv"
    RHUBARB_JSON = "rhubarb-json"
    RHUBARB_XML = "rhubarb-xml"
    MOHO = "moho"
    OCULUS = "oculus"
    LIVELINK = "livelink"


def lipsync(
    audio: Annotated[Path, typer.Argument(help="The speech: any sound or film that FFmpeg reads.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file; text goes to the terminal without it.")
    ] = None,
    form: Annotated[
        Form | None,
        typer.Option(
            "--format",
            "-f",
            help="csv, json: every coefficient of every frame of 40 ms. plot: a picture. rhubarb-*, moho:"
            " mouth cues A to X. oculus: viseme weights. livelink: ARKit motion as Live Link Face records it."
            " If not given, as the file's name ends: .csv, .json, .png, .tsv, .xml, .dat.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="End with one line of JSON about the file.")
    ] = False,
) -> None:
    """Turn a recording into mouth curves, visemes or mouth cues."""
    from livekit_avatar.errors import ConfigurationError
    from livekit_avatar.lipsync.plot import plot

    form = form or _form_of(output)
    if output is None and (as_json or form is Form.PLOT):
        what = "a picture" if form is Form.PLOT else "a report about a file"
        raise ConfigurationError(f"{what} needs a file to be written", fix="Add -o and its name.")
    take = _take(audio, quiet=as_json)
    data = plot(take) if form is Form.PLOT else _writer(form)(take).encode()
    if output is None:
        typer.echo(data.decode(), nl=False)
        return
    _write(output, data)
    report = {"output": str(output), "format": form.value, "duration_s": round(take.duration, 3)}
    report["frames"] = len(take.states)
    if as_json:
        typer.echo(json.dumps(report))
    else:
        typer.echo(f"{output}: {form.value}, {len(take.states)} frames, {take.duration:.1f} s", err=True)


def _form_of(output: Path | None) -> Form:
    """The format that a file's name asks for."""
    from livekit_avatar.errors import ConfigurationError
    from livekit_avatar.lipsync.formats import FORMATS

    if output is None:
        return Form.CSV
    suffixes = {".png": Form.PLOT} | {each.suffix: Form(each.name) for each in FORMATS if each.suffix}
    try:
        return suffixes[output.suffix.lower()]
    except KeyError:
        raise ConfigurationError(
            f"{str(output)!r} says nothing about its format",
            fix=f"Add --format, or a name that ends in {', '.join(suffixes)}.",
        ) from None


def _writer(form: Form) -> Callable[[Take], str]:
    from livekit_avatar.lipsync.formats import FORMATS

    return next(each.write for each in FORMATS if each.name == form.value)


def _take(audio: Path, *, quiet: bool) -> Take:
    """Hear a recording."""
    from rich.console import Console
    from rich.progress import Progress

    from livekit_avatar.audio.decode import decode
    from livekit_avatar.lipsync.cues import Take
    from livekit_avatar.types import SPEECH_RATE

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("Reading", total=None)
        speech = decode(audio, SPEECH_RATE)
        bar.update(task, description="Hearing", total=len(speech.samples))
        states = _hear(speech.samples, lambda heard: bar.update(task, completed=heard))
    return Take(audio.name, speech.samples, states)


def _hear(samples: Samples, progress: Callable[[int], None]) -> list[MouthState]:
    from livekit_avatar.lipsync.model import LipStream, LipSync

    lips, stream = LipSync(), LipStream()
    states: list[MouthState] = []
    for start in range(0, len(samples), _PIECE):
        stream.push(samples[start : start + _PIECE])
        if start + _PIECE >= len(samples):
            stream.flush()
        lips.hear([stream])
        states += stream.take()
        progress(min(start + _PIECE, len(samples)))
    return states


def _write(path: Path, data: bytes) -> None:
    """Write a file aside and put it under its name when it is whole."""
    from livekit_avatar.errors import ConfigurationError

    aside = path.with_name(f".{path.name}.part")
    try:
        try:
            aside.write_bytes(data)
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"cannot write {str(path)!r} ({error.strerror})",
            fix="Give a file in a folder that exists and is yours.",
        ) from error
