"""What a machine may lack, and a test then skips: unless LIVEKIT_AVATAR_REQUIRE names it."""

from __future__ import annotations

import os

import pytest

REQUIRED = {name for name in os.environ.get("LIVEKIT_AVATAR_REQUIRE", "").split(",") if name}


def skip(what: str, reason: str) -> None:
    """Skip, or fail where LIVEKIT_AVATAR_REQUIRE names `what`."""
    if what in REQUIRED:
        pytest.fail(f"{what} is required here: {reason}")
    pytest.skip(reason)
