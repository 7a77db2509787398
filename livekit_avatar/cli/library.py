"""`livekit-avatar list` and `remove`: which avatars have a name on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

LIST_EXAMPLES = "Examples: [cyan]livekit-avatar list[/] · [cyan]livekit-avatar list --json[/]"
REMOVE_EXAMPLES = (
    "Examples: [cyan]livekit-avatar remove me[/] · [cyan]livekit-avatar remove --prepared[/] "
    "(what `create`, `render` and agents remember of pictures)"
)


def list_avatars(
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
) -> None:
    """Show the built-in avatars and those in the library."""
    from livekit_avatar.avatars.catalogue import builtin_names, named
    from livekit_avatar.avatars.store import Store

    store = Store()
    rows = [_row(name, named(name), "built in") for name in builtin_names()]
    rows += [_row(entry.name, entry.path, "library") for entry in store.list()]
    if as_json:
        typer.echo(json.dumps({"avatars": rows, "prepared_bytes": store.prepared_bytes()}))
        return
    wide = max(len(row["name"]) for row in rows)
    for row in rows:
        typer.echo(f"{row['name']:<{wide}}  {row['about']}")
    if prepared := store.prepared_bytes():
        typer.echo(
            f"Pictures prepared before: {prepared / 1e6:.1f} MB (livekit-avatar remove --prepared)", err=True
        )


def _row(name: str, path: Path | None, place: str) -> dict[str, Any]:
    """One avatar; a broken file is no reason to hide the others."""
    from livekit_avatar.avatars.bundle import read_bundle
    from livekit_avatar.errors import BundleError

    assert path is not None
    told: dict[str, Any] = {"name": name, "place": place, "file": str(path)}
    try:
        manifest = read_bundle(path).manifest
    except BundleError as error:
        return {**told, "error": error.problem, "about": f"{place}, broken: {error.problem}"}
    width, height = manifest.size
    size = path.stat().st_size
    parts = [
        place,
        f"{width}x{height}",
        manifest.engine,
        f"{size / 1e6:.1f} MB",
        f"licence {manifest.licence or 'unknown'}",
    ]
    return {
        **told,
        "title": manifest.name,
        "size": [width, height],
        "engine": manifest.engine,
        "bytes": size,
        "licence": manifest.licence,
        "consent": manifest.consent,
        "about": ", ".join(parts),
    }


def remove(
    names: Annotated[list[str] | None, typer.Argument(help="Avatars of the library.")] = None,
    prepared: Annotated[
        bool, typer.Option("--prepared", help="Also forget all pictures that were prepared before.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
) -> None:
    """Remove avatars from the library."""
    from livekit_avatar.avatars.catalogue import builtin_names
    from livekit_avatar.avatars.store import Store
    from livekit_avatar.errors import AvatarNotFoundError, ConfigurationError

    if not names and not prepared:
        raise ConfigurationError("nothing is named", fix="Give names, or --prepared.")
    store, named = Store(), list(dict.fromkeys(names or ()))
    for name in named:
        if name in builtin_names() and name not in {entry.name for entry in store.list()}:
            raise AvatarNotFoundError(f"{name!r} is built in and stays", fix="Leave it out.")
        store.find(name)  # all names are right before any is removed
    for name in named:
        store.remove(name)
    freed = store.clear() if prepared else 0
    if as_json:
        typer.echo(json.dumps({"removed": named, "freed_bytes": freed}))
        return
    for name in named:
        typer.echo(f"{name}: removed")
    if prepared:
        typer.echo(f"{freed / 1e6:.1f} MB of prepared pictures: removed")
