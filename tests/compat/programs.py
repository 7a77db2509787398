"""Programs written for bitHuman's packages, taken out of the documents in ../shared/seeds and run."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import types
from typing import Any

import pytest
from places import ROOT

SEEDS = ROOT.parent / "shared" / "seeds"


def programs() -> list[str]:
    """All programs of the two documents on bitHuman's package, their import changed and nothing else."""
    if not SEEDS.is_dir():
        pytest.skip("no folder ../shared/seeds")
    return programs_in(
        "\n".join(path.read_text(encoding="utf-8") for path in sorted(SEEDS.glob("00[01]_*.txt")))
    )


def programs_in(page: str) -> list[str]:
    """The Python programs of a page, their import changed."""
    found = "\0".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL))
    return re.sub(r"\bfrom bithuman import\b", "from livekit_avatar.compat.bithuman import", found).split(
        "\0"
    )


def program_with(phrase: str) -> str:
    """The one program that has a phrase."""
    found = [program for program in programs() if phrase in program]
    assert len(found) == 1, f"{len(found)} programs have {phrase!r}"
    return found[0]


def begin(program: str, **names: Any) -> tuple[dict[str, Any], Any]:
    """Run a program with some names defined: all its names, and what is to be awaited for its end."""
    module = types.ModuleType("program")
    module.__dict__.update(names)
    code = compile(program, "program.py", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return module.__dict__, eval(code, module.__dict__)


async def run(program: str, **names: Any) -> dict[str, Any]:
    """Run a program to its end, with some names defined; gives back all names."""
    found, rest = begin(program, **names)
    if inspect.iscoroutine(rest):
        await rest
    return {name: value for name, value in found.items() if not name.startswith("__")}


async def leave() -> None:
    """Let a program that stops nothing finish the picture that it had begun."""
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait([task])
