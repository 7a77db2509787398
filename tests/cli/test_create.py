"""`livekit-avatar create` as a user meets it: a picture becomes a file, or a name in the library."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from command import PROGRAM, run
from PIL import Image

from livekit_avatar.avatars.bundle import read_bundle
from livekit_avatar.avatars.store import Store
from livekit_avatar.settings import settings

PAINTINGS = ("donna_velata", "lady_agnew", "mona_lisa", "pearl_earring")


@pytest.fixture
def me(portraits: Path, face_model: Path, tmp_path: Path) -> Path:
    shutil.copy(portraits / "donna_velata.jpg", tmp_path / "me.jpg")
    return tmp_path


@pytest.mark.parametrize("name", PAINTINGS)
def test_every_painting_becomes_an_avatar(
    name: str, portraits: Path, face_model: Path, tmp_path: Path
) -> None:
    result = run("create", portraits / f"{name}.jpg", "-o", "a.avatar", "--json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["bytes"] == (tmp_path / "a.avatar").stat().st_size <= 4_000_000
    assert (told["name"], told["engine"], max(told["size"])) == (name, "portrait", 512)
    assert read_bundle(tmp_path / "a.avatar").manifest.name == name
    assert [path.name for path in tmp_path.iterdir()] == ["a.avatar"], "nothing is left aside"


def test_without_a_file_it_goes_into_the_library_by_name(me: Path) -> None:
    wishes = ["--name", "Me and You", "--licence", "CC-BY-4.0", "--consent", "It is me", "--size", "256"]
    result = run("create", "me.jpg", *wishes, cwd=me)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("In the library as me-and-you: 144x256")
    manifest = read_bundle(Store().find("me-and-you")).manifest
    assert (manifest.name, manifest.licence, manifest.consent) == ("Me and You", "CC-BY-4.0", "It is me")


def test_a_name_of_the_library_is_replaced_only_on_request(me: Path) -> None:
    assert run("create", "me.jpg", "--size", "256", cwd=me).returncode == 0
    again = run("create", "me.jpg", "--size", "320", cwd=me)
    assert again.returncode == 2
    assert "has an avatar 'me'" in again.stderr and "--replace" in again.stderr
    assert run("create", "me.jpg", "--size", "320", "--replace", cwd=me).returncode == 0
    assert max(read_bundle(Store().find("me")).manifest.size) == 320


def test_the_preview_shows_visemes_a_blink_and_moods(me: Path) -> None:
    result = run("create", "me.jpg", "-o", "me.avatar", "--preview", "sheet.png", cwd=me)
    assert result.returncode == 0, result.stderr
    with Image.open(me / "sheet.png") as sheet:
        pixels = np.asarray(sheet.convert("RGB")).astype(int)
    tiles = [
        [pixels[4 + y : 244 + y, 4 + x : 244 + x] for x in range(0, 1464, 244)] for y in range(0, 1064, 266)
    ]
    rest, others = tiles[0][1], [tile for row in tiles for tile in row][2:]
    assert len(others) == 22
    assert all(np.abs(tile - rest).max() > 30 for tile in others), "every tile shows another face"


def test_a_warning_about_the_picture_is_shown(portraits: Path, face_model: Path, tmp_path: Path) -> None:
    result = run("create", portraits / "lady_agnew.jpg", "-o", "a.avatar", "--json", cwd=tmp_path)
    told = json.loads(result.stdout)
    assert any("Crop" in warning for warning in told["warnings"])
    assert all(warning in result.stderr for warning in told["warnings"])


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["none.jpg"], "does not exist"),
        (["clip.mp4"], "not a film that can be decoded"),
        (["face.imx"], "bitHuman"),
        (["text.jpg"], "not a picture"),
        (["grey.png"], "face"),
        (["grey.png", "-o", "me.png"], "does not end in .avatar"),
        (["grey.png", "-o", "none/me.avatar"], "no folder"),
        (["grey.png", "--preview", "sheet.jpg"], "does not end in .png"),
        (["grey.png", "--size", "333"], "333"),
        (["grey.png", "--engine", "none"], "no engine named 'none'"),
        (["grey.png", "--name", "ada"], "built-in"),
        (["grey.png", "--name", "???"], "cannot be a name"),
        (["grey.png", "--name", "a\nb"], "one line"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    arguments: list[str], problem: str, face_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"\0\0\0\x20ftypisom" + bytes(100))
    (tmp_path / "face.imx").write_bytes(b"IMX\0" + bytes(100))
    (tmp_path / "text.jpg").write_text("hello")
    Image.new("RGB", (256, 256), "grey").save(tmp_path / "grey.png")
    before = sorted(tmp_path.iterdir())
    result = run("create", *arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
    assert problem in result.stderr
    assert sorted(tmp_path.iterdir()) == before


def test_ctrl_c_leaves_nothing_behind(me: Path) -> None:
    with Image.open(me / "me.jpg") as picture:
        picture.resize((3000, 5000)).save(me / "large.jpg")
    before = sorted(me.iterdir())
    command = [*PROGRAM, "create", "large.jpg", "-o", "me.avatar", "--size", "1920", "--preview", "sheet.png"]
    process = subprocess.Popen(command, cwd=me, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    library = settings().home / "avatars"
    deadline = time.monotonic() + 60
    while not list(library.glob("locks/*")) and time.monotonic() < deadline:
        time.sleep(0.005)  # it is at work once it holds the lock of this picture
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in errors
    assert sorted(me.iterdir()) == before
    assert not list(library.glob("content/*")) and not list(library.glob("prepared/*"))
