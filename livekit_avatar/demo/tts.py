"""A voice that needs no network and no model: eSpeak NG as a text-to-speech of livekit-agents."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import threading
from functools import lru_cache
from importlib import import_module
from typing import Any, Literal

import numpy as np
from livekit.agents import APIConnectOptions, tts, utils
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS

from livekit_avatar.errors import ConfigurationError, DemoError
from livekit_avatar.types import Samples

logger = logging.getLogger(__name__)

DEFAULT_VOICE = "en-us+f3"
"""American English, the third female variant: the clearest of eSpeak's voices at a calm rate."""

DEFAULT_RATE = 160
DEFAULT_PITCH = 52

PIECE_SECONDS = 0.2
FASTER = 5
"""How much faster than real time the sound is handed on. All at once would hold up the event loop at the
start of each sentence: livekit-agents measures the rate of speech of whatever has come, for its captions."""

# From speak_lib.h of eSpeak NG.
_AUDIO_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE_DONT_EXIT = 0x8000
_CHARS_UTF8 = 1
_END_PAUSE = 0x1000
_POSITION_CHARACTER = 1
_RATE, _PITCH, _RANGE, _WORD_GAP = 1, 3, 4, 7

_SILENCE_SECONDS = 0.1
"""What a text without anything to pronounce sounds like: livekit-agents takes no sound at all for a fault."""

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class EspeakTTS(tts.TTS[Literal["error"]]):
    """Speaks with eSpeak NG, faster than real time.

    Args:
        voice: name of an eSpeak voice, with "+variant" if wanted.
        rate: words a minute, 80..450.
        pitch: 0..99.

    Raises:
        DemoError: eSpeak NG is not installed.
        ConfigurationError: there is no such voice, or a number is out of its range.
    """

    def __init__(
        self, *, voice: str = DEFAULT_VOICE, rate: int = DEFAULT_RATE, pitch: int = DEFAULT_PITCH
    ) -> None:
        if not 80 <= rate <= 450:
            raise ConfigurationError(f"rate {rate} is out of range", fix="Use 80 to 450 words a minute.")
        if not 0 <= pitch <= 99:
            raise ConfigurationError(f"pitch {pitch} is out of range", fix="Use 0 to 99.")
        self._espeak = espeak()
        self._espeak.choose(voice)
        self._voice, self._rate, self._pitch = voice, rate, pitch
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=False),
            sample_rate=self._espeak.sample_rate,
            num_channels=1,
        )

    @property
    def model(self) -> str:
        """Name of the voice."""
        return self._voice

    @property
    def provider(self) -> str:
        """Name of the program that speaks."""
        return "eSpeak NG"

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        """The sound of `text`."""
        return _Utterance(tts=self, input_text=text, conn_options=conn_options)

    def speak(self, text: str) -> Samples:
        """The sound of `text` at `sample_rate`; blocks for a few milliseconds a sentence."""
        return self._espeak.speak(text, self._voice, rate=self._rate, pitch=self._pitch)


class _Utterance(tts.ChunkedStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        voice = self._tts
        assert isinstance(voice, EspeakTTS)
        output_emitter.initialize(
            request_id=utils.shortuuid(),
            sample_rate=voice.sample_rate,
            num_channels=1,
            mime_type="audio/pcm",
        )
        samples = await asyncio.to_thread(voice.speak, self.input_text)
        if not len(samples):
            samples = np.zeros(int(_SILENCE_SECONDS * voice.sample_rate), np.int16)
        piece = int(PIECE_SECONDS * voice.sample_rate)
        for start in range(0, len(samples), piece):
            output_emitter.push(samples[start : start + piece].tobytes())
            await asyncio.sleep(PIECE_SECONDS / FASTER)


class Espeak:
    """The eSpeak NG library. It keeps its state in C globals, so one call runs at a time."""

    def __init__(self) -> None:
        self._library, data = _load()
        self._lock = threading.Lock()
        self._chunks: list[Samples] = []
        # Both must live as long as the library, which keeps a pointer to the callback.
        self._callback = _Callback(self._collect)
        self.sample_rate: int = self._library.espeak_Initialize(
            _AUDIO_OUTPUT_SYNCHRONOUS, 0, data.encode(), _INITIALIZE_DONT_EXIT
        )
        if self.sample_rate <= 0:
            raise DemoError(f"eSpeak NG cannot read its data in {data}", fix=_INSTALL)
        self._library.espeak_SetSynthCallback(self._callback)

    def choose(self, voice: str) -> None:
        """Checks that there is such a voice, and takes it.

        Raises:
            ConfigurationError: there is not.
        """
        with self._lock:
            self._choose(voice)

    def speak(self, text: str, voice: str, *, rate: int, pitch: int) -> Samples:
        """The sound of `text` at `sample_rate`; empty if nothing in it can be pronounced."""
        encoded = text.replace("\0", " ").encode() + b"\0"
        with self._lock:
            self._choose(voice)
            for parameter, value in ((_RATE, rate), (_PITCH, pitch), (_RANGE, 60), (_WORD_GAP, 1)):
                self._library.espeak_SetParameter(parameter, value, 0)
            self._chunks = []
            self._library.espeak_Synth(
                encoded, len(encoded), 0, _POSITION_CHARACTER, 0, _CHARS_UTF8 | _END_PAUSE, None, None
            )
            return np.concatenate(self._chunks) if self._chunks else np.zeros(0, np.int16)

    def _choose(self, voice: str) -> None:
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ConfigurationError(
                f"eSpeak NG has no voice {voice!r}", fix=f"Use a name such as {DEFAULT_VOICE!r}."
            )

    def _collect(self, samples: ctypes._Pointer[ctypes.c_short], count: int, _events: int | None) -> int:
        if samples and count > 0:
            self._chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0


@lru_cache(maxsize=1)
def espeak() -> Espeak:
    """The library of this process, loaded at first use.

    Raises:
        DemoError: it is not installed.
    """
    return Espeak()


_INSTALL = "Run pip install espeakng-loader, or pip install 'livekit-avatar[demo]'."


def _load() -> tuple[ctypes.CDLL, str]:
    """The library and the folder of its data."""
    try:
        loader: Any = import_module("espeakng_loader")
        library = ctypes.CDLL(loader.get_library_path())
        data = str(loader.get_data_path())
    except (ImportError, OSError, RuntimeError) as error:
        raise DemoError("The demo's voice, eSpeak NG, is not installed", fix=_INSTALL) from error
    library.espeak_Initialize.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]
    library.espeak_SetSynthCallback.argtypes = [_Callback]
    library.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
    library.espeak_SetParameter.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int]
    library.espeak_Synth.argtypes = [
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_uint,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.c_uint,
        ctypes.c_void_p,
        ctypes.c_void_p,
    ]
    return library, data
