"""The CPU engine: one picture, warped and composed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from livekit_avatar.engines.portrait.engine import PortraitEngine

__all__ = ["PortraitEngine"]


def __getattr__(name: str) -> object:
    """Import the engine when it is first used."""
    if name != "PortraitEngine":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from livekit_avatar.engines.portrait.engine import PortraitEngine

    return PortraitEngine
