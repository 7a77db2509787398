"""`AsyncBithuman`: bitHuman's live interface on our runtime."""

from __future__ import annotations

import asyncio
import logging
import uuid
from functools import partial
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from typing_extensions import Self

from livekit_avatar import types
from livekit_avatar.avatar import Source
from livekit_avatar.compat.bithuman.errors import RuntimeNotReadyError
from livekit_avatar.compat.bithuman.formalities import (
    AUTH_URL,
    BILLING,
    OWN_SIZE,
    Generator,
    OwnSize,
    RuntimeSettings,
)
from livekit_avatar.compat.bithuman.models import chosen, ignore, load
from livekit_avatar.compat.bithuman.speech import SpeechInput
from livekit_avatar.compat.bithuman.values import AudioChunk, VideoControl, VideoFrame, as_int16, mood
from livekit_avatar.errors import InputError
from livekit_avatar.runtime.finish import opaque
from livekit_avatar.runtime.frames import Frames
from livekit_avatar.runtime.pacer import Pacer
from livekit_avatar.runtime.picture import fitted
from livekit_avatar.runtime.runtime import AvatarRuntime
from livekit_avatar.types import FPS, SAMPLES_PER_FRAME, SPEECH_RATE, Image

logger = logging.getLogger(__name__)


class AsyncBithuman:
    """A face that is given speech and gives frames, 25 a second by the clock, each with its 40 ms of speech.

        runtime = await AsyncBithuman.create(model_path="me.jpg")
        await runtime.push_audio(pcm16_bytes, 16_000, last_chunk=False)
        await runtime.flush()
        async for frame in runtime.run():           # endless: idle frames between speech
            frame.bgr_image, frame.audio_chunk
        await runtime.stop()

    `async for frame in await runtime.run()` ends when all pushed speech has been spoken. Keys, tokens,
    billing and threads are accepted and ignored: nothing is metered, nobody is asked.

    Args:
        output_size: (width, height) of the pictures, letterboxed; the avatar's own if not given.
        input_buffer_size, output_buffer_size, tags, billing_type, api_secret, api_url, agent_code,
            num_threads: ignored.
    """

    def __init__(
        self,
        *,
        input_buffer_size: int = 0,
        output_buffer_size: int = 6,
        output_size: tuple[int, int] | None = OWN_SIZE,
        tags: str | None = "bithuman",
        billing_type: str = BILLING,
        api_secret: str | None = None,
        api_url: str = AUTH_URL,
        agent_code: str | None = None,
        num_threads: int = 0,
    ) -> None:
        ignore(api_secret=api_secret, agent_code=agent_code, num_threads=num_threads)
        self._output_size = None if isinstance(output_size, OwnSize) else output_size
        self._runtime: AvatarRuntime | None = None
        self._speech = SpeechInput()
        self._pacer = Pacer(FPS)
        self._fresh = True  # neither has anything been pushed nor read since the model was set
        self._stops = 0
        self._frame_index = 0
        self._refreshing = False
        self._transaction_id = str(uuid.uuid4())

    @classmethod
    async def create(  # noqa: D417  # the others are listed as ignored
        cls,
        *,
        model_path: Source | None = None,
        token: str | None = None,
        api_secret: str | None = None,
        api_url: str = AUTH_URL,
        tags: str | None = "bithuman",
        insecure: bool = False,
        input_buffer_size: int = 0,
        output_buffer_size: int = 6,
        num_threads: int = 0,
        verbose: bool | None = None,
        batch_workers: int = 1,
        quality: str = "medium",
        identity: str | None = None,
        output_size: tuple[int, int] | None = OWN_SIZE,
        billing_type: str = BILLING,
        agent_code: str | None = None,
        fingerprint: str | None = None,
        figure_id: str | None = None,
    ) -> Self:
        """Open an avatar and draw its first picture.

        Args:
            model_path: a picture or .avatar file (path, bytes, Pillow picture, array) or a built-in name.
            figure_id: the name of a built-in avatar or of one in the library, where no `model_path` is given.
                With neither it is that of BITHUMAN_MODEL_PATH, else "ada".
            output_size: as for the class.
            token, api_secret, api_url, tags, insecure, input_buffer_size, output_buffer_size, num_threads,
                verbose, batch_workers, quality, identity, billing_type, agent_code, fingerprint: ignored.

        Raises:
            ModelNotFoundError: there is no such avatar.
            ModelLoadError: it cannot be a face; the message says why and what to do.
        """
        ignore(token=token, insecure=insecure, identity=identity, fingerprint=fingerprint)
        runtime = cls(
            output_size=output_size, api_secret=api_secret, agent_code=agent_code, num_threads=num_threads
        )
        await runtime.set_model(chosen(model_path, figure_id))
        return runtime

    async def set_model(self, model_path: Source) -> None:
        """Change the avatar, also while it speaks: nothing of the speech is lost, the faces cross-fade.

        Args:
            model_path: as for `create`. Once frames are being read it is letterboxed into their size.

        Raises:
            ModelNotFoundError: there is no such avatar; the old one stays.
            ModelLoadError: it cannot be a face; the old one stays.
        """
        avatar = await asyncio.to_thread(load, model_path)
        if self._runtime is not None and not self._runtime.closed and not self._fresh:
            await self._runtime.set_avatar(avatar)
            return
        runtime = await AvatarRuntime.create(avatar, paced=False)
        await runtime.start()
        self._runtime = runtime

    async def start(self, **kwargs: Any) -> None:
        """Be ready; `push_audio` and `run` do it themselves.

        Raises:
            RuntimeNotReadyError: there is no avatar.
        """
        await self._ready()

    async def push_audio(self, data: bytes, sample_rate: int, last_chunk: bool = True) -> None:
        """Add speech; waits while more than a minute is unspoken and frames are being read.

        Args:
            data: int16 little-endian bytes, or an array of int16 or of floats in -1..1.
            sample_rate: in Hz.
            last_chunk: the utterance ends here.

        Raises:
            AudioFormatError: (a ValueError) not mono speech.
            RuntimeNotReadyError: there is no avatar.
        """
        await self.push(VideoControl.from_audio(data, sample_rate, last_chunk))

    async def flush(self) -> None:
        """The utterance is complete."""
        await self.push(VideoControl(end_of_speech=True))

    async def push(self, control: VideoControl) -> None:
        """Say and do what a control asks for; as `push_audio`."""
        runtime = await self._ready()
        self._fresh = False
        if control.emotion_preds:
            runtime.set_emotion(mood(control.emotion_preds))
        for action in control.actions:
            _act(runtime, action)
        if control.audio is not None:
            audio = control.audio
            pcm = self._speech.push(as_int16(audio.data), audio.sample_rate, control.message_id)
            await runtime.push_audio(pcm, SPEECH_RATE)
        if control.end_of_speech or (control.audio is not None and control.audio.last_chunk):
            await runtime.push_audio(self._speech.end(), SPEECH_RATE)
            await runtime.flush()

    def interrupt(self) -> None:
        """Forget all speech: the next frame is silent and the mouth closes. `run` goes on."""
        self._speech.clear()
        self._frame_index = 0
        if self._runtime is not None and not self._runtime.closed:
            self._runtime.silence()

    def run(self) -> Frames[VideoFrame]:
        """Frames until `stop`; awaited, until all pushed speech has been spoken."""
        return Frames(partial(self._next, self._stops))

    async def _next(self, stops: int, *, endless: bool) -> VideoFrame | None:
        if stops != self._stops:
            return None
        runtime = await self._ready()
        self._fresh = False
        if not endless:
            await self.flush()
        if endless or runtime.speaking:
            await self._pacer.tick()
        frame = await runtime.next_frame(endless=endless)
        return self._frame(frame) if frame is not None else None

    def _frame(self, frame: types.VideoFrame) -> VideoFrame:
        picture = self._picture(frame.image)
        if frame.audio is None:
            return VideoFrame(picture)
        samples = frame.audio.samples
        sender, index = self._speech.spoken(len(samples)), self._frame_index
        self._frame_index = 0 if frame.last else index + 1
        return VideoFrame(picture, AudioChunk(samples, SPEECH_RATE, frame.last), index, sender, frame.last)

    def _picture(self, image: Image) -> npt.NDArray[np.uint8]:
        if self._output_size is not None:
            image = fitted(image, self._output_size)
        return np.asarray(cv2.cvtColor(opaque(image), cv2.COLOR_RGBA2BGR), np.uint8)

    def get_first_frame(self) -> npt.NDArray[np.uint8] | None:
        """The picture that is shown now: (H, W, 3) uint8 BGR; None without an avatar."""
        image = self._runtime.image if self._runtime is not None else None
        return None if image is None else self._picture(image)

    async def lend(self) -> AvatarRuntime:
        """Our own runtime of this face, for a room; the session has a new transaction id.

        What was pushed before belongs to the session before. While it is lent, `interrupt`, `push` and
        `set_model` work on the face in the room.

        Raises:
            RuntimeNotReadyError: there is no avatar.
        """
        self._regenerate_transaction_id()
        if not self._fresh:
            await self.stop()
        runtime = await self._ready()
        self._fresh = False
        return runtime

    def adopt(self, runtime: AvatarRuntime) -> None:
        """Work on the face of a room from now on."""
        self._runtime, self._fresh = runtime, False

    async def _ready(self) -> AvatarRuntime:
        if self._runtime is None:
            raise RuntimeNotReadyError(
                "no avatar is loaded", fix="Call `await AsyncBithuman.create(model_path=...)` or `set_model`."
            )
        if self._runtime.closed:
            runtime = self._runtime.again()
            await runtime.start()
            self._runtime, self._fresh = runtime, True
        return self._runtime

    async def stop(self) -> None:
        """End `run`. A later `run` begins anew with the same avatar. May be called twice."""
        self._end()
        if self._runtime is not None:
            await self._runtime.stop()

    async def shutdown(self) -> None:
        """`stop`, and let go of the avatar."""
        await self.stop()
        self._runtime = None

    def cleanup(self) -> None:
        """`stop`, for callers that cannot await."""
        self._end()
        if self._runtime is not None:
            self._runtime.close()

    def _end(self) -> None:
        self._stops += 1
        self._frame_index = 0
        self._speech.clear()

    def _regenerate_transaction_id(self) -> None:
        before, self._transaction_id = self._transaction_id, str(uuid.uuid4())
        logger.debug("transaction %s follows %s", self._transaction_id, before)

    @property
    def transaction_id(self) -> str:
        """Of this session; a session in a room begins a new one."""
        return self._transaction_id

    @property
    def settings(self) -> RuntimeSettings:
        """Frame rate, sample rate and width."""
        return RuntimeSettings(OUTPUT_WIDTH=self.frame_width or RuntimeSettings.OUTPUT_WIDTH)

    @property
    def fps(self) -> int:
        """Frames a second: 25."""
        return FPS

    @property
    def sample_rate(self) -> int:
        """Of the frames' audio in Hz: 16000. Any rate may be pushed."""
        return SPEECH_RATE

    @property
    def samples_per_tick(self) -> int:
        """Samples in a frame's audio: 640; the last of an utterance has what is left."""
        return SAMPLES_PER_FRAME

    @property
    def frame_width(self) -> int | None:
        """Of the pictures in pixels; None without an avatar."""
        return self._size[0] if self._size else None

    @property
    def frame_height(self) -> int | None:
        """Of the pictures in pixels; None without an avatar."""
        return self._size[1] if self._size else None

    @property
    def _size(self) -> tuple[int, int] | None:
        return self._output_size or (self._runtime.size if self._runtime is not None else None)

    @property
    def video_graph(self) -> None:
        """None, as theirs."""

    @property
    def generator(self) -> Generator:
        """Something with `set_agent_code`."""
        return Generator(self.set_agent_code)

    def set_agent_code(self, agent_code: str) -> None:
        """Ignored: nothing is reported."""
        ignore(agent_code=agent_code)

    def set_billing_type(self, billing_type: str) -> None:
        """Ignored: nothing is billed."""
        ignore(billing_type=billing_type)

    def set_identity(self, identity: str) -> None:
        """Ignored, as theirs: `set_model` changes the face."""
        ignore(identity=identity)

    def sync_to(self, sink: object) -> None:
        """Ignored: `AvatarSession` shows each picture when its voice is heard."""
        ignore(sink=sink)

    def start_token_refresh(self, **kwargs: Any) -> bool:
        """True; there is no token to refresh."""
        self._refreshing = True
        return True

    def stop_token_refresh(self) -> None:
        """The opposite."""
        self._refreshing = False

    def is_token_refresh_running(self) -> bool:
        """Whether `start_token_refresh` was called last."""
        return self._refreshing

    async def _initialize_token(self) -> None:
        """LiveKit's plugin calls it; there is no token."""


def _act(runtime: AvatarRuntime, action: str) -> None:
    try:
        runtime.act(action)
    except InputError as error:
        logger.warning("%s", error)
