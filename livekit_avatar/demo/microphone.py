"""Records a visitor's microphone: subscribed to while the visitor's button is on, and not before or after."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
from livekit import rtc
from livekit.agents import utils

from livekit_avatar.errors import DemoError
from livekit_avatar.types import Samples

RATE = 24_000
"""Samples a second of a recording."""

LONGEST_SECONDS = 20
"""What is said after that is not kept."""

SUBSCRIBE_SECONDS = 10.0
"""How long to wait for the microphone's first sound."""

TAIL_SECONDS = 0.25
"""Sound that is still on its way when the button is let go: encoding, the server, the jitter buffer."""

SILENCE = 10 ** (-45 / 20) * 32768
"""Root mean square below which 20 ms count as silent; a browser levels speech to some -25 dBFS."""

_WINDOW = RATE // 50
_MARGIN = 5  # windows kept around what is loud: soft consonants
_PIECE_SECONDS = 0.2
_FASTER = 5  # than real time, as the voice of the demo


class Recording:
    """What one visitor says.

    Args:
        room: where the visitor is.
        track: the sid of the visitor's microphone track, which need not be published yet.
    """

    def __init__(self, room: rtc.Room, track: str) -> None:
        self._room = room
        self._sid = track
        self._publication: rtc.RemoteTrackPublication | None = None
        self._begun = asyncio.Event()
        self._pieces: list[Samples] = []
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Subscribes to the microphone; returns when its first sound has come.

        Raises:
            DemoError: nothing came.
        """
        self._task = asyncio.create_task(self._record())
        try:
            await asyncio.wait_for(self._begun.wait(), SUBSCRIBE_SECONDS)
        except asyncio.TimeoutError:
            await self.aclose()
            raise DemoError("no sound came from the microphone", fix="Press the button again.") from None
        except asyncio.CancelledError:
            await self.aclose()
            raise

    async def stop(self) -> Samples:
        """Waits for the last sound, unsubscribes, and gives (n,) int16 mono at `RATE`."""
        await asyncio.sleep(TAIL_SECONDS)
        await self.aclose()
        heard = np.concatenate([*self._pieces, np.zeros(0, np.int16)])
        return heard[: LONGEST_SECONDS * RATE]

    async def aclose(self) -> None:
        """Unsubscribes. May be called twice."""
        if self._task is not None:
            await utils.aio.cancel_and_wait(self._task)

    async def _record(self) -> None:
        try:
            stream = rtc.AudioStream(await self._subscribed(), sample_rate=RATE, num_channels=1)
            try:
                length = 0
                async for event in stream:
                    if length < LONGEST_SECONDS * RATE:
                        self._pieces.append(np.array(event.frame.data, np.int16))
                        length += len(self._pieces[-1])
                    self._begun.set()
            finally:
                await stream.aclose()
        finally:
            if self._publication is not None:
                self._publication.set_subscribed(False)

    async def _subscribed(self) -> rtc.Track:
        """The track, once it is published and subscribed to."""
        found: asyncio.Future[rtc.Track] = asyncio.get_running_loop().create_future()

        def published(publication: rtc.RemoteTrackPublication, _: rtc.RemoteParticipant) -> None:
            if publication.sid == self._sid and self._publication is None:
                self._publication = publication
                publication.set_subscribed(True)

        def subscribed(
            track: rtc.Track, publication: rtc.RemoteTrackPublication, _: rtc.RemoteParticipant
        ) -> None:
            if publication.sid == self._sid and not found.done():
                found.set_result(track)

        self._room.on("track_published", published)
        self._room.on("track_subscribed", subscribed)
        try:
            for participant in self._room.remote_participants.values():
                for publication in participant.track_publications.values():
                    published(publication, participant)
            return await found
        finally:
            self._room.off("track_published", published)
            self._room.off("track_subscribed", subscribed)


def trimmed(samples: Samples) -> Samples:
    """Speech without the silence before and after it; empty if all of it is silent."""
    windows = samples[: len(samples) // _WINDOW * _WINDOW].reshape(-1, _WINDOW).astype(np.float32)
    loud = np.flatnonzero(np.sqrt((windows**2).mean(axis=1)) > SILENCE)
    if not len(loud):
        return samples[:0]
    return samples[max(loud[0] - _MARGIN, 0) * _WINDOW : (loud[-1] + 1 + _MARGIN) * _WINDOW]


async def played(samples: Samples) -> AsyncIterator[rtc.AudioFrame]:
    """A recording as frames, somewhat faster than real time."""
    piece = int(_PIECE_SECONDS * RATE)
    for start in range(0, len(samples), piece):
        part = samples[start : start + piece]
        yield frame(part)
        await asyncio.sleep(_PIECE_SECONDS / _FASTER)


def frame(samples: Samples) -> rtc.AudioFrame:
    """A recording, or a part of it, as one frame."""
    return rtc.AudioFrame(samples.tobytes(), RATE, 1, len(samples))
