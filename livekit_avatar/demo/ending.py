"""The end of a process that has been in a room."""

from __future__ import annotations

import os
import sys
from typing import NoReturn


def end_process(status: int) -> NoReturn:
    """End at once, without tearing Python down.

    LiveKit's native threads call into Python, and panic when they find it half gone. Call it when everything
    has been cleaned up.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
