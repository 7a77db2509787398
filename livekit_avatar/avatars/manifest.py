"""What an avatar says about itself: `manifest.json`, the first member of a .avatar file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from livekit_avatar.errors import BundleError

MANIFEST: Final = "manifest.json"

FORMAT_VERSION: Final = 1
"""Raised by any change that an older reader would misread."""

_LONGEST = 1 << 20
"""Bytes of the longest manifest: far above what the limits on names and texts add up to."""

_Text = Annotated[str, Field(max_length=2000, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""One line without control characters, because it will be shown in terminals and logs."""

_Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Side = Annotated[int, Field(ge=2, le=8192, multiple_of=2)]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an avatar is, and whose.

    Attributes:
        engine: name of the engine that prepared it and can load it.
        engine_version: that engine's version, a positive number.
        name: for people; one line.
        size: (width, height) of its video in pixels, both even.
        fps: pictures a second.
        source_sha256: of the picture or video it was made from, 64 hexadecimal digits; "" if it was drawn.
        licence: of the likeness and the source, an SPDX identifier or a sentence; "" if unknown.
        consent: who agreed to be animated, and how that is known; "" if not recorded.
        warnings: what looks worse than it could, each with what to do about it.
    """

    engine: str
    engine_version: int
    name: str
    size: tuple[int, int]
    fps: int
    source_sha256: str = ""
    licence: str = ""
    consent: str = ""
    warnings: tuple[str, ...] = ()


class Entry(BaseModel):
    """What the manifest says about one member."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    sha256: _Sha256
    length: int = Field(ge=0)

    @classmethod
    def of(cls, data: bytes) -> Entry:
        """The entry of these bytes."""
        return cls(sha256=sha256(data).hexdigest(), length=len(data))


class _Document(BaseModel):
    """The JSON object, field by field as docs/avatar-format.md has it."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    format: int
    engine: _Identifier
    engine_version: int = Field(ge=1, le=1_000_000)
    name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
    size: tuple[_Side, _Side]
    fps: int = Field(ge=1, le=120)
    source_sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]
    licence: _Text
    consent: _Text
    warnings: Annotated[tuple[_Text, ...], Field(max_length=50)]
    members: dict[str, Entry]

    def manifest(self) -> Manifest:
        return Manifest(**self.model_dump(exclude={"format", "members"}))


class _Version(BaseModel):
    """The only field that every format version has."""

    format: int


def encode_manifest(manifest: Manifest, members: Mapping[str, bytes]) -> bytes:
    """`manifest.json` for these members: sorted, indented, UTF-8.

    Raises:
        BundleError: a field breaks its rule.
    """
    entries = {name: Entry.of(data) for name, data in members.items()}
    try:
        document = _Document(format=FORMAT_VERSION, **asdict(manifest), members=entries)
        text = json.dumps(document.model_dump(mode="json"), indent=1, sort_keys=True, ensure_ascii=False)
        return text.encode()
    except (ValidationError, UnicodeEncodeError) as error:
        raise BundleError(
            f"has a manifest that breaks a rule ({_first(error)})",
            fix="Change that field and write it again.",
        ) from error


def decode_manifest(data: bytes) -> tuple[Manifest, Mapping[str, Entry]]:
    """The manifest, and member name -> hash and length.

    Raises:
        BundleError: too long, not JSON, of a newer format, or a field breaks its rule.
    """
    check_length(len(data))
    try:
        version = _Version.model_validate_json(data, strict=True).format
        if version > FORMAT_VERSION:
            raise BundleError(
                f"has format {version} and this program reads up to {FORMAT_VERSION}",
                fix="Update livekit-avatar: pip install --upgrade livekit-avatar.",
            )
        document = _Document.model_validate_json(data)
    except ValidationError as error:
        raise BundleError(
            f"has a manifest that breaks a rule ({_first(error)})", fix="Prepare the avatar again."
        ) from error
    if version < 1:
        raise BundleError(f"has format {version}, which never existed", fix="Prepare the avatar again.")
    return document.manifest(), document.members


def check_length(length: int) -> None:
    """A manifest of so many bytes is not too long, or BundleError."""
    if length > _LONGEST:
        raise BundleError("has a manifest of more than 1 MiB", fix="Prepare the avatar again.")


def _first(error: ValidationError | UnicodeEncodeError) -> str:
    """The first complaint, on one line."""
    if isinstance(error, UnicodeEncodeError):
        return "a text is not Unicode"
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "manifest"
    return ascii(f"{place}: {first['msg']}")[1:-1][:200]
