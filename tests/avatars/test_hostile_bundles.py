"""A .avatar file made to do harm, or harmed, is refused with a BundleError whatever is wrong with it."""

from __future__ import annotations

import json
import os
import pickle
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from forge import Forged, forge, manifest_of
from hostile_files import DATA, HOSTILE, portrait, with_manifest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from livekit_avatar.avatar import open_avatar
from livekit_avatar.avatars.bundle import (
    Bundle,
    Limits,
    Manifest,
    encode_arrays,
    encode_bundle,
    encode_picture,
    read_bundle,
)
from livekit_avatar.errors import BundleError

HONEST = encode_bundle(
    Bundle(Manifest("portrait", 1, "Ada", (64, 64), 25), {"a.png": DATA, "b.mp4": b"film"})
)


def refused(data: bytes, match: str, limits: Limits | None = None) -> None:
    """The bytes are refused, in one line that says what to do."""
    with pytest.raises(BundleError, match=match) as caught:
        read_bundle(data, limits=limits or Limits())
    assert "\n" not in str(caught.value)
    assert caught.value.fix.endswith(".")


def test_a_forged_file_with_nothing_wrong_is_read() -> None:
    members = {"a.png": DATA, "b.mp4": b"film"}
    back = read_bundle(with_manifest(Forged(name, data) for name, data in members.items()))
    assert back.members == members


@pytest.mark.parametrize(
    "name",
    [
        "../a.png",
        "a/../../b.png",
        "/etc/a.png",
        "C:/a.png",
        "C:\\a.png",
        "a\\b.png",
        "./a.png",
        "a//b.png",
        "a/",
        "",
        "a.png\x00.exe",
        "A.PNG",
        "a.png\n",
        "weights.pkl",
        "weights.pt",
        "arrays.npy",
        "run.py",
        "x" * 97 + ".png",
    ],
)
def test_names_that_lead_elsewhere_or_to_other_kinds_of_file(name: str) -> None:
    refused(with_manifest([Forged(name, DATA)]), "has a member named|more in it than its members")


def test_a_member_that_the_manifest_does_not_list() -> None:
    refused(forge([manifest_of({}), Forged("a.png", DATA)]), "'a.png' that is not listed")


def test_a_member_that_is_listed_and_missing() -> None:
    refused(forge([manifest_of({"a.png": DATA})]), "'a.png' that is listed in its manifest and missing")


def test_two_members_of_one_name() -> None:
    twice = [Forged("a.png", DATA), Forged("a.png", DATA)]
    refused(with_manifest(twice), "two members of one name")


def test_two_manifests() -> None:
    manifest = manifest_of({})
    refused(forge([manifest, manifest]), "two members of one name")


def test_a_manifest_that_is_not_first() -> None:
    refused(forge([Forged("a.png", DATA), manifest_of({"a.png": DATA})]), "does not begin with")


def test_a_symbolic_link() -> None:
    refused(with_manifest([Forged("a.png", b"/etc/passwd", mode=0o120777)]), "a link or a device")


def test_a_compressed_member_however_far_it_would_expand() -> None:
    refused(with_manifest([Forged("a.png", bytes(10_000_000), method=8)]), "compressed")


def test_a_length_that_lies_about_a_stored_member() -> None:
    refused(with_manifest([Forged("a.png", DATA, length=10)]), "gap or an overlap|belong to no member")


def test_an_encrypted_member() -> None:
    refused(with_manifest([Forged("a.png", DATA, flags=1)]), "encrypted or carries extra")


def test_an_extra_field() -> None:
    refused(with_manifest([Forged("a.png", DATA, extra=b"\1\0\4\0abcd")]), "extra fields|more in it")


def test_entries_that_overlap_so_that_one_block_is_read_many_times() -> None:
    members = {f"m{i}.png": DATA for i in range(3)}
    manifest = manifest_of(members)
    start = 30 + len(manifest.name) + len(manifest.data)
    entries = [Forged("m0.png", DATA), *(Forged(f"m{i}.png", DATA, offset=start) for i in (1, 2))]
    refused(forge([manifest, *entries]), "gap or an overlap")


def test_bytes_hidden_between_or_before_or_behind_the_members() -> None:
    honest = [manifest_of({"a.png": DATA}), Forged("a.png", DATA)]
    refused(forge(honest, before_directory=b"MZ hidden"), "belong to no member")
    refused(b"#!/bin/sh\n" + forge(honest), "more in it than its members")
    refused(forge(honest) + b"tail", "not a zip file")
    refused(forge(honest, comment=b"hello"), "not a zip file")
    refused(forge([honest[0], replace(honest[1], comment=b"hello")]), "extra fields|more in it")


def test_a_zip64_record_that_hides_another_directory() -> None:
    honest = [manifest_of({"a.png": DATA}), Forged("a.png", DATA)]
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, 0, 1)
    refused(forge([honest[0], replace(honest[1], comment=locator)]), "a zip|extra fields|more in it")


def test_more_than_the_limits_allow() -> None:
    refused(HONEST, "more than 1000 bytes", Limits(file_bytes=1000))
    refused(HONEST, "3 members, more than 2", Limits(members=2))
    refused(HONEST, "'a.png' of more than 999 bytes", Limits(member_bytes=999))


def test_a_count_of_members_that_lies() -> None:
    many = bytearray(HONEST)
    struct.pack_into("<2H", many, len(many) - 14, 60000, 60000)
    refused(bytes(many), "60000 members")
    struct.pack_into("<2H", many, len(many) - 14, 2, 2)
    refused(bytes(many), "more in it|belong to no member|gap")


def test_a_wrong_hash_and_a_wrong_length() -> None:
    manifest = manifest_of({"a.png": DATA})
    refused(forge([manifest, Forged("a.png", b"y" * 1000)]), "damaged member 'a.png'")
    refused(forge([manifest, Forged("a.png", DATA[:-1])]), "damaged member 'a.png'")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_file(share: float) -> None:
    refused(HONEST[: int(len(HONEST) * share)], "cut short")


def test_a_format_of_the_future_says_to_update() -> None:
    newer = manifest_of({}, format=2, something="new")
    refused(forge([newer]), "format 2 and this program reads up to 1.*pip install --upgrade")


@pytest.mark.parametrize(
    "fields",
    [
        {"format": 0},
        {"format": "1"},
        {"format": None},
        {"engine": "../x"},
        {"engine": 7},
        {"engine_version": 10**30},
        {"name": "a\x1b[2J"},
        {"name": "x" * 201},
        {"size": [64]},
        {"size": [64, 10**9]},
        {"size": [63, 64]},
        {"fps": 25.5},
        {"fps": True},
        {"source_sha256": "G" * 64},
        {"warnings": "none"},
        {"warnings": ["w"] * 51},
        {"members": []},
        {"members": {"a.png": "abc"}},
        {"members": {"a.png": {"sha256": "0" * 64, "length": -1}}},
        {"surprise": 1},
    ],
)
def test_a_manifest_that_breaks_a_rule(fields: dict[str, object]) -> None:
    refused(forge([manifest_of({}, **fields)]), "manifest that breaks a rule|never existed")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff\xfe",
        b'{"format": 1}',
        b"[" * 100_000,
        b'{"format":' + b"9" * 5000 + b"}",
    ],
    ids=["empty", "null", "list", "open", "not UTF-8", "bare", "deep", "huge number"],
)
def test_a_manifest_that_is_not_the_json_it_should_be(text: bytes) -> None:
    refused(forge([Forged("manifest.json", text)]), "manifest")


def test_a_manifest_of_more_than_a_megabyte() -> None:
    refused(forge([Forged("manifest.json", b" " * (1 << 20) + b"{}")]), "more than 1 MiB")


class Bomb:
    """Runs when it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return pytest.fail, ("unpickled",)


def test_a_pickle_under_any_name_is_never_opened() -> None:
    bomb = pickle.dumps(Bomb())
    bundle = read_bundle(with_manifest([Forged("a.safetensors", bomb), Forged("b.png", bomb)]))
    with pytest.raises(BundleError, match=r"'a\.safetensors' of the avatar 'Ada' is not safetensors"):
        bundle.arrays("a.safetensors")
    with pytest.raises(BundleError, match=r"'b\.png' of the avatar 'Ada' is not a PNG or WebP"):
        bundle.picture("b.png")


@pytest.mark.parametrize(
    "header",
    [
        {"a": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 4]}},
        {"a": {"dtype": "F32", "shape": [1 << 62, 1 << 62], "data_offsets": [0, 4]}},
        {"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}},
        {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 1 << 60]}},
        {"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}},
        {"a": {"dtype": "U8", "shape": [0, 1 << 62, 1 << 62], "data_offsets": [0, 0]}},
        {"a": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}},
        {"a": {"dtype": "O", "shape": [1], "data_offsets": [0, 4]}},
        {"a": {"dtype": "U8", "shape": [1] * 200 + [4], "data_offsets": [0, 4]}},
        {"a": {}},
    ],
)
def test_arrays_that_claim_what_they_do_not_hold(header: dict[str, object]) -> None:
    text = json.dumps(header).encode()
    member = Forged("a.safetensors", struct.pack("<Q", len(text)) + text + b"1234")
    with pytest.raises(BundleError, match=r"'a\.safetensors'") as caught:
        read_bundle(with_manifest([member])).arrays("a.safetensors")
    assert "\n" not in str(caught.value)


def test_a_header_length_beyond_the_file() -> None:
    member = Forged("a.safetensors", struct.pack("<Q", 1 << 63) + b"{}")
    with pytest.raises(BundleError, match="not safetensors"):
        read_bundle(with_manifest([member])).arrays("a.safetensors")


def test_arrays_and_pictures_above_the_limits() -> None:
    big = Forged("a.safetensors", encode_arrays({"x": np.zeros((10, 11), np.uint8)}))
    picture = Forged("b.png", encode_picture(np.zeros((10, 11, 4), np.uint8)))
    bundle = read_bundle(with_manifest([big, picture]), limits=Limits(array_elements=109, picture_pixels=109))
    with pytest.raises(BundleError, match="more than 109 elements"):
        bundle.arrays("a.safetensors")
    with pytest.raises(BundleError, match="more than 109 pixels"):
        bundle.picture("b.png")


def test_a_picture_that_claims_ten_thousand_million_pixels() -> None:
    honest = encode_picture(np.zeros((1, 1, 4), np.uint8))
    header = struct.pack(">2L", 100_000, 100_000)
    claims = honest[:16] + header + honest[24:]
    with pytest.raises(BundleError, match=r"'b\.png'"):
        read_bundle(with_manifest([Forged("b.png", claims)])).picture("b.png")


def test_a_picture_in_another_format_is_not_given_to_its_decoder(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.mktemp("p") / "a.gif"
    Pillow.new("RGB", (4, 4)).save(path)
    with pytest.raises(BundleError, match="not a PNG or WebP"):
        read_bundle(with_manifest([Forged("b.png", path.read_bytes())])).picture("b.png")


@pytest.fixture(scope="module")
def refusals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a process of its own says when it opens every hostile file."""
    folder = tmp_path_factory.mktemp("hostile")
    for name, make in HOSTILE.items():
        (folder / f"{name}.avatar").write_bytes(make())
    program = Path(__file__).with_name("refusing.py")
    result = subprocess.run([sys.executable, program, folder], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    told: dict[str, Any] = json.loads(result.stdout)
    return told


@pytest.mark.parametrize("name", HOSTILE)
def test_every_hostile_file_is_refused_in_one_line(name: str, refusals: dict[str, Any]) -> None:
    problem = refusals["files"][name]["problem"]
    assert not problem.startswith(("OPENED", "ESCAPED")), problem
    assert "\n" not in problem and problem.endswith(".")


def test_all_hostile_files_together_take_less_than_50_megabytes(refusals: dict[str, Any]) -> None:
    assert 0 < refusals["mb"] < 50


def test_the_file_that_they_were_forged_from_is_opened() -> None:
    assert open_avatar(portrait()).size == (64, 64)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.avatar")
    with pytest.raises(BundleError, match="not a file"):
        read_bundle(tmp_path / "a.avatar")


def test_a_file_that_is_too_long_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "a.avatar").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(BundleError, match="more than 41943040 bytes"):
        read_bundle(tmp_path / "a.avatar")


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_random_bytes_only_ever_raise_bundle_errors(data: bytes) -> None:
    with pytest.raises(BundleError):
        read_bundle(data)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_a_file_with_random_damage_raises_bundle_errors_or_is_whole(data: st.DataObject) -> None:
    damaged = bytearray(HONEST)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        patch = data.draw(st.binary(min_size=1, max_size=6))
        damaged[place : place + len(patch)] = patch
    try:
        back = read_bundle(bytes(damaged))
    except BundleError:
        return
    assert back.members == {"a.png": DATA, "b.mp4": b"film"}


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_random_members_only_ever_raise_bundle_errors(data: bytes) -> None:
    bundle = Bundle(Manifest("portrait", 1, "Ada", (64, 64), 25), {"a.safetensors": data})
    for decode in (bundle.arrays, bundle.picture):
        with pytest.raises(BundleError):
            decode("a.safetensors")
