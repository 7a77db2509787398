"""What an engine is: a family of faces, and the performances they give.

An engine turns speech into pictures. `Engine` is one per process and device; `Face` is what it loaded from
an avatar, immutable and shared; `Performance` is the state of one session and does no input or output: no
thread, no clock, no await. A session drives it like this:

    performance.push(pcm)               # speech arrives
    engine.hear([performance, ...])     # device thread: audio networks, all sessions in one batch
    step = performance.next()           # cheap: the next 40 ms, or NEED_AUDIO, or SEGMENT_END
    engine.render([step, ...])          # device thread: pictures, steps of any sessions in one batch

`hear` and `render` are the only slow calls. They run on the device thread of the engine, one at a time.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, runtime_checkable

from livekit_avatar.types import FPS, NEUTRAL, Emotion, Floats, Image, MouthState, Samples, Style

if TYPE_CHECKING:
    from livekit_avatar.avatars.bundle import Bundle

Progress = Callable[[float, str], None]
"""Called with the fraction done, 0..1, and the name of the stage."""

Cancel = Callable[[], bool]
"""Asked between stages; True stops the work."""


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What an engine offers.

    Attributes:
        name: its name in the registry.
        version: raised when prepared avatars must be prepared again.
        fps: pictures a second.
        lookahead: 16 kHz samples of speech it needs beyond the end of a frame.
        device: "cpu", "cuda:0", ...
        emotions: whether `set_emotion` shows.
        actions: the names that `act` takes.
        alpha: whether pictures may be transparent.
        batch: steps that it draws in hardly more time than one, as a network on a GPU does; 1: it draws one
            after another, so that handing it several would only delay the first.
        equal_sizes: whether the faces drawn in one call must have the same size.
    """

    name: str
    version: int = 1
    fps: int = FPS
    lookahead: int = 0
    device: str = "cpu"
    emotions: bool = False
    actions: tuple[str, ...] = ()
    alpha: bool = False
    batch: int = 1
    equal_sizes: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """An avatar's data, ready to be written into a bundle.

    Attributes:
        members: file name in the bundle -> its bytes (arrays as safetensors, pictures as PNG or WebP).
        size: (width, height) of the video in pixels, both even.
        warnings: what will look worse than it could, each with what to do about it.
    """

    members: Mapping[str, bytes]
    size: tuple[int, int]
    warnings: Sequence[str] = field(default=())


class Signal(enum.Enum):
    """What `Performance.next` says when it has no step."""

    NEED_AUDIO = enum.auto()
    SEGMENT_END = enum.auto()


NEED_AUDIO: Final = Signal.NEED_AUDIO
SEGMENT_END: Final = Signal.SEGMENT_END


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One frame of a performance, decided but not drawn.

    Attributes:
        id: counts up by one with every step of a performance, spoken or idle.
        segment: the utterance, counted from 0; None for an idle step.
        start: first sample, at 16 kHz, of its segment that belongs to this step.
        stop: one past the last.
        last: no further step of this segment follows. An engine gives a step only when it knows this, so
            it keeps back a full frame until more speech or the end of the segment has come.
        data: the engine's own (the face and what it does).
        mouth: what was heard for its mouth, where the engine knows; None when idle.
    """

    id: int
    segment: int | None
    start: int
    stop: int
    last: bool
    data: Any
    mouth: MouthState | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing is spoken in this step."""
        return self.segment is None


class Face(Protocol):
    """An avatar as an engine has loaded it: immutable, shared by sessions."""

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of its pictures in pixels."""
        ...


class Performance(Protocol):
    """One session's face in action. Deterministic: the same seed and the same calls give the same steps."""

    def push(self, pcm: Samples) -> None:
        """Add (n,) int16 speech at 16 kHz to the open segment; opens one if none is open."""

    def end_segment(self) -> None:
        """The open segment is complete. Does nothing if none is open."""

    def next(self) -> Step | Literal[Signal.NEED_AUDIO, Signal.SEGMENT_END]:
        """The next spoken step. SEGMENT_END comes once after the last step of each segment."""
        ...

    def idle(self) -> Step:
        """A step without speech; inside a segment (speech is late) the mouth relaxes."""
        ...

    def interrupt(self, shown: int | None) -> None:
        """Forget all speech: only steps up to the id `shown` were published; None: not one."""

    def hold(self, shown: int | None) -> None:
        """Take back the steps after the id `shown`: `next` will give them again, to be spoken later."""

    def set_emotion(self, emotion: Emotion) -> None:
        """Show a mood from now on, eased in."""

    def act(self, action: str) -> None:
        """Perform one of the actions that `EngineInfo` names."""


@runtime_checkable
class Styled(Protocol):
    """A performance that can speak in more than one style."""

    def set_style(self, style: Style) -> None:
        """Speak so from the next step on."""


class Engine(Protocol):
    """A family of faces on one device."""

    @property
    def info(self) -> EngineInfo:
        """What it offers."""
        ...

    def prepare(
        self,
        source: Image,
        *,
        size: int | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> Prepared:
        """Make an avatar's data from a picture, (H, W, 4) uint8 RGBA; `size` is the longer side in pixels."""
        ...

    def load(self, bundle: Bundle, *, size: int | None = None) -> Face:
        """Make a face from an avatar; slow, call it off the event loop.

        `size` is the longer side of the video in pixels, even; the avatar's own if None.
        """
        ...

    def unload(self, face: Face) -> None:
        """Free what the face holds on the device."""

    def perform(self, face: Face, *, seed: int = 0) -> Performance:
        """Begin a performance; the seed decides blinks, glances and sway."""
        ...

    def hear(self, performances: Sequence[Performance]) -> None:
        """Run the audio networks over all speech pushed and not yet heard."""

    def render(self, steps: Sequence[Step]) -> list[Image]:
        """Draw steps: one (H, W, 4) uint8 RGBA picture each, owned by the caller."""
        ...


@runtime_checkable
class Filmer(Protocol):
    """What an engine may offer besides: avatars made of a film of a person who talks."""

    def prepare_clip(
        self,
        source: Path,
        *,
        size: int | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> Prepared:
        """Make an avatar's data from the file of a film; `size` is the longer side in pixels."""
        ...


@runtime_checkable
class Poser(Protocol):
    """What an engine may offer besides: pictures of a face that holds still, for previews."""

    def still(
        self, face: Face, mouth: Floats, *, emotion: Emotion = NEUTRAL, closed_eyes: bool = False
    ) -> Image:
        """Draw a face with its mouth at (23,) float32 coefficients in the order of `MOUTH_SHAPES`."""
        ...
