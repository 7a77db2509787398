"""The face in a LiveKit room."""

from livekit_avatar.room.encoding import Encoding
from livekit_avatar.room.session import AvatarSession

__all__ = ["AvatarSession", "Encoding"]
