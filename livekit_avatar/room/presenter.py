"""Shows pictures at their times from a thread of its own, so that a busy event loop does not hold them up."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from livekit import rtc

logger = logging.getLogger(__name__)


class Presenter:
    """Captures pictures when they are due.

    Args:
        source: what they are captured into.
    """

    def __init__(self, source: rtc.VideoSource) -> None:
        self._source = source
        self._queue: deque[tuple[float, rtc.VideoFrame, Callable[[float], None]]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    def show(self, picture: rtc.VideoFrame, at: float, shown: Callable[[float], None]) -> None:
        """Show a picture at a time of the monotonic clock, after those that were handed in before.

        `shown` is called in the thread of the presenter with the seconds by which the picture was late.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="livekit-avatar-presenter", daemon=True)
            self._thread.start()
        with self._changed:
            if not self._closed:
                self._queue.append((at, picture, shown))
                self._changed.notify()

    def clear(self, since: float = 0.0) -> None:
        """Forget what is waiting to be shown at a time or later."""
        with self._changed:
            while self._queue and self._queue[-1][0] >= since:
                self._queue.pop()

    def close(self) -> None:
        """End; nothing is captured after this returns."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while (due := self._next()) is not None:
            at, picture, shown = due
            try:
                self._source.capture_frame(picture)
                shown(time.monotonic() - at)
            except Exception:
                logger.exception("a picture cannot be shown; the voice goes on without pictures")
                with self._changed:
                    self._closed = True

    def _next(self) -> tuple[float, rtc.VideoFrame, Callable[[float], None]] | None:
        """Wait for the next picture that is due; None when closed."""
        with self._changed:
            while not self._closed:
                if not self._queue:
                    self._changed.wait()
                elif (wait := self._queue[0][0] - time.monotonic()) > 0:
                    self._changed.wait(wait)
                else:
                    return self._queue.popleft()
        return None
