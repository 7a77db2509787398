"""The commands, put together."""

from __future__ import annotations

from typing import Annotated

import typer

from livekit_avatar import __version__
from livekit_avatar.cli import create, demo, inspect, library, lipsync, models, render, worker

app = typer.Typer(
    name="livekit-avatar",
    help="A talking face for voice agents: one picture plus speech becomes lip-synced video.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("create", epilog=create.EXAMPLES)(create.create)
app.command("inspect", epilog=inspect.EXAMPLES)(inspect.inspect)
app.command("list", epilog=library.LIST_EXAMPLES)(library.list_avatars)
app.command("remove", epilog=library.REMOVE_EXAMPLES)(library.remove)
app.command("render", epilog=render.EXAMPLES)(render.render)
app.command("lipsync", epilog=lipsync.EXAMPLES)(lipsync.lipsync)
app.command("demo", epilog=demo.EXAMPLES)(demo.demo)
app.command("worker", epilog=worker.EXAMPLES)(worker.worker)
app.add_typer(models.app, name="models")


def _version(shown: bool) -> None:
    if shown:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """A talking face for voice agents: one picture plus speech becomes lip-synced video."""
