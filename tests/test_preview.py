"""A preview is made of any engine that draws stills, and says so of those that do not."""

from __future__ import annotations

import pytest
from engines_for_tests.flash import FlashEngine

from livekit_avatar.avatar import Avatar, open_avatar
from livekit_avatar.avatars.bundle import Bundle, Manifest
from livekit_avatar.errors import ConfigurationError
from livekit_avatar.preview import preview_sheet


def test_a_sheet_of_ada_has_four_rows_of_six() -> None:
    assert preview_sheet(open_avatar("ada", size=128)).size == (6 * 244 + 4, 4 * 266 + 4)


def test_an_engine_without_stills_is_named() -> None:
    engine = FlashEngine()
    avatar = Avatar(Bundle(Manifest("flash", 1, "light", (64, 48), 25), {}), engine, engine.face())
    with pytest.raises(ConfigurationError, match="'flash' draws no previews"):
        preview_sheet(avatar)
