"""No secret leaves: not in an attribute, metadata, a name, a log line, an answer or an error."""

from __future__ import annotations

import json
import logging
import time

import jwt
import pytest
from livekit import rtc
from viewer import joined, until
from workers import Serve, avatar_token, launch_body, speaker

from livekit_avatar.demo.livekit_server import LiveKitServer

KEY = "the-key-of-this-worker"


def all_that_is_public(room: rtc.Room) -> str:
    """Whatever any participant can read about a room and those in it."""
    facts: list[object] = [room.name, room.metadata]
    for participant in (*room.remote_participants.values(), room.local_participant):
        facts += [participant.identity, participant.name, participant.metadata, participant.attributes]
        facts += [(track.name, track.sid) for track in participant.track_publications.values()]
    return json.dumps(facts, default=str)


async def test_what_a_session_shows_logs_and_answers_holds_no_secret(
    livekit_server: LiveKitServer, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    good = launch_body(livekit_server, can_update_own_metadata=True)
    packets: list[bytes] = []
    told: list[object] = []
    async with serve(keys=(KEY,)) as worker, speaker(livekit_server) as agent:
        agent.room.on("data_received", lambda packet: packets.append(packet.data))
        early, forged = launch_body(livekit_server), launch_body(livekit_server)
        early["livekit_token"] = early_token(livekit_server)
        foreign = LiveKitServer(livekit_server.url, livekit_server.api_key, "f" * 40)
        forged["livekit_token"] = avatar_token(foreign)
        nowhere = {**good, "livekit_url": "wss://no.org"}
        for body in (early, forged, {**good, "agent_id": "nobody"}, nowhere):
            told += await worker.launch(key=KEY, json=body)
        told.append(await worker.launch(key=KEY + "x", json=good))
        status, answer = await worker.launch(key=KEY, json=good)
        assert status == 200
        told += [answer, await worker.ask("GET", f"/sessions/{answer['session_id']}", key=KEY)]
        await agent.say(0.5)
        await agent.output.wait_for_playout()
        await until(lambda: packets)
        async with joined(livekit_server, "somebody") as visitor:
            await until(lambda: "avatar" in visitor.remote_participants)
            shown = all_that_is_public(visitor)
        async with worker.http.get(f"{worker.url}/metrics") as metrics:
            told.append(await metrics.text())
        told.append(await worker.ask("DELETE", f"/sessions/{answer['session_id']}", key=KEY))
    secrets = [KEY, livekit_server.api_secret, *(body["livekit_token"] for body in (good, early, forged))]
    secrets += [token.rpartition(".")[2] for token in secrets[2:]]  # a signature is one as well
    logged = "\n".join(logging.Formatter().format(record) for record in caplog.records)
    assert all(words in logged for words in ("joined room", "avatar_not_found", "[token]"))
    for place, text in (("room", shown), ("log", logged), ("answer", str(told)), ("data", str(packets))):
        for secret in secrets:
            assert secret not in text, f"a secret is in the {place}"


def early_token(server: LiveKitServer) -> str:
    """One that is not valid yet: the LiveKit server repeats such a token in its refusal."""
    claims = jwt.decode(avatar_token(server), options={"verify_signature": False})
    claims["nbf"] = int(time.time()) + 3600
    return jwt.encode(claims, server.api_secret, algorithm="HS256", headers={"kid": server.api_key})
