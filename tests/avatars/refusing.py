"""Opens every file of a folder and tells, as JSON, how long each took and how much memory all of them.

python refusing.py FOLDER
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from livekit_avatar.avatar import open_avatar
from livekit_avatar.errors import BundleError


def main(folder: Path) -> None:
    told = {}
    paths = sorted(folder.glob("*.avatar"))
    open_avatar("ada")  # imports are no part of it
    before = _peak(reset=True)
    for path in paths:
        start = time.perf_counter()
        problem = _open(path)
        told[path.stem] = {"ms": (time.perf_counter() - start) * 1000, "problem": problem}
    print(json.dumps({"files": told, "mb": _peak() - before}))


def _open(path: Path) -> str:
    try:
        open_avatar(path)
    except BundleError as error:
        return str(error)
    except Exception as error:
        return f"ESCAPED {error!r}"
    return "OPENED"


def _peak(*, reset: bool = False) -> float:
    """Megabytes: the most that this process held, since the last reset where the system can do that."""
    if sys.platform == "linux":  # whose ru_maxrss begins with that of the parent
        if reset:
            Path("/proc/self/clear_refs").write_text("5")
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / (1 << 20 if sys.platform == "darwin" else 1 << 10)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
