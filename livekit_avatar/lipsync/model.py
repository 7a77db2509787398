"""The lip model: 16 kHz speech in, 25 mouth states a second out, many streams in one batch.

The network (data/lipsync.onnx, made by models/lipsync/train.py) hears 40 ms at a time and carries what it
remembers in a vector. It describes the frame just heard and those 40, 80 and 120 ms before it: each stream
takes what its look-ahead asks for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from onnxruntime import InferenceSession, SessionOptions  # type: ignore[attr-defined]  # no __all__

from livekit_avatar.errors import (
    AudioFormatError,
    ConfigurationError,
    ModelCorruptError,
    ModelNotFoundError,
)
from livekit_avatar.lipsync.mouth import CURVES, mouth_states, presence
from livekit_avatar.types import FPS, SAMPLES_PER_FRAME, Floats, MouthState, Samples

Lookahead: TypeAlias = Literal[0, 40, 80, 120]
"""Milliseconds of speech that are heard beyond a frame before its state comes out."""

LOOKAHEAD: Lookahead = 80
FRAME_MS = 1000 // FPS

SPEECH = CURVES.index("speech")
_NOTHING: Floats = np.zeros(0, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _Frame:
    """40 ms waiting to be heard.

    Attributes:
        sound: (640,) float32 of full scale 1.
        first: its segment begins; nothing is remembered.
        telling: a state comes out of it (that of the frame `ahead` earlier).
    """

    sound: Floats
    first: bool
    telling: bool


class LipStream:
    """The speech of one session, segment by segment. It does no work: `LipSync.hear` does.

    State k of a segment describes its samples 640 k to 640 (k + 1); a flushed segment of n samples has
    ceil(n / 640) states. What is pushed after `flush` is the next segment.

    Args:
        lookahead_ms: how much speech beyond a frame is heard before its state comes out: 0, 40, 80 or 120.
            The more, the better the lips know what comes, and the later they are.

    Raises:
        ConfigurationError: another look-ahead.
    """

    def __init__(self, lookahead_ms: Lookahead = LOOKAHEAD) -> None:
        if lookahead_ms not in get_args(Lookahead):
            raise ConfigurationError(
                f"the lips cannot look {lookahead_ms!r} ms ahead", fix="Give 0, 40, 80 or 120."
            )
        self._ahead = lookahead_ms // FRAME_MS
        self._memory = _NOTHING
        self._presence = 0.0
        self._rest: Samples = np.zeros(0, np.int16)
        self._queued = 0
        self._frames: deque[_Frame] = deque()
        self._states: list[MouthState] = []

    @property
    def lookahead(self) -> int:
        """Samples at 16 kHz that must follow a frame before its state comes out."""
        return self._ahead * SAMPLES_PER_FRAME

    def push(self, samples: Samples) -> None:
        """Add (n,) int16 speech at 16 kHz.

        Raises:
            AudioFormatError: not a one-dimensional int16 array.
        """
        if not isinstance(samples, np.ndarray) or samples.ndim != 1 or samples.dtype != np.int16:
            raise AudioFormatError(
                "Speech for the lips is not mono PCM",
                fix="Give a one-dimensional int16 array of samples at 16 kHz.",
            )
        rest = np.concatenate([self._rest, samples])
        whole = len(rest) // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME
        self._queue_frames(rest[:whole])
        self._rest = rest[whole:]

    def flush(self) -> None:
        """The segment is complete: silence is heard after it, so that its last states come out."""
        if self._rest.size:
            self._queue_frames(np.pad(self._rest, (0, SAMPLES_PER_FRAME - len(self._rest))))
        if self._queued:
            self._queue_frames(np.zeros(self.lookahead, np.int16))
        self._rest, self._queued = self._rest[:0], 0

    def reset(self) -> None:
        """Forget all speech and all states not yet taken."""
        self._rest, self._queued = self._rest[:0], 0
        self._frames.clear()
        self._states.clear()

    def take(self) -> list[MouthState]:
        """The states that have come out since the last call, in order."""
        states, self._states = self._states, []
        return states

    def _queue_frames(self, samples: Samples) -> None:
        for sound in samples.reshape(-1, SAMPLES_PER_FRAME).astype(np.float32) / 32768:
            self._frames.append(_Frame(sound, self._queued == 0, self._queued >= self._ahead))
            self._queued += 1


class LipSync:
    """The loaded network: one a process is enough, and any thread may use it.

    Args:
        path: another ONNX file with the same inputs and outputs; None takes the one that is shipped.

    Raises:
        ModelNotFoundError: no such file.
        ModelCorruptError: it cannot be loaded.
    """

    lookahead = LOOKAHEAD // FRAME_MS * SAMPLES_PER_FRAME
    """Samples at 16 kHz that a stream hears beyond a frame, if nothing else is asked for."""

    def __init__(self, path: Path | None = None) -> None:
        self._session = _load(path)
        self._blank = np.zeros(self._session.get_inputs()[1].shape[1], np.float32)

    def hear(self, streams: Sequence[LipStream]) -> None:
        """Run the network over all that was pushed and not yet heard: frame by frame, streams in a batch."""
        everyone = dict.fromkeys(streams)
        while waiting := [stream for stream in everyone if stream._frames]:
            frames = [stream._frames.popleft() for stream in waiting]
            said = zip(waiting, frames, *self._run(waiting, frames), strict=True)
            telling = [(stream, *rows) for stream, frame, *rows in said if frame.telling]
            if telling:
                _tell(*map(list, zip(*telling, strict=True)))

    def states(self, samples: Samples, lookahead_ms: Lookahead = LOOKAHEAD) -> list[MouthState]:
        """The mouth for a whole sound of n samples at 16 kHz: ceil(n / 640) states.

        Raises:
            AudioFormatError: not a one-dimensional int16 array.
            ConfigurationError: another look-ahead than 0, 40, 80 or 120.
        """
        stream = LipStream(lookahead_ms)
        stream.push(samples)
        stream.flush()
        self.hear([stream])
        return stream.take()

    def _run(self, streams: list[LipStream], frames: list[_Frame]) -> tuple[list[list[list[float]]], Floats]:
        """One frame of each of n streams -> (n, 4, 8) curves and (n, 4, 15) visemes, a row a look-ahead."""
        for stream, frame in zip(streams, frames, strict=True):
            if frame.first:
                stream._memory, stream._presence = self._blank, 0.0
        heard = {
            "speech": np.array([frame.sound for frame in frames]),
            "memory": np.array([stream._memory for stream in streams]),
        }
        outputs: Any = self._session.run(None, heard)
        curves, visemes, memory = outputs
        for stream, row in zip(streams, memory, strict=True):
            stream._memory = row
        return curves.tolist(), visemes


def _tell(streams: list[LipStream], curves: list[list[list[float]]], visemes: list[Floats]) -> None:
    """Add a state to each stream: of each 4 x 8 curves and (4, 15) visemes, a row a look-ahead.

    Whoever is heard in the look-ahead is there already: lips part before the sound comes.
    """
    aheads = [stream._ahead for stream in streams]
    for stream, ahead, rows in zip(streams, aheads, curves, strict=True):
        stream._presence = presence(stream._presence, max(row[SPEECH] for row in rows[: ahead + 1]))
    states = mouth_states(
        [rows[ahead] for rows, ahead in zip(curves, aheads, strict=True)],
        [rows[ahead] for rows, ahead in zip(visemes, aheads, strict=True)],
        [stream._presence for stream in streams],
    )
    for stream, state in zip(streams, states, strict=True):
        stream._states.append(state)


def _load(path: Path | None) -> InferenceSession:
    options = SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        data = (path or resources.files("livekit_avatar") / "data" / "lipsync.onnx").read_bytes()
    except OSError as error:
        raise ModelNotFoundError("The lip model is missing", fix="Reinstall livekit-avatar.") from error
    try:
        session = InferenceSession(data, options, providers=["CPUExecutionProvider"])
        known = session.get_modelmeta().custom_metadata_map.get("curves", "").split()
    except Exception as error:  # onnxruntime has no common class for what a broken file can raise
        raise ModelCorruptError("The lip model cannot be loaded", fix="Reinstall livekit-avatar.") from error
    if tuple(known) != CURVES:
        raise ModelCorruptError("The lip model is another network", fix="Reinstall livekit-avatar.")
    return session
