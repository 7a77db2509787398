"""Opening an avatar: whatever names it, prepared once, the same face."""

from __future__ import annotations

import io
import logging
import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from livekit_avatar.avatar import open_avatar
from livekit_avatar.avatars.bundle import Bundle, encode_bundle, read_bundle, write_bundle
from livekit_avatar.avatars.catalogue import check_exists
from livekit_avatar.avatars.store import Store
from livekit_avatar.creation import create
from livekit_avatar.errors import (
    AvatarNotFoundError,
    PictureTooLargeError,
    UnreadableClipError,
    UnreadablePictureError,
)
from livekit_avatar.face.picture import read_picture
from livekit_avatar.settings import settings

ROOT = Path(__file__).parents[1]


class Told(list[str]):
    """The stages that a preparation told of; none if there was no preparation."""

    def __call__(self, done: float, stage: str) -> None:
        assert 0 <= done <= 1
        self.append(stage)


@pytest.fixture
def ada() -> Bundle:
    """A built-in avatar."""
    return read_bundle(ROOT / "livekit_avatar" / "data" / "ada.avatar")


@pytest.fixture
def photo(portraits: Path, face_model: Path, tmp_path: Path) -> Path:
    """A small picture of a face."""
    path = tmp_path / "me.jpg"
    with Pillow.open(portraits / "donna_velata.jpg") as picture:
        picture.resize((256, round(256 * picture.height / picture.width))).save(path)
    return path


def test_a_picture_is_prepared_when_it_is_opened_and_never_again(photo: Path) -> None:
    first, second = Told(), Told()
    one, two = (create(photo, size=256, progress=told) for told in (first, second))
    assert first and not second
    assert encode_bundle(one) == encode_bundle(two)
    assert one.manifest.name == "me"
    assert one.manifest.source_sha256 == sha256(photo.read_bytes()).hexdigest()


def test_another_size_or_another_picture_is_prepared(photo: Path) -> None:
    create(photo, size=256)
    larger, mirrored = Told(), Told()
    assert max(create(photo, size=320, progress=larger).manifest.size) == 320
    create(read_picture(photo)[:, ::-1], size=256, progress=mirrored)
    assert larger and mirrored


def test_a_picture_is_known_under_any_name_and_as_bytes(photo: Path) -> None:
    create(photo, size=256)
    moved, told = photo.with_name("my twin.jpg"), Told()
    shutil.copy(photo, moved)
    assert create(moved, size=256, progress=told).manifest.name == "my twin"
    create(photo.read_bytes(), size=256, progress=told)
    avatar = open_avatar(str(photo), size=256, progress=told)
    assert (avatar.name, max(avatar.size), told) == ("me", 256, [])


def test_licence_and_consent_are_written_down_and_not_remembered_for_others(photo: Path) -> None:
    mine = create(photo, size=256, name="Me", licence="CC-BY-4.0", consent="I did").manifest
    assert (mine.name, mine.licence, mine.consent) == ("Me", "CC-BY-4.0", "I did")
    assert create(photo, size=256).manifest == replace(mine, name="me", licence="", consent="")


def test_a_name_in_the_library_opens_that_avatar(ada: Bundle) -> None:
    Store().add(replace(ada, manifest=replace(ada.manifest, name="Twin")), "twin")
    check_exists("twin")
    assert open_avatar("twin").name == "Twin"


def test_a_built_in_name_is_never_taken_over(ada: Bundle) -> None:
    Store().add(replace(ada, manifest=replace(ada.manifest, name="Eve")), "ada")
    assert open_avatar("ada").name == ada.manifest.name


def test_an_unknown_name_is_answered_with_those_there_are(ada: Bundle) -> None:
    Store().add(ada, "twin")
    with pytest.raises(AvatarNotFoundError, match=r"no avatar 'eve'.*ada, .*zib, twin"):
        open_avatar("eve")


def test_a_library_that_cannot_be_used_is_no_reason_to_have_no_face(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("LIVEKIT_AVATAR_HOME", str(tmp_path / "file"))
    settings.cache_clear()
    assert open_avatar(photo, size=256).name == "me"
    assert "LIVEKIT_AVATAR_HOME" in caplog.text


def test_what_looks_worse_than_it_could_is_logged_each_time(
    photo: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        caplog.clear()
        with caplog.at_level(logging.WARNING, "livekit_avatar.creation"):
            warnings = create(photo, size=128).manifest.warnings
        assert warnings
        assert all(warning in caplog.text for warning in warnings)


@pytest.mark.parametrize(
    "beginning", [b"\0\0\0\x20ftypisom", b"\0\0\0\x14ftypqt  ", b"\x1a\x45\xdf\xa3", b"RIFF\0\0\0\0AVI LIST"]
)
def test_a_broken_film_is_refused_as_a_film(beginning: bytes, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(beginning.ljust(64, b"\0"))
    with pytest.raises(UnreadableClipError, match=r"'clip\.mp4' is not a film that can be decoded"):
        open_avatar(tmp_path / "clip.mp4")


def test_the_bytes_of_a_film_are_refused_with_the_way_to_a_picture() -> None:
    with pytest.raises(UnreadablePictureError, match=r"is a film.*Save one frame"):
        open_avatar(b"\0\0\0\x20ftypisom" + bytes(64))


def test_a_picture_that_is_too_large_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "me.jpg").write_bytes(bytes(33 << 20))
    with pytest.raises(PictureTooLargeError, match=r"me\.jpg"):
        create(tmp_path / "me.jpg")


def test_a_file_is_an_avatar_by_what_it_holds_whatever_its_name(ada: Bundle, tmp_path: Path) -> None:
    write_bundle(tmp_path / "ada.png", ada)
    assert open_avatar(tmp_path / "ada.png").name == ada.manifest.name
    assert open_avatar((tmp_path / "ada.png").read_bytes()).name == ada.manifest.name


def test_every_kind_of_picture_is_taken(photo: Path) -> None:
    pixels = read_picture(photo)
    png = io.BytesIO()
    Pillow.fromarray(pixels).save(png, "PNG")
    for source in (png.getvalue(), Pillow.fromarray(pixels), pixels, np.ascontiguousarray(pixels[..., :3])):
        assert create(source, size=128).manifest.engine == "portrait"
