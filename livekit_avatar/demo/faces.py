"""The faces that a visitor may choose from, each with a small picture of itself."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image as PillowImage

from livekit_avatar.avatar import Avatar, open_avatar
from livekit_avatar.avatars.catalogue import check_exists
from livekit_avatar.types import Image

THUMBNAIL = 128
"""Side of the small picture in pixels; the page shows it at less than half of that."""

_GROUND = (25, 27, 32, 255)
"""The page's colour behind a face that is cut out."""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """A face that can be chosen.

    Attributes:
        name: as a visitor reads it.
        avatar: the face.
        picture: a small square JPEG of it.
    """

    name: str
    avatar: Avatar
    picture: bytes


def open_faces(sources: Sequence[str], *, progress: Progress = lambda told: None) -> tuple[Choice, ...]:
    """Opens faces, which takes seconds for a picture.

    Args:
        sources: built-in names, pictures or .avatar files.
        progress: told in a sentence which one is being opened, if there is more than one.

    Raises:
        AvatarError: one of them cannot be opened; none is opened if one does not exist.
    """
    for source in sources:
        check_exists(source)
    choices = []
    for source in sources:
        if len(sources) > 1:
            progress(f"Opening {source}.")
        choices.append(choice(open_avatar(source)))
    return tuple(choices)


def choice(avatar: Avatar) -> Choice:
    """An opened avatar with its name and its picture at rest."""
    name = avatar.name.replace("_", " ").strip()
    step = avatar.engine.perform(avatar.face).idle()
    return Choice(name[:1].upper() + name[1:], avatar, thumbnail(avatar.engine.render([step])[0]))


def thumbnail(image: Image) -> bytes:
    """A small square JPEG of (H, W, 4) uint8 RGBA; of a tall picture its upper part, where the face is."""
    picture = PillowImage.fromarray(image)
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 4
    square = picture.resize((THUMBNAIL, THUMBNAIL), box=(left, top, left + side, top + side))
    ground = PillowImage.new("RGBA", square.size, _GROUND)
    ground.alpha_composite(square)
    file = io.BytesIO()
    ground.convert("RGB").save(file, "JPEG", quality=85)
    return file.getvalue()
