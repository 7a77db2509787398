"""The face networks, loaded once, and the portraits as pictures."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import pytest

from livekit_avatar.face.mesh import FaceMesh
from livekit_avatar.face.picture import read_picture
from livekit_avatar.types import Image

_load = lru_cache(FaceMesh)


@pytest.fixture
def mesh(face_model: Path) -> FaceMesh:
    """The face networks."""
    return _load(face_model)


@pytest.fixture
def portrait(portraits: Path) -> Callable[[str], Image]:
    """`portrait("mona_lisa")`: (H, W, 4) uint8 RGBA."""
    return lambda name: read_picture(portraits / f"{name}.jpg")
