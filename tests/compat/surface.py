"""The public face of a module as plain data: `python surface.py MODULE` prints it as JSON."""

from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys
import warnings
from enum import Enum
from pathlib import Path
from typing import Any

FOR_THE_PLUGIN = ("_initialize_token", "_regenerate_transaction_id")
"""Private by name, but LiveKit's plugin calls them."""


def surface_of(module: str) -> dict[str, Any]:
    """The face of a module, imported in a process of its own: what it loads and patches stays there."""
    result = subprocess.run(
        [sys.executable, __file__, module], capture_output=True, text=True, check=True, timeout=250
    )
    return dict(json.loads(result.stdout.splitlines()[-1]))


def _describe(module: str) -> dict[str, Any]:
    found = importlib.import_module(module)
    return {name: _value(getattr(found, name)) for name in found.__all__}


def _value(value: Any) -> Any:
    if isinstance(value, type):
        return _class(value)
    if callable(value):
        return {"call": _call(value)}
    return {"value": repr(value)}


def _class(cls: type) -> dict[str, Any]:
    members = {name: value for base in reversed(cls.__mro__) for name, value in vars(base).items()}
    shown = {
        name: value for name, value in members.items() if not name.startswith("_") or name in FOR_THE_PLUGIN
    }
    return {
        "bases": [base.__name__ for base in cls.__mro__],
        "new": _parameters(cls),
        "code": getattr(cls, "code", None),
        "members": {name: _member(value) for name, value in shown.items()},
        "values": {each.name: each.value for each in cls} if issubclass(cls, Enum) else None,
    }


def _member(value: Any) -> Any:
    if isinstance(value, property):
        return "property"
    if isinstance(value, (classmethod, staticmethod)):
        return {"of_class": True, **_call(value.__func__)}
    return _call(value) if callable(value) else "attribute"


def _call(function: Any) -> dict[str, Any]:
    return {"awaited": inspect.iscoroutinefunction(function), "parameters": _parameters(function)}


def _parameters(function: Any) -> list[list[str]] | None:
    """[name, kind, default] each; None where Python cannot tell."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    return [
        [each.name, each.kind.name, "" if each.default is each.empty else repr(each.default)]
        for each in parameters
    ]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.path.remove(str(Path(__file__).parent))
    print(json.dumps(_describe(sys.argv[1])))
