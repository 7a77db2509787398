"""What is shown: the newest picture that is ready, whatever the engine takes for it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from livekit_avatar import metrics
from livekit_avatar.engines.base import Face, Performance, Step
from livekit_avatar.runtime.pacer import Clock
from livekit_avatar.runtime.picture import blended
from livekit_avatar.runtime.scheduler import Device
from livekit_avatar.types import Image


@dataclass(frozen=True, slots=True, eq=False)
class Actor:
    """A face in performance on its device."""

    device: Device
    face: Face
    performance: Performance

    async def hear(self, due: float) -> None:
        """Hear what the performance was given."""
        await self.device.hear(self.performance, due)

    async def draw(self, step: Step, size: tuple[int, int], due: float) -> Image:
        """Draw a step at a size, (width, height)."""
        return await self.device.render(step, self.face, size, due)


@dataclass(slots=True)
class _Fade:
    """From one actor to another: `shown` of `frames` pictures have been drawn."""

    old: Actor
    frames: int
    shown: int = 0


class Canvas:
    """Draws steps, one at a time. While one is late, the last picture stays and later steps are not drawn.

    Args:
        size: (width, height) of every picture in pixels.
        clock: seconds, monotonic.
    """

    def __init__(self, size: tuple[int, int], clock: Clock) -> None:
        self.size = size
        self.image: Image | None = None
        self._clock = clock
        self._fade: _Fade | None = None
        self._painting: tuple[Step, asyncio.Task[Image]] | None = None

    def fade(self, old: Actor, frames: int) -> None:
        """Cross-fade from an actor over the next pictures."""
        self._fade = _Fade(old, frames) if frames else None

    async def draw(self, actor: Actor, step: Step, deadline: float) -> bool:
        """Draw a step until the deadline; True if the picture is still that of the step before."""
        before = self.image
        while True:
            if self._painting is None:
                self._painting = step, asyncio.create_task(self._paint(actor, step, deadline))
            painted, picture = self._painting
            timeout = None if self.image is None else max(0.0, deadline - self._clock())
            done, _ = await asyncio.wait({picture}, timeout=timeout)
            if not done:
                return self.image is before
            self._painting = None
            if picture.cancelled():  # closed meanwhile
                return True
            self.image = picture.result()
            if painted is step:
                return False

    async def aclose(self) -> None:
        """Give up the picture under way: it is not drawn, unless the device has begun."""
        if self._painting is None:
            return
        _, picture = self._painting
        picture.cancel()
        await asyncio.wait({picture})
        if not picture.cancelled():
            picture.exception()
        self._painting = None

    async def _paint(self, actor: Actor, step: Step, due: float) -> Image:
        image = await actor.draw(step, self.size, due)
        self._note_lateness(actor, due)
        fade = self._fade
        if fade is None:
            return image
        fade.shown += 1
        if fade.shown >= fade.frames:
            self._fade = None
        old = await fade.old.draw(fade.old.performance.idle(), self.size, due)
        return blended(old, image, fade.shown / (fade.frames + 1))

    def _note_lateness(self, actor: Actor, due: float) -> None:
        lateness = self._clock() - due
        actor.device.load.late(lateness)
        metrics.LATENESS_SECONDS.observe(max(0.0, lateness))
