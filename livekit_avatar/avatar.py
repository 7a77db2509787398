"""Open an avatar and let it speak: the offline two-liner.

avatar = livekit_avatar.open("ada")
for frame in avatar.render("speech.wav"): ...
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TypeAlias

from PIL import Image as PillowImage

from livekit_avatar import engines
from livekit_avatar.audio.decode import decode
from livekit_avatar.avatars.bundle import Bundle, read_bundle
from livekit_avatar.avatars.catalogue import check_exists, named
from livekit_avatar.creation import beginning_of, check_size, create
from livekit_avatar.engines.base import Engine, Face, Performance, Progress, Styled
from livekit_avatar.engines.feed import SpeechFeed
from livekit_avatar.errors import BundleError, ConfigurationError
from livekit_avatar.types import PLAIN, AudioChunk, Image, Style, VideoFrame

Source: TypeAlias = "str | Path | bytes | PillowImage.Image | Image"
"""A built-in or library name, the path or the bytes of a picture or .avatar file, a Pillow picture, an RGB(A)
array."""

_ZIP_MAGIC = b"PK\x03\x04"


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
    if isinstance(source, bytes) and source.startswith(_ZIP_MAGIC):
        return read_bundle(source)
    return create(source, size=size, progress=progress)


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
    if beginning_of(path).startswith(_ZIP_MAGIC) or path.suffix.lower() == ".avatar":
        return read_bundle(path)
    return create(path, size=size, progress=progress)
