"""Which engine draws a face: the table of `model` and `mode`.

| model                            | engines, the first that is installed draws a picture |
|----------------------------------|-------------------------------------------------------|
| none, mode "cpu" or none         | portrait                                              |
| none, mode "gpu"                 | ditto, musetalk, portrait                             |
| essence, essence-2               | portrait                                              |
| expression, expression-2         | ditto, musetalk                                       |
| the name of an engine            | that one                                              |

Without a model, an avatar that is prepared already is drawn by the engine it was prepared for. A model is a
pin: an avatar prepared for another engine is refused, as is a model of which no engine is installed. `mode`
alone is a hint, because bitHuman's plugin sends "gpu" with every picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from livekit_avatar import engines
from livekit_avatar.errors import RequestRefusedError

MODELS: Mapping[str, tuple[str, ...]] = {
    "essence": ("portrait",),
    "essence-2": ("portrait",),
    "expression": ("ditto", "musetalk"),
    "expression-2": ("ditto", "musetalk"),
}
_BY_MODE: Mapping[str, tuple[str, ...]] = {
    "cpu": ("portrait",),
    "gpu": ("ditto", "musetalk", "portrait"),
}


def pinned(model: str | None, more: Mapping[str, tuple[str, ...]]) -> tuple[str, ...] | None:
    """The engines that may draw a model; None: any.

    Args:
        model: as the launch names it.
        more: rows that an operator adds to the table, or puts in place of its own.

    Raises:
        RequestRefusedError: there is no such model, or none of its engines is installed.
    """
    if model is None:
        return None
    table = {**{name: (name,) for name in engines.names()}, **MODELS, **more}
    if model not in table:
        raise _refused(f"there is no model {model[:64]!r}", f"Models: {', '.join(sorted(table))}.")
    installed = tuple(name for name in table[model] if name in engines.names())
    if not installed:
        wanted = " or ".join(table[model])
        raise _refused(
            f"model {model!r} needs engine {wanted}, which this worker does not have",
            f"Name another model, or start the worker with --model {model}=portrait to draw it on the CPU.",
        )
    return installed


def for_picture(accepted: Sequence[str] | None, mode: str | None) -> str:
    """The engine that prepares and draws a picture.

    Args:
        accepted: as `pinned` says.
        mode: as the launch says.

    Raises:
        RequestRefusedError: there is no such mode, or no engine for it.
    """
    if mode is not None and mode not in _BY_MODE:
        raise _refused(f"there is no mode {mode[:64]!r}", f"Modes: {', '.join(_BY_MODE)}.")
    for name in accepted or _BY_MODE[mode or "cpu"]:
        if name in engines.names():
            return name
    raise _refused("this worker has no engine for a picture", "Send an avatar that is prepared.")


def check_engine(name: str, accepted: Sequence[str] | None, avatar: str) -> None:
    """Check that an avatar's own engine is one of those that may draw it.

    Raises:
        RequestRefusedError: it is not.
    """
    if accepted is not None and name not in accepted:
        raise _refused(
            f"avatar {avatar!r} is prepared for engine {name}, not for {' or '.join(accepted)}",
            "Leave out `model`, or name an avatar that is prepared for it.",
        )


def _refused(problem: str, fix: str) -> RequestRefusedError:
    return RequestRefusedError(problem, fix=fix, status=400, code="engine_unavailable")
