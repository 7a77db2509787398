"""Short films inside an avatar: written with closed groups of pictures, read a group at a time.

H.264 in mp4, 25 pictures a second, 4:2:0. Every `GROUP` pictures a new group begins that needs none before
it, so that any picture can be had by decoding at most `GROUP` of them, and memory holds two groups however
long the film is.
"""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from livekit_avatar.errors import BundleError
from livekit_avatar.types import FPS, Image

if TYPE_CHECKING:
    from av.container import InputContainer

GROUP: Final = 12
"""Pictures from one key picture to the next."""

MAX_PICTURES: Final = 750
"""Of one film: half a minute."""

_CLOCK: Final = 12_800
"""Ticks a second of the film's clock: a multiple of 25 that mp4 writers like."""

_NO_OTHER_FILES: Final = {"protocol_whitelist": "none"}
_GROUPS_KEPT: Final = 2
_BROKEN: Final = "Copy the avatar again, or prepare it again from its clip."


def encode_film(
    pictures: Iterable[Image], size: tuple[int, int], *, quality: int, group: int = GROUP
) -> bytes:
    """A film as the bytes of an mp4 file.

    Args:
        pictures: (H, W, 3) uint8 RGB each.
        size: (width, height) of all, both even.
        quality: x264's constant rate factor: 18 looks like the original, 23 is smaller.
        group: pictures in a group; 1 makes each picture stand alone.
    """
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1  # the same bytes on every machine
        stream.options = {
            "preset": "veryfast",
            "tune": "fastdecode",  # it is decoded for every frame that is shown, and encoded once
            "crf": str(quality),
            "x264-params": f"keyint={group}:min-keyint={group}:scenecut=0:open-gop=0:bframes=0",
        }
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


class Playback:
    """Pictures of one film by their number. Not for several threads at once.

    Args:
        film: bytes of an mp4 that `encode_film` made.
        count: how many pictures it has.
        size: (width, height) of them.

    Raises:
        BundleError: it is no such film.
    """

    def __init__(self, film: bytes, count: int, size: tuple[int, int]) -> None:
        self._container = _opened(film, size)
        self._count = count
        self._size = size
        self._groups: OrderedDict[int, _Group] = OrderedDict()

    def picture(self, number: int) -> Image:
        """A fresh picture, (H, W, 4) uint8 RGBA, opaque.

        Raises:
            BundleError: the film is broken there.
        """
        planes = self._group(number // GROUP).planes(number % GROUP)
        return np.asarray(cv2.cvtColor(planes, cv2.COLOR_YUV2RGBA_I420), np.uint8)

    def _group(self, index: int) -> _Group:
        """A group; the container goes on in the newest one only, so an older one is finished first."""
        if index in self._groups:
            return self._groups[index]
        for group in self._groups.values():
            group.finish()
        length = min(GROUP, self._count - index * GROUP)
        self._groups[index] = _Group(self._decode(index * GROUP), length)
        if len(self._groups) > _GROUPS_KEPT:
            self._groups.popitem(last=False)
        return self._groups[index]

    def _decode(self, first: int) -> Iterator[Image]:
        """(H * 3 / 2, W) planes from a key picture on."""
        import av

        stream = self._container.streams.video[0]
        try:
            time_base = stream.time_base or Fraction(1, _CLOCK)
            self._container.seek(round(Fraction(first, FPS) / time_base), stream=stream)
            for frame in self._container.decode(stream):
                if frame.pts is None or frame.pts * time_base < Fraction(2 * first - 1, 2 * FPS):
                    continue
                if (frame.width, frame.height) != self._size:
                    break
                yield np.asarray(frame.to_ndarray(format="yuv420p"), np.uint8)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise _broken() from error


class _Group:
    """Pictures of one group, decoded as far as they were asked for."""

    def __init__(self, source: Iterator[Image], length: int) -> None:
        self._source = source
        self._length = length
        self._planes: list[Image] = []

    def planes(self, number: int) -> Image:
        while len(self._planes) <= number:
            planes = next(self._source, None)
            if planes is None:
                raise _broken()
            self._planes.append(planes)
        return self._planes[number]

    def finish(self) -> None:
        if self._planes:
            self.planes(self._length - 1)


def decode_film(film: bytes, count: int, size: tuple[int, int]) -> Iterator[Image]:
    """All pictures of a film, in order, (H, W, 4) uint8 RGBA.

    Raises:
        BundleError: it is broken, of another size, or shorter.
    """
    playback = Playback(film, count, size)
    for number in range(count):
        yield playback.picture(number)


def _opened(film: bytes, size: tuple[int, int]) -> InputContainer:
    import av

    try:
        container = av.open(
            io.BytesIO(film), "r", format="mp4", options=_NO_OTHER_FILES, metadata_errors="ignore"
        )
        stream = container.streams.video[0]
        if (stream.width, stream.height) != size:
            raise _broken()
        stream.codec_context.thread_count = 1
    except (av.FFmpegError, OSError, ValueError, IndexError) as error:
        if isinstance(error, BundleError):
            raise
        raise _broken() from error
    return container


def _broken() -> BundleError:
    return BundleError("A film in the avatar cannot be decoded", fix=_BROKEN)
