"""The values that flow through the package: pictures, sound, mouths and moods.

All are immutable. Times are integers: samples or frame numbers, never float seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

SPEECH_RATE = 16_000
"""Sample rate that every audio network hears, in Hz."""

FPS = 25
"""Pictures a second."""

SAMPLES_PER_FRAME = SPEECH_RATE // FPS
"""Samples at `SPEECH_RATE` that belong to one picture: 640, or 40 ms."""

Image: TypeAlias = npt.NDArray[np.uint8]
"""(H, W, 4) uint8 RGBA, straight alpha, C-contiguous."""

Samples: TypeAlias = npt.NDArray[np.int16]
"""(n,) int16 mono PCM."""

Floats: TypeAlias = npt.NDArray[np.float32]
"""A float32 array; the place of use says its shape and units."""

MOUTH_SHAPES = (
    "jawOpen",
    "jawLeft",
    "jawRight",
    "mouthClose",
    "mouthFunnel",
    "mouthPucker",
    "mouthStretchLeft",
    "mouthStretchRight",
    "mouthSmileLeft",
    "mouthSmileRight",
    "mouthFrownLeft",
    "mouthFrownRight",
    "mouthUpperUpLeft",
    "mouthUpperUpRight",
    "mouthLowerDownLeft",
    "mouthLowerDownRight",
    "mouthPressLeft",
    "mouthPressRight",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthShrugLower",
    "mouthShrugUpper",
    "tongueOut",
)
"""ARKit names of the mouth's blendshapes, in the order of `MouthState.shapes`."""

VISEMES = ("sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "ih", "oh", "ou")
"""The fifteen visemes of the Oculus lip-sync SDK, in its order."""

EmotionName = Literal["neutral", "happy", "sad", "angry", "surprised", "fearful", "disgusted", "contempt"]
EMOTIONS: tuple[EmotionName, ...] = get_args(EmotionName)


@dataclass(frozen=True, slots=True, eq=False)
class AudioChunk:
    """A piece of mono speech.

    Attributes:
        samples: (n,) int16.
        sample_rate: in Hz.
    """

    samples: Samples
    sample_rate: int

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate


@dataclass(frozen=True, slots=True, eq=False)
class VideoFrame:
    """One picture and the speech that belongs to it.

    Attributes:
        image: (H, W, 4) uint8 RGBA, straight alpha.
        audio: the original samples of these 40 ms at the rate they were pushed in; None when idle.
        number: counts from 0, one a frame period, without gaps.
        segment: the utterance that is spoken, counted from 0; None when idle.
        last: this frame ends its segment.
        repeated: drawing was late, so this is the picture of the frame before (its sound is its own).
        start: first 16 kHz sample of its utterance that belongs to the frame; 0 when idle.
        mouth: what the mouth does, where the engine knows; None when idle.
    """

    image: Image
    audio: AudioChunk | None
    number: int
    segment: int | None = None
    last: bool = False
    repeated: bool = False
    start: int = 0
    mouth: MouthState | None = None

    @property
    def bgr_image(self) -> Image:
        """(H, W, 3) uint8 BGR: a view of `image`, not a copy."""
        return self.image[..., 2::-1]


@dataclass(frozen=True, slots=True, eq=False)
class MouthState:
    """What the mouth does during one frame of 40 ms.

    Attributes:
        shapes: (23,) float32 in 0..1, ARKit coefficients in the order of `MOUTH_SHAPES`.
        visemes: (15,) float32, probabilities in the order of `VISEMES`.
        aperture: opening between the lips, 0 (closed) .. 1 (a wide "a").
        width: corner to corner, -1 (pursed) .. 0 (rest) .. 1 (spread).
        speech: probability that somebody speaks, 0..1.
    """

    shapes: Floats
    visemes: Floats
    aperture: float
    width: float
    speech: float


@dataclass(frozen=True, slots=True)
class Style:
    """How a face speaks.

    Attributes:
        intensity: how far the mouth moves, 0..2; 1 is as heard. Lips that close still close.
        smoothing: share of the frame before that stays in each frame, 0..0.8. It calms the lips and holds
            them back by 40 ms times smoothing / (1 - smoothing). Lips that close are not held back.
    """

    intensity: float = 1.0
    smoothing: float = 0.0


PLAIN = Style()


@dataclass(frozen=True, slots=True)
class Emotion:
    """A mood and how strongly it shows, 0..1."""

    name: EmotionName = "neutral"
    strength: float = 1.0


NEUTRAL = Emotion()
