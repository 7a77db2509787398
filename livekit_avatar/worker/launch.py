"""What a launch asks for."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt

from livekit_avatar.errors import RequestRefusedError
from livekit_avatar.room.wire import PUBLISH_ON_BEHALF

_CLOCKS_DIFFER = 30.0  # seconds


@dataclass(frozen=True, slots=True)
class Launch:
    """A request for a session, from either body.

    Attributes:
        livekit_url: the server.
        token: opens the room, as the avatar's participant.
        room_name: the room; empty if the request does not say.
        avatar_id: name of an avatar that the worker knows.
        picture: a picture's file.
        picture_url: where a picture is.
        avatar_file: a .avatar file.
        model: what should draw it.
        mode: "cpu" or "gpu".
        at_once: answer before the avatar has joined.
    """

    livekit_url: str
    token: str = field(repr=False)
    room_name: str = ""
    avatar_id: str | None = None
    picture: bytes | None = field(default=None, repr=False)
    picture_url: str | None = field(default=None, repr=False)
    avatar_file: bytes | None = field(default=None, repr=False)
    model: str | None = None
    mode: str | None = None
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class Ticket:
    """What the token of a launch says.

    Attributes:
        identity: of the avatar's participant.
        room: name of the room.
        agent: identity of the agent that the avatar speaks for.
    """

    identity: str
    room: str
    agent: str


def read_ticket(token: str, room_name: str = "") -> Ticket:
    """What a token says; whether it is genuine is for the LiveKit server to find out.

    Args:
        token: a LiveKit access token.
        room_name: the room that it must be for, if not empty.

    Raises:
        RequestRefusedError: no avatar can join with it.
    """
    try:
        claims: Mapping[str, Any] = jwt.decode(token, options={"verify_signature": False})
        grants, attributes = claims.get("video") or {}, claims.get("attributes") or {}
        ticket = Ticket(
            str(claims.get("sub", "")), str(grants.get("room", "")), attributes[PUBLISH_ON_BEHALF]
        )
        expires = float(claims.get("exp", "inf"))
    except KeyError:
        raise _refused(
            f"the token does not say for whom the avatar speaks (attribute {PUBLISH_ON_BEHALF})",
            "Put the agent's identity into that attribute of the token.",
        ) from None
    except (jwt.InvalidTokenError, AttributeError, TypeError, ValueError):
        raise _refused(
            "livekit_token is not a LiveKit access token", "Make one with livekit.api.AccessToken."
        ) from None
    if expires < time.time() - _CLOCKS_DIFFER:
        raise _refused("the token has expired", "Make a new one for every launch.")
    if not (grants.get("roomJoin") and ticket.room and ticket.identity and ticket.agent):
        raise _refused("the token opens no room for the avatar", "Grant room_join, the room and an identity.")
    if not (grants.get("canPublish", True) and grants.get("canPublishData", True)):
        raise _refused("the token does not let the avatar publish", "Grant can_publish and can_publish_data.")
    if room_name and room_name != ticket.room:
        raise _refused(
            f"the token is for room {ticket.room!r}, not {room_name!r}", "Make the token for that room."
        )
    return ticket


def _refused(problem: str, fix: str) -> RequestRefusedError:
    return RequestRefusedError(problem, fix=fix, status=400, code="bad_token")
