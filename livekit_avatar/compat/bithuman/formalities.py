"""What programs read and set on an `AsyncBithuman` that changes nothing here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from livekit_avatar.types import FPS, SPEECH_RATE

AUTH_URL: Final = "https://api.bithuman.ai/v1/runtime-tokens/request"
BILLING: Final = "self-hosted-essence-model"
"""Defaults of theirs: nothing is asked, nothing is billed."""


class OwnSize(tuple[int, int]):
    """(1280, 720) as the default is written in bitHuman's signature; it means the avatar's own size."""


OWN_SIZE: Final = OwnSize((1280, 720))


@dataclass
class RuntimeSettings:
    """What `AsyncBithuman.settings` says; changing it changes nothing."""

    FPS: int = FPS
    INPUT_SAMPLE_RATE: int = SPEECH_RATE
    PROCESS_IDLE_VIDEO: bool = True
    ALLOW_VIDEO_SCRIPT_UPDATE: bool = False
    OUTPUT_WIDTH: int = 512


class Generator:
    """What programs reach through `AsyncBithuman.generator`; its `_generator` is itself."""

    def __init__(self, set_agent_code: Callable[[str], None]) -> None:
        self.set_agent_code = set_agent_code
        self._generator = self
