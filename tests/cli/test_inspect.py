"""`livekit-avatar inspect` tells what an avatar is, and refuses what is broken."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
from command import run

from livekit_avatar.avatars.bundle import Bundle, Manifest, encode_arrays, encode_picture, write_bundle
from livekit_avatar.avatars.catalogue import named
from livekit_avatar.avatars.store import Store

SMALL = Bundle(
    Manifest("portrait", 1, "Eve", (64, 80), 25, licence="CC0-1.0", warnings=("The face is small.",)),
    {
        "mesh.safetensors": encode_arrays({"points": np.ones((478, 3), np.float32)}),
        "face.png": encode_picture(np.zeros((8, 6, 4), np.uint8)),
    },
)


def test_all_of_it_as_json(tmp_path: Path) -> None:
    write_bundle(tmp_path / "eve.avatar", SMALL)
    result = run("inspect", "eve.avatar", "--json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["sha256"] == sha256((tmp_path / "eve.avatar").read_bytes()).hexdigest()
    assert told["bytes"] == (tmp_path / "eve.avatar").stat().st_size
    assert (told["name"], told["size"], told["licence"], told["consent"]) == ("Eve", [64, 80], "CC0-1.0", "")
    assert told["members"]["face.png"]["size"] == [6, 8]
    assert told["members"]["mesh.safetensors"]["arrays"] == {"points": {"type": "float32", "shape": [478, 3]}}
    for name, data in SMALL.members.items():
        assert told["members"][name]["sha256"] == sha256(data).hexdigest()


def test_the_same_for_people(tmp_path: Path) -> None:
    write_bundle(tmp_path / "eve.avatar", SMALL)
    shown = run("inspect", "eve.avatar", cwd=tmp_path).stdout
    for part in ("Eve\n", "64x80", "CC0-1.0", "not recorded", "points 478x3", "6x8", "The face is small."):
        assert part in shown


def test_by_name_built_in_or_of_the_library(tmp_path: Path) -> None:
    Store().add(SMALL, "eve")
    assert json.loads(run("inspect", "eve", "--json", cwd=tmp_path).stdout)["name"] == "Eve"
    ada = json.loads(run("inspect", "ada", "--json", cwd=tmp_path).stdout)
    assert ada["file"] == str(named("ada"))


def test_a_broken_file_is_refused_in_one_line(tmp_path: Path) -> None:
    data = bytearray((named("ada") or tmp_path).read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "bad.avatar").write_bytes(data)
    write_bundle(tmp_path / "odd.avatar", replace(SMALL, members={"face.png": b"no picture"}))
    for name, problem in (
        ("bad.avatar", "Copy the file again"), ("odd.avatar", "not a PNG"), ("none.avatar", "no avatar"),
    ):  # fmt: skip
        result = run("inspect", name, cwd=tmp_path)
        assert result.returncode == 2
        assert problem in result.stderr and result.stderr.count("\n") == 1
