"""A language model or a voice of the user's choice takes part by its name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from livekit.agents import llm, tts

from livekit_avatar.demo.show import plugin
from livekit_avatar.errors import ConfigurationError


def test_a_plugin_is_made_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_plugin.py").write_text("from livekit_avatar.demo.agent import RuleLLM as Mine\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert isinstance(plugin("my_plugin:Mine", llm.LLM), llm.LLM)
    del sys.modules["my_plugin"]


@pytest.mark.parametrize(
    "name",
    ["json", "json:", ":", "no.such.module:Class", "json:NoSuchClass", "json:JSONDecoder", "io:BytesIO"],
)
def test_what_is_no_such_plugin_is_refused_by_name(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot be used|is not a livekit-agents TTS"):
        plugin(name, tts.TTS)
