"""The mouth of each picture as data, for avatars that listeners draw themselves.

With the picture, and so with the sound, of each frame of speech a lossy data packet goes to everybody in the
room: JSON on the topic `livekit_avatar.visemes` (docs/visemes.md). After speech the mouth at rest is sent a
few times, for a packet may get lost.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import numpy as np
from livekit import rtc
from livekit.agents import utils
from livekit.rtc.participant import PublishDataError

from livekit_avatar.room.generator import SpokenPicture
from livekit_avatar.types import MOUTH_SHAPES, VISEMES, Floats, MouthState

logger = logging.getLogger(__name__)

TOPIC = "livekit_avatar.visemes"

RESTS = 5
"""How often the mouth at rest is sent after speech."""

_WAITING = 4
"""Packets that may wait for the network; the oldest is dropped when there are more: it would be late."""

_SILENT = np.eye(1, len(VISEMES), VISEMES.index("sil"), dtype=np.float32)[0]
_REST = MouthState(np.zeros(len(MOUTH_SHAPES), np.float32), _SILENT, 0.0, 0.0, 0.0)


class VisemeStream:
    """Sends the mouths of pictures that are shown.

    Args:
        room: whose participants get them; need not be connected.
    """

    def __init__(self, room: rtc.Room) -> None:
        self._room = room
        self._rests = RESTS  # sent since speech
        self._waiting: asyncio.Queue[str] = asyncio.Queue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sending: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; call it in the event loop of the room."""
        self._loop = asyncio.get_running_loop()
        self._sending = asyncio.create_task(self._send())

    def show(self, picture: rtc.VideoFrame) -> None:
        """A picture is shown; may be called from any thread."""
        if isinstance(picture, SpokenPicture) and picture.mouth is not None:
            self._rests = 0
            self._post(packet(picture.mouth, picture.utterance, picture.time))
        elif self._rests < RESTS:
            self._rests += 1
            self._post(packet(_REST))

    async def aclose(self) -> None:
        """End; nothing is sent any more."""
        if self._sending is not None:
            await utils.aio.cancel_and_wait(self._sending)
            self._sending = None

    def _post(self, payload: str) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._queue, payload)

    def _queue(self, payload: str) -> None:
        while self._waiting.qsize() >= _WAITING:
            self._waiting.get_nowait()
        self._waiting.put_nowait(payload)

    async def _send(self) -> None:
        while True:
            payload = await self._waiting.get()
            if not self._room.isconnected():
                continue
            try:
                await self._room.local_participant.publish_data(payload, reliable=False, topic=TOPIC)
            except PublishDataError as error:
                logger.debug("a mouth was not sent: %s", error)


def packet(mouth: MouthState, utterance: int | None = None, time: float = 0.0) -> str:
    """A mouth as it is sent.

    Args:
        mouth: what it does.
        utterance: of the session, counted from 0; None at rest.
        time: seconds since the utterance began.
    """
    values: dict[str, Any] = {
        "utterance": utterance,
        "time": round(time, 3),
        "speech": _short(mouth.speech),
        "aperture": _short(mouth.aperture),
        "width": _short(mouth.width),
        "visemes": _all_short(mouth.visemes),
        "shapes": _all_short(mouth.shapes),
    }
    return json.dumps(values, separators=(",", ":"))


def _all_short(values: Floats) -> list[float]:
    return [_short(value) for value in values.tolist()]


def _short(value: float) -> float:
    """Three digits are finer than a pixel of any mouth."""
    return round(value, 3) + 0.0
