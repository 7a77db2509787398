"""A fuzz target for the reader of .avatar files: whatever the bytes, only a BundleError may come out.

pip install atheris, then: PYTHONPATH=tests/avatars python tests/fuzz/fuzz_bundle.py -max_total_time=600
"""

from __future__ import annotations

import sys

from forge import Forged, forge, manifest_of

from livekit_avatar.avatars.bundle import encode_bundle, read_bundle
from livekit_avatar.errors import BundleError

KINDS = 4
"""How the bytes are taken, by the first of them: as a file, its manifest, its arrays, its picture."""


def read_all(data: bytes) -> None:
    """Read a file and decode all that is in it, as an engine would; write it again if it is whole.

    Raises:
        BundleError: something is wrong with it.
    """
    bundle = read_bundle(data)
    for name in bundle.members:
        if name.endswith(".safetensors"):
            bundle.arrays(name)
        elif name.endswith((".png", ".webp")):
            bundle.picture(name)
    assert read_bundle(encode_bundle(bundle)).members == bundle.members


def in_a_file(data: bytes) -> bytes:
    """A file of the bytes: behind the first one, so that a fuzzer gets past zip and hashes."""
    kind, rest = data[0] % KINDS if data else 0, data[1:]
    if kind == 0:
        return rest
    if kind == 1:
        return forge([Forged("manifest.json", rest)])
    name = "a.safetensors" if kind == 2 else "a.png"
    return forge([manifest_of({name: rest}), Forged(name, rest)])


def one_input(data: bytes) -> None:
    """What a fuzzer calls."""
    try:
        read_all(in_a_file(data))
    except BundleError as error:
        assert "\n" not in str(error)


def main() -> None:
    """Fuzz until a finding, or until libFuzzer's options say stop."""
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
