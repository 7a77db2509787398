"""What has been handed to the sound source and when each piece of it is heard.

The sound source holds a few tens of milliseconds. How much of an utterance was heard, and what a pause must
take back because nobody heard it, is worked out here, from times that are given: no clock, no task.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from livekit_avatar.room.utterance import Utterance
from livekit_avatar.types import Samples

Picture = TypeVar("Picture")


@dataclass(frozen=True, slots=True, eq=False)
class Slot(Generic[Picture]):
    """A picture and the sound that goes with it.

    Attributes:
        picture: to be shown when the sound begins; None to leave the one that is shown.
        sound: (n,) int16, speech or silence.
        utterance: what the sound belongs to; None for silence.
    """

    picture: Picture | None
    sound: Samples
    utterance: Utterance | None


@dataclass(slots=True, eq=False)
class _Queued(Generic[Picture]):
    slot: Slot[Picture]
    at: float  # when its first sample is heard


class Playout(Generic[Picture]):
    """The slots between the generator and the listener's ear.

    Args:
        sample_rate: of all sound, in Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._queue: deque[_Queued[Picture]] = deque()

    def push(self, slot: Slot[Picture], at: float, now: float) -> None:
        """A slot was handed to the sound source; `at` is when its first sample will be heard."""
        self._advance(now)
        self._queue.append(_Queued(slot, at))

    def heard(self, utterance: Utterance, now: float) -> int:
        """Samples of an utterance that have been heard by now."""
        self._advance(now)
        queued = (self._played(queued, now) for queued in self._queue if queued.slot.utterance is utterance)
        return utterance.heard + sum(queued)

    def silent(self, now: float) -> bool:
        """Whether no speech is queued that is still to be heard."""
        self._advance(now)
        return all(queued.slot.utterance is None for queued in self._queue)

    def take_back(self, now: float) -> list[Slot[Picture]]:
        """Empty the queue and return what of its speech nobody has heard, cut at the sample."""
        self._advance(now)
        unheard = []
        for queued in self._queue:
            slot, played = queued.slot, self._played(queued, now)
            if slot.utterance is not None:
                slot.utterance.heard += played
                unheard.append(Slot(slot.picture, slot.sound[played:], slot.utterance))
        self._queue.clear()
        return unheard

    def clear(self) -> None:
        """Forget what is queued."""
        self._queue.clear()

    def _advance(self, now: float) -> None:
        while self._queue and self._end(self._queue[0]) <= now:
            slot = self._queue.popleft().slot
            if slot.utterance:
                slot.utterance.heard += len(slot.sound)

    def _end(self, queued: _Queued[Picture]) -> float:
        return queued.at + len(queued.slot.sound) / self._rate

    def _played(self, queued: _Queued[Picture], now: float) -> int:
        return int(np.clip(round((now - queued.at) * self._rate), 0, len(queued.slot.sound)))
