"""The engines: found by entry points of the group "livekit_avatar.engines", built-in ones like any other.

An engine that is not installed as a package joins with `register`.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from threading import Lock
from typing import cast

from livekit_avatar.engines.base import Engine
from livekit_avatar.errors import EngineFailedError, EngineNotFoundError

GROUP = "livekit_avatar.engines"

_engines: dict[str, Engine] = {}
_lock = Lock()


def names() -> list[str]:
    """Names of the installed and registered engines, sorted."""
    return sorted({point.name for point in entry_points(group=GROUP)} | _engines.keys())


def register(engine: Engine) -> None:
    """Offer an engine to this process under `engine.info.name`, before any installed one of that name."""
    with _lock:
        _engines[engine.info.name] = engine


def get(name: str) -> Engine:
    """The engine of that name: one instance a process, made at first use.

    Raises:
        EngineNotFoundError: no engine of that name is installed.
        EngineFailedError: it is installed but could not be made.
    """
    with _lock:
        if name not in _engines:
            _engines[name] = _make(name)
        return _engines[name]


def _make(name: str) -> Engine:
    points = entry_points(group=GROUP, name=name)
    if not points:
        raise EngineNotFoundError(
            f"no engine named {name!r} is installed", fix=f"Installed engines: {', '.join(names())}."
        )
    try:
        return cast(Engine, next(iter(points)).load()())
    except Exception as error:
        raise EngineFailedError(
            f"engine {name!r} could not start ({type(error).__name__}: {error})",
            fix="Check that its packages are installed.",
        ) from error
