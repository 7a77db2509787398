"""Received pictures and sound as an mp4 file with a constant frame rate."""

from __future__ import annotations

import contextlib
import heapq
import os
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np

from livekit_avatar.types import FPS, Image, Samples

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet

PHASE_FRAMES = 25
"""Pictures from which the phase of the arrivals is found."""

TOLERANCE = 0.8
"""A picture that is early or late by less than this many frame periods still takes the next place."""

_PRESET = {"preset": "superfast", "crf": "18", "threads": "1"}


class FrameGrid:
    """Gives each arrival a place on a grid of constant frame rate.

    Pictures arrive with jitter: near the border of two places rounding would repeat one and drop another.

    Args:
        arrivals: of the first pictures, in seconds; their common phase becomes the phase of the grid.
        fps: places a second.
    """

    def __init__(self, arrivals: list[float], fps: int = FPS) -> None:
        places = [round((arrival - arrivals[0]) * fps) for arrival in arrivals]
        phases = [arrival - place / fps for arrival, place in zip(arrivals, places, strict=True)]
        self.start = float(np.median(phases))
        self._fps = fps
        self._last = -1

    def place(self, arrival: float) -> int | None:
        """The place, more than that of the picture before; None if all places up to now are taken."""
        position = (arrival - self.start) * self._fps
        expected = self._last + 1
        if position < expected - TOLERANCE:
            return None
        place = expected if position < expected + TOLERANCE else round(position)
        self._last = place
        return place


class Mp4Recording:
    """Encodes as the pictures come, and writes the file at the end: aside, then renamed.

    Args:
        path: of the file; replaced if it exists.
        width: of the video in pixels; even, as `height`.
        height: of the video in pixels.
        rate: of the sound in Hz.
    """

    def __init__(self, path: Path, width: int, height: int, *, rate: int) -> None:
        self._path = path
        self._aside = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._rate = rate
        self._packets: list[Packet[Any]] = []
        self._last: av.VideoFrame | None = None
        self.places = 0
        """Length of the video in frame periods."""
        self.repeated = 0
        """Places for which no picture came."""
        self._container: OutputContainer = av.open(str(self._aside), "w", format="mp4")
        self._video = self._container.add_stream("libx264", rate=FPS, options=_PRESET)
        self._video.width, self._video.height, self._video.pix_fmt = width, height, "yuv420p"
        self._audio = self._container.add_stream("aac", rate=rate, layout="mono")

    def add(self, place: int, i420: Image) -> None:
        """Encodes a picture.

        Args:
            place: its place on the grid, more than the one before; places between repeat the one before.
            i420: (H * 3 / 2, W) uint8, planes Y, U, V.
        """
        picture = av.VideoFrame.from_ndarray(i420, format="yuv420p")
        if (picture.width, picture.height) != (self._video.width, self._video.height):
            picture = picture.reformat(width=self._video.width, height=self._video.height)
        self.repeated += place - self.places
        while self.places < place:
            self._encode(self._last or picture)
        self._encode(picture)
        self._last = picture

    def _encode(self, picture: av.VideoFrame) -> None:
        picture.pts, picture.time_base = self.places, Fraction(1, FPS)
        self._packets += self._video.encode(picture)
        self.places += 1

    def finish(self, sound: Samples) -> None:
        """Writes the file.

        Args:
            sound: from place 0 on, at `rate`; cut at the end of the video.
        """
        sound = sound[: self.places * self._rate // FPS]
        frame = av.AudioFrame.from_ndarray(sound[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts = self._rate, 0
        voice = [*self._audio.encode(frame), *self._audio.encode(None)]
        video = [*self._packets, *self._video.encode(None)]
        for packet in heapq.merge(video, voice, key=_seconds):
            self._container.mux(packet)
        self._container.close()
        self._aside.replace(self._path)

    def discard(self) -> None:
        """Leaves no file. Does nothing after `finish`."""
        with contextlib.suppress(Exception):
            self._container.close()
        self._aside.unlink(missing_ok=True)


def _seconds(packet: Packet[Any]) -> float:
    return float((packet.dts or 0) * packet.time_base)
