"""The program, run as a user runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = [sys.executable, "-c", "from livekit_avatar.cli import main; main()"]


def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The program with these arguments, to its end."""
    return subprocess.run(
        [*PROGRAM, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, timeout=120
    )
