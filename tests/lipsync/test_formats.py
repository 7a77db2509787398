"""Every file is as those read it who know the format: checked by parsing what real speech became."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from livekit_avatar.lipsync.cues import RHUBARB_SHAPES, Take
from livekit_avatar.lipsync.formats import (
    FORMATS,
    LIVE_LINK_FACE,
    MOHO_FPS,
    to_csv,
    to_json,
    to_live_link,
    to_moho,
    to_oculus,
    to_rhubarb_json,
    to_rhubarb_tsv,
    to_rhubarb_xml,
)
from livekit_avatar.lipsync.model import LipSync
from livekit_avatar.types import FPS, MOUTH_SHAPES, VISEMES


@pytest.fixture
def take(lips: LipSync, say: Callable[..., Any]) -> Take:
    samples = say("Mama gave the puppy five boxes. Who told you?").samples
    return Take("mama & papa.wav", samples, lips.states(samples))


def cues(rows: list[dict[str, Any]], end: float) -> list[str]:
    """The mouths of cues that follow one another to the end of the recording."""
    assert rows[0]["start"] == 0
    assert [row["end"] for row in rows[:-1]] == [row["start"] for row in rows[1:]]
    assert rows[-1]["end"] == pytest.approx(end)
    assert all(row["start"] < row["end"] for row in rows)
    return [row["value"] for row in rows]


def test_csv_has_a_row_a_frame_and_a_column_a_value(take: Take) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(take))))
    assert list(rows[0]) == ["time", "aperture", "width", "speech", *MOUTH_SHAPES, *VISEMES]
    assert [float(row["time"]) for row in rows] == pytest.approx([k / FPS for k in range(len(take.states))])
    for name, values in {
        "aperture": [s.aperture for s in take.states],
        "width": [s.width for s in take.states],
    }.items():
        assert [float(row[name]) for row in rows] == pytest.approx(values, abs=1e-4)
    jaw = MOUTH_SHAPES.index("jawOpen")
    assert [float(row["jawOpen"]) for row in rows] == pytest.approx(
        [s.shapes[jaw] for s in take.states], abs=1e-4
    )


def test_json_has_the_same_and_the_cues_of_the_visemes(take: Take) -> None:
    told = json.loads(to_json(take))
    assert told["sound"] == "mama & papa.wav" and told["fps"] == FPS
    assert told["duration"] == pytest.approx(take.duration, abs=1e-3)
    assert told["shapes"] == list(MOUTH_SHAPES) and told["visemes"] == list(VISEMES)
    assert len(told["frames"]) == len(take.states)
    for frame, state in zip(told["frames"], take.states, strict=True):
        assert frame["shapes"] == pytest.approx(state.shapes.tolist(), abs=1e-4)
        assert frame["visemes"] == pytest.approx(state.visemes.tolist(), abs=1e-4)
    rows = [{**cue, "value": cue["viseme"]} for cue in told["cues"]]
    assert set(cues(rows, int(take.duration * 100) / 100)) <= set(VISEMES)


def test_rhubarb_tsv_ends_with_the_end_of_the_recording(take: Take) -> None:
    lines = to_rhubarb_tsv(take).splitlines()
    assert all(re.fullmatch(r"\d+\.\d\d\t[A-HX]", line) for line in lines)
    times = [float(line.split("\t")[0]) for line in lines]
    assert times[0] == 0 and times == sorted(times)
    assert lines[-1] == f"{int(take.duration * 100) / 100:.2f}\tX"


def test_rhubarb_json_and_xml_say_what_the_tsv_says(take: Take) -> None:
    told = json.loads(to_rhubarb_json(take))
    assert set(told) == {"metadata", "mouthCues"}
    assert told["metadata"] == {"soundFile": "mama & papa.wav", "duration": int(take.duration * 100) / 100}
    mouths = cues(told["mouthCues"], told["metadata"]["duration"])
    assert set(mouths) <= set(RHUBARB_SHAPES)
    assert len(set(mouths)) > 4
    root = ElementTree.fromstring(to_rhubarb_xml(take))
    assert root.tag == "rhubarbResult"
    assert root.findtext("metadata/soundFile") == "mama & papa.wav"
    assert float(root.findtext("metadata/duration", "")) == told["metadata"]["duration"]
    rows = [
        {"start": float(cue.attrib["start"]), "end": float(cue.attrib["end"]), "value": cue.text}
        for cue in root.findall("mouthCues/mouthCue")
    ]
    assert rows == told["mouthCues"]
    tsv = [line.split("\t")[1] for line in to_rhubarb_tsv(take).splitlines()]
    assert tsv == [*mouths, "X"]


def test_a_moho_switch_counts_frames_from_one(take: Take) -> None:
    head, *lines = to_moho(take).splitlines()
    assert head == "MohoSwitch1"
    assert all(re.fullmatch(r"\d+ [A-HX]", line) for line in lines)
    frames = [int(line.split()[0]) for line in lines]
    assert frames[0] == 1 and all(a < b for a, b in pairwise(frames))
    assert frames[-1] == pytest.approx(1 + take.duration * MOHO_FPS, abs=2)
    assert lines[-1].endswith("X")


def test_oculus_weights_are_entries_of_fifteen(take: Take) -> None:
    told = json.loads(to_oculus(take))
    assert set(told) == {"length", "entries"}
    assert told["length"] == pytest.approx(take.duration, abs=1e-3)
    assert [entry["frameNumber"] for entry in told["entries"]] == list(range(len(take.states)))
    for entry, state in zip(told["entries"], take.states, strict=True):
        assert set(entry) == {"frameNumber", "frameDelay", "Visemes", "laughterScore"}
        assert entry["Visemes"] == pytest.approx(state.visemes.tolist(), abs=1e-4)


def test_live_link_has_its_61_channels_with_the_mouth_in_them(take: Take) -> None:
    rows = list(csv.DictReader(io.StringIO(to_live_link(take))))
    assert list(rows[0]) == ["Timecode", "BlendShapeCount", *LIVE_LINK_FACE]
    assert len(set(LIVE_LINK_FACE)) == 61
    assert rows[26]["Timecode"] == "00:00:01:01.000"
    for row, state in zip(rows, take.states, strict=True):
        assert row["BlendShapeCount"] == "61"
        mouth = [float(row[name[0].upper() + name[1:]]) for name in MOUTH_SHAPES]
        assert mouth == pytest.approx(state.shapes.tolist(), abs=1e-4)
        assert sum(float(row[name]) for name in LIVE_LINK_FACE) == pytest.approx(sum(mouth), abs=1e-3)


@pytest.mark.parametrize("count", [1, 100, 640, 641])
@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_the_shortest_sounds_can_be_written(lips: LipSync, form: Any, count: int) -> None:
    samples = np.zeros(count, np.int16)
    text = form.write(Take("short.wav", samples, lips.states(samples)))
    assert text.endswith("\n")


def test_a_name_that_is_no_text_can_be_written(take: Take) -> None:
    odd = Take("caf\udce9\x01.wav", take.samples, take.states)
    assert ElementTree.fromstring(to_rhubarb_xml(odd).encode()).findtext("metadata/soundFile") == "caf��.wav"
    assert json.loads(to_rhubarb_json(odd).encode())["metadata"]["soundFile"] == "caf\udce9\x01.wav"
