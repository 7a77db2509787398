"""What a face looks like, as whoever draws it gets it: a name, a URL, a picture or a .avatar file."""

from __future__ import annotations

import base64
import binascii
import contextlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from PIL import Image as Pillow

from livekit_avatar.avatar import Avatar, Source
from livekit_avatar.avatars.bundle import encode_bundle
from livekit_avatar.avatars.catalogue import builtin_names
from livekit_avatar.errors import AvatarNotFoundError, UnreadablePictureError
from livekit_avatar.face.picture import MAX_BYTES, check_picture, read_picture
from livekit_avatar.guard import fetch_public
from livekit_avatar.types import Image

JPEG_QUALITY = 95

_FETCH_SECONDS = 10.0
_ZIP = b"PK\x03\x04"
_ORIENTATION = 0x0112  # of EXIF; 1 is upright
_SENT_AS_THEY_ARE = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
_ENDINGS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}
_SHOWN = 60  # characters of a refused string


@dataclass(frozen=True, slots=True)
class Url:
    """A picture on the web."""

    url: str


@dataclass(frozen=True, slots=True)
class Name:
    """An avatar that whoever draws it knows by name."""

    name: str


Raw: TypeAlias = "Url | Name | Path | bytes | Pillow.Image | Image | Avatar"
"""A source that has been recognised, and not yet been read."""


@dataclass(frozen=True, slots=True)
class File:
    """A picture or .avatar file, as it is sent.

    Attributes:
        data: its bytes.
        name: with the ending of its kind.
        content_type: such as image/jpeg.
    """

    data: bytes
    name: str
    content_type: str

    @property
    def base64(self) -> str:
        """The bytes as text."""
        return base64.b64encode(self.data).decode()


@dataclass(frozen=True, slots=True)
class Look:
    """What a face looks like, ready to be sent.

    Attributes:
        name: under which the host knows it.
        url: of a picture.
        picture: a picture, upright.
        bundle: a .avatar file.
    """

    name: str | None = None
    url: str | None = None
    picture: File | None = None
    bundle: File | None = None


def recognise(source: Avatar | Source, *, names: bool) -> Raw:
    """Tell what a source is, without reading it.

    Args:
        source: whatever says what a face looks like; a string is a data: URI, a URL, the path of a file, a
            picture in base64, or a name.
        names: whether a string that is nothing else is a name.

    Raises:
        AvatarNotFoundError: a string that is nothing of all that, such as a path with a slip.
    """
    if not isinstance(source, str):
        return source
    if source.startswith("data:"):
        return _data_uri(source)
    if source.startswith(("http://", "https://")):
        return Url(source)
    if names and source in builtin_names():
        return Name(source)
    if _is_file(source):
        return Path(source)
    picture = _base64_picture(source)
    if picture is not None:
        return picture
    if names and len(source) <= _SHOWN and Path(source).name == source and not Path(source).suffix:
        return Name(source)
    raise AvatarNotFoundError(
        f"there is no picture {_shortened(source)!r}",
        fix="Give the path of a file, an http(s) URL, a data: URI or a picture in base64.",
    )


def _data_uri(uri: str) -> bytes:
    head, comma, data = uri.partition(",")
    try:
        if comma and head.endswith(";base64"):
            return base64.b64decode("".join(data.split()), validate=True)
    except binascii.Error:
        pass
    raise UnreadablePictureError(
        f"{_shortened(uri)!r} is not a data: URI of a picture",
        fix="Write data:image/jpeg;base64, and the data.",
    )


def _is_file(path: str) -> bool:
    with contextlib.suppress(OSError, ValueError):  # too long for a path, or with a zero byte in it
        return Path(path).exists()
    return False


def _base64_picture(text: str) -> bytes | None:
    """The picture in a text, None if it holds none: a mistyped path may well be valid base64."""
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
        with Pillow.open(io.BytesIO(data)):
            return data
    except (binascii.Error, OSError, ValueError, Pillow.DecompressionBombError):
        return None


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


async def local_source(source: Avatar | Source) -> Avatar | Source:
    """A source as `open_avatar` takes it: what is not on this machine is fetched, what is coded is decoded.

    Raises:
        AddressError: a URL that cannot be fetched.
        UnreadablePictureError: a data: URI without a picture.
        AvatarNotFoundError: neither a name nor a file nor any of the above.
    """
    raw = recognise(source, names=True)
    if isinstance(raw, Url):
        return await fetch_public(raw.url, limit=MAX_BYTES, timeout=_FETCH_SECONDS)
    return raw.name if isinstance(raw, Name) else raw


def look(image: Raw | None, name: str | None = None) -> Look:
    """Read and encode what a face looks like; slow for a large picture.

    Args:
        image: what it looks like.
        name: a name that goes with it.

    Raises:
        PictureError: not a picture, or one beyond the limits.
        BundleError: not a .avatar file.
    """
    if image is None or isinstance(image, Name):
        return Look(name=image.name if image else name)
    if isinstance(image, Url):
        return Look(name=name, url=image.url)
    if isinstance(image, Avatar):
        return Look(name=name, bundle=_bundle_file(encode_bundle(image.bundle)))
    if isinstance(image, Path) and image.suffix == ".avatar":
        return Look(name=name, bundle=_bundle_file(image.read_bytes()))
    if isinstance(image, bytes) and image.startswith(_ZIP):
        return Look(name=name, bundle=_bundle_file(image))
    return Look(name=name, picture=_picture_file(image))


def _bundle_file(data: bytes) -> File:
    return File(data, "face.avatar", "application/zip")


def _picture_file(source: Path | bytes | Pillow.Image | Image) -> File:
    """A picture, upright, as JPEG; as PNG if some of it is transparent; as it is if it came so."""
    kind = _fit_to_send(source) if isinstance(source, bytes) else None
    if isinstance(source, bytes) and kind is not None:
        return _named(source, kind)
    image = read_picture(source)
    buffer = io.BytesIO()
    if image[..., 3].min() < 255:
        Pillow.fromarray(image).save(buffer, "PNG")
        return _named(buffer.getvalue(), "image/png")
    Pillow.fromarray(image[..., :3]).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return _named(buffer.getvalue(), "image/jpeg")


def _fit_to_send(data: bytes) -> str | None:
    """The content type of a picture that is upright and in a format that every host reads; or None."""
    try:
        check_picture(data, formats=_SENT_AS_THEY_ARE)
    except UnreadablePictureError:
        return None  # of another kind, or none at all
    with Pillow.open(io.BytesIO(data)) as picture:
        upright = picture.getexif().get(_ORIENTATION, 1) == 1
        return _SENT_AS_THEY_ARE[str(picture.format)] if upright else None


def _named(data: bytes, content_type: str) -> File:
    return File(data, f"avatar.{_ENDINGS[content_type]}", content_type)
