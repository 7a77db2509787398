"""`livekit-avatar create`: a picture becomes an avatar, a file that its maker owns."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from livekit_avatar.avatars.bundle import Bundle

EXAMPLES = (
    "Examples: [cyan]livekit-avatar create me.jpg[/] (then: render me, demo --avatar me) · "
    "[cyan]livekit-avatar create me.jpg -o me.avatar --size 720 --preview sheet.png[/] · "
    '[cyan]livekit-avatar create me.jpg --name "Me" --licence CC-BY-4.0 --consent "It is me"[/]'
)


def create(
    source: Annotated[
        Path,
        typer.Argument(help="A photo, painting or drawing of one face, or a film of a person who talks."),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="The .avatar file; without it, the avatar goes into the library."
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="Its name.", show_default="that of the file")] = "",
    size: Annotated[
        int | None, typer.Option(help="The longer side in pixels: even, 128 to 1920; 512 if not given.")
    ] = None,
    engine: Annotated[str, typer.Option(help="What draws it.")] = "portrait",
    licence: Annotated[
        str, typer.Option(help="Of the likeness and the picture: an SPDX identifier or a sentence.")
    ] = "",
    consent: Annotated[str, typer.Option(help="Who agreed to be animated, and how that is known.")] = "",
    preview: Annotated[
        Path | None, typer.Option(help="Also write a sheet of its visemes, a blink and its moods, as PNG.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Take the place of another avatar of that name in the library.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
) -> None:
    """Make an avatar of a picture, or of a clip of 5 s to 10 minutes."""
    from livekit_avatar.avatars.bundle import write_bundle
    from livekit_avatar.avatars.store import Store, name_for

    _check_wishes(output, preview, name)
    library_name = "" if output else name_for(name or source.stem)
    _check_free(library_name, replace=replace)
    started = time.perf_counter()
    bundle = _prepared(
        source, name=name or None, engine=engine, size=size, licence=licence, consent=consent, quiet=as_json
    )
    sheet = _sheet(bundle) if preview else b""
    if output:
        write_bundle(output, bundle)
    path = output or Store().add(bundle, library_name, replace=replace).path
    if preview:
        _write(preview, sheet)
    seconds = time.perf_counter() - started
    _report(bundle, path, library_name, preview, seconds, as_json=as_json)


def _check_wishes(output: Path | None, preview: Path | None, name: str) -> None:
    """Whatever can be wrong with the arguments is said before any work."""
    from livekit_avatar.errors import ConfigurationError

    for path, ending in ((output, ".avatar"), (preview, ".png")):
        if path and path.suffix.lower() != ending:
            raise ConfigurationError(
                f"{str(path)!r} does not end in {ending}", fix=f"Give a name that ends in {ending}."
            )
        if path and not path.parent.is_dir():
            raise ConfigurationError(
                f"there is no folder {str(path.parent)!r}", fix="Make it, or choose another."
            )
    if not name.isprintable() or len(name) > 200:
        raise ConfigurationError(
            "--name is not one line of at most 200 characters", fix="Choose a shorter, plain name."
        )


def _check_free(name: str, *, replace: bool) -> None:
    """A new avatar of the library may have this name."""
    from livekit_avatar.avatars.catalogue import builtin_names, named
    from livekit_avatar.errors import AvatarExistsError

    if name in builtin_names():
        raise AvatarExistsError(
            f"{name!r} is the name of a built-in avatar", fix="Choose another with --name, or a file with -o."
        )
    if name and not replace and named(name):
        raise AvatarExistsError(
            f"The library has an avatar {name!r}", fix="Choose another with --name, or add --replace."
        )


def _prepared(source: Path, *, quiet: bool, **wishes: Any) -> Bundle:
    from rich.console import Console
    from rich.progress import Progress

    from livekit_avatar.cli.interrupt import interruptible
    from livekit_avatar.creation import create

    console = Console(stderr=True)
    bars = Progress(console=console, transient=True, disable=quiet or not console.is_terminal)
    with interruptible() as cancel, bars as bar:
        task = bar.add_task("Opening", total=1.0)
        return create(
            source,
            progress=lambda done, stage: bar.update(task, completed=done, description=stage.capitalize()),
            cancel=cancel,
            **wishes,
        )


def _sheet(bundle: Bundle) -> bytes:
    import io

    from livekit_avatar.avatar import open_bundle
    from livekit_avatar.preview import preview_sheet

    file = io.BytesIO()
    preview_sheet(open_bundle(bundle)).save(file, "PNG")
    return file.getvalue()


def _write(path: Path, data: bytes) -> None:
    from livekit_avatar.avatars.bundle import write_whole
    from livekit_avatar.errors import ConfigurationError

    try:
        write_whole(path, data)
    except OSError as error:
        raise ConfigurationError(
            f"cannot write {str(path)!r} ({error.strerror})", fix="Give a file in a folder that is yours."
        ) from error


def _report(
    bundle: Bundle, path: Path, library_name: str, preview: Path | None, seconds: float, *, as_json: bool
) -> None:
    from livekit_avatar.cli.inspect import facts

    told = facts(bundle, path)
    if as_json:
        more = {"library": library_name or None, "preview": str(preview) if preview else None}
        typer.echo(json.dumps({**told, **more, "seconds": round(seconds, 2)}))
        return
    width, height = bundle.manifest.size
    what = f"{width}x{height}, {told['bytes'] / 1e6:.1f} MB, {seconds:.1f} s"
    where = f"In the library as {library_name}" if library_name else str(path)
    typer.echo(f"{where}: {what}")
    if preview:
        typer.echo(f"{preview}: how it looks")
    if not bundle.manifest.consent:
        typer.echo("Nobody's consent is recorded: say who agreed with --consent.", err=True)
