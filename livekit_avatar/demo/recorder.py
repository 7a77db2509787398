"""A second participant: lets the agent say a text, watches, measures, and records what arrived.

It runs in a process of its own (`python -m livekit_avatar.demo.recorder`: an `Order` as JSON on standard
input, a `Report` as JSON on standard output), so that watching does not slow the face down.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import sys
import time
from collections.abc import AsyncIterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import av
import numpy as np
from livekit import rtc

from livekit_avatar.demo.ending import end_process
from livekit_avatar.demo.measure import RATE, Cells, Reception, cells_of, measure, sound_start
from livekit_avatar.demo.mp4 import PHASE_FRAMES, FrameGrid, Mp4Recording
from livekit_avatar.errors import AvatarError, DemoError
from livekit_avatar.types import Image, Samples

JOIN_SECONDS = 30.0
"""How long to wait for the face to appear."""

LEAD_SECONDS = 1.5
"""The face at rest before the speech is asked for: what the mouth's movement is compared with."""

TAIL_SECONDS = 0.8
"""After the agent has finished; the last sound is still on its way, and the mouth closes."""

SECONDS_PER_CHARACTER = 0.5
"""More than anybody needs to say a character: the bound on waiting for the speech to end."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to record.

    Attributes:
        url: of the LiveKit server.
        token: to join the room with.
        agent: identity of the agent.
        ready: its RPC that returns when it can speak.
        say: its RPC that says the payload and returns when it has been played.
        text: what it shall say.
        path: of the mp4 file to write; empty for none.
    """

    url: str
    token: str
    agent: str
    ready: str
    say: str
    text: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What was received, and how well; see `Measures` for the first five.

    Attributes:
        frames: pictures in it that arrived.
        repeated: places of the 25 fps recording for which no picture arrived in time.
        duration_s: length of the recording.
        width: of the picture in pixels.
        height: of the picture in pixels.
        file: the recording; empty if none was wanted.
    """

    fps: float
    gap_p95_ms: float
    first_audio_ms: float
    first_frame_ms: float | None
    av_offset_ms: float | None
    frames: int
    repeated: int
    duration_s: float
    width: int
    height: int
    file: str


class Receiver:
    """Takes the pictures and the sound of one agent, as they arrive.

    Args:
        path: where to record; None for nowhere.
    """

    def __init__(self, path: Path | None) -> None:
        self.first_frame = asyncio.Event()
        self.keeping = False
        """Whether pictures are kept; until then they are only waited for."""
        self.size = (0, 0)
        self.grid: FrameGrid | None = None
        self.places = 0
        self.repeated = 0
        self._path = path
        self._frame_times: list[float] = []
        self._cells: list[Cells] = []
        self._waiting: list[tuple[float, Image]] = []
        self._sound_times: list[float] = []
        self._sound: list[Samples] = []
        self._recording: Mp4Recording | None = None
        self._encoder = ThreadPoolExecutor(max_workers=1, thread_name_prefix="livekit-avatar-mp4")
        self._encoding: list[Future[None]] = []

    @property
    def frames(self) -> int:
        """Pictures kept."""
        return len(self._frame_times)

    async def watch(self, track: rtc.Track) -> None:
        """Takes the pictures of `track` until cancelled."""
        async with contextlib.aclosing(rtc.VideoStream(track, format=rtc.VideoBufferType.I420)) as stream:
            async for event in stream:
                self._picture(time.monotonic(), event.frame)

    async def listen(self, track: rtc.Track) -> None:
        """Takes the sound of `track` until cancelled."""
        stream = rtc.AudioStream(track, sample_rate=RATE, num_channels=1)
        async with contextlib.aclosing(stream):
            async for event in stream:
                self._sound_times.append(time.monotonic())
                self._sound.append(np.frombuffer(event.frame.data, np.int16).copy())

    def _picture(self, arrival: float, frame: rtc.VideoFrame) -> None:
        planes = np.frombuffer(frame.data, np.uint8).reshape(frame.height * 3 // 2, frame.width)
        self.first_frame.set()
        if not self.keeping:
            return
        self._frame_times.append(arrival)
        self._cells.append(cells_of(planes[: frame.height]))
        self.size = (frame.width, frame.height)
        self._waiting.append((arrival, planes))
        if self.grid is None and len(self._waiting) >= PHASE_FRAMES:
            self._begin()
        if self.grid is not None:
            for waited, image in self._waiting:
                self._place(waited, image)
            self._waiting.clear()

    def _begin(self) -> None:
        self.grid = FrameGrid([arrival for arrival, _ in self._waiting])
        if self._path is not None:
            self._recording = Mp4Recording(self._path, *self.size, rate=RATE)

    def _place(self, arrival: float, image: Image) -> None:
        assert self.grid is not None
        place = self.grid.place(arrival)
        if place is None:
            return
        self.repeated += place - self.places
        self.places = place + 1
        if self._recording is not None:
            self._encoding.append(self._encoder.submit(self._recording.add, place, image))

    def reception(self, asked: float) -> Reception:
        """What has arrived until now.

        Raises:
            DemoError: no sound arrived.
        """
        if not self._sound:
            raise DemoError("no sound arrived from the agent", fix="Look at its log with --verbose.")
        lengths = np.array([len(piece) for piece in self._sound])
        return Reception(
            asked=asked,
            frame_times=np.array(self._frame_times),
            cells=np.stack(self._cells),
            sound_start=sound_start(np.array(self._sound_times), lengths),
            sound=np.concatenate(self._sound),
        )

    def finish(self, reception: Reception) -> None:
        """Writes the file; blocks until all is encoded.

        Raises:
            DemoError: the file cannot be written.
        """
        if self._recording is None or self.grid is None:
            return
        ahead = round((self.grid.start - reception.sound_start) * RATE)
        silence = np.zeros(max(0, -ahead), np.int16)
        try:
            for picture in self._encoding:
                picture.result()
            self._recording.finish(np.concatenate([silence, reception.sound[max(0, ahead) :]]))
        except (OSError, av.FFmpegError) as error:
            raise DemoError(
                f"{self._path} cannot be written: {error}", fix="Choose another place for --record."
            ) from error

    def close(self) -> None:
        """Ends the encoder; an unfinished recording leaves no file."""
        self._encoder.shutdown(cancel_futures=True)
        if self._recording is not None:
            self._recording.discard()


async def record(order: Order) -> Report:
    """Lets the agent say `order.text` and reports how it arrived.

    Raises:
        DemoError: the face does not appear, the agent cannot speak, or nothing audible arrives.
    """
    receiver = Receiver(Path(order.path) if order.path else None)
    try:
        async with _watching(order, receiver) as room:
            await _call(room, order, order.ready, "")
            receiver.keeping = True
            await asyncio.sleep(LEAD_SECONDS)
            asked = time.monotonic()
            await _call(room, order, order.say, order.text)
            await asyncio.sleep(TAIL_SECONDS)
        reception = receiver.reception(asked)
        await asyncio.to_thread(receiver.finish, reception)
        return _report(order, receiver, reception)
    finally:
        receiver.close()


@contextlib.asynccontextmanager
async def _watching(order: Order, receiver: Receiver) -> AsyncIterator[rtc.Room]:
    """Joins the room and receives, from the first picture on until the block is left."""
    room = rtc.Room()
    receiving: list[asyncio.Task[None]] = []

    def subscribed(
        track: rtc.Track, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant
    ) -> None:
        if order.agent in (participant.identity, participant.attributes.get("lk.publish_on_behalf")):
            video = track.kind == rtc.TrackKind.KIND_VIDEO
            receiving.append(asyncio.create_task(receiver.watch(track) if video else receiver.listen(track)))

    room.on("track_subscribed", subscribed)
    try:
        await room.connect(order.url, order.token)
        try:
            await asyncio.wait_for(receiver.first_frame.wait(), JOIN_SECONDS)
        except asyncio.TimeoutError:
            raise DemoError(
                f"no picture arrived from the agent within {JOIN_SECONDS:.0f} s",
                fix="Look at its log with --verbose.",
            ) from None
        yield room
    finally:
        for task in receiving:
            task.cancel()
        ends = await asyncio.gather(*receiving, return_exceptions=True)
        await room.disconnect()
    for end in ends:
        if isinstance(end, Exception):
            raise DemoError(f"receiving failed: {end}", fix="Look at the log with --verbose.") from end


async def _call(room: rtc.Room, order: Order, method: str, payload: str) -> None:
    try:
        await room.local_participant.perform_rpc(
            destination_identity=order.agent,
            method=method,
            payload=payload,
            response_timeout=JOIN_SECONDS + SECONDS_PER_CHARACTER * len(order.text),
        )
    except rtc.RpcError as error:
        raise DemoError(
            f"the agent could not do it: {error.message}", fix="Look at its log with --verbose."
        ) from error


def _report(order: Order, receiver: Receiver, reception: Reception) -> Report:
    measures = measure(reception)
    if measures is None:
        raise DemoError(
            "nothing audible arrived from the agent", fix="Give --say words that can be pronounced."
        )
    width, height = receiver.size
    return Report(
        **asdict(measures),
        frames=receiver.frames,
        repeated=receiver.repeated,
        duration_s=round(receiver.places / 25, 2),
        width=width,
        height=height,
        file=order.path,
    )


def main() -> None:
    """Reads an `Order` from standard input and answers with a `Report`, or with `problem` and `fix`."""
    logging.getLogger("livekit").setLevel(logging.ERROR)
    order = Order(**json.load(sys.stdin))
    try:
        answer = asdict(asyncio.run(_terminable(order)))
    except AvatarError as error:
        answer = {"problem": error.problem, "fix": error.fix}
    except asyncio.CancelledError:
        end_process(128 + signal.SIGTERM)
    json.dump(answer, sys.stdout)
    end_process(0)


async def _terminable(order: Order) -> Report:
    """`record`, which SIGTERM cancels, so that no half of a file is left."""
    task = asyncio.ensure_future(record(order))
    with contextlib.suppress(NotImplementedError):  # Windows
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


if __name__ == "__main__":
    main()
