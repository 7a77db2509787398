"""`AsyncBithuman`: speech in, 25 frames a second out, as programs for bitHuman expect them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from engines_for_tests import FlashPerformance, flash

from livekit_avatar.compat.bithuman import (
    AsyncBithuman,
    AudioChunk,
    Emotion,
    EmotionPrediction,
    ModelLoadError,
    ModelNotFoundError,
    RuntimeNotReadyError,
    VideoControl,
    VideoFrame,
)
from livekit_avatar.errors import AudioFormatError, AvatarError
from livekit_avatar.runtime.pacer import Pacer
from livekit_avatar.runtime.runtime import AvatarRuntime
from livekit_avatar.settings import settings

RATE = 16_000


def tone(seconds: float, rate: int = RATE) -> npt.NDArray[np.int16]:
    return (12_000 * np.sin(np.arange(round(seconds * rate)) * 440 * 2 * np.pi / rate)).astype(np.int16)


@asynccontextmanager
async def flashing(output_size: tuple[int, int] | None = None) -> AsyncIterator[AsyncBithuman]:
    """A face that is white while speech is loud."""
    engine = flash()
    patient = Pacer(1)  # a picture may take a second: none is repeated on a busy machine
    own = AvatarRuntime(engine, engine.face((64, 48)), paced=False, pacer=patient)
    await own.start()
    runtime = AsyncBithuman(output_size=output_size)
    runtime.adopt(own)
    yield runtime
    await runtime.shutdown()


async def spoken(runtime: AsyncBithuman) -> list[VideoFrame]:
    """The frames until all pushed speech has been spoken."""
    return [frame async for frame in await runtime.run()]


def white(frame: VideoFrame) -> bool:
    assert frame.bgr_image is not None
    return bool(frame.bgr_image.mean() > 128)


async def test_speech_comes_out_in_frames_of_40_ms_at_16_khz_whatever_rate_was_pushed() -> None:
    async with flashing() as runtime:
        for rate in (16_000, 24_000, 48_000):
            await runtime.push_audio(tone(0.4, rate).tobytes(), rate)
            frames = await spoken(runtime)
            sound = np.concatenate([frame.audio_chunk.array for frame in frames if frame.audio_chunk])
            assert len(frames) == 10 and all(white(frame) for frame in frames)
            assert all(frame.audio_chunk and frame.audio_chunk.sample_rate == RATE for frame in frames)
            assert np.abs(sound.astype(int) - tone(0.4)).mean() < 300


async def test_frames_are_numbered_within_their_utterance_and_its_last_one_says_so() -> None:
    async with flashing() as runtime:
        await runtime.push_audio(tone(0.12).tobytes(), RATE)
        await runtime.push_audio(tone(0.08).tobytes(), RATE, last_chunk=False)
        await runtime.flush()
        frames = await spoken(runtime)
        assert [frame.frame_index for frame in frames] == [0, 1, 2, 0, 1]
        assert [frame.end_of_speech for frame in frames] == [False, False, True, False, True]
        assert frames[2].audio_chunk is not None and frames[2].audio_chunk.last_chunk


async def test_each_frame_names_the_message_whose_speech_it_begins_with() -> None:
    async with flashing() as runtime:
        first = VideoControl(AudioChunk(tone(0.1), RATE, last_chunk=False), message_id="first")
        second = VideoControl(AudioChunk(tone(0.1), RATE), message_id="second")
        await runtime.push(first)
        await runtime.push(second)
        senders = [frame.source_message_id for frame in await spoken(runtime)]
        assert senders == ["first", "first", "first", "second", "second"]


async def test_frames_go_on_idle_between_speech_until_the_runtime_is_stopped() -> None:
    async with flashing() as runtime:
        await runtime.push_audio(tone(0.08).tobytes(), RATE)
        frames = []
        async for frame in runtime.run():
            frames.append(frame)
            if len(frames) == 6:
                await runtime.stop()
        assert len(frames) == 6
        assert [frame.audio_chunk is not None for frame in frames] == [True] * 2 + [False] * 4
        assert frames[-1].has_image and frames[-1].frame_index is None and not frames[-1].end_of_speech


async def test_frames_are_paced_by_the_clock() -> None:
    async with flashing() as runtime:
        await runtime.push_audio(tone(0.4).tobytes(), RATE)
        loop = asyncio.get_running_loop()
        times = [loop.time() async for _ in await runtime.run()]
        assert times[-1] - times[0] >= 0.3
        assert sum(after - before > 0.02 for before, after in pairwise(times)) >= 5


async def test_an_interruption_needs_no_await_and_silences_the_next_frame() -> None:
    async with flashing() as runtime:
        await runtime.push_audio(tone(5).tobytes(), RATE, last_chunk=False)
        frames = []
        async for frame in runtime.run():
            frames.append(frame)
            if len(frames) == 3:
                runtime.interrupt()
                await runtime.push_audio(tone(0.08).tobytes(), RATE)
            if frame.end_of_speech:
                break
        assert [frame.frame_index for frame in frames if frame.audio_chunk] == [0, 1, 2, 0, 1]


async def test_what_waits_to_be_pushed_when_it_is_interrupted_is_not_spoken() -> None:
    async with flashing() as runtime:
        await runtime.push_audio(tone(59).tobytes(), RATE, last_chunk=False)
        frames = runtime.run()
        await anext(aiter(frames))
        waiting = asyncio.create_task(runtime.push_audio(tone(5).tobytes(), RATE))
        await asyncio.sleep(0.05)
        more = asyncio.create_task(runtime.push_audio(tone(5).tobytes(), RATE))
        await asyncio.sleep(0.05)
        assert not more.done()
        runtime.interrupt()
        await asyncio.gather(waiting, more)
        assert await spoken(runtime) == []


async def test_a_stopped_runtime_begins_anew_with_the_same_face() -> None:
    async with flashing() as runtime:
        for _ in range(2):
            await runtime.start()
            await runtime.push_audio(tone(0.08).tobytes(), RATE)
            assert len(await spoken(runtime)) == 2
            await runtime.stop()
        runtime.cleanup()
        await runtime.push_audio(tone(0.08).tobytes(), RATE)
        assert len(await spoken(runtime)) == 2


async def test_an_iteration_that_was_begun_before_a_stop_does_not_go_on_after_it() -> None:
    async with flashing() as runtime:
        before = runtime.run()
        await anext(aiter(before))
        await runtime.stop()
        await runtime.push_audio(tone(0.08).tobytes(), RATE)
        assert [frame async for frame in before] == []


async def test_pictures_are_letterboxed_into_the_size_that_was_asked_for() -> None:
    async with flashing(output_size=(160, 90)) as runtime:
        await runtime.push_audio(tone(0.04).tobytes(), RATE)
        (frame,) = await spoken(runtime)
        assert frame.bgr_image is not None and frame.rgb_image is not None
        assert frame.bgr_image.shape == frame.rgb_image.shape == (90, 160, 3)
        assert (frame.bgr_image[:, 20:140] == 255).all() and not frame.bgr_image[:, :20].any()
        assert (runtime.frame_width, runtime.frame_height, runtime.settings.OUTPUT_WIDTH) == (160, 90, 160)


async def test_a_picture_is_the_readers_own() -> None:
    async with flashing() as runtime:
        await runtime.push_audio(tone(0.08).tobytes(), RATE)
        for frame in await spoken(runtime):
            assert frame.bgr_image is not None and white(frame)
            frame.bgr_image[:] = 0


async def test_moods_and_movements_reach_the_face_and_unknown_movements_are_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with flashing() as runtime:
        moods = [EmotionPrediction(Emotion.SADNESS, 0.2), EmotionPrediction(Emotion.JOY, 0.7)]
        await runtime.push(VideoControl(action=["wave", "mini_wave_hello"], emotion_preds=moods))
        await anext(aiter(runtime.run()))
        performance = runtime._runtime._actor.performance  # type: ignore[union-attr]
        assert isinstance(performance, FlashPerformance)
        assert performance.acted == ["wave"]
        assert (performance.emotion.name, performance.emotion.strength) == ("happy", 0.7)
        assert "mini_wave_hello" in caplog.text


async def test_a_face_is_changed_in_mid_speech_and_keeps_the_size_of_the_pictures() -> None:
    async with flashing() as runtime:
        await runtime.push_audio(tone(0.4).tobytes(), RATE)
        frames = []
        async for frame in await runtime.run():
            frames.append(frame)
            if len(frames) == 3:
                await runtime.set_model("ada")
        assert sum(len(frame.audio_chunk.array) for frame in frames if frame.audio_chunk) == 6_400
        assert {frame.shape for frame in frames} == {(48, 64, 3)}
        assert not white(frames[-1])


async def test_a_model_set_before_anything_is_read_brings_its_own_size() -> None:
    async with flashing() as runtime:
        await runtime.stop()
        await runtime.set_model("ada")
        assert (runtime.frame_width, runtime.frame_height) == (512, 512)
        first = runtime.get_first_frame()
        assert first is not None and first.shape == (512, 512, 3)


async def test_the_environment_names_the_avatar_of_programs_that_name_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BITHUMAN_MODEL_PATH", str(tmp_path / "agent.avatar"))
    settings.cache_clear()
    with pytest.raises(ModelNotFoundError, match=r"agent\.avatar"):
        await AsyncBithuman.create()


async def test_an_imx_file_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "agent.imx").write_bytes(b"IMX\x00" + bytes(64))
    with pytest.raises(ModelLoadError, match=r"model_load_failed.*agent\.imx.*picture") as caught:
        await AsyncBithuman.create(model_path=str(tmp_path / "agent.imx"))
    assert isinstance(caught.value, AvatarError)
    assert caught.value.docs_url.endswith("#model_load_failed")


async def test_an_avatar_that_is_not_there_is_a_file_that_is_not_there() -> None:
    with pytest.raises(ModelNotFoundError, match="A23WJF0199"):
        await AsyncBithuman.create(figure_id="A23WJF0199")
    with pytest.raises(FileNotFoundError):
        await AsyncBithuman.create(model_path="/nowhere/agent.avatar")


async def test_without_an_avatar_a_call_says_what_to_do() -> None:
    runtime = AsyncBithuman(api_secret="bh-not-a-secret")
    for call in (
        runtime.start(),
        runtime.push_audio(b"\0\0", RATE),
        runtime.flush(),
        anext(aiter(runtime.run())),
    ):
        with pytest.raises(RuntimeNotReadyError, match="set_model"):
            await call
    runtime.interrupt()
    await runtime.stop()
    assert runtime.get_first_frame() is None and runtime.frame_width is None


async def test_what_is_no_speech_is_refused_as_a_value_error() -> None:
    async with flashing() as runtime:
        with pytest.raises(AudioFormatError):
            await runtime.push_audio(b"odd", RATE)
        with pytest.raises(ValueError, match="int16"):
            await runtime.push_audio(np.zeros(640, np.int32), RATE)  # type: ignore[arg-type]


async def test_secrets_are_ignored_and_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "bh-sesame"
    runtime = await AsyncBithuman.create(
        model_path="ada", api_secret=secret, token=secret, agent_code=secret, fingerprint=secret
    )
    await runtime._initialize_token()
    runtime.set_agent_code(secret)
    runtime.generator._generator.set_agent_code(secret)
    assert runtime.start_token_refresh() and runtime.is_token_refresh_running()
    assert "api_secret" in caplog.text and secret not in caplog.text
    assert secret not in repr(vars(runtime))


async def test_a_session_in_a_room_is_a_new_transaction_and_hears_nothing_of_the_one_before() -> None:
    async with flashing() as runtime:
        before = runtime.transaction_id
        await runtime.push_audio(tone(1).tobytes(), RATE)
        lent = await runtime.lend()
        assert runtime.transaction_id != before and not lent.speaking


async def test_frames_can_be_closed_like_a_generator() -> None:
    async with flashing() as runtime, aclosing(runtime.run()) as frames:
        assert (await anext(frames)).has_image
