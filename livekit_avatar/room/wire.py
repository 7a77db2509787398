"""The names that travel between an agent and the worker that draws its face.

LiveKit's own names (`lk.*`) are its avatar contract; ours begin with `livekit_avatar.` and are used only
towards a participant whose attribute `FEATURES` announces them, so that stock peers never meet them.
docs/wire.md describes the whole exchange.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

# --- LiveKit's avatar contract (livekit.agents.voice.avatar) ---

PUBLISH_ON_BEHALF = "lk.publish_on_behalf"
"""Attribute of the avatar: the identity of the agent for whom it speaks."""

AUDIO_STREAM_TOPIC = "lk.audio_stream"
"""Topic of the byte streams of speech, agent -> avatar: one stream an utterance, raw s16 PCM."""

CLEAR_BUFFER = "lk.clear_buffer"
"""RPC agent -> avatar: interrupt."""

PLAYBACK_STARTED = "lk.playback_started"
"""RPC avatar -> agent: an utterance begins to be heard."""

PLAYBACK_FINISHED = "lk.playback_finished"
"""RPC avatar -> agent: an utterance is over; JSON `playback_position` (seconds), `interrupted`."""

# --- our extensions ---

FEATURES = "livekit_avatar.features"
"""Attribute of the avatar: the extensions it understands, a comma list of `Feature`."""

PAUSE = "livekit_avatar.pause"
"""RPC agent -> avatar, empty: hold the speech at the sample that is heard now."""

RESUME = "livekit_avatar.resume"
"""RPC agent -> avatar, empty: go on where it was held."""

SET_EMOTION = "livekit_avatar.set_emotion"
"""RPC agent -> avatar: JSON `{"emotion": str, "strength": float}`."""

ACT = "livekit_avatar.act"
"""RPC agent -> avatar: JSON `{"action": str}`."""

SET_AVATAR = "livekit_avatar.set_avatar"
"""RPC agent -> avatar: JSON `{"avatar_id": str}`."""

HEARTBEAT = "livekit_avatar.heartbeat"
"""Topic of the lossy data packets avatar -> agent: a `Beat` every `HEARTBEAT_INTERVAL`."""

HEARTBEAT_INTERVAL = 0.5
"""Seconds between two beats."""

HEARTBEAT_TIMEOUT = 1.5
"""Seconds without a beat after which the agent takes the avatar for dead."""

Feature: TypeAlias = Literal["heartbeat", "pause", "resume", "set_emotion", "act", "set_avatar"]
FEATURE_NAMES: tuple[Feature, ...] = get_args(Feature)


def features_attribute(features: Iterable[Feature] = FEATURE_NAMES) -> str:
    """The value of the attribute `FEATURES`."""
    return ",".join(features)


def announced_features(attributes: Mapping[str, str]) -> frozenset[str]:
    """What a participant with these attributes understands; empty for a stock peer."""
    names = attributes.get(FEATURES, "").split(",")
    return frozenset(name.strip() for name in names) & frozenset(FEATURE_NAMES)


@dataclass(frozen=True, slots=True)
class Beat:
    """A sign of life of an avatar.

    Attributes:
        number: counts from 0, one a beat.
        position: seconds of the utterance heard so far; 0 when it is silent.
    """

    number: int
    position: float

    def encode(self) -> bytes:
        """The data packet."""
        return json.dumps({"beat": self.number, "position": round(self.position, 3)}).encode()

    @classmethod
    def decode(cls, packet: bytes) -> Beat:
        """The beat in a data packet.

        Raises:
            ValueError: the packet is no beat.
        """
        try:
            body = json.loads(packet)
            beat = cls(int(body["beat"]), float(body["position"]))
        except (KeyError, TypeError, OverflowError, RecursionError) as error:
            raise ValueError("not a heartbeat") from error
        if not 0 <= beat.position < float("inf"):
            raise ValueError("not a heartbeat")
        return beat


# --- the launch (HTTP): fields of both bodies, JSON and form ---

LIVEKIT_URL = "livekit_url"
LIVEKIT_TOKEN = "livekit_token"  # noqa: S105 - the name of a field
ROOM_NAME = "room_name"
MODE = "mode"
MODEL = "model"
IMAGE = "image"
"""JSON only: a URL, or the picture in base64."""
AGENT_ID = "agent_id"
"""JSON only: the name of an avatar the host knows."""
AVATAR_IMAGE = "avatar_image"
"""Form only: the picture as a file."""
AVATAR_IMAGE_URL = "avatar_image_url"
"""Form only."""
AVATAR_ID = "avatar_id"
"""Form only: the name of an avatar the host knows."""
AVATAR_FILE = "avatar_file"
"""A .avatar file; in JSON in base64."""
ASYNC_MODE = "async_mode"
"""Form only: "true" asks for an answer before the avatar has joined."""

API_SECRET_HEADER = "api-secret"  # noqa: S105 - the name of a header
AUTHORIZATION_HEADER = "Authorization"
"""`Bearer` and the token, as custom hosts expect it."""
IDEMPOTENCY_HEADER = "Idempotency-Key"
"""One key a launch: every try of it carries the same, so that a host starts one avatar only."""
RETRY_AFTER_HEADER = "Retry-After"

# --- the launch by LiveKit's agent dispatch: JSON in the metadata of the dispatch ---
# `AVATAR_IDENTITY`, `AGENT_IDENTITY`, `PARTICIPANT_NAME`, and as in the form `MODEL`, `AVATAR_ID`,
# `AVATAR_IMAGE_URL`. The worker accepts the job under `AVATAR_IDENTITY`, with the attribute
# `PUBLISH_ON_BEHALF` = `AGENT_IDENTITY`.

AGENT_IDENTITY = "agent_identity"
PARTICIPANT_NAME = "avatar_name"

# --- the answer to a launch ---

SESSION_ID = "session_id"
STATUS = "status"
AVATAR_IDENTITY = "avatar_identity"
ERROR = "error"
"""`{"error": {"code": str, "message": str, "fix": str}}` is the body of a refusal."""
