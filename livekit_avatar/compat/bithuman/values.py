"""The values of bitHuman's interface: speech, what the face is told, what it shows."""

from __future__ import annotations

import builtins
import uuid
from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt
from typing_extensions import Self

from livekit_avatar import types
from livekit_avatar.errors import AudioFormatError
from livekit_avatar.types import EmotionName, Samples

INT16_MAX = 2**15 - 1


@dataclass
class AudioChunk:
    """A piece of mono speech.

    Attributes:
        data: (n,) int16; bytes, and floats of -1..1, are converted.
        sample_rate: in Hz.
        last_chunk: it ends its utterance.

    Raises:
        AudioFormatError: (a ValueError) not samples.
    """

    data: npt.NDArray[np.int16]
    sample_rate: int
    last_chunk: bool = True

    def __post_init__(self) -> None:
        self.data = as_int16(self.data)

    @property
    def bytes(self) -> builtins.bytes:
        """The samples as little-endian bytes."""
        return self.data.astype("<i2", copy=False).tobytes()

    @property
    def array(self) -> npt.NDArray[np.int16]:
        """`data` by its older name."""
        return self.data

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.data) / self.sample_rate

    @classmethod
    def from_bytes(cls, audio_bytes: builtins.bytes, sample_rate: int, last_chunk: bool = True) -> Self:
        """Make one of little-endian int16 bytes."""
        return cls(as_int16(audio_bytes), sample_rate, last_chunk)


def as_int16(audio: Any) -> Samples:
    """Speech as (n,) int16: of bytes, int16, or floats of -1..1.

    Raises:
        AudioFormatError: anything else.
    """
    if isinstance(audio, (builtins.bytes, bytearray, memoryview)) and len(audio) % 2 == 0:
        return np.frombuffer(audio, "<i2").astype(np.int16, copy=False)
    if isinstance(audio, np.ndarray) and audio.dtype in (np.float32, np.float64):
        return (audio.clip(-1, 1) * INT16_MAX).astype(np.int16)
    if isinstance(audio, np.ndarray) and audio.dtype == np.int16:
        return audio
    raise AudioFormatError(
        f"{getattr(audio, 'dtype', type(audio).__name__)} is not speech",
        fix="Give int16 samples as an array or as bytes (two each), or floats of -1..1.",
    )


class Emotion(str, Enum):
    """bitHuman's names of moods."""

    ANGER = "anger"
    DISGUST = "disgust"
    FEAR = "fear"
    JOY = "joy"
    NEUTRAL = "neutral"
    SADNESS = "sadness"
    SURPRISE = "surprise"


_MOODS: dict[Emotion, EmotionName] = {
    Emotion.ANGER: "angry",
    Emotion.DISGUST: "disgusted",
    Emotion.FEAR: "fearful",
    Emotion.JOY: "happy",
    Emotion.NEUTRAL: "neutral",
    Emotion.SADNESS: "sad",
    Emotion.SURPRISE: "surprised",
}


@dataclass
class EmotionPrediction:
    """A mood and how sure somebody is of it, 0..1; it shows that strongly."""

    emotion: Emotion
    score: float

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Make one of {"emotion": name, "score": number}."""
        return cls(Emotion(data["emotion"]), float(data["score"]))

    def to_dict(self) -> dict[str, Any]:
        """{"emotion": name, "score": number}."""
        return {"emotion": self.emotion.value, "score": self.score}


def mood(predictions: list[EmotionPrediction]) -> types.Emotion:
    """The surest of several moods, as our engines take it."""
    surest = max(predictions, key=lambda prediction: prediction.score)
    return types.Emotion(_MOODS[Emotion(surest.emotion)], min(1.0, max(0.0, surest.score)))


@dataclass
class VideoControl:
    """What the face is told to say and do.

    Attributes:
        audio: speech; its `last_chunk` ends the utterance.
        text: ignored: lips follow the sound.
        target_video: ignored: there are no recorded videos to change to.
        action: one or several movements such as "nod"; those the face does not know are left out.
        emotion_preds: the surest is shown.
        message_id: comes back in the frames that speak this audio.
        end_of_speech: the utterance ends here.
        force_action, stop_on_user_speech, stop_on_agent_speech: ignored.
    """

    audio: AudioChunk | None = None
    text: str | None = None
    target_video: str | None = None
    action: str | list[str] | None = None
    emotion_preds: list[EmotionPrediction] | None = None
    message_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    end_of_speech: bool = False
    force_action: bool = False
    stop_on_user_speech: bool | None = None
    stop_on_agent_speech: bool | None = None

    @property
    def is_idle(self) -> bool:
        """It asks for nothing."""
        asked = (self.target_video, self.action or None, self.emotion_preds or None)
        return self.audio is None and all(wish is None for wish in asked)

    @property
    def is_speaking(self) -> bool:
        """It has speech."""
        return self.audio is not None

    @property
    def actions(self) -> list[str]:
        """The movements it asks for."""
        return [self.action] if isinstance(self.action, str) else self.action or []

    @classmethod
    def from_audio(cls, audio: bytes | npt.NDArray[Any], sample_rate: int, last_chunk: bool = True) -> Self:
        """Make one that speaks int16 bytes or an array."""
        return cls(audio=AudioChunk(as_int16(audio), sample_rate, last_chunk))


@dataclass
class VideoFrame:
    """One picture, 25 a second, and the speech that belongs to it.

    Attributes:
        bgr_image: (H, W, 3) uint8 BGR, the reader's own.
        audio_chunk: 40 ms at 16 kHz; None when idle.
        frame_index: counts from 0 in its utterance; None when idle.
        source_message_id: of the `VideoControl` that brought the speech.
        end_of_speech: this frame ends its utterance.
    """

    bgr_image: npt.NDArray[np.uint8] | None = None
    audio_chunk: AudioChunk | None = None
    frame_index: int | None = None
    source_message_id: Hashable | None = None
    end_of_speech: bool = False

    @property
    def has_image(self) -> bool:
        """There is a picture."""
        return self.bgr_image is not None

    @property
    def rgb_image(self) -> npt.NDArray[np.uint8] | None:
        """`bgr_image` as RGB: a view, not a copy."""
        return None if self.bgr_image is None else self.bgr_image[:, :, ::-1]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of `bgr_image`; programs tell frames from markers by it."""
        return () if self.bgr_image is None else self.bgr_image.shape
