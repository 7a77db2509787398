"""Open an avatar and let it speak: the offline two-liner.

avatar = livekit_avatar.open("ada")
for frame in avatar.render("speech.wav"): ...
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import TypeAlias

import numpy as np
from PIL import Image as PillowImage

from livekit_avatar import engines
from livekit_avatar.audio.decode import decode
from livekit_avatar.avatars.bundle import FORMAT_VERSION, Bundle, Manifest, read_bundle
from livekit_avatar.avatars.catalogue import builtin_names, check_exists, named
from livekit_avatar.avatars.store import Store
from livekit_avatar.engines.base import (
    Cancel,
    Engine,
    EngineInfo,
    Face,
    Filmer,
    Performance,
    Prepared,
    Progress,
    Styled,
)
from livekit_avatar.engines.feed import SpeechFeed
from livekit_avatar.errors import (
    BundleError,
    ConfigurationError,
    ForeignModelError,
    StoreError,
    UnreadableClipError,
)
from livekit_avatar.face.picture import is_film, label_of, load_picture, read_picture
from livekit_avatar.types import PLAIN, AudioChunk, Image, Style, VideoFrame

__all__ = [
    "Avatar",
    "Source",
    "builtin_names",
    "check_exists",
    "check_size",
    "check_style",
    "create",
    "open_avatar",
    "open_bundle",
    "perform",
    "prepare",
]

logger = logging.getLogger(__name__)

Source: TypeAlias = "str | Path | bytes | PillowImage.Image | Image"
"""A built-in or library name, the path or the bytes of a picture or .avatar file, a Pillow picture, an RGB(A)
array."""

_MAGIC = 12
"""Bytes by which kinds of files are told from one another."""

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
        self,
        audio: str | Path | bytes | AudioChunk | Iterable[AudioChunk],
        *,
        seed: int = 0,
        style: Style = PLAIN,
    ) -> Iterator[VideoFrame]:
        """Speak a whole recording: one frame each 40 ms, as fast as they are drawn.

        Args:
            audio: anything FFmpeg reads, as path or bytes; mono speech; or pieces of it, of one rate: each
                is taken when the frames of those before are drawn.
            seed: decides blinks, glances and sway; the same seed gives the same pictures.
            style: how it speaks, where the engine knows styles.

        Raises:
            UnreadableAudioError: there is no sound in it.
            AudioFormatError: pieces of different rates.
            ConfigurationError: no face can speak in that style.
        """
        performance = perform(self.engine, self.face, seed=seed, style=style)
        if isinstance(audio, (str, Path, bytes)):
            audio = decode(audio)
        return self._speak([audio] if isinstance(audio, AudioChunk) else audio, performance)

    def _speak(self, pieces: Iterable[AudioChunk], performance: Performance) -> Iterator[VideoFrame]:
        feed = SpeechFeed(performance)
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
                yield VideoFrame(
                    image,
                    item.audio,
                    next(numbers),
                    item.segment,
                    item.step.last,
                    start=item.start,
                    mouth=item.step.mouth,
                )
            elif not heard:
                return


def open_avatar(source: Source, *, size: int | None = None, progress: Progress | None = None) -> Avatar:
    """Open an avatar, preparing it first if it is a picture.

    Args:
        source: a built-in name such as "ada", a name in the library, the path or the bytes of a picture or
            .avatar file, a Pillow picture, or an (H, W, 3 or 4) uint8 RGB(A) array.
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
    return open_bundle(_bundle(source, size, progress), size=size)


def open_bundle(bundle: Bundle, *, size: int | None = None) -> Avatar:
    """Load what `create` or `read_bundle` gave.

    Raises:
        BundleError: it was prepared by another version of its engine.
        EngineNotFoundError: its engine is not installed.
    """
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
    if isinstance(source, str) and (file := named(source)):
        return read_bundle(file)
    if isinstance(source, (str, Path)):
        return _bundle_of_file(Path(source), size, progress)
    if isinstance(source, bytes) and source.startswith(_ZIP):
        return read_bundle(source)
    return create(source, size=size, progress=progress)


def check_size(size: int | None) -> None:
    """Check the longer side of a video, in pixels.

    Raises:
        ConfigurationError: no video can have it.
    """
    if size is not None and not (128 <= size <= 1920 and size % 2 == 0):
        raise ConfigurationError(f"a size of {size} pixels", fix="Use an even number from 128 to 1920.")


def perform(engine: Engine, face: Face, *, seed: int, style: Style) -> Performance:
    """Begin a performance in a style; an engine that knows no styles has its own.

    Raises:
        ConfigurationError: no face can speak in that style.
    """
    check_style(style)
    performance = engine.perform(face, seed=seed)
    if isinstance(performance, Styled):
        performance.set_style(style)
    return performance


def check_style(style: Style) -> None:
    """Check the numbers of a style.

    Raises:
        ConfigurationError: one is out of its range.
    """
    limits = {"intensity": (style.intensity, 2.0), "smoothing": (style.smoothing, 0.8)}
    for name, (value, most) in limits.items():
        if not 0 <= value <= most:
            raise ConfigurationError(f"{name} {value} is out of range", fix=f"Use 0 to {most:g}.")


def _bundle_of_file(path: Path, size: int | None, progress: Progress | None) -> Bundle:
    check_exists(path)
    if _beginning(path).startswith(_ZIP) or path.suffix.lower() == ".avatar":
        return read_bundle(path)
    return create(path, size=size, progress=progress)


def _beginning(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MAGIC)
    except OSError:  # whoever reads all of it says what is wrong
        return b""


def _check_is_ours(path: Path) -> None:
    if _beginning(path).startswith(_IMX) or path.suffix.lower() == ".imx":
        raise ForeignModelError(
            f"{path.name!r} is a model of bitHuman's, which only their own program draws",
            fix="Give the picture it was made of, or a .avatar file made of that.",
        )


def create(
    source: Path | bytes | PillowImage.Image | Image,
    *,
    name: str | None = None,
    engine: str = "portrait",
    size: int | None = None,
    licence: str = "",
    consent: str = "",
    progress: Progress | None = None,
) -> Bundle:
    """Make an avatar of a picture or a clip; one that was made before, of this size, is in the library.

    Args:
        source: the file or the bytes of a picture, a Pillow picture, an (H, W, 3 or 4) uint8 array, or the
            file of a film of a person who talks.
        name: its name for people; that of the file if None.
        engine: what will draw it.
        size: the longer side of the video in pixels.
        licence: of the likeness and the picture.
        consent: who agreed to be animated, and how that is known.
        progress: called with the fraction done and the stage.

    Raises:
        PictureError: the picture cannot become a face.
        ClipError: the film cannot.
        ModelNotFoundError: the face model is not on this machine.
        ConfigurationError: a size that no video can have, or a film for an engine that takes none.
        EngineNotFoundError: no engine of that name is installed.
        ForeignModelError: an .imx file.
    """
    check_size(size)
    clip = source if isinstance(source, Path) and is_film(_beginning(source)) else None
    label, picture = (f"The clip {clip.name!r}", b"") if clip else _picture(source)
    digest = _digest_of_file(clip) if clip else _digest(picture)

    def make() -> Bundle:
        if clip:
            return prepare_clip(clip, engine=engine, size=size, source_sha256=digest, progress=progress)
        pixels = read_picture(picture, label=label)
        return prepare(pixels, engine=engine, size=size, source_sha256=digest, progress=progress)

    shape = "" if isinstance(picture, bytes) else picture.shape
    version = engines.get(engine).info.version
    bundle = _from_library(f"{FORMAT_VERSION} {engine} {version} {size} {digest} {shape}", make)
    for warning in bundle.manifest.warnings:
        logger.warning("%s: %s", label, warning)
    title = name or (_title(source) if isinstance(source, Path) else bundle.manifest.name)
    return replace(bundle, manifest=replace(bundle.manifest, name=title, licence=licence, consent=consent))


def _picture(
    source: Path | bytes | PillowImage.Image | Image,
) -> tuple[str, bytes | Image]:
    """How errors name a picture, and its bytes or its pixels."""
    if isinstance(source, Path):
        _check_is_ours(source)
        return label_of(source), load_picture(source)
    return "The picture", source if isinstance(source, bytes) else read_picture(source)


def _from_library(key: str, make: Callable[[], Bundle]) -> Bundle:
    """What was made before, or is made now; a library that cannot be used is no reason to have no face."""
    try:
        return read_bundle(Store().prepared(key, make))
    except StoreError as error:
        logger.warning("%s", error)
        return make()


def _digest(picture: bytes | Image) -> str:
    """The sha256 of a file, or of pixels."""
    data = picture if isinstance(picture, bytes) else np.ascontiguousarray(picture).data
    return sha256(data).hexdigest()


def _digest_of_file(path: Path) -> str:
    """The sha256 of a file that may be too long for memory."""
    digest = sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
    except OSError as error:
        raise UnreadableClipError(
            f"The clip {path.name!r} cannot be read ({error.strerror})", fix="Check the path."
        ) from error
    return digest.hexdigest()


def _title(path: Path) -> str:
    """A name for people from that of a file."""
    return "".join(letter for letter in path.stem if letter.isprintable())[:200].strip() or "avatar"


def prepare(
    picture: Image,
    *,
    name: str = "avatar",
    engine: str = "portrait",
    size: int | None = None,
    source_sha256: str | None = None,
    progress: Progress | None = None,
) -> Bundle:
    """Make an avatar's data from a picture, whatever the library has.

    Args:
        picture: (H, W, 4) uint8 RGBA.
        name: its name.
        engine: what will draw it.
        size: the longer side of the video in pixels.
        source_sha256: of the file that the picture came from; of its pixels if None.
        progress: called with the fraction done and the stage.

    Raises:
        PictureError: the picture cannot become a face.
        ModelNotFoundError: the face model is not on this machine.
        ConfigurationError: a size that no video can have.
    """
    check_size(size)
    chosen = engines.get(engine)
    prepared = chosen.prepare(picture, size=size, progress=progress)
    return _written(prepared, chosen.info, name, source_sha256 or _digest(picture))


def prepare_clip(
    path: Path,
    *,
    name: str = "avatar",
    engine: str = "portrait",
    size: int | None = None,
    source_sha256: str | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Bundle:
    """Make an avatar's data from a film of a person who talks, whatever the library has.

    Args:
        path: of the film's file, 5 s to 10 minutes.
        name: its name.
        engine: what will draw it.
        size: the longer side of the video in pixels.
        source_sha256: of the file.
        progress: called with the fraction done and the stage.
        cancel: asked again and again; True stops the work.

    Raises:
        ClipError: the film cannot become a face.
        PictureError: its face cannot.
        ModelNotFoundError: the face model is not on this machine.
        ConfigurationError: a size that no video can have, or an engine that takes no film.
        PreparationCancelledError: `cancel` said so.
    """
    check_size(size)
    chosen = engines.get(engine)
    if not isinstance(chosen, Filmer):
        raise ConfigurationError(f"engine {engine!r} takes no film", fix="Give it a picture.")
    prepared = chosen.prepare_clip(path, size=size, progress=progress, cancel=cancel)
    return _written(prepared, chosen.info, name, source_sha256 or _digest_of_file(path))


def _written(prepared: Prepared, info: EngineInfo, name: str, source_sha256: str) -> Bundle:
    manifest = Manifest(
        engine=info.name,
        engine_version=info.version,
        name=name,
        size=prepared.size,
        fps=info.fps,
        source_sha256=source_sha256,
        warnings=tuple(prepared.warnings),
    )
    return Bundle(manifest, prepared.members)
