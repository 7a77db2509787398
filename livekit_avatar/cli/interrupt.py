"""Ctrl-C during long work, even where a library swallows it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from types import FrameType

from livekit_avatar.errors import PreparationCancelledError


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Ctrl-C raises KeyboardInterrupt as ever; the block is told besides whether it was pressed.

    Some libraries catch every exception while they are imported. Work that asks what is yielded, as `cancel`,
    ends all the same, and so does the block.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed in the block.
    """
    pressed = Event()

    def interrupt(number: int, frame: FrameType | None) -> None:
        pressed.set()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield pressed.is_set
    except PreparationCancelledError:
        raise KeyboardInterrupt from None
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed.is_set():
        raise KeyboardInterrupt
