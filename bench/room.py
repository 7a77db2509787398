"""A face in a room, as a subscriber gets it: our publisher beside livekit-agents' AvatarRunner.

    PYTHONPATH=tests python bench/room.py [--sizes 512x512 1280x720] [--rounds 20] [--minutes 0] [--json]

A speaker process publishes an engine that is white while speech is loud; this process subscribes. Both read
the same monotonic clock. Everything is measured on one machine in one run, over a real LiveKit server.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import psutil
from engines_for_tests import flash
from livekit import rtc
from livekit.agents import utils
from livekit.agents.voice.avatar import AvatarOptions, AvatarRunner, QueueAudioOutput
from viewer import Viewer, joined, viewer

from livekit_avatar.demo.livekit_server import LiveKitServer, dev_server
from livekit_avatar.room.audio_output import FaceAudioOutput
from livekit_avatar.room.generator import ROOM_RATE, RuntimeGenerator
from livekit_avatar.room.publisher import Publisher
from livekit_avatar.room.speech import SILENCE
from livekit_avatar.runtime.runtime import AvatarRuntime

BEEP = 0.4
LONG = 3.0
GAP = 0.6


class PlainGenerator(RuntimeGenerator):
    """What upstream's runner expects: an idle picture without sound."""

    async def __aiter__(self):  # type: ignore[no-untyped-def]
        async for item in super().__aiter__():
            if not (isinstance(item, rtc.AudioFrame) and item.userdata.get(SILENCE)):
                yield item


# The speaker process.


def report(event: str, **facts: object) -> None:
    line = json.dumps({"event": event, "at": time.monotonic(), **facts}) + "\n"
    os.write(sys.stdout.fileno(), line.encode())  # whole, also when the presenter's thread reports


def tone(seconds: float) -> list[rtc.AudioFrame]:
    count = ROOM_RATE // 50
    wave = 12_000 * np.sin(2 * np.pi * 1_000 * np.arange(round(seconds * ROOM_RATE)) / ROOM_RATE)
    samples = wave.astype(np.int16)
    return [
        rtc.AudioFrame(samples[start : start + count].tobytes(), ROOM_RATE, 1, count)
        for start in range(0, len(samples), count)
    ]


def watch_captures() -> None:
    """Report when the captured picture turns white or black."""
    capture, last = rtc.VideoSource.capture_frame, [False]

    def watched(self: rtc.VideoSource, frame: rtc.VideoFrame, **options: Any) -> None:
        capture(self, frame, **options)
        white = frame.data[0] > 128
        if white != last[0]:
            last[0] = white
            report("captured", white=white)

    rtc.VideoSource.capture_frame = watched  # type: ignore[method-assign]


async def speak(kind: str, width: int, height: int, rounds: int, minutes: float) -> None:
    server = LiveKitServer(os.environ["URL"], os.environ["KEY"], os.environ["SECRET"])
    watch_captures()
    engine, ours = flash(), kind == "ours"
    output: Any = FaceAudioOutput() if ours else QueueAudioOutput(wait_playback_start=True)
    output.on("playback_finished", lambda event: report("finished", position=event.playback_position))
    async with (
        joined(server, "agent", agent=True) as room,
        AvatarRuntime(engine, engine.face((width, height)), paced=False) as runtime,
    ):
        runner: Any = (Publisher if ours else AvatarRunner)(
            room,
            audio_recv=output,
            video_gen=(RuntimeGenerator if ours else PlainGenerator)(runtime),
            options=AvatarOptions(width, height, 25, ROOM_RATE, 1),
        )
        await runner.start()
        await asyncio.sleep(3)
        await play(output, rounds, minutes, pauses=ours)
        await runner.aclose()


async def play(output: Any, rounds: int, minutes: float, *, pauses: bool) -> None:
    async def cpu(name: str, seconds: float) -> None:
        before, since = time.process_time(), time.monotonic()
        await asyncio.sleep(seconds)
        report("cpu", name=name, percent=100 * (time.process_time() - before) / (time.monotonic() - since))

    async def say(seconds: float, name: str) -> None:
        report("push", name=name)
        for frame in tone(seconds):
            await output.capture_frame(frame)
        output.flush()

    async def beeps(name: str) -> None:
        for n in range(rounds):
            await say(BEEP, name)
            await output.wait_for_playout()
            await asyncio.sleep(GAP + 0.04 * (7 * n % 10) / 10)  # at every phase of the frames

    await cpu("idle", 5)
    await say(6, "long")
    await cpu("talking", 5)
    await output.wait_for_playout()
    await asyncio.sleep(1)
    await beeps("beep")
    for n in range(rounds):
        await say(LONG, "cut")
        await asyncio.sleep(0.7 + 0.017 * (n % 10))
        report("clear")
        output.clear_buffer()
        await asyncio.wait_for(output.wait_for_playout(), 5)
        await asyncio.sleep(GAP)
    await beeps("beep after cuts")
    for _ in range(rounds if pauses else 0):
        await say(1.5, "held")
        await asyncio.sleep(0.8)
        report("pause")
        output.pause()
        await asyncio.sleep(GAP)
        report("resume")
        output.resume()
        await output.wait_for_playout()
        await asyncio.sleep(GAP)
    if minutes:
        await asyncio.sleep(minutes * 60)
        await beeps("beep after waiting")
    report("rss", mb=psutil.Process().memory_info().rss / 1e6)


# The subscriber.


@dataclass
class Run:
    """What happened on both sides."""

    events: list[dict[str, Any]]
    seen: Viewer
    figures: dict[str, list[float]] = field(default_factory=dict)

    def times(self, event: str, **facts: object) -> list[float]:
        return [
            e["at"] for e in self.events if e["event"] == event and all(e[k] == v for k, v in facts.items())
        ]


def first(times: list[float], after: float, within: float = 2.0) -> float | None:
    return next((at for at in times if after <= at < after + within), None)


def last(times: list[float], after: float, before: float) -> float:
    """The last of the times, or `after` if there is none."""
    return max((at for at in times if after <= at < before), default=after)


def analyse(run: Run) -> dict[str, list[float]]:
    """Every figure in milliseconds, or as its name says."""
    bright, loud = run.seen.seen(), run.seen.heard()
    figures: dict[str, list[float]] = {}

    def add(name: str, value: float | None) -> None:
        if value is not None:
            figures.setdefault(name, []).append(value)

    def offsets(name: str, pushes: list[float]) -> None:
        for push in pushes:
            sound, picture = first(loud, push), first(bright, push)
            if sound and picture:
                add(name, 1000 * (picture - sound))

    for push in run.times("push", name="beep"):
        sound = first(loud, push)
        add("push -> audible ms", sound and 1000 * (sound - push))
    offsets("video - audio ms", run.times("push", name="beep"))
    offsets("video - audio after interruptions ms", run.times("push", name="beep after cuts"))
    offsets("video - audio after waiting ms", run.times("push", name="beep after waiting"))
    captured = [e["at"] for e in run.events if e["event"] == "captured" and not e["white"]]
    for clear in run.times("clear"):
        add("interrupt -> silence ms", 1000 * (last(loud, clear, clear + 0.5) - clear))
        add("interrupt -> mouth stops, captured ms", 1000 * ((first(captured, clear, 0.5) or clear) - clear))
        add("interrupt -> mouth stops, seen ms", 1000 * (last(bright, clear, clear + 0.5) - clear))
    for pause in run.times("pause"):
        add("pause -> silence ms", 1000 * (last(loud, pause, pause + 0.5) - pause))
    for resume in run.times("resume"):
        sound = first(loud, resume)
        add("resume -> audible ms", sound and 1000 * (sound - resume))
    finished = run.times("finished")
    for push in run.times("push", name="beep"):
        end, heard = first(finished, push), last(loud, push, push + 1)
        add("finished - last sound heard ms", end and 1000 * (end - heard))
    for event in run.events:
        if event["event"] == "cpu":
            add(f"CPU {event['name']} %", event["percent"])
    start, stop = run.times("push", name="beep")[0], run.times("push", name="beep after cuts")[-1]
    pictures = [at for at, _ in run.seen.video if start <= at <= stop]
    add("fps", (len(pictures) - 1) / (pictures[-1] - pictures[0]))
    return figures


async def measure(server: LiveKitServer, kind: str, size: str, rounds: int, minutes: float) -> dict[str, Any]:
    environment = os.environ | {"URL": server.url, "KEY": server.api_key, "SECRET": server.api_secret}
    command = [__file__, "--speak", kind, "--sizes", size, "--rounds", str(rounds), "--minutes", str(minutes)]
    async with viewer(server) as seen:
        speaker = await asyncio.create_subprocess_exec(
            sys.executable, *command, env=environment, stdout=asyncio.subprocess.PIPE
        )
        buffers: list[float] = []
        sampling = asyncio.create_task(sample_jitter_buffer(seen, buffers))
        output, _ = await speaker.communicate()
        await utils.aio.cancel_and_wait(sampling)
    figures = analyse(Run([json.loads(line) for line in output.splitlines()], seen))
    return figures | {"of it the listener's jitter buffer ms": buffers}


async def sample_jitter_buffer(seen: Viewer, buffers: list[float]) -> None:
    """What no publisher can help: how long this listener's own buffer holds sound."""
    while True:
        await asyncio.sleep(5)
        delay = await seen.jitter_buffer()
        if delay is not None:
            buffers.append(1000 * delay)


async def compare(
    sizes: list[str], kinds: list[str], rounds: int, minutes: float
) -> dict[str, dict[str, dict[str, list[float]]]]:
    results: dict[str, dict[str, dict[str, list[float]]]] = {}
    async with dev_server() as server:
        for size in sizes:
            for kind in kinds:
                print(f"{size} {kind} ...", file=sys.stderr)
                results.setdefault(size, {})[kind] = await measure(server, kind, size, rounds, minutes)
    return results


def table(results: dict[str, dict[str, dict[str, list[float]]]]) -> None:
    for size, kinds in results.items():
        print(f"\n{size:42s} {'upstream':>24s} {'ours':>24s}   (median, p95)")
        for name in dict.fromkeys(name for figures in kinds.values() for name in figures):
            cells = []
            for kind in ("upstream", "ours"):
                values = kinds.get(kind, {}).get(name)
                cells.append(
                    f"{np.median(values):10.1f} {np.percentile(values, 95):10.1f}"
                    if values
                    else f"{'cannot':>21s}"
                )
            print(f"{name:42s} {cells[0]:>24s} {cells[1]:>24s}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sizes", nargs="+", default=["512x512", "640x480", "1280x720"])
    parser.add_argument("--kinds", nargs="+", default=["upstream", "ours"], choices=["upstream", "ours"])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=0, help="idle this long, then measure A/V again")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--speak", help=argparse.SUPPRESS)
    options = parser.parse_args()
    logging.getLogger("livekit").setLevel(logging.ERROR)
    if options.speak:
        width, height = map(int, options.sizes[0].split("x"))
        asyncio.run(speak(options.speak, width, height, options.rounds, options.minutes))
        return
    results = asyncio.run(compare(options.sizes, options.kinds, options.rounds, options.minutes))
    print(json.dumps(results)) if options.json else table(results)


if __name__ == "__main__":
    main()
