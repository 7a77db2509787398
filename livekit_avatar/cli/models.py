"""`livekit-avatar models`: the files that are fetched from their publishers and not part of the package."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from livekit_avatar.models import Model

_EXAMPLES = (
    "Examples: [cyan]livekit-avatar models list[/] · "
    "[cyan]livekit-avatar models download face-landmarker[/] · "
    "[cyan]livekit-avatar models verify --json[/]"
)

app = typer.Typer(
    help="List, fetch and check the models that are not part of the package.",
    epilog=_EXAMPLES,
    no_args_is_help=True,
    rich_markup_mode="rich",
)

_Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


@app.command("list", epilog="Example: [cyan]livekit-avatar models list[/]")
def list_models(as_json: _Json = False) -> None:
    """Show every model: what it is for, its size, its licence, and where it lies on this machine."""
    from livekit_avatar.models import available

    found = [_row(model) for model in available()]
    if as_json:
        typer.echo(json.dumps(found))
        return
    for row in found:
        typer.echo(f"{row['name']}  {row['size'] / 1e6:.1f} MB  {row['licence']}  {row['publisher']}")
        typer.echo(f"    {row['purpose']}")
        typer.echo(
            f"    {row['path'] or 'not on this machine: livekit-avatar models download ' + row['name']}"
        )


@app.command(epilog="Example: [cyan]livekit-avatar models download face-landmarker[/]")
def download(
    names: Annotated[list[str], typer.Argument(help="Models, as `livekit-avatar models list` names them.")],
    as_json: _Json = False,
) -> None:
    """Fetch models from their publishers; what was cut off continues where it stopped."""
    from livekit_avatar.models import manifest

    for model in [manifest(name) for name in names]:  # all names are right before any is fetched
        if not as_json:
            typer.echo(
                f"{model.name} by {model.publisher}, licence {model.licence}: {model.licence_url}", err=True
            )
        path = _download(model, quiet=as_json)
        typer.echo(json.dumps(_row(model)) if as_json else path)


@app.command(epilog="Example: [cyan]livekit-avatar models verify face-landmarker[/]")
def verify(
    names: Annotated[
        list[str] | None, typer.Argument(help="Models; without any: all that are on this machine.")
    ] = None,
    as_json: _Json = False,
) -> None:
    """Compare the sha256 of every file with the published one."""
    from livekit_avatar import models

    wanted = names or [row["name"] for row in map(_row, models.available()) if row["path"]]
    if not wanted:
        typer.echo("no models are on this machine", err=True)
    for name in wanted:
        path = models.verify(name)
        typer.echo(json.dumps({"name": name, "path": str(path), "ok": True}) if as_json else f"{path}: ok")


def _download(model: Model, *, quiet: bool) -> str:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    from livekit_avatar import models

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as bar:
        tasks = {file.name: bar.add_task(file.name, total=file.size) for file in model.files}
        return str(
            models.download(
                model.name,
                progress=lambda name, done, total: bar.update(tasks[name], completed=done, total=total),
            )
        )


def _row(model: Model) -> dict[str, Any]:
    from livekit_avatar.errors import ModelNotFoundError
    from livekit_avatar.models import find

    try:
        path: str | None = str(find(model.name))
    except ModelNotFoundError:
        path = None
    facts = model.model_dump(include={"name", "purpose", "publisher", "licence", "licence_url"})
    return {**facts, "size": model.size, "path": path}
