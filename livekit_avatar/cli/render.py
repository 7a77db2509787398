"""`livekit-avatar render`: a film of an avatar that speaks a recording."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

EXAMPLES = (
    "Examples: [cyan]livekit-avatar render ada speech.wav -o out.mp4[/] · "
    "[cyan]livekit-avatar render me.jpg speech.mp3 -o me.mp4 --size 720[/] · "
    "[cyan]livekit-avatar render cutout.png speech.wav -o me.webm[/] (transparent) · "
    "[cyan]livekit-avatar render cutout.png speech.wav -o frames/[/] (PNG files) · "
    "[cyan]livekit-avatar render cutout.png speech.wav -o me.mp4 --background beach.jpg[/]"
)


def render(
    avatar: Annotated[str, typer.Argument(help="A built-in or library name, a picture, or a .avatar file.")],
    audio: Annotated[Path, typer.Argument(help="The speech: any sound or film that FFmpeg reads.")],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="The film, .mp4 or .webm (VP9 with alpha), or a folder for PNG files."
        ),
    ],
    size: Annotated[
        int | None, typer.Option(help="The longer side in pixels: even, at most 1920; 512 if not given.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Decides blinks, glances and sway.")] = 0,
    intensity: Annotated[
        float, typer.Option(help="How far the mouth moves, 0 to 2; lips that close still close.")
    ] = 1.0,
    smoothing: Annotated[float, typer.Option(help="Calmer but later lips, 0 to 0.8.")] = 0.0,
    background: Annotated[
        str | None,
        typer.Option(
            help="A colour or a picture behind a transparent avatar.", show_default="white in mp4, else none"
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="End with one line of JSON about the film.")
    ] = False,
) -> None:
    """Make a film of an avatar that speaks a recording."""
    from livekit_avatar.avatar import check_style, open_avatar
    from livekit_avatar.film import check_output, film_of
    from livekit_avatar.runtime.finish import Finish
    from livekit_avatar.types import Style

    check_output(output)
    Finish(background)  # refused now rather than after the avatar was opened
    style = Style(intensity, smoothing)
    check_style(style)
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=as_json or not console.is_terminal) as bar:
        opening = bar.add_task(f"Opening {avatar}", total=1.0)
        face = open_avatar(
            avatar,
            size=size,
            progress=lambda done, stage: bar.update(opening, completed=done, description=stage.capitalize()),
        )
        bar.update(opening, completed=1.0)
        drawing = bar.add_task("Drawing", total=None)
        started = time.perf_counter()
        report = film_of(
            face,
            audio,
            output,
            seed=seed,
            style=style,
            background=background,
            progress=lambda n, of: bar.update(drawing, completed=n, total=of),
        )
    seconds = time.perf_counter() - started
    if as_json:
        typer.echo(json.dumps({**report, "output": str(output), "render_s": round(seconds, 2)}))
    else:
        typer.echo(
            f"{output}: {report['duration_s']:.1f} s of {report['width']}x{report['height']} video"
            f" in {seconds:.1f} s"
        )
