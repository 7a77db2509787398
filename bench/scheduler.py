"""How many talking faces one device thread holds at 25 fps, beside the same faces served one call at a time.

    python bench/scheduler.py [--avatar ada] [--seconds 4] [--json]

Every session is an `AvatarRuntime` on the clock that speaks without pause; nothing is encoded. A number of
sessions is held if at most 1 picture in 100 is late. The yardstick is a thread that does one piece of work
after another in the order it came, measured in the same run with the same faces. Two engines: the portrait,
whose pictures are drawn one after another (only its hearing gains by batches), and an engine that sleeps like
one on a GPU: 12 ms a call and 0.5 ms a picture.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from livekit_avatar.avatar import open_avatar
from livekit_avatar.engines.base import Engine, EngineInfo, Face, Performance, Step
from livekit_avatar.runtime import runtime as runtime_module
from livekit_avatar.runtime.load import DeviceLoad
from livekit_avatar.runtime.picture import fitted
from livekit_avatar.runtime.runtime import AvatarRuntime
from livekit_avatar.runtime.scheduler import Device
from livekit_avatar.types import SPEECH_RATE, Image, Samples

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from engines_for_tests import FlashEngine

LATE_SHARE = 0.01
WARM_UP = 25  # frames that do not count
MOST = 256
CALL, PICTURE = 0.012, 0.0005  # seconds


class OneAtATime:
    """The yardstick: a device that serves one call after another, in the order they came."""

    _threads: dict[int, ThreadPoolExecutor] = {}  # noqa: RUF012

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.load = DeviceLoad()
        self._thread = self._threads.setdefault(id(engine), ThreadPoolExecutor(1))

    async def hear(self, performance: Performance, due: float) -> None:
        await self._run(lambda: self.engine.hear([performance]))

    async def render(self, step: Step, face: Face, size: tuple[int, int], due: float) -> Image:
        image: Image = await self._run(lambda: fitted(self.engine.render([step])[0], size))
        return image

    def _run(self, work: Callable[[], Any]) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().run_in_executor(self._thread, work)


@dataclass
class LikeAGpu(FlashEngine):
    """Takes hardly longer for many pictures than for one."""

    def render(self, steps: Sequence[Step]) -> list[Image]:
        time.sleep(CALL + PICTURE * len(steps))
        return super().render(steps)


def speech(seconds: float) -> Samples:
    rng = np.random.default_rng(0)
    loudness = 3000 * (1 + np.sin(np.arange(round(seconds * SPEECH_RATE)) * (2 * np.pi * 4 / SPEECH_RATE)))
    return (rng.normal(0, 1, len(loudness)) * loudness).clip(-32768, 32767).astype(np.int16)


async def late_share(engine: Engine, face: Face, sessions: int, seconds: float) -> float:
    """The part of the pictures that came late."""

    async def perform(seed: int) -> float:
        await asyncio.sleep(seed / sessions / 25)  # sessions begin at any time
        async with AvatarRuntime(engine, face, seed=seed) as runtime:
            await runtime.push_audio(talk, SPEECH_RATE)
            late = []
            async for frame in runtime.run():
                late.append(frame.repeated)
                if len(late) == 25 * seconds + WARM_UP:
                    return float(np.mean(late[WARM_UP:]))
        raise AssertionError

    talk = speech(seconds + 2)
    return float(np.mean(await asyncio.gather(*[perform(n) for n in range(sessions)])))


def held(device: type[Any], engine: Engine, face: Face, seconds: float) -> int:
    """The largest number of sessions that is held."""
    runtime_module.Device = device  # type: ignore[misc]

    def holds(sessions: int) -> bool:
        share = asyncio.run(late_share(engine, face, sessions, seconds))
        print(f"  {device.__name__:12s} {sessions:4d} sessions: {100 * share:5.1f} % late", file=sys.stderr)
        return share <= LATE_SHARE

    most = 1
    while most < MOST and holds(2 * most):
        most *= 2
    step = most // 2
    while step:
        if holds(most + step):
            most += step
        step //= 2
    return most


def compare(name: str, engine: Engine, face: Face, seconds: float) -> dict[str, object]:
    plain, ours = (held(device, engine, face, seconds) for device in (OneAtATime, Device))
    return {"engine": name, "one_at_a_time": plain, "scheduler": ours, "ratio": round(ours / plain, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--avatar", default="ada")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--json", action="store_true", help="print one JSON list")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    avatar = open_avatar(arguments.avatar)
    gpu = LikeAGpu(EngineInfo("like-a-gpu", batch=16))
    results = [
        compare("portrait", avatar.engine, avatar.face, arguments.seconds),
        compare("like a GPU", gpu, gpu.face((512, 512)), arguments.seconds),
    ]
    if arguments.json:
        print(json.dumps(results))
        return
    for r in results:
        print(
            f"{r['engine']}: {r['scheduler']} sessions held at 25 fps; one call at a time: "
            f"{r['one_at_a_time']}; ratio {r['ratio']}"
        )


if __name__ == "__main__":
    main()
