"""Models are found in the folders the settings name, verified, and fetched only when asked."""

from __future__ import annotations

import os
import re
from hashlib import sha256
from pathlib import Path

import pytest

from livekit_avatar import models
from livekit_avatar.errors import DownloadError, ModelCorruptError, ModelNotFoundError
from livekit_avatar.fetch import Patience, Progress, Source
from livekit_avatar.models import Model, ModelFile
from livekit_avatar.settings import settings

CONTENT = {"a.onnx": b"first", "b.onnx": b"second"}


def _model(name: str, *files: str) -> Model:
    listed = tuple(
        ModelFile(
            name=file,
            urls=(f"https://models.invalid/{file}",),
            sha256=sha256(CONTENT[file]).hexdigest(),
            size=len(CONTENT[file]),
        )
        for file in files
    )
    return Model(name=name, purpose="Tests.", publisher="us", licence="MIT", licence_url="x", files=listed)


@pytest.fixture
def invented(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two models: "one" of one file, "pair" of two."""
    both = [_model("one", "a.onnx"), _model("pair", "a.onnx", "b.onnx")]
    monkeypatch.setattr(models, "available", lambda: both)


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Two folders that LIVEKIT_AVATAR_MODELS_DIR names."""
    first, second = tmp_path / "first", tmp_path / "second"
    monkeypatch.setenv("LIVEKIT_AVATAR_MODELS_DIR", f"{first}{os.pathsep}{second}")
    settings.cache_clear()
    return first, second


def put(folder: Path, *files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        (folder / file).write_bytes(CONTENT[file])
    return folder


class Web:
    """Stands for `fetch`: writes what the publisher would send, and remembers what was asked."""

    def __init__(self) -> None:
        self.fetched: list[str] = []

    def fetch(
        self,
        source: Source,
        path: Path,
        *,
        progress: Progress | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.fetched.append(path.name)
        path.write_bytes(CONTENT[path.name])


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Web:
    web = Web()
    monkeypatch.setattr(models, "fetch", web.fetch)
    return web


def test_every_manifest_of_the_package_is_complete() -> None:
    shipped = models.available()
    assert "face-landmarker" in [model.name for model in shipped]
    for model in shipped:
        assert model.files and model.purpose.endswith(".") and model.licence
        assert model.licence_url.startswith("https://")
        for file in model.files:
            assert file.size > 0 and file.urls
            assert all(re.match(r"https://[^/]+/.+", url) for url in file.urls)


def test_the_face_model_is_the_published_one(face_model: Path) -> None:
    assert models.verify("face-landmarker") == face_model
    assert face_model.stat().st_size == models.manifest("face-landmarker").size


def test_a_model_that_is_nowhere_says_how_to_fetch_it() -> None:
    with pytest.raises(ModelNotFoundError, match=r"3\.8 MB.*livekit-avatar models download face-landmarker"):
        models.find("face-landmarker")


def test_an_unknown_name_lists_the_known_ones(invented: None) -> None:
    for call in (models.find, models.verify, models.download, models.manifest):
        with pytest.raises(ModelNotFoundError, match=r"no model named 'two'.*one, pair\."):
            call("two")


def test_folders_are_searched_in_order_flat_and_by_name(invented: None, folders: tuple[Path, Path]) -> None:
    first, second = folders
    places = [settings().home / "models" / "one", second / "one", second, first / "one", first]
    for place in places:
        put(place, "a.onnx")
        assert models.find("one") == place / "a.onnx"


def test_a_model_of_several_files_is_their_folder_once_it_is_complete(
    invented: None, folders: tuple[Path, Path]
) -> None:
    put(folders[0], "a.onnx")
    with pytest.raises(ModelNotFoundError):
        models.find("pair")
    put(folders[1] / "pair", "a.onnx", "b.onnx")
    assert models.find("pair") == folders[1] / "pair"


def test_a_changed_file_fails_verification(invented: None, folders: tuple[Path, Path]) -> None:
    put(folders[0], "a.onnx", "b.onnx")
    assert models.verify("pair") == folders[0]
    (folders[0] / "b.onnx").write_bytes(b"secone")
    assert models.verify("one") == folders[0] / "a.onnx"
    with pytest.raises(ModelCorruptError, match=r"b\.onnx' is not the published one\. Delete it, then"):
        models.verify("pair")


def test_download_fetches_what_is_missing_into_the_home_folder(invented: None, web: Web) -> None:
    home = put(settings().home / "models" / "pair", "a.onnx")
    assert models.download("pair") == home == models.find("pair")
    assert web.fetched == ["b.onnx"]
    assert models.download("pair") == home
    assert web.fetched == ["b.onnx"]


def test_download_replaces_a_damaged_file(invented: None, web: Web) -> None:
    home = put(settings().home / "models" / "one", "a.onnx")
    (home / "a.onnx").write_bytes(b"fir")
    models.download("one")
    assert models.verify("one") == home / "a.onnx"


def test_download_leaves_a_model_alone_that_the_operator_provides(
    invented: None, web: Web, folders: tuple[Path, Path]
) -> None:
    put(folders[0], "a.onnx")
    assert models.download("one") == folders[0] / "a.onnx"
    assert web.fetched == []


def test_a_home_that_cannot_be_written_to_is_said(
    invented: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "a file"
    file.touch()
    monkeypatch.setenv("LIVEKIT_AVATAR_HOME", str(file))
    settings.cache_clear()
    with pytest.raises(DownloadError, match=r"cannot be written.*LIVEKIT_AVATAR_HOME"):
        models.download("one")


def test_a_full_disk_is_noticed_before_anything_is_fetched(
    invented: None, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 3})())
    with pytest.raises(DownloadError, match=r"No space left.*Free some space"):
        models.download("one")
    assert web.fetched == []
