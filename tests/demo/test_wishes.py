"""What is asked of the demo is checked before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from livekit_avatar.demo.wishes import LONGEST_TEXT, check_path, check_text
from livekit_avatar.errors import ConfigurationError


def test_a_text_is_taken_without_the_white_space_around_it() -> None:
    assert check_text("  Hello there. \n") == "Hello there."


@pytest.mark.parametrize("text", ["", " \n", "a" * (LONGEST_TEXT + 1), "ä" * LONGEST_TEXT])
def test_empty_and_endless_texts_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="the text to say"):
        check_text(text)


def test_a_path_that_can_be_written_becomes_absolute_and_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert check_path(Path("a.mp4")) == tmp_path / "a.mp4"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["no/such/folder/a.mp4", "a.avi", "folder.mp4", "file/a.mp4"])
def test_a_path_that_cannot_be_written_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError):
        check_path(tmp_path / name)
    assert {path.name for path in tmp_path.iterdir()} == {"folder.mp4", "file"}
