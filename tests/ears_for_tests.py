"""A speech recogniser that needs no model: whatever it is given, it understands the same."""

from __future__ import annotations

from typing import Literal

from livekit import rtc
from livekit.agents import APIConnectOptions, NotGivenOr, stt


class Understands(stt.STT[Literal["error"]]):
    """Keeps what it was given to understand."""

    offline = True

    def __init__(self, words: str = "tell me a joke") -> None:
        super().__init__(
            capabilities=stt.STTCapabilities(
                streaming=False, interim_results=False, offline_recognize=self.offline
            )
        )
        self.words = words
        self.heard: list[rtc.AudioFrame] = []

    async def _recognize_impl(
        self,
        buffer: list[rtc.AudioFrame] | rtc.AudioFrame,
        *,
        language: NotGivenOr[str],
        conn_options: APIConnectOptions,
    ) -> stt.SpeechEvent:
        self.heard.append(rtc.combine_audio_frames(buffer))
        words = stt.SpeechData(language="en", text=self.words)  # type: ignore[arg-type]
        return stt.SpeechEvent(stt.SpeechEventType.FINAL_TRANSCRIPT, alternatives=[words])
