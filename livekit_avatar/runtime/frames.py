"""Reading frames with `async for`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Generator
from typing import Any, Generic, Protocol, TypeVar

F = TypeVar("F")
F_co = TypeVar("F_co", covariant=True)


class NextFrame(Protocol[F_co]):
    """Gives the next frame; None at the end."""

    def __call__(self, *, endless: bool) -> Awaitable[F_co | None]:
        """Unless endless, the end is when all pushed speech has been spoken."""
        ...


class Frames(Generic[F]):
    """The frames of a runtime: endless, or, once awaited, until all pushed speech has been spoken."""

    def __init__(self, next_frame: NextFrame[F], *, endless: bool = True) -> None:
        self._next_frame = next_frame
        self._endless = endless
        self._closed = False

    def __aiter__(self) -> AsyncIterator[F]:
        return self

    async def __anext__(self) -> F:
        frame = None if self._closed else await self._next_frame(endless=self._endless)
        if frame is None:
            raise StopAsyncIteration
        return frame

    def __await__(self) -> Generator[Any, None, Frames[F]]:
        """The same frames, ending when all pushed speech has been spoken."""
        yield from ()
        return Frames(self._next_frame, endless=False)

    async def aclose(self) -> None:
        """No more frames here; the runtime goes on."""
        self._closed = True
