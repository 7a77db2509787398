"""What is said over lines that come and go: each utterance is finished exactly once, and nothing is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest
from livekit import rtc
from livekit.agents.voice.io import AudioOutput, AudioOutputCapabilities

from livekit_avatar.room.lines import WIRE_RATE
from livekit_avatar.room.remote_output import RemoteAudioOutput


class TapeOutput(AudioOutput):
    """Records what it is given; the test says what was heard of it."""

    def __init__(self) -> None:
        super().__init__(label="tape", capabilities=AudioOutputCapabilities(pause=True))
        self.tape: list[int] = []
        self.ends = 0
        self.cleared = 0

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        self.tape.extend(np.frombuffer(frame.data, np.int16).tolist())

    def flush(self) -> None:
        super().flush()
        self.ends += 1

    def clear_buffer(self) -> None:
        self.cleared += 1


class Tape:
    """A line that ends at a tape."""

    can_pause = True

    def __init__(self, *, start_grace: float | None = None, pace: float | None = None) -> None:
        self.output = TapeOutput()
        self.pace = pace
        self.start_grace = start_grace
        self.position: float | None = None
        self.held: list[bool] = []

    def begin(self) -> None:
        self.output.on_playback_started(created_at=time.time())

    def finish(self, position: float, *, interrupted: bool = False) -> None:
        self.output.on_playback_finished(playback_position=position, interrupted=interrupted)

    def pause(self) -> None:
        self.held.append(True)

    def resume(self) -> None:
        self.held.append(False)

    async def aclose(self) -> None:
        pass


class Listening(RemoteAudioOutput):
    """Our output, and what it reported."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = 0
        self.finished: list[tuple[float, bool]] = []
        self.on("playback_started", lambda _: self._count())
        self.on(
            "playback_finished",
            lambda event: self.finished.append((event.playback_position, event.interrupted)),
        )

    def _count(self) -> None:
        self.begun += 1

    async def say(self, samples: range, *, flush: bool = True) -> None:
        for start in range(samples.start, samples.stop, 240):
            block = np.arange(start, start + 240, dtype=np.int16)
            await self.capture_frame(rtc.AudioFrame(block.tobytes(), WIRE_RATE, 1, 240))
        if flush:
            self.flush()
        await settled()


async def settled() -> None:
    for _ in range(200):
        await asyncio.sleep(0)


@asynccontextmanager
async def speaking() -> AsyncIterator[tuple[Listening, Tape]]:
    output, line = Listening(), Tape()
    await output.use(line)
    try:
        yield output, line
    finally:
        await output.aclose()


async def test_speech_waits_for_the_first_line() -> None:
    output, line = Listening(), Tape()
    saying = asyncio.create_task(output.say(range(0, 480)))
    await settled()
    assert not saying.done()
    await output.use(line)
    await saying
    assert line.output.tape == list(range(480))
    await output.aclose()
    assert output.finished == [(0.0, True)]


async def test_a_line_gets_a_second_at_once_and_the_rest_at_its_pace_but_an_interruption_at_once() -> None:
    output, line = Listening(), Tape(pace=0.01)
    await output.use(line)
    await output.say(range(0, 32_640))
    assert 24_000 <= len(line.output.tape) <= 24_480
    output.clear_buffer()
    await settled()
    assert line.output.cleared == 1
    await output.say(range(0, 4_800))
    assert line.output.tape[-4_800:] == list(range(4_800)), "the next utterance has its second again"
    await output.aclose()


async def test_what_the_line_reports_is_passed_on() -> None:
    async with speaking() as (output, line):
        await output.say(range(0, 2400))
        line.begin()
        line.finish(0.1)
        assert (output.begun, output.finished, line.output.ends) == (1, [(0.1, False)], 1)


async def test_speech_goes_on_over_another_line_where_it_was_last_heard() -> None:
    async with speaking() as (output, dying):
        await output.say(range(0, 24_000))
        await output.say(range(24_000, 28_800))
        dying.begin()
        output._segments[0].since = time.monotonic() - 0.7  # it was heard for so long
        dying.position = 0.6  # as the last beat said
        after = Tape()
        await output.leave(dying)
        await output.use(after)
        await settled()
        assert after.output.tape == list(range(14_400, 28_800))
        assert after.output.ends == 2
        after.begin()
        after.finish(0.4)
        after.begin()
        after.finish(0.2)
        assert output.finished == [(pytest.approx(1.0), False), (pytest.approx(0.2), False)]
        assert output.begun == 2, "the first began once"


async def test_a_position_of_the_utterance_before_is_not_believed() -> None:
    async with speaking() as (output, dying):
        await output.say(range(0, 24_000))
        dying.position = 9.0
        dying.begin()
        after = Tape()
        await output.leave(dying)
        await output.use(after)
        await settled()
        assert len(after.output.tape) > 23_000


async def test_speech_that_is_captured_between_two_lines_is_not_lost() -> None:
    async with speaking() as (output, dying):
        await output.say(range(0, 2400), flush=False)
        await output.leave(dying)
        await output.say(range(2400, 4800))
        after = Tape()
        await output.use(after)
        await settled()
        assert after.output.tape == list(range(4800))


async def test_an_utterance_that_was_heard_to_its_end_is_over_when_the_line_dies() -> None:
    async with speaking() as (output, dying):
        await output.say(range(0, 2400))
        dying.begin()
        output._segments[0].since = time.monotonic() - 5
        await output.leave(dying)
        await output.use(Tape())
        assert output.finished == [(pytest.approx(0.1), False)]


async def test_an_interruption_ends_what_the_line_never_saw() -> None:
    async with speaking() as (output, line):
        await output.say(range(0, 2400))
        line.begin()
        await output.leave(line)
        await output.say(range(0, 2400))
        output.clear_buffer()
        assert [interrupted for _, interrupted in output.finished] == [True, True]
        after = Tape()
        await output.use(after)
        await output.say(range(100, 340))
        assert after.output.tape == list(range(100, 340)), "nothing of what was interrupted"


async def test_an_interruption_is_passed_on_once_and_counts_only_what_can_have_been_heard() -> None:
    async with speaking() as (output, line):
        await output.say(range(0, 24_000), flush=False)
        line.begin()
        output.clear_buffer()
        await output.say(range(24_000, 24_480))
        assert (line.output.cleared, len(line.output.tape)) == (1, 24_000)
        line.finish(1.0, interrupted=True)
        position, interrupted = output.finished[0]
        assert interrupted and position < 0.5
        assert len(output.finished) == 1


async def test_a_line_that_never_says_when_it_begins_is_believed_to() -> None:
    output, line = Listening(), Tape(start_grace=0.0)
    await output.use(line)
    await output.say(range(0, 2400))
    await asyncio.sleep(0.01)
    assert output.begun == 1
    line.finish(0.1)
    await output.say(range(0, 240))
    line.finish(0.01)
    assert output.begun == 2
    await output.aclose()


async def test_a_pause_outlives_the_line() -> None:
    async with speaking() as (output, dying):
        await output.say(range(0, 24_000))
        dying.begin()
        output.pause()
        await output.leave(dying)
        after = Tape()
        await output.use(after)
        output.resume()
        assert (dying.held, after.held) == ([True], [True, False])


async def test_another_line_takes_over_between_two_utterances() -> None:
    async with speaking() as (output, voice):
        await output.say(range(0, 240))
        face = Tape()
        handing = asyncio.create_task(output.hand_over(face))
        await output.say(range(240, 480))
        voice.finish(0.01)
        await settled()
        assert not handing.done(), "the second is not over"
        voice.finish(0.01)
        await handing
        await output.say(range(480, 720))
        assert (len(voice.output.tape), len(face.output.tape)) == (480, 240)


async def test_a_line_that_breaks_says_so() -> None:
    class Broken(TapeOutput):
        async def capture_frame(self, frame: rtc.AudioFrame) -> None:
            raise RuntimeError("the data channel is closed")

    output, line = Listening(), Tape()
    line.output = Broken()
    await output.use(line)
    await output.say(range(0, 240))
    assert output.broken.is_set()
    await output.aclose()
    assert output.finished == [(0.0, True)]


async def test_what_is_said_after_the_end_is_over_at_once() -> None:
    output = Listening()
    await output.aclose()
    await output.say(range(0, 240))
    assert output.finished == [(0.0, True)]
