"""Make an avatar of a picture or a clip, or take it from the library if it was made before."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from livekit_avatar import engines
from livekit_avatar.avatars.bundle import FORMAT_VERSION, Bundle, Manifest, read_bundle
from livekit_avatar.avatars.store import Store
from livekit_avatar.engines.base import Cancel, EngineInfo, Filmer, Prepared, Progress
from livekit_avatar.errors import ConfigurationError, ForeignModelError, StoreError, UnreadableClipError
from livekit_avatar.face.picture import is_film, label_of, load_picture, read_picture
from livekit_avatar.types import Image

logger = logging.getLogger(__name__)

_MAGIC_BYTES = 12
"""By which kinds of files are told from one another."""

_IMX_MAGIC = b"IMX\x00"


def create(
    source: Path | bytes | PillowImage.Image | Image,
    *,
    name: str | None = None,
    engine: str = "portrait",
    size: int | None = None,
    licence: str = "",
    consent: str = "",
    progress: Progress | None = None,
    cancel: Cancel | None = None,
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
        cancel: asked again and again; True stops the work.

    Raises:
        PictureError: the picture cannot become a face.
        ClipError: the film cannot.
        PreparationCancelledError: `cancel` said so.
        ModelNotFoundError: the face model is not on this machine.
        ConfigurationError: a size that no video can have, or a film for an engine that takes none.
        EngineNotFoundError: no engine of that name is installed.
        ForeignModelError: an .imx file.
    """
    check_size(size)
    clip = source if isinstance(source, Path) and is_film(beginning_of(source)) else None
    label, picture = (f"The clip {clip.name!r}", b"") if clip else _picture(source)
    digest = _digest_of_file(clip) if clip else _digest(picture)

    def make() -> Bundle:
        if clip:
            return prepare_clip(
                clip, engine=engine, size=size, source_sha256=digest, progress=progress, cancel=cancel
            )
        pixels = read_picture(picture, label=label)
        return prepare(
            pixels, engine=engine, size=size, source_sha256=digest, progress=progress, cancel=cancel
        )

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
    cancel: Cancel | None = None,
) -> Bundle:
    """Make an avatar's data from a picture, whatever the library has.

    Args:
        picture: (H, W, 4) uint8 RGBA.
        name: its name.
        engine: what will draw it.
        size: the longer side of the video in pixels.
        source_sha256: of the file that the picture came from; of its pixels if None.
        progress: called with the fraction done and the stage.
        cancel: asked between the stages; True stops the work.

    Raises:
        PictureError: the picture cannot become a face.
        ModelNotFoundError: the face model is not on this machine.
        ConfigurationError: a size that no video can have.
        PreparationCancelledError: `cancel` said so.
    """
    check_size(size)
    chosen = engines.get(engine)
    prepared = chosen.prepare(picture, size=size, progress=progress, cancel=cancel)
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


def check_size(size: int | None) -> None:
    """Check the longer side of a video, in pixels.

    Raises:
        ConfigurationError: no video can have it.
    """
    if size is not None and not (128 <= size <= 1920 and size % 2 == 0):
        raise ConfigurationError(f"a size of {size} pixels", fix="Use an even number from 128 to 1920.")


def beginning_of(path: Path) -> bytes:
    """The first bytes of a file; none if it cannot be read: whoever reads all of it says what is wrong."""
    try:
        with path.open("rb") as file:
            return file.read(_MAGIC_BYTES)
    except OSError:
        return b""


def _check_is_ours(path: Path) -> None:
    if beginning_of(path).startswith(_IMX_MAGIC) or path.suffix.lower() == ".imx":
        raise ForeignModelError(
            f"{path.name!r} is a model of bitHuman's, which only their own program draws",
            fix="Give the picture it was made of, or a .avatar file made of that.",
        )
