"""A talking avatar in a room, from the agent's process to a subscriber's: frame rate, first movement, memory.

    PYTHONPATH=tests python bench/session.py [--avatar ada] [--seconds 60] [--rounds 10] [--json]

An agent process speaks with eSpeak NG's voice through `AvatarSession`, pushed in one burst; this subscribes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import AsyncIterator

import numpy as np
import psutil
from livekit import rtc
from livekit.agents import Agent, AgentSession
from livekit.agents.voice.room_io import RoomOptions
from viewer import ROOM, Viewer, joined, token, until

from livekit_avatar.avatar import open_avatar
from livekit_avatar.demo.livekit_server import LiveKitServer, dev_server
from livekit_avatar.demo.tts import DEFAULT_PITCH, DEFAULT_RATE, DEFAULT_VOICE, espeak
from livekit_avatar.room import AvatarSession

TEXT = "Hello, I am a picture, and I can talk. My mother baked big brown buns for everybody in the village. "
MOUTH_INDICES = (61, 291, 0, 17)


def report(event: str, **facts: object) -> None:
    print(json.dumps({"event": event, "at": time.monotonic(), **facts}), flush=True)


async def burst(seconds: float) -> AsyncIterator[rtc.AudioFrame]:
    voice = espeak()
    one = voice.speak(TEXT, DEFAULT_VOICE, rate=DEFAULT_RATE, pitch=DEFAULT_PITCH)
    samples = np.resize(one, round(seconds * voice.sample_rate))
    loud = int(np.argmax(np.abs(samples) > 500))  # speech begins with its first sound
    report("push")
    for start in range(loud, len(samples), voice.sample_rate // 50):
        piece = samples[start : start + voice.sample_rate // 50]
        yield rtc.AudioFrame(piece.tobytes(), voice.sample_rate, 1, len(piece))


async def act(avatar_name: str, seconds: float, rounds: int) -> None:
    server = LiveKitServer(os.environ["URL"], os.environ["KEY"], os.environ["SECRET"])
    async with joined(server, "agent", agent=True) as room:
        session: AgentSession[None] = AgentSession(vad=None)
        avatar = AvatarSession(avatar=avatar_name)
        await avatar.start(session, room)
        options = RoomOptions(audio_input=False, text_input=False, close_on_disconnect=False)
        await session.start(Agent(instructions=""), room=room, room_options=options, record=False)
        await asyncio.sleep(5)
        for _ in range(rounds):
            await session.say("", audio=burst(1.5)).wait_for_playout()
            await asyncio.sleep(1.5)
        cpu, since = time.process_time(), time.monotonic()
        report("long")
        await session.say("", audio=burst(seconds)).wait_for_playout()
        percent = 100 * (time.process_time() - cpu) / (time.monotonic() - since)
        report("end", cpu=percent, rss_mb=psutil.Process().memory_info().rss / 1e6)
        await session.aclose()
        await avatar.aclose()


class MouthViewer(Viewer):
    """Keeps what the mouth looked like instead of the brightness of the picture."""

    box: tuple[slice, slice]

    async def _see(self, track: rtc.Track) -> None:
        last = np.zeros((1, 1), np.int16)
        async for event in rtc.VideoStream(track, format=rtc.VideoBufferType.I420):
            frame = event.frame
            luma = np.frombuffer(frame.data, np.uint8, frame.width * frame.height)
            mouth = luma.reshape(frame.height, frame.width)[self.box].astype(np.int16)
            moved = float(np.abs(mouth - last).mean()) if mouth.size and mouth.shape == last.shape else 0.0
            self.video.append((time.monotonic(), moved))
            last = mouth


def mouth_box(name: str) -> tuple[slice, slice]:
    bundle = open_avatar(name).bundle
    points = bundle.arrays("portrait.safetensors")["points"][list(MOUTH_INDICES), :2]
    points *= bundle.manifest.size[0] / bundle.picture("picture.png").shape[1]
    (left, top), (right, bottom) = points.min(0) - 4, points.max(0) + 8
    return slice(int(top), int(bottom)), slice(int(left), int(right))


async def measure(avatar: str, seconds: float, rounds: int) -> dict[str, float]:
    seen = MouthViewer()
    seen.box = mouth_box(avatar)
    async with dev_server() as server:
        environment = os.environ | {"URL": server.url, "KEY": server.api_key, "SECRET": server.api_secret}
        room = rtc.Room()
        room.on("track_subscribed", seen.watch)
        await room.connect(server.url, token(server, "viewer", room=ROOM))
        command = [__file__, "--act", "--avatar", avatar, "--seconds", str(seconds), "--rounds", str(rounds)]
        agent = await asyncio.create_subprocess_exec(
            sys.executable, *command, env=environment, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await agent.communicate()
        await until(lambda: not room.remote_participants)
        for task in seen.tasks:
            task.cancel()
        await room.disconnect()
    return analyse([json.loads(line) for line in output.splitlines()], seen)


def analyse(events: list[dict[str, float]], seen: Viewer) -> dict[str, float]:
    pushes = [event["at"] for event in events if event["event"] == "push"]
    begin = next(event["at"] for event in events if event["event"] == "long")
    end = next(event for event in events if event["event"] == "end")
    idle = [moved for at, moved in seen.video if pushes[0] - 3 < at < pushes[0]]
    threshold = max(2.0, 2 * float(np.max(idle)))
    first = [
        1000 * (next(at for at, moved in seen.video if at > push and moved > threshold) - push)
        for push in pushes[:-1]
    ]
    heard = [1000 * (next(at for at in seen.heard() if at > push) - push) for push in pushes[:-1]]
    times = [at for at, _ in seen.video if begin + 1 < at < end["at"] - 1]
    return {
        "fps": (len(times) - 1) / (times[-1] - times[0]),
        "interval_p95_ms": 1000 * float(np.percentile(np.diff(times), 95)),
        "first_audible_ms": float(np.median(heard)),
        "first_moving_frame_ms": float(np.median(first)),
        "first_moving_frame_p95_ms": float(np.percentile(first, 95)),
        "rss_mb": end["rss_mb"],
        "cpu_percent": end["cpu"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--avatar", default="ada")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--act", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    logging.getLogger("livekit").setLevel(logging.ERROR)
    if options.act:
        asyncio.run(act(options.avatar, options.seconds, options.rounds))
        return
    figures = asyncio.run(measure(options.avatar, options.seconds, options.rounds))
    if options.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:28s} {value:8.1f}")


if __name__ == "__main__":
    main()
