"""`livekit-avatar lipsync` as a user meets it: a file, text, or one line that says what to do."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from PIL import Image
from test_render import SOUNDS, beep, refused, run, speech
from typer.testing import CliRunner

from livekit_avatar.cli.app import app
from livekit_avatar.cli.lipsync import Form
from livekit_avatar.lipsync.formats import FORMATS


def test_curves_go_to_the_terminal_and_nothing_else_does(tmp_path: Path) -> None:
    seconds = speech(tmp_path / "speech.wav", "Mama, papa and the baby.")
    result = run("lipsync", "speech.wav", cwd=tmp_path)
    assert result.returncode == 0
    assert not result.stderr
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert len(rows) == pytest.approx(seconds * 25, abs=1)
    assert max(float(row["aperture"]) for row in rows) > 0.3


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("out.csv", b"time,aperture,"),
        ("out.json", b"{"),
        ("out.tsv", b"0.00\t"),
        ("out.XML", b"<?xml"),
        ("out.dat", b"MohoSwitch1\n"),
        ("out.png", b"\x89PNG"),
    ],
)
def test_the_name_of_the_file_says_its_format(name: str, begins: bytes, tmp_path: Path) -> None:
    beep(tmp_path / "speech.wav")
    result = CliRunner().invoke(app, ["lipsync", str(tmp_path / "speech.wav"), "-o", str(tmp_path / name)])
    assert result.exit_code == 0, result.output
    assert not result.stdout
    assert (tmp_path / name).read_bytes().startswith(begins)


@pytest.mark.parametrize("form", list(Form))
def test_every_format_can_be_asked_for(form: Form, tmp_path: Path) -> None:
    beep(tmp_path / "speech.wav")
    out = tmp_path / "out.txt"
    arguments = ["lipsync", str(tmp_path / "speech.wav"), "-f", form.value, "-o", str(out), "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report == {"output": str(out), "format": form.value, "duration_s": 0.5, "frames": 13}
    assert out.stat().st_size


def test_every_format_of_text_has_a_name_on_the_command_line() -> None:
    assert {form.value for form in Form} == {"plot", *(form.name for form in FORMATS)}


def test_a_plot_is_a_picture(tmp_path: Path) -> None:
    speech(tmp_path / "speech.wav", "Hello.")
    assert run("lipsync", "speech.wav", "-o", "plot.png", cwd=tmp_path).returncode == 0
    with Image.open(tmp_path / "plot.png") as picture:
        assert picture.format == "PNG"
        assert picture.width == 1600


def test_help_shows_examples() -> None:
    result = CliRunner().invoke(app, ["lipsync", "--help"])
    assert "livekit-avatar lipsync speech.wav -o" in " ".join(result.stdout.split())


@pytest.mark.parametrize("kind", SOUNDS)
def test_a_sound_that_will_not_do_is_refused(kind: str, tmp_path: Path) -> None:
    SOUNDS[kind](tmp_path / "speech.wav")
    refused(run("lipsync", "speech.wav", "-o", "out.csv", cwd=tmp_path), tmp_path)


@pytest.mark.parametrize(
    "arguments",
    [("-o", "out.doc"), ("-o", "nowhere/out.csv"), ("-f", "plot"), ("--json",)],
    ids=["unknown suffix", "no folder", "a picture in the terminal", "a report about no file"],
)
def test_arguments_that_cannot_work_are_refused(arguments: tuple[str, ...], tmp_path: Path) -> None:
    beep(tmp_path / "speech.wav")
    refused(run("lipsync", "speech.wav", *arguments, cwd=tmp_path), tmp_path)
