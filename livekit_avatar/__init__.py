"""An open, self-hosted talking face for voice agents.

    import livekit_avatar

    for frame in livekit_avatar.open("ada").render("speech.wav"):
        ...                                  # frame.image, frame.audio

In an agent: `await livekit_avatar.AvatarSession(avatar="ada").start(session, room=ctx.room)`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from livekit_avatar.avatar import Avatar
    from livekit_avatar.avatar import open_avatar as open
    from livekit_avatar.errors import AvatarError
    from livekit_avatar.room.session import AvatarSession
    from livekit_avatar.runtime.runtime import AvatarRuntime
    from livekit_avatar.types import AudioChunk, Emotion, MouthState, VideoFrame

__version__ = "0.1.0"

__all__ = [
    "AudioChunk",
    "Avatar",
    "AvatarError",
    "AvatarRuntime",
    "AvatarSession",
    "Emotion",
    "MouthState",
    "VideoFrame",
    "open",
]

_HOMES = {
    "AudioChunk": "types",
    "Avatar": "avatar",
    "AvatarError": "errors",
    "AvatarRuntime": "runtime.runtime",
    "AvatarSession": "room.session",
    "Emotion": "types",
    "MouthState": "types",
    "VideoFrame": "types",
    "open": "avatar",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(
        import_module(f"{__name__}.{_HOMES[name]}"), "open_avatar" if name == "open" else name
    )
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
