"""bitHuman's Python interface on our engines: `import livekit_avatar.compat.bithuman as bithuman`.

It stands for both packages, `bithuman` and `livekit.plugins.bithuman`: the same names, signatures and
meanings, without a key, a meter or a call to anybody. docs/migration.md says what differs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from livekit_avatar.compat.bithuman.errors import (
    AccountStatusError,
    BithumanError,
    Failed,
    InvalidAvatar,
    ModelError,
    ModelLoadError,
    ModelNotFoundError,
    ModelSecurityError,
    NotAuthorised,
    NotSupported,
    RuntimeNotReadyError,
    TokenError,
    TokenExpiredError,
    TokenRequestError,
    TokenValidationError,
)
from livekit_avatar.compat.bithuman.offline import Avatar, open_avatar
from livekit_avatar.compat.bithuman.runtime import AsyncBithuman
from livekit_avatar.compat.bithuman.sync import EP, Bithuman, ComposedFrame
from livekit_avatar.compat.bithuman.values import (
    AudioChunk,
    Emotion,
    EmotionPrediction,
    VideoControl,
    VideoFrame,
)
from livekit_avatar.errors import AvatarError, BitHumanException

if TYPE_CHECKING:
    from livekit_avatar.compat.bithuman.session import AvatarSession

open = open_avatar
AsyncAvatar = AsyncBithuman
EP_CPU, EP_AUTO, EP_COREML, EP_NNAPI, EP_QNN = (int(ep) for ep in EP)
__version__ = "2.12.9"
"""The release of `bithuman` whose names these are."""

__all__ = [
    "EP",
    "EP_AUTO",
    "EP_COREML",
    "EP_CPU",
    "EP_NNAPI",
    "EP_QNN",
    "AccountStatusError",
    "AsyncAvatar",
    "AsyncBithuman",
    "AudioChunk",
    "Avatar",
    "AvatarError",
    "AvatarSession",
    "BitHumanException",
    "Bithuman",
    "BithumanError",
    "ComposedFrame",
    "Emotion",
    "EmotionPrediction",
    "Failed",
    "InvalidAvatar",
    "ModelError",
    "ModelLoadError",
    "ModelNotFoundError",
    "ModelSecurityError",
    "NotAuthorised",
    "NotSupported",
    "RuntimeNotReadyError",
    "TokenError",
    "TokenExpiredError",
    "TokenRequestError",
    "TokenValidationError",
    "VideoControl",
    "VideoFrame",
    "__version__",
    "open",
]


def __getattr__(name: str) -> object:
    """`AvatarSession` needs livekit-agents, which takes a second to import: only who uses it waits."""
    if name != "AvatarSession":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from livekit_avatar.compat.bithuman.session import AvatarSession

    return AvatarSession
