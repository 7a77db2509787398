"""The live runtime: frames on a clock, each with its own speech."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest
import pytest_asyncio
from engines_for_tests import FlashEngine, FlashFace, FlashPerformance, failing, flash
from virtual_clock import VirtualClock

from livekit_avatar.avatar import Avatar
from livekit_avatar.avatars.bundle import Bundle, Manifest
from livekit_avatar.engines.base import EngineInfo
from livekit_avatar.errors import (
    AlreadyStartedError,
    AudioFormatError,
    AvatarError,
    ClosedError,
    EngineFailedError,
    InputError,
    MisuseError,
    NotStartedError,
    SecondConsumerError,
)
from livekit_avatar.runtime.pacer import Pacer
from livekit_avatar.runtime.runtime import AvatarRuntime
from livekit_avatar.types import Emotion, Samples, VideoFrame


def loud(seconds: float, rate: int = 16_000) -> Samples:
    rng = np.random.default_rng(0)
    return rng.integers(5_000, 9_000, round(seconds * rate)).astype(np.int16)


def white(frame: VideoFrame) -> bool:
    return bool(frame.image[0, 0, 0])


def new_runtime(engine: FlashEngine | None = None, **options: object) -> AvatarRuntime:
    clock = VirtualClock()
    engine = engine or flash()
    pacer = Pacer(25, clock=clock.now, sleep=clock.sleep)
    return AvatarRuntime(engine, engine.face(), pacer=pacer, **options)  # type: ignore[arg-type]


@pytest_asyncio.fixture
async def runtime() -> AsyncIterator[AvatarRuntime]:
    async with new_runtime() as started:
        yield started


async def take(runtime: AvatarRuntime, count: int) -> list[VideoFrame]:
    frames = runtime.run()
    return [await anext(frames) for _ in range(count)]


def sound(frames: list[VideoFrame]) -> Samples:
    parts = [frame.audio.samples for frame in frames if frame.audio]
    return np.concatenate([np.empty(0, np.int16), *parts])


async def test_idle_frames_come_without_speech(runtime: AvatarRuntime) -> None:
    frames = await take(runtime, 10)
    assert [frame.number for frame in frames] == list(range(10))
    assert all(frame.audio is None and frame.segment is None and not frame.last for frame in frames)


async def test_speech_comes_out_as_it_went_in_whatever_its_rate(runtime: AvatarRuntime) -> None:
    speech = loud(1.013, rate=44_100)
    await runtime.push_audio(speech, 44_100)
    frames = [frame async for frame in await runtime.run()]
    np.testing.assert_array_equal(sound(frames), speech)
    assert len(frames) == 26, "25.3 frames of speech take 26"
    assert [frame.last for frame in frames] == [False] * 25 + [True]
    assert all(white(frame) for frame in frames)


async def test_bytes_are_taken_as_samples(runtime: AvatarRuntime) -> None:
    speech = loud(0.2)
    await runtime.push_audio(speech.tobytes(), 16_000)
    np.testing.assert_array_equal(sound([frame async for frame in await runtime.run()]), speech)


async def test_awaited_frames_end_with_the_speech_and_may_be_awaited_again(runtime: AvatarRuntime) -> None:
    for seconds in (0.2, 0.4):
        await runtime.push_audio(loud(seconds), 16_000)
        assert len([frame async for frame in await runtime.run()]) == round(seconds * 25)


async def test_utterances_follow_one_another_without_a_gap(runtime: AvatarRuntime) -> None:
    for rate in (16_000, 24_000):
        await runtime.push_audio(loud(0.4, rate), rate)
        await runtime.flush()
    frames = await take(runtime, 22)
    assert [frame.segment for frame in frames] == [0] * 10 + [1] * 10 + [None] * 2
    assert [frame.number for frame in frames if frame.last] == [9, 19]


async def test_an_interruption_silences_the_next_frame(runtime: AvatarRuntime) -> None:
    await runtime.push_audio(loud(4), 16_000)
    await take(runtime, 5)
    await runtime.interrupt()
    frames = await take(runtime, 5)
    assert not any(frame.audio or white(frame) for frame in frames)
    await runtime.push_audio(loud(0.2), 16_000)
    await runtime.flush()
    assert len(sound(await take(runtime, 6))) == 3_200, "what is said afterwards is heard, and nothing else"


async def test_an_interruption_while_a_frame_is_drawn_takes_its_sound_away() -> None:
    started, go_on = threading.Event(), threading.Event()

    def wait(number: int) -> None:
        if number == 3:
            started.set()
            go_on.wait(10)

    async with new_runtime(FlashEngine(EngineInfo("waiting"), before_render=wait)) as runtime:
        await runtime.push_audio(loud(1), 16_000)
        await take(runtime, 1)
        frame = asyncio.ensure_future(anext(runtime.run()))
        await asyncio.to_thread(started.wait, 10)
        await runtime.interrupt()
        go_on.set()
        assert (await frame).audio is None


async def test_speech_that_is_late_gives_idle_frames_and_no_invented_sound(runtime: AvatarRuntime) -> None:
    first, second = loud(0.2), loud(0.2)
    await runtime.push_audio(first, 16_000)
    frames = await take(runtime, 8)
    assert [bool(frame.audio) for frame in frames[-3:]] == [False] * 3
    await runtime.push_audio(second, 16_000)
    await runtime.flush()
    frames += await take(runtime, 8)
    np.testing.assert_array_equal(sound(frames), np.concatenate([first, second]))
    assert sum(frame.last for frame in frames) == 1


async def test_a_pause_goes_on_at_the_very_sample(runtime: AvatarRuntime) -> None:
    speech = loud(1)
    await runtime.push_audio(speech, 16_000)
    await runtime.flush()
    frames = await take(runtime, 7)
    await runtime.pause()
    held = await take(runtime, 5)
    assert not any(frame.audio for frame in held)
    await runtime.resume()
    frames += await take(runtime, 20)
    np.testing.assert_array_equal(sound(frames), speech)
    assert sum(frame.last for frame in frames) == 1


def wide_avatar() -> Avatar:
    engine = FlashEngine(EngineInfo("wide"))
    manifest = Manifest("wide", 1, "wide", (96, 24), 25, "", "", "", ())
    return Avatar(Bundle(manifest, {}), engine, engine.face((96, 24)))


async def test_a_change_of_face_in_mid_speech_loses_nothing(runtime: AvatarRuntime) -> None:
    speech = loud(1.013, rate=44_100)
    await runtime.push_audio(speech, 44_100)
    await runtime.flush()
    frames = await take(runtime, 8)
    await runtime.set_avatar(wide_avatar(), fade_frames=3)
    frames += await take(runtime, 20)
    np.testing.assert_array_equal(sound(frames), speech)
    assert sum(frame.last for frame in frames) == 1
    assert {frame.image.shape for frame in frames} == {(48, 64, 4)}, "the size of a track is fixed"


async def test_faces_are_cross_faded_and_another_shape_is_letterboxed(runtime: AvatarRuntime) -> None:
    await runtime.push_audio(loud(2), 16_000)
    await take(runtime, 4)
    await runtime.set_avatar(wide_avatar(), fade_frames=3)
    frames = await take(runtime, 6)
    centre = [int(frame.image[24, 32, 0]) for frame in frames]
    assert centre == [64, 128, 191, 255, 255, 255], "the old face, idle, is black; the new one speaks"
    assert frames[-1].image[2, 32, 0] == 0, "bars above a wide face"


def another_avatar(*actions: str, seconds: float = 0.0) -> Avatar:
    name = f"another with {actions}"
    engine = FlashEngine(EngineInfo(name, actions=actions), before_render=lambda number: time.sleep(seconds))
    return Avatar(Bundle(Manifest(name, 1, name, (64, 48), 25), {}), engine, engine.face())


async def test_of_two_changes_of_face_the_one_asked_for_last_stays(runtime: AvatarRuntime) -> None:
    slow, quick = another_avatar("bow", seconds=0.1), another_avatar("wink")
    await asyncio.gather(runtime.set_avatar(slow), runtime.set_avatar(quick))
    await take(runtime, 1)
    runtime.act("wink")


class Clumsy(FlashPerformance):
    def act(self, action: str) -> None:
        raise InputError(f"no action {action!r}", fix="There is none.")


async def test_an_action_that_the_next_face_cannot_do_is_left_out(
    runtime: AvatarRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    avatar = another_avatar()
    monkeypatch.setattr(avatar.engine, "perform", lambda face, *, seed=0: Clumsy(face))
    await runtime.set_avatar(avatar)
    runtime.act("wave")  # the face that is still shown can
    assert len(await take(runtime, 2)) == 2


async def test_a_runtime_made_anew_has_the_present_face_in_the_same_size(runtime: AvatarRuntime) -> None:
    await runtime.set_avatar(wide_avatar())
    await take(runtime, 1)
    async with runtime.again() as other:
        assert other.size == runtime.size == (64, 48)
        assert (await take(other, 1))[0].image[2, 32, 0] == 0, "bars above a wide face"


async def test_a_mood_lasts_when_the_face_changes_or_is_made_anew(
    runtime: AvatarRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    performances: list[FlashPerformance] = []

    def perform(self: FlashEngine, face: FlashFace, *, seed: int = 0) -> FlashPerformance:
        performances.append(FlashPerformance(face))
        return performances[-1]

    monkeypatch.setattr(FlashEngine, "perform", perform)
    happy = Emotion("happy", 0.5)
    runtime.set_emotion(happy)
    await runtime.set_avatar(wide_avatar())
    await take(runtime, 1)
    async with runtime.again() as other:
        await take(other, 1)
    assert [performance.emotion for performance in performances] == [happy, happy]


async def test_a_face_that_cannot_be_opened_leaves_the_old_one(runtime: AvatarRuntime) -> None:
    with pytest.raises(AvatarError, match="'nobody'"):
        await runtime.set_avatar("nobody")
    await take(runtime, 2)


async def test_a_late_picture_is_repeated_and_its_sound_is_not_skipped() -> None:
    slow_down = threading.Event()
    drawn = threading.Event()

    def wait(number: int) -> None:
        if number == 4:
            slow_down.wait(10)
            drawn.set()

    speech = loud(0.4)
    async with new_runtime(FlashEngine(EngineInfo("late"), before_render=wait)) as runtime:
        await runtime.push_audio(speech, 16_000)
        await runtime.flush()
        frames = await take(runtime, 8)
        slow_down.set()
        await asyncio.to_thread(drawn.wait, 10)
        frames += await take(runtime, 4)
    np.testing.assert_array_equal(sound(frames), speech)
    assert [frame.repeated for frame in frames[:8]] == [False] * 2 + [True] * 6
    assert not frames[-1].repeated


async def test_pushing_waits_while_too_much_is_unspoken() -> None:
    async with new_runtime(max_ahead=1.0) as runtime:
        await take(runtime, 1)
        await runtime.push_audio(loud(2), 16_000)
        push = asyncio.ensure_future(runtime.push_audio(loud(0.1), 16_000))
        await take(runtime, 10)
        assert not push.done()
        await take(runtime, 20)
        await push


async def test_pushing_without_a_reader_is_refused_at_the_limit() -> None:
    async with new_runtime(max_unread=1.0) as runtime:
        await runtime.push_audio(loud(2), 16_000)
        with pytest.raises(MisuseError, match="Read frames"):
            await runtime.push_audio(loud(0.1), 16_000)


async def test_a_waiting_push_ends_when_the_runtime_stops() -> None:
    async with new_runtime(max_ahead=0.5) as runtime:
        await take(runtime, 1)
        await runtime.push_audio(loud(2), 16_000)
        push = asyncio.ensure_future(runtime.push_audio(loud(0.1), 16_000))
        await asyncio.sleep(0)
    with pytest.raises(ClosedError):
        await push


@pytest.mark.parametrize(
    ("audio", "rate", "fix"),
    [
        (np.zeros(160, np.float32), 16_000, "astype(np.int16)"),
        (np.zeros((160, 2), np.int16), 16_000, "mean(axis=1)"),
        ([0, 1], 16_000, "int16"),
        (b"\0\0\0", 16_000, "two bytes each"),
        (np.zeros(160, np.int16), 0, "Hz"),
        (np.zeros(160, np.int16), 400_000, "Hz"),
    ],
)
async def test_speech_of_another_kind_is_refused_with_a_fix(
    runtime: AvatarRuntime, audio: Samples, rate: int, fix: str
) -> None:
    with pytest.raises(AudioFormatError) as refused:
        await runtime.push_audio(audio, rate)
    assert fix in refused.value.fix
    assert "\n" not in str(refused.value)


async def test_a_change_of_rate_inside_an_utterance_is_refused(runtime: AvatarRuntime) -> None:
    await runtime.push_audio(loud(0.1), 16_000)
    with pytest.raises(AudioFormatError, match="Flush"):
        await runtime.push_audio(loud(0.1, 24_000), 24_000)


async def test_an_unknown_action_is_refused_and_the_known_ones_named(runtime: AvatarRuntime) -> None:
    with pytest.raises(InputError, match="wave"):
        runtime.act("fly")
    runtime.act("wave")
    await take(runtime, 2)


MISUSES: dict[str, tuple[Callable[[AvatarRuntime], object], type[AvatarError]]] = {
    "push": (lambda runtime: runtime.push_audio(loud(0.1), 16_000), NotStartedError),
    "flush": (lambda runtime: runtime.flush(), NotStartedError),
    "interrupt": (lambda runtime: runtime.interrupt(), NotStartedError),
    "pause": (lambda runtime: runtime.pause(), NotStartedError),
}


@pytest.mark.parametrize("call", MISUSES)
async def test_calls_before_the_start_say_what_to_do(call: str) -> None:
    runtime = new_runtime()
    misuse, error = MISUSES[call]
    with pytest.raises(error, match="start"):
        await misuse(runtime)  # type: ignore[misc]
    with pytest.raises(NotStartedError, match="start"):
        runtime.run()


async def test_calls_after_the_stop_say_what_to_do(runtime: AvatarRuntime) -> None:
    await runtime.stop()
    with pytest.raises(ClosedError, match="new runtime"):
        await runtime.push_audio(loud(0.1), 16_000)


async def test_starting_twice_is_refused(runtime: AvatarRuntime) -> None:
    with pytest.raises(AlreadyStartedError):
        await runtime.start()


async def test_a_second_reader_is_refused_and_the_first_goes_on(runtime: AvatarRuntime) -> None:
    first = asyncio.ensure_future(anext(runtime.run()))
    await asyncio.sleep(0)
    with pytest.raises(SecondConsumerError):
        await anext(runtime.run())
    assert (await first).number == 0


async def test_a_reader_that_left_makes_room_for_the_next(runtime: AvatarRuntime) -> None:
    async for _ in runtime.run():
        break
    assert (await anext(runtime.run())).number == 1


async def test_readers_end_when_the_runtime_stops(runtime: AvatarRuntime) -> None:
    count = 0
    async for _ in runtime.run():
        count += 1
        if count == 3:
            await runtime.stop()
    assert count == 3


async def test_a_reader_in_mid_picture_ends_when_the_runtime_stops() -> None:
    started, go_on = threading.Event(), threading.Event()

    def wait(number: int) -> None:
        if number == 2:
            started.set()
            go_on.wait(10)

    async with new_runtime(FlashEngine(EngineInfo("stopped"), before_render=wait)) as runtime:
        reader = asyncio.create_task(collect(runtime))
        await asyncio.to_thread(started.wait, 10)
        stopping = asyncio.create_task(runtime.stop())
        for _ in range(5):
            await asyncio.sleep(0)
        assert not stopping.done(), "a picture that is being drawn is let finish"
        go_on.set()
        await stopping
        assert await reader >= 0


async def collect(runtime: AvatarRuntime) -> int:
    return len([frame async for frame in runtime.run()])


async def test_a_broken_engine_is_named_in_the_error() -> None:
    async with new_runtime(failing(at=3)) as runtime:
        frames = runtime.run()
        await anext(frames)
        with pytest.raises(EngineFailedError, match="'failing' failed while drawing"):
            await anext(frames)


async def test_a_broken_engine_does_not_start() -> None:
    runtime = new_runtime(failing(at=1))
    with pytest.raises(EngineFailedError):
        await runtime.start()
    await runtime.stop()
