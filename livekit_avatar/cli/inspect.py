"""`livekit-avatar inspect`: what an avatar is, whose, and what is in it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from livekit_avatar.avatars.bundle import Bundle

EXAMPLES = "Examples: [cyan]livekit-avatar inspect me.avatar[/] · [cyan]livekit-avatar inspect ada --json[/]"


def inspect(
    avatar: Annotated[str, typer.Argument(help="A .avatar file, or a built-in or library name.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
) -> None:
    """Show what an avatar is and whose, after all of it was verified and decoded."""
    from livekit_avatar.avatars.bundle import read_bundle
    from livekit_avatar.avatars.catalogue import check_exists, named

    check_exists(avatar)
    path = named(avatar) or Path(avatar)
    told = facts(read_bundle(path), path)
    typer.echo(json.dumps(told) if as_json else _text(told))


def facts(bundle: Bundle, path: Path) -> dict[str, Any]:
    """All that can be said about an avatar, as JSON has it.

    Raises:
        BundleError: a member cannot be decoded.
    """
    from livekit_avatar.fetch import file_sha256

    return {
        **asdict(bundle.manifest),
        "file": str(path),
        "bytes": path.stat().st_size,
        "sha256": file_sha256(path),
        "members": {name: _member(bundle, name) for name in sorted(bundle.members)},
    }


def _member(bundle: Bundle, name: str) -> dict[str, Any]:
    from hashlib import sha256

    data = bundle.members[name]
    told: dict[str, Any] = {"bytes": len(data), "sha256": sha256(data).hexdigest()}
    if name.endswith(".safetensors"):
        told["arrays"] = {
            name: {"type": str(array.dtype), "shape": list(array.shape)}
            for name, array in bundle.arrays(name).items()
        }
    elif name.endswith((".png", ".webp")):
        height, width = bundle.picture(name).shape[:2]
        told["size"] = [width, height]
    return told


def _text(told: dict[str, Any]) -> str:
    width, height = told["size"]
    lines = [
        told["name"],
        f"  video    {width}x{height}, {told['fps']} pictures a second",
        f"  engine   {told['engine']}, version {told['engine_version']}",
        f"  licence  {told['licence'] or 'unknown'}",
        f"  consent  {told['consent'] or 'not recorded'}",
        f"  made of  {told['source_sha256'] or 'no picture'}",
        f"  file     {told['file']}, {told['bytes']:,} bytes",
        f"  sha256   {told['sha256']}",
        "  members",
        *(_member_text(name, member) for name, member in told["members"].items()),
    ]
    lines += [f"  warning  {warning}" for warning in told["warnings"]]
    return "\n".join(lines)


def _member_text(name: str, member: dict[str, Any]) -> str:
    what = ""
    if "arrays" in member:
        what = ", ".join(
            f"{name} {'x'.join(map(str, array['shape']))}" for name, array in member["arrays"].items()
        )
    elif "size" in member:
        what = "{}x{}".format(*member["size"])
    return f"    {name:<22} {member['bytes']:>10,}  {member['sha256'][:12]}  {what}".rstrip()
