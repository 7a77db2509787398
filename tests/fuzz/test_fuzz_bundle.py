"""Mutations of honest files: the only error that comes out of the reader is the documented one."""

from __future__ import annotations

import json

import numpy as np
from fuzz_bundle import in_a_file, one_input
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from livekit_avatar.avatars.bundle import Bundle, Manifest, encode_arrays, encode_bundle, encode_picture
from livekit_avatar.avatars.manifest import encode_manifest

ARRAYS = encode_arrays({"points": np.ones((9, 3), np.float32), "flags": np.zeros(5, bool)})
PNG = encode_picture(np.arange(768, dtype=np.uint8).reshape(16, 12, 4))
WEBP = encode_picture(np.full((16, 12, 4), 128, np.uint8), lossless=False)
MANIFEST = Manifest("portrait", 1, "Ada", (64, 64), 25)
HONEST = encode_bundle(Bundle(MANIFEST, {"a.safetensors": ARRAYS, "b.png": PNG}))
SEEDS = (
    b"\0" + HONEST,
    b"\1" + encode_manifest(MANIFEST, {}),
    b"\2" + ARRAYS,
    b"\3" + PNG,
    b"\3" + WEBP,
)

_FUZZ = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """An honest input with a few bytes changed, cut out, doubled, or put elsewhere."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(1, len(data)))
        stop = min(len(data), start + draw(st.integers(0, 40)))
        piece = bytes(data[start:stop])
        what = draw(st.sampled_from(["change", "cut", "double", "swap", "number"]))
        if what == "change":
            data[start:stop] = draw(st.binary(max_size=40))
        elif what == "cut":
            del data[start:stop]
        elif what == "double":
            data[start:start] = piece * draw(st.integers(1, 20))
        elif what == "swap":
            data[start:stop] = piece[::-1]
        else:
            size = draw(st.sampled_from([2, 4, 8]))
            value = draw(st.sampled_from([0, 1, 1 << 15, (1 << 16) - 1, 1 << 31, (1 << 32) - 1, 1 << 62]))
            data[start : start + size] = (value % (1 << 8 * size)).to_bytes(size, "little")
    return bytes(data)


def test_the_honest_seeds_are_read() -> None:
    for seed in SEEDS:
        one_input(seed)
    assert in_a_file(SEEDS[0]) == HONEST


@given(mutations())
@_FUZZ
def test_mutated_files_manifests_arrays_and_pictures(data: bytes) -> None:
    one_input(data)


@given(st.integers(0, 3), st.binary(max_size=500))
@_FUZZ
def test_any_bytes(kind: int, data: bytes) -> None:
    one_input(bytes([kind]) + data)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@given(st.sampled_from(sorted(json.loads(encode_manifest(MANIFEST, {})))), _JSON)
@_FUZZ
def test_any_value_in_any_field_of_a_manifest(field: str, value: object) -> None:
    document = {**json.loads(encode_manifest(MANIFEST, {})), field: value}
    one_input(b"\1" + json.dumps(document).encode("utf-8", "surrogatepass"))


@given(
    st.dictionaries(
        st.text(max_size=8),
        st.fixed_dictionaries(
            {
                "dtype": st.sampled_from(["F32", "F64", "BF16", "F8_E4M3", "BOOL", "U8", "I64", "O", ""]),
                "shape": st.lists(st.integers(-1, 1 << 62) | st.integers(0, 8), max_size=6),
                "data_offsets": st.lists(st.integers(-1, 1 << 62) | st.integers(0, 64), max_size=3),
            }
        ),
        max_size=3,
    ),
    st.binary(max_size=64),
)
@_FUZZ
def test_any_header_of_arrays(header: dict[str, object], data: bytes) -> None:
    text = json.dumps(header).encode("utf-8", "surrogatepass")
    one_input(b"\2" + len(text).to_bytes(8, "little") + text + data)
