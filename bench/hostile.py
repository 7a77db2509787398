"""How long it takes to refuse each hostile .avatar file of tests/avatars/hostile_files.py.

PYTHONPATH=tests/avatars python bench/hostile.py

The yardstick is hashing one megabyte with sha256 on the same machine in the same run.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path

from hostile_files import HOSTILE

REFUSING = Path(__file__).parents[1] / "tests" / "avatars" / "refusing.py"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, make in HOSTILE.items():
            (Path(folder) / f"{name}.avatar").write_bytes(make())
        told = json.loads(
            subprocess.run([sys.executable, REFUSING, folder], check=True, capture_output=True).stdout
        )
    yardstick = yardstick_ms()
    for name, file in sorted(told["files"].items(), key=lambda item: -item[1]["ms"]):
        print(f"{file['ms']:8.1f} ms {file['ms'] / yardstick:8.1f}x  {name}")
    slowest = max(file["ms"] for file in told["files"].values())
    print(
        f"slowest {slowest:.1f} ms, all together {told['mb']:.1f} MB; sha256 of 1 MB takes {yardstick:.2f} ms"
    )


def yardstick_ms() -> float:
    data, times = bytes(1_000_000), []
    for _ in range(20):
        start = time.perf_counter()
        sha256(data).digest()
        times.append(time.perf_counter() - start)
    return sorted(times)[10] * 1000


if __name__ == "__main__":
    main()
