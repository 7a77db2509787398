"""What is written into a .avatar file comes out of it again, and never half of it."""

from __future__ import annotations

import os
import random
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from livekit_avatar.avatars.bundle import (
    Bundle,
    Limits,
    Manifest,
    encode_arrays,
    encode_bundle,
    encode_picture,
    read_bundle,
    write_bundle,
)
from livekit_avatar.errors import BundleError

_LINES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=30)
_NAMES = st.from_regex(r"[a-z0-9][a-z0-9_.-]{0,9}(/[a-z0-9]{1,5})?\.(png|json|mp4)", fullmatch=True)
_SIDES = st.integers(1, 4096).map(lambda half: 2 * half)
_MANIFESTS = st.builds(
    Manifest,
    engine=st.from_regex(r"[a-z][a-z0-9_-]{0,20}", fullmatch=True),
    engine_version=st.integers(1, 1000),
    name=_LINES,
    size=st.tuples(_SIDES, _SIDES),
    fps=st.integers(1, 120),
    source_sha256=st.sampled_from(["", "0123456789abcdef" * 4]),
    licence=_LINES,
    consent=_LINES,
    warnings=st.lists(_LINES, max_size=3).map(tuple),
)
_MEMBERS = st.dictionaries(_NAMES, st.binary(max_size=200), max_size=5).filter(
    lambda members: "manifest.json" not in members
)


def test_a_file_gives_back_what_was_written(small: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "ada.avatar"
    write_bundle(path, small)
    back = read_bundle(path)
    assert back.manifest == small.manifest
    assert back.members == dict(small.members)
    assert list(tmp_path.iterdir()) == [path], "nothing is left aside"


@given(_MANIFESTS, _MEMBERS)
@settings(max_examples=100, deadline=None)
def test_any_bundle_comes_back_the_same(manifest: Manifest, members: dict[str, bytes]) -> None:
    back = read_bundle(encode_bundle(Bundle(manifest, members)))
    assert (back.manifest, back.members) == (manifest, members)


def test_the_same_content_gives_the_same_bytes_in_any_order(small: Bundle) -> None:
    backwards = replace(small, members=dict(reversed(small.members.items())))
    assert encode_bundle(backwards) == encode_bundle(small)


def test_arrays_keep_their_types_shapes_and_values() -> None:
    given_ = {
        "float": np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4),
        "turned": np.arange(12, dtype=np.int16).reshape(3, 4).T,
        "big endian": np.arange(5, dtype=">f8"),
        "flags": np.array([True, False]),
        "scalar": np.array(7, np.uint8),
        "nothing": np.zeros((0, 3), np.float16),
    }
    back = _bundle(a=encode_arrays(given_)).arrays("a.safetensors")
    assert back.keys() == given_.keys()
    for name, array in given_.items():
        np.testing.assert_array_equal(back[name], array)
        assert back[name].dtype == array.dtype.newbyteorder("=")
        assert back[name].flags.c_contiguous and back[name].flags.writeable


@given(arrays.arrays(np.float32, arrays.array_shapes(max_dims=4, max_side=6)))
@settings(max_examples=50, deadline=None)
def test_any_array_comes_back_bit_for_bit(array: np.ndarray) -> None:
    back = _bundle(a=encode_arrays({"x": array})).arrays("a.safetensors")["x"]
    assert back.tobytes() == array.tobytes() and back.shape == array.shape


def test_arrays_of_objects_are_refused() -> None:
    with pytest.raises(BundleError, match="type object"):
        encode_arrays({"x": np.array([{}])})


def test_a_lossless_picture_keeps_every_pixel_also_under_transparency() -> None:
    image = np.random.default_rng(1).integers(0, 256, (30, 41, 4), np.uint8)
    back = _bundle(a=encode_picture(image)).picture("a.safetensors")
    np.testing.assert_array_equal(back, image)
    assert back.flags.c_contiguous and back.flags.writeable


def test_a_lossy_picture_is_smaller_and_close() -> None:
    y, x = np.mgrid[0:64, 0:64].astype(np.uint8)
    image = np.stack([x * 3, y * 3, x + y, np.full_like(x, 255)], axis=-1)
    noisy = (image + np.random.default_rng(2).integers(0, 9, image.shape, np.uint8)).clip(0, 255)
    noisy[..., 3] = 255
    data = encode_picture(noisy.astype(np.uint8), lossless=False)
    back = _bundle(a=data).picture("a.safetensors")
    assert len(data) < len(encode_picture(noisy.astype(np.uint8))) / 2
    assert np.abs(back.astype(int) - noisy).mean() < 6


def test_a_missing_member_is_named(small: Bundle) -> None:
    with pytest.raises(BundleError, match=r"'Ada' has no member 'teeth\.png'.*Prepare it again"):
        small.read("teeth.png")


@pytest.mark.parametrize(
    "change",
    [
        {"engine": "Por trait"},
        {"engine_version": 0},
        {"name": ""},
        {"name": "two\nlines"},
        {"name": "\ud800"},
        {"size": (512, 511)},
        {"size": (0, 512)},
        {"fps": 0},
        {"source_sha256": "abc"},
        {"warnings": ("a\x1b[31m",)},
    ],
)
def test_a_manifest_that_breaks_a_rule_is_not_written(
    small: Bundle, change: dict[str, object], tmp_path: Path
) -> None:
    wrong = replace(small, manifest=replace(small.manifest, **change))
    with pytest.raises(BundleError, match=next(iter(change))):
        write_bundle(tmp_path / "a.avatar", wrong)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["A.png", "../a.png", "/a.png", "a.pkl", "a", "a b.png", "x" * 99 + ".png"])
def test_a_member_with_a_bad_name_is_not_written(small: Bundle, name: str) -> None:
    with pytest.raises(BundleError, match="has a member named"):
        encode_bundle(replace(small, members={name: b""}))


def test_what_is_written_obeys_the_limits_of_its_bundle(small: Bundle) -> None:
    for limits in (Limits(members=2), Limits(member_bytes=100), Limits(file_bytes=1000)):
        with pytest.raises(BundleError, match="Raise the limit"):
            encode_bundle(replace(small, limits=limits))


def test_a_file_that_cannot_be_written_leaves_the_old_one(small: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "ada.avatar"
    path.mkdir()  # rename onto a folder fails, whoever runs this
    with pytest.raises(BundleError, match="cannot be written"):
        write_bundle(path, small)
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_does_not_exist_is_said(small: Bundle, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="Choose a folder that exists"):
        write_bundle(tmp_path / "none" / "a.avatar", small)


def test_a_missing_file_and_a_folder_are_said(tmp_path: Path) -> None:
    for path in (tmp_path / "none.avatar", tmp_path):
        with pytest.raises(BundleError, match=r"cannot be opened|is not a file"):
            read_bundle(path)


def test_reading_takes_about_twice_the_size_of_the_file(small: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "a.avatar"
    write_bundle(path, replace(small, members={f"{i}.mp4": bytes(1 << 20) for i in range(8)}))
    tracemalloc.start()
    try:
        read_bundle(path)
        assert tracemalloc.get_traced_memory()[1] < 2.5 * path.stat().st_size
    finally:
        tracemalloc.stop()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
def test_a_file_may_be_read_by_whom_the_umask_says(small: Bundle, tmp_path: Path) -> None:
    write_bundle(tmp_path / "a.avatar", small)
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "a.avatar").stat().st_mode & 0o777 == 0o666 & ~umask


def test_one_changed_byte_anywhere_is_noticed(small: Bundle) -> None:
    data = encode_bundle(small)
    chance = random.Random(3)
    for place in chance.sample(range(len(data)), 300):
        changed = bytearray(data)
        changed[place] ^= 1 << chance.randrange(8)
        try:
            back = read_bundle(bytes(changed))
        except BundleError:
            continue
        assert back.members == dict(small.members), f"byte {place}"


def _bundle(**members: bytes) -> Bundle:
    manifest = Manifest("portrait", 1, "Ada", (64, 64), 25)
    return read_bundle(encode_bundle(Bundle(manifest, {f"{n}.safetensors": d for n, d in members.items()})))
