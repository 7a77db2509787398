"""What a face on another machine is given to join the room: a key to this room, for a short while."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from livekit import api

from livekit_avatar.errors import ConfigurationError
from livekit_avatar.room import wire
from livekit_avatar.settings import Settings

JOIN_WITHIN = timedelta(minutes=15)
"""How long a token can be used to join. Whoever is in the room gets fresh ones from the LiveKit server."""


@dataclass(frozen=True, slots=True)
class Server:
    """A LiveKit server and the account that may let participants in.

    Attributes:
        url: such as wss://example.livekit.cloud.
        api_key: name of the account.
        api_secret: signs tokens; stays in this process.
    """

    url: str
    api_key: str
    api_secret: str = field(repr=False)

    def client(self) -> api.LiveKitAPI:
        """A client of the server's HTTP interface; close it."""
        return api.LiveKitAPI(self.url, self.api_key, self.api_secret)


def livekit_server(url: str | None, api_key: str | None, api_secret: str | None, env: Settings) -> Server:
    """The server that the arguments name, or else the environment.

    Raises:
        ConfigurationError: neither names all of it.
    """
    wanted = {
        "livekit_url": url or env.livekit_url,
        "livekit_api_key": api_key or env.livekit_api_key,
        "livekit_api_secret": api_secret or env.livekit_api_secret.get_secret_value(),
    }
    missing = [name for name, value in wanted.items() if not value]
    if missing:
        raise ConfigurationError(
            f"a face on another machine needs {', '.join(missing)} to join the room",
            fix=f"Set {', '.join(name.upper() for name in missing)}, or pass them to `start`.",
        )
    return Server(*wanted.values())


def avatar_token(
    server: Server,
    *,
    room: str,
    identity: str,
    name: str,
    agent: str,
    attributes: Mapping[str, str] | None = None,
) -> str:
    """A token with which a face joins a room and speaks for an agent.

    It opens this one room, lets its bearer publish and subscribe, and name its features in its own
    attributes; nothing else, and it is void after `JOIN_WITHIN`.

    Args:
        server: that signs it.
        room: name of the room.
        identity: of the face, its own in every session.
        name: that viewers see.
        agent: identity of the agent for whom it speaks.
        attributes: more that every participant may read; no secrets.
    """
    grants = api.VideoGrants(
        room_join=True,
        room=room,
        can_publish=True,
        can_publish_data=True,
        can_subscribe=True,
        can_update_own_metadata=True,
    )
    token = (
        api.AccessToken(server.api_key, server.api_secret)
        .with_kind("agent")
        .with_identity(identity)
        .with_name(name)
        .with_grants(grants)
        .with_attributes({wire.PUBLISH_ON_BEHALF: agent, **(attributes or {})})
        .with_ttl(JOIN_WITHIN)
    )
    return str(token.to_jwt())
