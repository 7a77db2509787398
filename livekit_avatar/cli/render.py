"""`livekit-avatar render`: a film of an avatar that speaks a recording."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

EXAMPLES = (
    "Examples: [cyan]livekit-avatar render ada speech.wav -o out.mp4[/] · "
    "[cyan]livekit-avatar render me.jpg speech.mp3 -o me.mp4 --size 720[/]"
)


def render(
    avatar: Annotated[str, typer.Argument(help="A built-in name (ada), a picture, or a .avatar file.")],
    audio: Annotated[Path, typer.Argument(help="The speech: any sound or film that FFmpeg reads.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The film: H.264 and AAC in mp4.")],
    size: Annotated[
        int | None, typer.Option(help="The longer side in pixels: even, at most 1920; 512 if not given.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Decides blinks, glances and sway.")] = 0,
    intensity: Annotated[
        float, typer.Option(help="How far the mouth moves, 0 to 2; lips that close still close.")
    ] = 1.0,
    smoothing: Annotated[float, typer.Option(help="Calmer but later lips, 0 to 0.8.")] = 0.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="End with one line of JSON about the film.")
    ] = False,
) -> None:
    """Make a film of an avatar that speaks a recording."""
    from livekit_avatar.avatar import check_style, open_avatar
    from livekit_avatar.errors import ConfigurationError
    from livekit_avatar.film import film_of
    from livekit_avatar.types import Style

    if output.suffix.lower() != ".mp4":
        raise ConfigurationError(f"{str(output)!r} is not an mp4 file", fix="Give a name that ends in .mp4.")
    style = Style(intensity, smoothing)
    check_style(style)
    with Progress(transient=True, disable=as_json) as bar:
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
