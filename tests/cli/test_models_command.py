"""`livekit-avatar models` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from livekit_avatar.cli.models import app
from livekit_avatar.errors import ModelNotFoundError

runner = CliRunner()


def test_list_shows_licence_and_place(face_model: Path) -> None:
    text = runner.invoke(app, ["list"]).stdout
    assert "face-landmarker" in text and "Apache-2.0" in text and str(face_model) in text


def test_list_says_how_to_fetch_what_is_missing() -> None:
    assert "livekit-avatar models download face-landmarker" in runner.invoke(app, ["list"]).stdout
    (row,) = json.loads(runner.invoke(app, ["list", "--json"]).stdout)
    assert row["path"] is None and row["licence"] == "Apache-2.0" and row["size"] > 3_000_000


def test_verify_checks_what_is_on_this_machine(face_model: Path) -> None:
    assert runner.invoke(app, ["verify"]).stdout == f"{face_model}: ok\n"
    result = json.loads(runner.invoke(app, ["verify", "face-landmarker", "--json"]).stdout)
    assert result == {"name": "face-landmarker", "path": str(face_model), "ok": True}


def test_download_shows_the_licence_and_ends_with_the_path(face_model: Path) -> None:
    result = runner.invoke(app, ["download", "face-landmarker"])
    assert result.stdout == f"{face_model}\n"
    assert "Apache-2.0" in result.stderr and "https://" in result.stderr


@pytest.mark.parametrize("command", ["download", "verify"])
def test_an_unknown_name_is_left_to_the_program_to_report(command: str) -> None:
    assert isinstance(runner.invoke(app, [command, "nope"]).exception, ModelNotFoundError)


@pytest.mark.parametrize("command", [[], ["list"], ["download"], ["verify"]])
def test_help_has_an_example(command: list[str]) -> None:
    assert "Example" in runner.invoke(app, [*command, "--help"]).stdout
