"""The live runtime: speech is pushed in, frames with their speech come out, for as long as the face lives."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from typing_extensions import Self

from livekit_avatar import metrics
from livekit_avatar.audio.pcm import as_samples
from livekit_avatar.avatar import Avatar, Source, open_avatar, perform
from livekit_avatar.engines.base import Engine, Face, Step
from livekit_avatar.engines.feed import SpeechFeed, Spoken
from livekit_avatar.errors import (
    AlreadyStartedError,
    ClosedError,
    InputError,
    MisuseError,
    NotStartedError,
    SecondConsumerError,
)
from livekit_avatar.runtime.canvas import Actor, Canvas
from livekit_avatar.runtime.frames import Frames
from livekit_avatar.runtime.pacer import Pacer
from livekit_avatar.runtime.scheduler import Device
from livekit_avatar.types import PLAIN, Emotion, Image, Samples, Style, VideoFrame

logger = logging.getLogger(__name__)


class AvatarRuntime:
    """One session of a face. Every method belongs to the event loop that called `start`.

    Args:
        engine: what draws the face.
        face: the face, as the engine has loaded it.
        size: (width, height) of the video in pixels; the face's own if not given.
        seed: decides blinks, glances and sway; the same seed gives the same life.
        style: how it speaks, also with a face set later.
        paced: frames come 25 times a second by the clock; False: as fast as they are read, for a
            consumer that keeps time itself.
        max_ahead: seconds of unspoken speech above which `push_audio` waits while frames are being read.
        max_unread: seconds of speech that may be pushed while nobody reads frames.
        pacer: the metronome; tests bring one with a clock of their own.
    """

    def __init__(
        self,
        engine: Engine,
        face: Face,
        *,
        size: tuple[int, int] | None = None,
        seed: int = 0,
        style: Style = PLAIN,
        paced: bool = True,
        max_ahead: float = 60.0,
        max_unread: float = 600.0,
        pacer: Pacer | None = None,
    ) -> None:
        self._seed = seed
        self._style = style
        self._paced = paced
        self._max_ahead = max_ahead
        self._max_unread = max_unread
        self._pacer = pacer or Pacer(engine.info.fps)
        self._actor = Actor(Device(engine), face, perform(engine, face, seed=seed, style=style))
        self._feed = SpeechFeed(self._actor.performance)
        self._canvas = Canvas(size or face.size, self._pacer.clock)
        self._started = self._closed = self._paused = False
        self._reading = self._read = False  # now; ever
        self._watched = True
        self._room = asyncio.Event()  # set with every frame: speech may have been spoken
        self._changing = asyncio.Lock()
        self._later: deque[Callable[[], None]] = deque()  # calls to the performance, made between frames
        self._emotion: Emotion | None = None  # the one wished for; None: the style's
        self._interruptions = 0
        self._epoch = 0  # counts interruptions and pauses: a frame that was begun before loses its sound
        self._unheard = False
        self._number = 0
        self._shown: int | None = None  # id of the last step that was published
        self._first_pushed: float | None = None

    @classmethod
    async def create(
        cls,
        avatar: Avatar | Source,
        *,
        size: int | None = None,
        seed: int = 0,
        style: Style = PLAIN,
        paced: bool = True,
    ) -> Self:
        """Open an avatar off the event loop and make its runtime.

        Args:
            avatar: a built-in name such as "ada", a picture, a .avatar file, or an opened avatar.
            size: the longer side of the video in pixels; the avatar's own, or 512, if not given.
            seed: as for the class.
            style: as for the class.
            paced: as for the class.
        """
        if not isinstance(avatar, Avatar):
            avatar = await asyncio.to_thread(open_avatar, avatar, size=size)
        return cls(avatar.engine, avatar.face, seed=seed, style=style, paced=paced)

    def again(self) -> AvatarRuntime:
        """A new runtime of the same face, for when this one's engine has failed."""
        engine, face = self._actor.device.engine, self._actor.face
        runtime = AvatarRuntime(
            engine, face, size=self.size, seed=self._seed, style=self._style, paced=self._paced
        )
        runtime._emotion = self._emotion
        runtime._later.append(runtime._show_emotion)
        return runtime

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the video in pixels; a face set later is letterboxed into it."""
        return self._canvas.size

    @property
    def image(self) -> Image | None:
        """The newest picture: (H, W, 4) uint8 RGBA; None before `start`."""
        return self._canvas.image

    @property
    def started(self) -> bool:
        """Whether `start` has been called."""
        return self._started

    @property
    def closed(self) -> bool:
        """Whether `stop` or `close` has been called."""
        return self._closed

    @property
    def speaking(self) -> bool:
        """Whether pushed speech has frames to come."""
        return self._feed.speaking

    @property
    def unspoken(self) -> float:
        """Seconds of pushed speech that are in no frame yet."""
        return self._feed.unspoken

    async def start(self) -> None:
        """Draw the first picture, so that nothing is cold when speech comes.

        Raises:
            AlreadyStartedError: it was started before.
            EngineFailedError: the engine cannot draw.
        """
        if self._started:
            raise AlreadyStartedError(
                "the runtime has been started before", fix="Make a new runtime for a new session."
            )
        self._started = True
        self._canvas.image = await self._warm(self._actor)

    async def push_audio(self, audio: Samples | bytes, sample_rate: int) -> None:
        """Add speech to the utterance; waits while more than `max_ahead` seconds are unspoken.

        Args:
            audio: (n,) int16 mono, or the same as little-endian bytes.
            sample_rate: in Hz.

        Raises:
            NotStartedError: `start` was not called.
            ClosedError: the runtime has been stopped.
            AudioFormatError: not int16 mono, or a rate that is not speech.
            MisuseError: more than `max_unread` seconds were pushed and nobody reads frames.
        """
        self._check()
        samples = as_samples(audio)
        if not self._read and self._feed.unspoken > self._max_unread:
            raise MisuseError(
                f"{self._max_unread:.0f} seconds of speech are waiting and nobody reads frames",
                fix="Read frames with `async for frame in runtime.run()` while you push.",
            )
        epoch = self._interruptions
        while self._read and self._feed.unspoken > self._max_ahead:
            self._room.clear()
            await self._room.wait()
            self._check()
            if self._interruptions != epoch:
                return  # this speech belongs to what was interrupted
        if not self._feed.speaking:
            self._first_pushed = self._pacer.clock()
        self._feed.push(samples, sample_rate)

    async def flush(self) -> None:
        """The utterance is complete. Does nothing if none is open."""
        self._check()
        self._feed.end_segment()

    async def interrupt(self) -> None:
        """Forget all speech; no frame after the next one has any of it, and the mouth closes."""
        self.silence()

    def silence(self) -> None:
        """`interrupt`, for callers that cannot await."""
        self._check()
        self._interruptions += 1
        self._epoch += 1
        self._feed.clear()
        self._unheard = False
        self._later.append(lambda: self._actor.performance.interrupt(self._shown))
        self._room.set()

    async def pause(self) -> None:
        """Hold the speech: idle frames come until `resume`."""
        self._check()
        if not self._paused:
            self._paused = True
            self._epoch += 1
            self._later.append(lambda: self._feed.hold(self._shown))

    async def resume(self) -> None:
        """Go on with the very sample where `pause` stopped."""
        self._check()
        self._paused = False

    async def set_avatar(self, avatar: Avatar | Source, *, fade_frames: int = 5) -> None:
        """Change the face in mid-speech: the new one is loaded and warm before the old one begins to go.

        Several changes happen in the order in which they were asked for.

        Args:
            avatar: as for `create`.
            fade_frames: frames of the cross-fade.

        Raises:
            AvatarError: the new face cannot be opened; the old one stays.
        """
        async with self._changing:
            self._check()
            if not isinstance(avatar, Avatar):
                avatar = await asyncio.to_thread(open_avatar, avatar)
            performance = perform(avatar.engine, avatar.face, seed=self._seed, style=self._style)
            actor = Actor(Device(avatar.engine), avatar.face, performance)
            await self._warm(actor)
            self._later.append(lambda: self._change(actor, fade_frames))

    async def _warm(self, actor: Actor) -> Image:
        return await actor.draw(
            actor.performance.idle(), self.size, self._pacer.clock() + 1 / self._pacer.fps
        )

    def _change(self, actor: Actor, fade_frames: int) -> None:
        self._canvas.fade(self._actor, fade_frames)
        self._actor = actor
        self._feed.hand_over(actor.performance)
        self._show_emotion()
        self._shown = None

    def watch(self, watched: bool) -> None:
        """Say whether anybody looks: while nobody does, nothing is drawn and the last picture stays."""
        self._watched = watched

    def set_emotion(self, emotion: Emotion) -> None:
        """Show a mood from the next frame on, eased in; it lasts, also when the face changes."""
        self._check()
        self._emotion = emotion
        self._later.append(self._show_emotion)

    def _show_emotion(self) -> None:
        if self._emotion is not None:
            self._actor.performance.set_emotion(self._emotion)

    def act(self, action: str) -> None:
        """Perform an action that the engine's info names, such as "nod".

        Raises:
            InputError: the face has no such action.
        """
        self._check()
        actions = self._actor.device.engine.info.actions
        if action not in actions:
            raise InputError(f"no action {action!r}", fix=f"This face can: {', '.join(actions) or 'none'}.")
        self._later.append(lambda: self._act(action))

    def _act(self, action: str) -> None:
        if action in self._actor.device.engine.info.actions:  # the face may have changed since
            self._actor.performance.act(action)

    def run(self) -> Frames[VideoFrame]:
        """Frames without end: `async for frame in runtime.run()`; awaited, they end with the speech."""
        self._check()
        return Frames(self.next_frame)

    async def stop(self) -> None:
        """End the session; readers of frames end. May be called twice."""
        self.close()
        await self._canvas.aclose()

    def close(self) -> None:
        """`stop`, for callers that cannot await: a picture under way is still drawn, for nobody."""
        self._closed = True
        self._room.set()

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    def _check(self) -> None:
        if self._closed:
            raise ClosedError("the runtime has been stopped", fix="Make a new runtime for a new session.")
        if not self._started:
            raise NotStartedError("the runtime is not started", fix="Call `await runtime.start()` first.")

    async def next_frame(self, *, endless: bool) -> VideoFrame | None:
        """The next frame; None when the runtime is stopped or, unless endless, all is spoken."""
        if self._reading:
            raise SecondConsumerError(
                "somebody else is reading the frames of this runtime",
                fix="Read them in one place and hand them on, or make a runtime for each reader.",
            )
        self._reading = self._read = True
        try:
            return await self._next_frame(endless)
        finally:
            self._reading = False
            self._room.set()

    async def _next_frame(self, endless: bool) -> VideoFrame | None:
        if not endless:
            self._feed.end_segment()
            if not self._feed.speaking:
                return None
        due = await self._pacer.tick() if self._paced else self._pacer.clock()
        if self._closed:
            return None
        deadline = due + 1 / self._pacer.fps
        item = await self._decide(deadline)
        epoch = self._epoch
        step = item.step if isinstance(item, Spoken) else item
        repeated = self._watched and await self._canvas.draw(self._actor, step, deadline)
        if isinstance(item, Spoken) and epoch != self._epoch:
            return self._frame(None, repeated)  # interrupted or paused while it was drawn
        self._shown = step.id
        return self._frame(item if isinstance(item, Spoken) else None, repeated)

    async def _decide(self, deadline: float) -> Spoken | Step:
        """What the next frame shows and says."""
        while True:
            while self._later:
                self._later.popleft()()
            if self._paused:
                return self._actor.performance.idle()
            self._unheard |= self._feed.pump()
            item = self._feed.next()
            if item is not None:
                return item
            if not self._unheard:
                return self._actor.performance.idle()
            await self._actor.hear(deadline)
            self._unheard = False

    def _frame(self, spoken: Spoken | None, repeated: bool) -> VideoFrame:
        assert self._canvas.image is not None
        frame = VideoFrame(
            image=self._canvas.image,
            audio=spoken.audio if spoken else None,
            number=self._number,
            segment=spoken.segment if spoken else None,
            last=spoken is not None and spoken.step.last,
            repeated=repeated,
            start=spoken.start if spoken else 0,
            mouth=spoken.step.mouth if spoken else None,
        )
        self._number += 1
        metrics.FRAMES.labels("repeated" if repeated else "spoken" if spoken else "idle").inc()
        if spoken and self._first_pushed is not None:
            metrics.FIRST_FRAME_SECONDS.observe(self._pacer.clock() - self._first_pushed)
            self._first_pushed = None
        return frame
