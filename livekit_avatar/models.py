"""Model files that are not part of the package: which there are, where they lie, and how to fetch them.

A manifest (JSON, in `livekit_avatar/data/manifests`) names each model's files with their publisher's
addresses, sizes and sha256. Nothing is fetched unless `download` is called.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from livekit_avatar.errors import DownloadError, ModelCorruptError, ModelNotFoundError
from livekit_avatar.fetch import USUAL_PATIENCE, Patience, Progress, Source, fetch, file_sha256
from livekit_avatar.settings import settings


class ModelFile(BaseModel):
    """One file of a model.

    Attributes:
        name: file name, without folders.
        urls: where it is published, in the order they are tried.
        sha256: 64 hexadecimal digits.
        size: in bytes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    urls: tuple[str, ...]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    size: int


class Model(BaseModel):
    """What a manifest says.

    Attributes:
        name: such as "face-landmarker".
        purpose: what it is for, a sentence.
        publisher: who made it.
        licence: SPDX identifier.
        licence_url: the licence's text.
        files: all of them are needed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    purpose: str
    publisher: str
    licence: str
    licence_url: str
    files: tuple[ModelFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def available() -> list[Model]:
    """Every model that has a manifest, by name."""
    folder = files("livekit_avatar") / "data" / "manifests"
    texts = (entry.read_bytes() for entry in folder.iterdir() if entry.name.endswith(".json"))
    return sorted((Model.model_validate_json(text) for text in texts), key=lambda model: model.name)


def manifest(name: str) -> Model:
    """The manifest of a model.

    Raises:
        ModelNotFoundError: there is no model of that name.
    """
    models = {model.name: model for model in available()}
    if name not in models:
        raise ModelNotFoundError(
            f"There is no model named {name!r}", fix=f"The names are: {', '.join(models)}."
        )
    return models[name]


def find(name: str) -> Path:
    """Where a model lies on this machine: its file, or its folder if it has several files.

    Each folder of LIVEKIT_AVATAR_MODELS_DIR is searched, itself and its sub-folder of the model's name; then
    the folder that `download` fills.

    Raises:
        ModelNotFoundError: unknown name, or a file of it is missing.
    """
    model = manifest(name)
    for folder in _folders(model):
        if all((folder / file.name).is_file() for file in model.files):
            return _place(folder, model)
    raise ModelNotFoundError(
        f"The model {name!r} is not on this machine",
        fix=f"Fetch it once ({model.size / 1e6:.1f} MB): livekit-avatar models download {name}.",
    )


def verify(name: str) -> Path:
    """`find`, and compare the sha256 of every file with the published one.

    Raises:
        ModelNotFoundError: unknown name, or a file of it is missing.
        ModelCorruptError: a file is not the published one.
    """
    place = find(name)
    for file in manifest(name).files:
        path = place if place.is_file() else place / file.name
        if file_sha256(path) != file.sha256:
            raise ModelCorruptError(
                f"The file {str(path)!r} is not the published one",
                fix=f"Delete it, then: livekit-avatar models download {name}.",
            )
    return place


def download(name: str, *, progress: Progress | None = None, patience: Patience = USUAL_PATIENCE) -> Path:
    """Fetch a model from its publisher into the home folder, unless it is on this machine already.

    Args:
        name: of the model.
        progress: told about every chunk that arrives.
        patience: how often to try.

    Returns:
        As `find`.

    Raises:
        ModelNotFoundError: unknown name.
        DownloadError: no address answered with a file, or it cannot be written.
        ModelCorruptError: what was sent is not the published file.
    """
    model = manifest(name)
    with suppress(ModelNotFoundError, ModelCorruptError):
        return verify(name)
    folder = _home(model)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in model.files:
            if not _is_published(folder / file.name, file):
                _check_space(folder, file)
                source = Source(file.urls, file.sha256, file.size)
                fetch(source, folder / file.name, progress=progress, patience=patience)
    except OSError as error:
        raise DownloadError(
            f"The model {name!r} cannot be written to {str(folder)!r} ({error.strerror or error})",
            fix="Free some space, or set LIVEKIT_AVATAR_HOME to a folder that may be written to.",
        ) from error
    return _place(folder, model)


def _home(model: Model) -> Path:
    return settings().home / "models" / model.name


def _folders(model: Model) -> Iterator[Path]:
    """Where to look, in order."""
    for folder in filter(None, settings().models_dir.split(os.pathsep)):
        yield Path(folder).expanduser()
        yield Path(folder).expanduser() / model.name
    yield _home(model)


def _place(folder: Path, model: Model) -> Path:
    return folder / model.files[0].name if len(model.files) == 1 else folder


def _is_published(path: Path, file: ModelFile) -> bool:
    return path.is_file() and path.stat().st_size == file.size and file_sha256(path) == file.sha256


def _check_space(folder: Path, file: ModelFile) -> None:
    if shutil.disk_usage(folder).free < file.size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
