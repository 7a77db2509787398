"""Reading frames with `async for`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Generator
from typing import Any, Protocol

from livekit_avatar.types import VideoFrame


class NextFrame(Protocol):
    """Gives the next frame; None at the end."""

    def __call__(self, *, endless: bool) -> Awaitable[VideoFrame | None]:
        """Unless endless, the end is when all pushed speech has been spoken."""
        ...


class Frames:
    """The frames of a runtime: endless, or, once awaited, until all pushed speech has been spoken."""

    def __init__(self, next_frame: NextFrame, *, endless: bool = True) -> None:
        self._next_frame = next_frame
        self._endless = endless

    def __aiter__(self) -> AsyncIterator[VideoFrame]:
        return self

    async def __anext__(self) -> VideoFrame:
        frame = await self._next_frame(endless=self._endless)
        if frame is None:
            raise StopAsyncIteration
        return frame

    def __await__(self) -> Generator[Any, None, Frames]:
        """The same frames, ending when all pushed speech has been spoken."""
        yield from ()
        return Frames(self._next_frame, endless=False)
