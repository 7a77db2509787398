"""Open an avatar and let it speak: the offline two-liner.

avatar = livekit_avatar.open("ada")
for frame in avatar.render("speech.wav"): ...
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import as_file, files
from itertools import count
from pathlib import Path
from typing import TypeAlias

import numpy as np
from PIL import Image as PillowImage

from livekit_avatar import engines
from livekit_avatar.audio.decode import decode
from livekit_avatar.avatars.bundle import Bundle, Manifest, read_bundle
from livekit_avatar.engines.base import Engine, Face, Progress
from livekit_avatar.engines.feed import SpeechFeed
from livekit_avatar.errors import AvatarNotFoundError, BundleError, ConfigurationError, ForeignModelError
from livekit_avatar.face.picture import read_picture
from livekit_avatar.types import AudioChunk, Image, VideoFrame

logger = logging.getLogger(__name__)

Source: TypeAlias = "str | Path | bytes | PillowImage.Image | Image"
"""A built-in name, the path or the bytes of a picture or .avatar file, a Pillow picture, an RGB(A) array."""

_DATA = files("livekit_avatar") / "data"
_ZIP = b"PK\x03\x04"
_IMX = b"IMX\x00"


@dataclass(frozen=True, slots=True, eq=False)
class Avatar:
    """An avatar, loaded.

    Attributes:
        bundle: its data.
        engine: what draws it.
        face: as the engine has loaded it.
    """

    bundle: Bundle
    engine: Engine
    face: Face

    @property
    def name(self) -> str:
        """Its name."""
        return self.bundle.manifest.name

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of its video in pixels."""
        return self.face.size

    def render(
        self, audio: str | Path | bytes | AudioChunk | Iterable[AudioChunk], *, seed: int = 0
    ) -> Iterator[VideoFrame]:
        """Speak a whole recording: one frame each 40 ms, as fast as they are drawn.

        Args:
            audio: anything FFmpeg reads, as path or bytes; mono speech; or pieces of it, of one rate: each
                is taken when the frames of those before are drawn.
            seed: decides blinks, glances and sway; the same seed gives the same pictures.

        Raises:
            UnreadableAudioError: there is no sound in it.
            AudioFormatError: pieces of different rates.
        """
        if isinstance(audio, (str, Path, bytes)):
            audio = decode(audio)
        return self._speak([audio] if isinstance(audio, AudioChunk) else audio, seed)

    def _speak(self, pieces: Iterable[AudioChunk], seed: int) -> Iterator[VideoFrame]:
        feed = SpeechFeed(self.engine.perform(self.face, seed=seed))
        numbers = count()
        for piece in pieces:
            feed.push(piece.samples, piece.sample_rate)
            yield from self._frames(feed, numbers)
        feed.end_segment()
        yield from self._frames(feed, numbers)

    def _frames(self, feed: SpeechFeed, numbers: Iterator[int]) -> Iterator[VideoFrame]:
        """Frames of all speech that is in the feed."""
        while feed.speaking:
            heard = feed.pump()
            if heard:
                self.engine.hear([feed.performance])
            item = feed.next()
            if item is not None:
                image = self.engine.render([item.step])[0]
                yield VideoFrame(image, item.audio, next(numbers), item.segment, item.step.last)
            elif not heard:
                return


def builtin_names() -> list[str]:
    """Names of the avatars that come with the package."""
    return sorted(
        item.name.removesuffix(".avatar") for item in _DATA.iterdir() if item.name.endswith(".avatar")
    )


def open_avatar(source: Source, *, size: int | None = None, progress: Progress | None = None) -> Avatar:
    """Open an avatar, preparing it first if it is a picture.

    Args:
        source: a built-in name such as "ada", the path or the bytes of a picture or .avatar file, a Pillow
            picture, or an (H, W, 3 or 4) uint8 RGB(A) array.
        size: the longer side of the video in pixels, even, 128 to 1920; the avatar's own, or 512, if None.
        progress: called with the fraction done and the stage.

    Raises:
        PictureError: the picture cannot become a face; the message says why and what to do.
        BundleError: the .avatar file is broken.
        ForeignModelError: an .imx file.
        ModelNotFoundError: the picture needs the face model, which is not on this machine.
        AvatarNotFoundError: there is no such avatar.
    """
    check_size(size)
    bundle = _bundle(source, size, progress)
    manifest = bundle.manifest
    engine = engines.get(manifest.engine)
    if manifest.engine_version != engine.info.version:
        raise BundleError(
            f"{manifest.name!r} was prepared by version {manifest.engine_version} of engine"
            f" {manifest.engine!r}, and this is version {engine.info.version}",
            fix="Make it again from its picture.",
        )
    return Avatar(bundle, engine, engine.load(bundle, size=size))


def _bundle(source: Source, size: int | None, progress: Progress | None) -> Bundle:
    if isinstance(source, str) and source in builtin_names():
        with as_file(_DATA / f"{source}.avatar") as path:
            return read_bundle(path)
    if isinstance(source, (str, Path)):
        return _bundle_of_file(Path(source), size, progress)
    if isinstance(source, bytes) and source.startswith(_ZIP):
        return read_bundle(source)
    return prepare(read_picture(source), size=size, progress=progress)


def check_size(size: int | None) -> None:
    """Check the longer side of a video, in pixels.

    Raises:
        ConfigurationError: no video can have it.
    """
    if size is not None and not (128 <= size <= 1920 and size % 2 == 0):
        raise ConfigurationError(f"a size of {size} pixels", fix="Use an even number from 128 to 1920.")


def check_exists(source: str | Path) -> None:
    """Check that a name is that of a built-in avatar or of a file.

    Raises:
        AvatarNotFoundError: it is neither.
    """
    if source not in builtin_names() and not Path(source).exists():
        raise AvatarNotFoundError(
            f"no avatar {str(source)!r}",
            fix=f"Give a built-in name ({', '.join(builtin_names())}), a picture, or a .avatar file.",
        )


def _bundle_of_file(path: Path, size: int | None, progress: Progress | None) -> Bundle:
    check_exists(path)
    head = _beginning(path) if path.is_file() else b""
    if head == _ZIP:
        return read_bundle(path)
    if head == _IMX or path.suffix.lower() == ".imx":
        raise ForeignModelError(
            f"{path.name!r} is a model of bitHuman's, which only their own program draws",
            fix="Give the picture it was made of, or a .avatar file made of that.",
        )
    return prepare(read_picture(path), name=path.stem, size=size, progress=progress)


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4)


def prepare(
    picture: Image,
    *,
    name: str = "avatar",
    engine: str = "portrait",
    size: int | None = None,
    progress: Progress | None = None,
) -> Bundle:
    """Make an avatar's data from a picture.

    Args:
        picture: (H, W, 4) uint8 RGBA.
        name: its name.
        engine: what will draw it.
        size: the longer side of the video in pixels.
        progress: called with the fraction done and the stage.

    Raises:
        PictureError: the picture cannot become a face.
        ModelNotFoundError: the face model is not on this machine.
        ConfigurationError: a size that no video can have.
    """
    check_size(size)
    chosen = engines.get(engine)
    prepared = chosen.prepare(picture, size=size, progress=progress)
    for warning in prepared.warnings:
        logger.warning("%s: %s", name, warning)
    manifest = Manifest(
        engine=engine,
        engine_version=chosen.info.version,
        name=name,
        size=prepared.size,
        fps=chosen.info.fps,
        source_sha256=hashlib.sha256(np.ascontiguousarray(picture).tobytes()).hexdigest(),
        licence="",
        consent="",
        warnings=tuple(prepared.warnings),
    )
    return Bundle(manifest, prepared.members)
