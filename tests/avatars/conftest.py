"""A small avatar."""

from __future__ import annotations

import numpy as np
import pytest

from livekit_avatar.avatars.bundle import Bundle, Manifest, encode_arrays, encode_picture


@pytest.fixture
def small() -> Bundle:
    """An avatar of two members."""
    manifest = Manifest(
        engine="portrait",
        engine_version=3,
        name="Ada",
        size=(512, 640),
        fps=25,
        source_sha256="0" * 64,
        licence="CC0-1.0",
        consent="drawn, nobody is shown",
        warnings=("The face is small. Crop closer.",),
    )
    ramp = np.arange(8 * 6 * 4, dtype=np.uint8).reshape(8, 6, 4)
    members = {
        "mesh.safetensors": encode_arrays({"points": np.ones((478, 3), np.float32)}),
        "parts/face.png": encode_picture(ramp),
    }
    return Bundle(manifest, members)
