"""One session's portrait in action."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

from livekit_avatar.engines.base import Signal, Step
from livekit_avatar.engines.portrait.emotions import look
from livekit_avatar.engines.portrait.gestures import ACTIONS
from livekit_avatar.engines.portrait.motion import Direction, Spoken
from livekit_avatar.engines.portrait.stress import loudness
from livekit_avatar.engines.timeline import FrameCutter, Timeline
from livekit_avatar.errors import InputError
from livekit_avatar.types import PLAIN, Emotion, Image, Samples, Style

if TYPE_CHECKING:
    from livekit_avatar.lipsync.model import LipStream

_ASKED = 32
"""Actions that can wait, or be begun again after a rewind."""


class Moving(Protocol):
    """What decides a face's frames; what its motions and poses are is its own affair."""

    def begin(self) -> Any:
        """The motion before the first frame."""
        ...

    def advance(self, motion: Any, heard: Spoken | None, told: Direction, /) -> Any:
        """The motion one frame later: see `Mover.advance`."""
        ...

    def pose(self, motion: Any, /) -> Any:
        """What a frame shows."""
        ...


class Drawn(Protocol):
    """A face that a performance can move: one made of a picture or of a film."""

    def mover(self, seed: int) -> Moving:
        """What decides its frames in one session."""
        ...

    def draw(self, pose: Any, /) -> Image:
        """A frame, for what its mover says."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """What a step shows: `Step.data` of this engine."""

    face: Drawn
    pose: Any


class _Utterance:
    """A segment until all of it was heard; each has an ear of its own, so that none hears the one before."""

    def __init__(self, number: int, stream: LipStream) -> None:
        self.number = number
        self.stream = stream
        self._cutter = FrameCutter()
        self._loudness: deque[float] = deque()  # of the frames whose mouth is not known yet
        self._ended = False

    @property
    def heard(self) -> bool:
        """Whether nothing more will come."""
        return self._ended and not self._loudness

    def push(self, pcm: Samples) -> None:
        self.stream.push(pcm)
        self._loudness.extend(loudness(frame) for frame in self._cutter.push(pcm))

    def end(self) -> None:
        self.stream.flush()
        self._loudness.extend(loudness(frame) for frame in self._cutter.end())
        self._ended = True

    def take(self) -> Iterator[Spoken]:
        """The frames that were heard since the last call."""
        for mouth in self.stream.take():
            yield Spoken(mouth, self._loudness.popleft())


class PortraitPerformance:
    """Performs a portrait: implements `engines.base.Performance`.

    It is called from one thread, but for `streams`, which the device thread may call at the same time.

    Args:
        face: what is shown.
        open_stream: makes the ear for one segment.
        seed: decides blinks, glances, sway and nods.
    """

    def __init__(self, face: Drawn, open_stream: Callable[[], LipStream], *, seed: int = 0) -> None:
        self._face = face
        self._open_stream = open_stream
        self._mover = face.mover(seed)
        self._motion = self._mover.begin()
        self._timeline: Timeline[Spoken, Any] = Timeline(self._motion)
        self._utterances: tuple[_Utterance, ...] = ()
        self._mood = look(Emotion())
        self._style = PLAIN
        self._asked: deque[str] = deque(maxlen=_ASKED)
        self._asked_ever = 0

    def streams(self) -> Sequence[LipStream]:
        """The ears that may have something to hear, in the order of their segments."""
        return [utterance.stream for utterance in self._utterances]

    def push(self, pcm: Samples) -> None:
        """Add (n,) int16 speech at 16 kHz to the open segment; opens one if none is open."""
        number = self._timeline.push(len(pcm))
        if not self._utterances or self._utterances[-1].number != number:
            self._utterances = (*self._utterances, _Utterance(number, self._open_stream()))
        self._utterances[-1].push(pcm)

    def end_segment(self) -> None:
        """The open segment is complete. Does nothing if none is open."""
        if self._timeline.end_segment() is not None:
            self._utterances[-1].end()

    def next(self) -> Step | Literal[Signal.NEED_AUDIO, Signal.SEGMENT_END]:
        """The next spoken step. SEGMENT_END comes once after the last step of each segment."""
        self._collect()
        step = self._timeline.next()
        return self._perform(step, step.data) if isinstance(step, Step) else step

    def idle(self) -> Step:
        """A step without speech; inside a segment (speech is late) the mouth relaxes."""
        return self._perform(self._timeline.idle(), None)

    def interrupt(self, shown: int | None) -> None:
        """Forget all speech; the mouth goes to rest from what the step `shown` showed."""
        self._utterances = ()
        self._motion = self._timeline.interrupt(shown)

    def hold(self, shown: int | None) -> None:
        """Take back the steps after the id `shown`; what moves goes on from there."""
        self._motion = self._timeline.hold(shown)

    def set_emotion(self, emotion: Emotion) -> None:
        """Show a mood from now on, eased in over 0.6 s."""
        self._mood = look(emotion)

    def set_style(self, style: Style) -> None:
        """Speak so from the next step on."""
        self._style = style

    def act(self, action: str) -> None:
        """Perform an action with the next step; the same one is not begun again while it is under way.

        Raises:
            InputError: the portrait cannot do that.
        """
        if action not in ACTIONS:
            raise InputError(f"a portrait has no action {action!r}", fix=f"It has {', '.join(ACTIONS)}.")
        self._asked.append(action)
        self._asked_ever += 1

    def _collect(self) -> None:
        """Put what the streams have heard into the timeline."""
        for utterance in self._utterances:
            self._timeline.hear(utterance.number, utterance.take())
        self._utterances = tuple(utterance for utterance in self._utterances if not utterance.heard)

    def _perform(self, step: Step, heard: Spoken | None) -> Step:
        self._motion = self._mover.advance(self._motion, heard, self._direction())
        self._timeline.remember(self._motion)
        drawing = Drawing(self._face, self._mover.pose(self._motion))
        return replace(step, data=drawing, mouth=heard.mouth if heard else None)

    def _direction(self) -> Direction:
        """What is wanted of the next step: actions that no step has begun, or whose step was taken back."""
        new = self._asked_ever - self._motion.obeyed
        actions = list(self._asked)[-new:] if new else []
        return Direction(self._mood, actions, self._asked_ever, self._style)
