"""Which avatars have a name: those that come with the package, and those in the library."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from livekit_avatar.avatars.store import Store
from livekit_avatar.errors import AvatarNotFoundError

_BUILT_IN = Path(str(files("livekit_avatar") / "data"))


def builtin_names() -> list[str]:
    """Names of the avatars that come with the package, sorted."""
    return sorted(path.stem for path in _BUILT_IN.glob("*.avatar"))


def named(name: str) -> Path | None:
    """The .avatar file of a name, a built-in one before one of the library; None if it is neither."""
    if name in builtin_names():
        return _BUILT_IN / f"{name}.avatar"
    try:
        return Store().find(name)
    except AvatarNotFoundError:
        return None


def check_exists(source: str | Path) -> None:
    """Check that a name is that of a built-in avatar, of one in the library, or of a file.

    Raises:
        AvatarNotFoundError: it is none.
    """
    if not (isinstance(source, str) and named(source)) and not Path(source).exists():
        names = [*builtin_names(), *(entry.name for entry in Store().list())]
        raise AvatarNotFoundError(
            f"no avatar {str(source)!r}",
            fix=f"Give a built-in or library name ({', '.join(names)}), a picture, or a .avatar file.",
        )
