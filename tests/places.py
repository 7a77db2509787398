"""Where things are, for tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from livekit_avatar.types import Image

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
GOLDEN = ROOT / "tests" / "golden"

Golden = Callable[[str, Image], None]
"""The fixture `golden`."""
