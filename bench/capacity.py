"""What talking faces take of the processor in LiveKit rooms, by who takes it; and how many come in time.

    PYTHONPATH=tests python bench/capacity.py [--sessions 1 2 4 6] [--size 512] [--seconds 10] [--json]

One process publishes the faces, each in a room of its own, each speaking without pause; another watches all
rooms, so that everything is encoded and sent. Cores are processor seconds a second of the first process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
import threading
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import cv2
import numpy as np
from livekit import rtc
from prometheus_client import REGISTRY
from viewer import joined

from livekit_avatar.demo.livekit_server import LiveKitServer, dev_server
from livekit_avatar.room.local import LocalFace
from livekit_avatar.runtime.runtime import AvatarRuntime
from livekit_avatar.runtime.scheduler import Device

RATE = 24_000
SETTLE = 6.0  # seconds until the encoders have found their pace


def speech(seconds: float) -> rtc.AudioFrame:
    """Noise that swells four times a second."""
    t = np.arange(round(seconds * RATE)) / RATE
    noise = np.random.default_rng(0).normal(0, 3000, len(t)) * (1 + np.sin(2 * np.pi * 4 * t))
    samples = noise.clip(-32768, 32767).astype(np.int16)
    return rtc.AudioFrame(samples.tobytes(), RATE, 1, len(samples))


def spent() -> Counter[str]:
    """Processor seconds of this process so far, by kind of thread."""
    names = {thread.native_id: thread.name for thread in threading.enumerate()}
    seconds: Counter[str] = Counter()
    for task in Path("/proc/self/task").iterdir():
        user, system = task.joinpath("stat").read_text().rpartition(")")[2].split()[11:13]
        name = names.get(int(task.name), "")
        kind = "drawing, hearing" if name.startswith("livekit-avatar-") else "event loop"
        kind = kind if name.startswith(("livekit-avatar-", "MainThread")) else "encoders, network"
        seconds[kind] += (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    return seconds


def pictures() -> Counter[str]:
    """Frames that left the runtimes so far, by kind."""
    kinds = ("spoken", "idle", "repeated")
    return Counter(
        {
            kind: REGISTRY.get_sample_value("livekit_avatar_frames_total", {"kind": kind}) or 0
            for kind in kinds
        }
    )


async def act(server: LiveKitServer, sessions: int, size: int, seconds: float) -> None:
    """Publish the faces; print the figures."""
    cv2.setNumThreads(1)
    async with AsyncExitStack() as stack:
        faces = []
        for n in range(sessions):
            room = await stack.enter_async_context(joined(server, "face", agent=True, room=f"room-{n}"))
            runtime = await AvatarRuntime.create("ada", size=size, seed=n, paced=False)
            await runtime.start()
            faces.append(LocalFace(runtime, room))
            await faces[-1].start()
            stack.push_async_callback(faces[-1].aclose)
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        for face in faces:
            await face.audio_output.capture_frame(speech(SETTLE + seconds + 2))
        await asyncio.sleep(SETTLE)
        before, frames, since = spent(), pictures(), time.monotonic()
        await asyncio.sleep(seconds)
        passed, drawn = time.monotonic() - since, pictures() - frames
        cores = {kind: (value - before[kind]) / passed / sessions for kind, value in spent().items()}
        report = {
            "sessions": sessions,
            "cores_per_session": {kind: round(value, 3) for kind, value in cores.items()},
            "cores": round(sessions * sum(cores.values()), 2),
            "fps": round((drawn["spoken"] + drawn["idle"]) / passed / sessions, 2),
            "late_percent": round(100 * drawn["repeated"] / max(1, drawn.total()), 1),
            "lateness_p95_ms": round(1000 * Device(faces[0].runtime._actor.device.engine).load.lateness, 1),
        }
        print(json.dumps(report), flush=True)


async def watch(server: LiveKitServer, sessions: int) -> None:
    """Subscribe to all rooms until the input ends."""
    async with AsyncExitStack() as stack:
        for n in range(sessions):
            await stack.enter_async_context(joined(server, "viewer", room=f"room-{n}"))
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)


async def measure(sessions: int, size: int, seconds: float) -> dict[str, object]:
    async with dev_server() as server:
        where = os.environ | {"URL": server.url, "KEY": server.api_key, "SECRET": server.api_secret}

        async def start(role: str) -> asyncio.subprocess.Process:
            arguments = [__file__, "--role", role, "--size", str(size), "--seconds", str(seconds)]
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *arguments,
                "--sessions",
                str(sessions),
                env=where,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            assert process.stdout is not None
            await process.stdout.readline()
            return process

        actor, viewer = await start("act"), await start("watch")
        assert actor.stdin and actor.stdout
        actor.stdin.write(b"go\n")
        line = await actor.stdout.readline()
        await viewer.communicate(b"\n")
        await actor.communicate()
        report: dict[str, object] = json.loads(line)
        return report


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", type=int, nargs="+", default=[1, 2, 4, 6])
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--json", action="store_true", help="print one JSON list")
    parser.add_argument("--role", choices=["act", "watch"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    logging.getLogger("livekit").setLevel(logging.ERROR)
    if options.role:
        server = LiveKitServer(os.environ["URL"], os.environ["KEY"], os.environ["SECRET"])
        sessions = options.sessions[0]
        if options.role == "act":
            asyncio.run(act(server, sessions, options.size, options.seconds))
        else:
            asyncio.run(watch(server, sessions))
        return
    results = [asyncio.run(measure(n, options.size, options.seconds)) for n in options.sessions]
    print(json.dumps(results) if options.json else "\n".join(map(str, results)))


if __name__ == "__main__":
    main()
