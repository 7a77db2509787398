"""A session of a worker, from the launch to the subscriber's ear, on a real LiveKit server."""

from __future__ import annotations

import time

from viewer import until, viewer
from workers import launch_body, speaker

from livekit_avatar.demo.livekit_server import LiveKitServer


async def test_a_launched_face_speaks_what_its_agent_streams(livekit_server: LiveKitServer, serve) -> None:
    async with serve() as worker, viewer(livekit_server) as watching, speaker(livekit_server) as agent:
        status, answer = await worker.launch(json=launch_body(livekit_server))
        assert (status, answer["status"], answer["avatar_identity"]) == (200, "running", "avatar")
        await until(lambda: len(watching.video) > 10)
        since = time.monotonic()
        await agent.say(2)
        event = await agent.output.wait_for_playout()
        assert abs(event.playback_position - 2) < 0.1 and not event.interrupted
        assert len(agent.started) == len(agent.finished) == 1
        await until(lambda: watching.heard(since))
        assert watching.seen(since, threshold=150)
