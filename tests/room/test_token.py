"""What a face elsewhere may do with its token, on a real server, and what everybody in the room may read."""

from __future__ import annotations

import time

import jwt
import pytest
from livekit import rtc
from viewer import joined, until

from livekit_avatar.demo.livekit_server import LiveKitServer
from livekit_avatar.errors import ConfigurationError
from livekit_avatar.room.token import JOIN_WITHIN, Server, avatar_token, livekit_server
from livekit_avatar.settings import Settings

SECRET = "a-secret-that-signs-tokens-and-stays-here"
SERVER = Server("ws://127.0.0.1:9", "the-key", SECRET)


def token_for(server: Server, room: str = "test", identity: str = "face") -> str:
    return avatar_token(server, room=room, identity=identity, name="Ada", agent="agent")


def test_a_token_opens_one_room_for_a_short_while_and_nothing_else() -> None:
    claims = jwt.decode(token_for(SERVER), SECRET, algorithms=["HS256"])
    assert (claims["sub"], claims["name"], claims["kind"], claims["iss"]) == (
        "face",
        "Ada",
        "agent",
        "the-key",
    )
    assert claims["attributes"] == {"lk.publish_on_behalf": "agent"}
    assert {name for name, value in claims["video"].items() if value} == {
        "roomJoin",
        "room",
        "canPublish",
        "canPublishData",
        "canSubscribe",
        "canUpdateOwnMetadata",
    }
    assert claims["exp"] - time.time() <= JOIN_WITHIN.total_seconds()
    assert "sip" not in claims


def test_the_secret_is_shown_nowhere() -> None:
    assert SECRET not in token_for(SERVER)
    assert SECRET not in repr(SERVER)


async def test_a_face_joins_as_an_agent_that_speaks_for_another_and_says_what_it_can(
    livekit_server: LiveKitServer,
) -> None:
    server = Server(livekit_server.url, livekit_server.api_key, livekit_server.api_secret)
    async with joined(livekit_server, "agent", agent=True) as room:
        face = rtc.Room()
        await face.connect(server.url, token_for(server))
        try:
            await until(lambda: "face" in room.remote_participants)
            seen = room.remote_participants["face"]
            assert seen.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
            assert seen.attributes == {"lk.publish_on_behalf": "agent"}
            await face.local_participant.set_attributes({"livekit_avatar.features": "heartbeat"})
            await until(lambda: seen.attributes.get("livekit_avatar.features") == "heartbeat")
        finally:
            await face.disconnect()


async def test_a_token_opens_no_other_server(livekit_server: LiveKitServer) -> None:
    face = rtc.Room()
    with pytest.raises(rtc.ConnectError):
        await face.connect(livekit_server.url, token_for(Server(livekit_server.url, "demo", "x" * 40)))


def test_the_server_comes_from_arguments_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEKIT_URL", "ws://env")
    monkeypatch.setenv("LIVEKIT_API_KEY", "env-key")
    monkeypatch.setenv("LIVEKIT_API_SECRET", "env-secret")
    assert livekit_server(None, "key", None, Settings()) == Server("ws://env", "key", "env-secret")


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ConfigurationError, match="Set LIVEKIT_API_KEY, LIVEKIT_API_SECRET"):
        livekit_server("ws://here", None, None, Settings())
