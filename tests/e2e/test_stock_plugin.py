"""The drop-in proof: bitHuman's own plugin, as it comes from the index, in a real job, drives our worker.

Nothing is changed but what its users set in the environment: the URL, the secret and the avatar.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from livekit import api, rtc
from viewer import ROOM, Viewer, token, until
from workers import Worker, serving

from livekit_avatar.avatar import open_avatar
from livekit_avatar.demo.livekit_server import LiveKitServer
from livekit_avatar.demo.tts import DEFAULT_PITCH, DEFAULT_RATE, DEFAULT_VOICE, espeak
from livekit_avatar.worker.options import WorkerOptions

pytest.importorskip("livekit.plugins.bithuman", reason="the stock plugin is not installed")

KEY = "a-worker-key-that-is-no-account-secret"
MOUTH = (61, 291, 0, 17)  # indices of the face mesh: corners, upper and lower lip


@dataclass
class MouthViewer(Viewer):
    """Keeps, for each picture, how much the mouth has moved since the one before."""

    box: tuple[slice, slice] = (slice(0), slice(0))
    last: np.ndarray | None = field(default=None, repr=False)

    async def _see(self, track: rtc.Track) -> None:
        stream = rtc.VideoStream(track, format=rtc.VideoBufferType.I420)
        try:
            async for event in stream:
                frame = event.frame
                luma = np.frombuffer(frame.data, np.uint8, frame.width * frame.height)
                mouth = luma.reshape(frame.height, frame.width)[self.box].astype(np.int16)
                if self.last is not None and self.last.shape == mouth.shape:
                    self.video.append((time.monotonic(), float(np.abs(mouth - self.last).mean())))
                self.last = mouth
        finally:
            await stream.aclose()

    def moved(self, since: float, until: float) -> float:
        """Mean movement of the mouth in a while."""
        return float(np.mean([moved for at, moved in self.video if since < at < until]))


def mouth_of(name: str) -> tuple[slice, slice]:
    bundle = open_avatar(name).bundle
    points = bundle.arrays("portrait.safetensors")["points"][list(MOUTH), :2]
    points = points * bundle.manifest.size[0] / bundle.picture("picture.png").shape[1]
    (left, top), (right, bottom) = points.min(0) - 4, points.max(0) + 8
    return slice(int(top), int(bottom)), slice(int(left), int(right))


@asynccontextmanager
async def stock_agent(
    server: LiveKitServer, worker: Worker, folder: Path, **environment: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The plugin's agent, registered at the LiveKit server and sent to the room."""
    voice = espeak()
    speech = folder / "speech.npy"
    words = "My mother baked big brown buns, and everybody in the village ate them up."
    np.save(speech, voice.speak(words, DEFAULT_VOICE, rate=DEFAULT_RATE, pitch=DEFAULT_PITCH))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("stock_agent.py")),
        "start",
        env={
            **os.environ,
            "LIVEKIT_URL": server.url,
            "LIVEKIT_API_KEY": server.api_key,
            "LIVEKIT_API_SECRET": server.api_secret,
            "BITHUMAN_API_URL": f"{worker.url}/launch",
            "BITHUMAN_API_SECRET": KEY,
            "AVATAR_ID": "ada",
            "SPEECH": str(speech),
            **environment,
        },
        limit=1 << 20,  # its log has long lines
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        await asyncio.wait_for(told(process, "registered worker"), 120)
        async with api.LiveKitAPI(server.url, server.api_key, server.api_secret) as livekit:
            request = api.CreateAgentDispatchRequest(agent_name="stock", room=ROOM)
            await livekit.agent_dispatch.create_dispatch(request)
        yield process
    finally:
        if process.returncode is None:
            process.kill()  # it would wait for its job
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]


async def told(process: asyncio.subprocess.Process, words: str) -> None:
    """Wait for the agent to write a line with these words; its processes may share one."""
    assert process.stdout is not None
    lines = []
    async for line in process.stdout:
        lines.append(line[:500].decode())
        if words in lines[-1]:
            return
    raise AssertionError(f"the agent ended before {words!r}: {''.join(lines[-20:])}")


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "environment",
    [
        pytest.param({}, id="JSON"),
        pytest.param({"AVATAR_MODEL": "expression-2", "BITHUMAN_API_TOKEN": KEY}, id="form"),
    ],
)
async def test_the_stock_plugin_speaks_through_our_worker(
    livekit_server: LiveKitServer, tmp_path: Path, environment: dict[str, str]
) -> None:
    options = WorkerOptions(
        keys=(KEY,),
        load_limit=1e6,
        max_lateness=1e6,
        preload=("ada",),
        engines={"expression-2": ("portrait",)},
    )
    watching = MouthViewer(box=await asyncio.to_thread(mouth_of, "ada"))
    room = rtc.Room()
    room.on("track_subscribed", watching.watch)
    await room.connect(livekit_server.url, token(livekit_server, "viewer"))
    try:
        async with (
            serving(options) as worker,
            stock_agent(livekit_server, worker, tmp_path, **environment) as agent,
        ):
            await asyncio.wait_for(told(agent, "joined bithuman-avatar-agent"), 120)
            await until(lambda: watching.heard(threshold=300), timeout=60)
            began = watching.heard(threshold=300)[0]
            await asyncio.wait_for(told(agent, "said all of it"), 60)
            ended = watching.heard(threshold=300)[-1]
            assert 3 < ended - began < 8
            await asyncio.wait_for(told(agent, "was interrupted"), 30)
            quiet = time.monotonic() + 1
            await until(lambda: watching.video[-1][0] > quiet + 2)
            assert watching.moved(began, ended) > 3 * watching.moved(quiet, quiet + 2)
            agent.kill()  # as a machine that loses power
            await until(lambda: worker.sessions.active == 0, timeout=60)
    finally:
        for task in watching.tasks:
            task.cancel()
        await asyncio.gather(*watching.tasks, return_exceptions=True)
        await room.disconnect()
