"""The worker's end of the wire: an agent's speech out of byte streams, its interruptions as RPCs.

One receiver belongs to one room and one agent. All it registers is its own and goes with it, so that rooms of
one process never hear of one another, and a second receiver of the same room finds the place empty.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from livekit import rtc
from livekit.agents import utils
from livekit.agents.voice.avatar import AudioReceiver, AudioSegmentEnd

from livekit_avatar.room import wire

logger = logging.getLogger(__name__)

STREAM_IDLE_SECONDS = 10.0
"""Seconds without a byte or an end after which an utterance counts as complete: its end was lost."""

_OVERLAP_SECONDS = 0.5
"""Without a byte of an utterance while the next one has begun."""

MOST_SECONDS = 900.0
"""Seconds of speech that may wait to be spoken; what an agent sends beyond is not heard."""

_FRAMES_A_SECOND = 50
_RATES = range(8_000, 192_001)
_CHANNELS = range(1, 9)
_FALLBACK_RATE = 16_000
_NOTICE_TRIES = 3
_NOTICE_PAUSE = 0.1  # seconds between two tries
_ANSWER_SECONDS = 5.0
_FAREWELL_SECONDS = 1.0
_LASTING = {
    rtc.RpcError.ErrorCode.UNSUPPORTED_METHOD,
    rtc.RpcError.ErrorCode.RECIPIENT_NOT_FOUND,
    rtc.RpcError.ErrorCode.RECIPIENT_DISCONNECTED,
}

_Item = rtc.AudioFrame | AudioSegmentEnd


@dataclass(slots=True, eq=False)
class _Utterance:
    """A byte stream of speech.

    Attributes:
        reader: its bytes.
        superseded: a newer stream has begun.
        cut: it was interrupted.
        read: the publisher has read some of it, and will say when it is finished.
    """

    reader: rtc.ByteStreamReader
    superseded: asyncio.Event = field(default_factory=asyncio.Event)
    cut: bool = False
    read: bool = False


class StreamAudioReceiver(AudioReceiver):
    """Receives the speech that one agent streams, and tells it what was heard.

    Emits `clear_buffer`, `pause` and `resume` for the publisher. Every stream is finished exactly once: when
    it was heard, or at once when it is interrupted, also if the publisher never got to see it.

    Args:
        room: the avatar's; `listen` before it is connected, so that no stream is missed.
        agent: identity of the participant who may speak and interrupt; nobody else is listened to.
    """

    def __init__(self, room: rtc.Room, agent: str) -> None:
        super().__init__()
        self._room = room
        self._agent = agent
        self._arrived: deque[_Utterance] = deque()  # streams that nobody reads yet
        self._arrival = asyncio.Event()
        self._unfinished: deque[_Utterance] = deque()  # arrived, and its last frame not yet taken
        self._items = utils.aio.Chan[tuple[_Utterance, _Item]]()
        self._notices = utils.aio.Chan[tuple[str, str]]()
        self._mute: set[str] = set()  # methods that the agent does not have
        self._tasks: list[asyncio.Task[None]] = []
        self._listening = False

    def listen(self) -> None:
        """Take streams from now on; the room need not be connected.

        Raises:
            ValueError: somebody else listens in this room.
        """
        self._room.register_byte_stream_handler(wire.AUDIO_STREAM_TOPIC, self._on_stream)
        self._listening = True

    async def start(self) -> None:
        """Answer interruptions and read what arrives; the room is connected."""
        if not self._listening:
            self.listen()
        self._room.local_participant.register_rpc_method(wire.CLEAR_BUFFER, self._on_clear)
        self._tasks = [asyncio.create_task(self._receive()), asyncio.create_task(self._send_notices())]

    def pause(self) -> None:
        """Hold the speech at the sample that is heard now."""
        self.emit("pause")  # type: ignore[arg-type]

    def resume(self) -> None:
        """Go on where it was held."""
        self.emit("resume")  # type: ignore[arg-type]

    def notify_playback_started(self) -> None:
        """An utterance begins to be heard."""
        self._notify(wire.PLAYBACK_STARTED, "")

    def notify_playback_finished(self, playback_position: float, interrupted: bool) -> None:
        """An utterance is over; so many seconds of it were heard."""
        event = {
            "playback_position": playback_position,
            "interrupted": interrupted,
            "synchronized_transcript": None,
        }
        self._notify(wire.PLAYBACK_FINISHED, json.dumps(event))

    async def __aiter__(self) -> AsyncIterator[rtc.AudioFrame | AudioSegmentEnd]:
        """Speech, and where each utterance ends."""
        async for utterance, item in self._items:
            if utterance.cut:
                continue
            utterance.read = True
            if isinstance(item, AudioSegmentEnd):
                self._unfinished.remove(utterance)
            yield item

    def clear(self) -> None:
        """Interrupt: what has arrived is over, heard or not."""
        unread = [utterance for utterance in self._unfinished if not utterance.read]
        for utterance in self._unfinished:
            utterance.cut = True
            utterance.reader.close()
        self._unfinished.clear()
        self.emit("clear_buffer")
        for _ in unread:
            self.notify_playback_finished(0.0, interrupted=True)

    async def aclose(self) -> None:
        """Listen no more; may be called twice, and before `start`."""
        if self._listening:
            self._listening = False
            self._room.unregister_byte_stream_handler(wire.AUDIO_STREAM_TOPIC)
        if self._tasks:
            self._room.local_participant.unregister_rpc_method(wire.CLEAR_BUFFER)
        for utterance in self._unfinished:
            utterance.reader.close()
        self._items.close()
        self._notices.close()
        if self._tasks and self._room.isconnected():  # the agent waits for the end of what it captured
            await asyncio.wait({self._tasks[-1]}, timeout=_FAREWELL_SECONDS)
        await utils.aio.cancel_and_wait(*self._tasks)
        self._tasks = []

    # What arrives.

    def _on_stream(self, reader: rtc.ByteStreamReader, sender: str) -> None:
        if sender != self._agent:
            logger.warning("speech of %r is not for this avatar", sender)
            reader.close()
            return
        for earlier in self._unfinished:
            earlier.superseded.set()
        utterance = _Utterance(reader)
        self._arrived.append(utterance)
        self._unfinished.append(utterance)
        self._arrival.set()

    def _on_clear(self, call: rtc.RpcInvocationData) -> str:
        self.check_caller(call)
        self.clear()
        return "ok"

    def check_caller(self, call: rtc.RpcInvocationData) -> None:
        """Refuse whoever is not the agent.

        Raises:
            RpcError: it is somebody else who calls.
        """
        if call.caller_identity != self._agent:
            logger.warning("%s of %r is not for this avatar", call.method, call.caller_identity)
            raise rtc.RpcError(
                rtc.RpcError.ErrorCode.APPLICATION_ERROR, "only the agent of this avatar may call it"
            )

    async def _receive(self) -> None:
        while True:
            await self._arrival.wait()
            while self._arrived:
                await self._read(self._arrived.popleft())
            self._arrival.clear()

    async def _read(self, utterance: _Utterance) -> None:
        """Hand on all of an utterance, and its end."""
        framer = _framer(utterance.reader.info.attributes or {})
        empty = True
        while not utterance.cut and (data := await self._next_bytes(utterance)) is not None:
            if self._items.qsize() > MOST_SECONDS * _FRAMES_A_SECOND:
                logger.warning("more than %.0f s of speech wait: the rest is not heard", MOST_SECONDS)
                break
            for frame in framer.push(data) if framer else ():
                self._items.send_nowait((utterance, frame))
                empty = False
        utterance.reader.close()
        for frame in framer.flush() if framer else ():
            self._items.send_nowait((utterance, frame))
            empty = False
        if empty:  # it is finished in its turn like any other
            self._items.send_nowait(
                (utterance, rtc.AudioFrame.create(_FALLBACK_RATE, 1, _FALLBACK_RATE // 100))
            )
        self._items.send_nowait((utterance, AudioSegmentEnd()))

    async def _next_bytes(self, utterance: _Utterance) -> bytes | None:
        """The next bytes; None when there will be no more of this utterance.

        What has arrived is always read first. An utterance whose end was lost is over `_OVERLAP_SECONDS`
        after the next one began, or after `STREAM_IDLE_SECONDS`.
        """
        chunk = asyncio.ensure_future(_next_chunk(utterance.reader))
        newer = asyncio.ensure_future(utterance.superseded.wait())
        try:
            await asyncio.wait(
                {chunk, newer}, timeout=STREAM_IDLE_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if newer.done() and not chunk.done():  # streams overlap on their way through a busy program
                await asyncio.wait({chunk}, timeout=_OVERLAP_SECONDS)
            if chunk.done():
                return chunk.result()
            logger.warning("the end of an utterance did not arrive")
            return None
        finally:
            await utils.aio.cancel_and_wait(chunk, newer)

    # What is told.

    def _notify(self, method: str, payload: str) -> None:
        if not self._notices.closed and method not in self._mute:
            self._notices.send_nowait((method, payload))

    async def _send_notices(self) -> None:
        async for method, payload in self._notices:
            await self._send_notice(method, payload)

    async def _send_notice(self, method: str, payload: str) -> None:
        for attempt in range(_NOTICE_TRIES):
            try:
                await self._room.local_participant.perform_rpc(
                    destination_identity=self._agent,
                    method=method,
                    payload=payload,
                    response_timeout=_ANSWER_SECONDS,
                )
                return
            except rtc.RpcError as error:
                if error.code == rtc.RpcError.ErrorCode.UNSUPPORTED_METHOD:
                    self._mute.add(method)  # stock sessions do not ask when playback starts
                if error.code in _LASTING:
                    return
                logger.warning("%s was not taken (%s), try %d", method, error.message, attempt + 1)
                await asyncio.sleep(_NOTICE_PAUSE)


async def _next_chunk(reader: rtc.ByteStreamReader) -> bytes | None:
    with contextlib.suppress(StopAsyncIteration, rtc.StreamError):
        return await reader.__anext__()
    return None


def _framer(attributes: dict[str, str]) -> utils.audio.AudioByteStream | None:
    """Cuts the bytes of a stream into frames of 20 ms; None if it does not say what they are."""
    try:
        rate, channels = int(attributes["sample_rate"]), int(attributes["num_channels"])
        if rate not in _RATES or channels not in _CHANNELS:
            raise ValueError(rate, channels)
    except (KeyError, ValueError):
        logger.warning("an utterance without a usable sample rate and channel count is skipped")
        return None
    return utils.audio.AudioByteStream(rate, channels, rate // _FRAMES_A_SECOND)
