"""The worker's end of the wire beside livekit-agents' DataStreamAudioReceiver, on a real server.

The agent's end is livekit-agents' own. U9 and U10 are upstream's faults: their tests say so the day they are
mended.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from livekit import rtc
from livekit.agents import utils
from livekit.agents.voice.avatar import AudioSegmentEnd, DataStreamAudioReceiver
from viewer import joined, until
from workers import Speaker, speaker

from livekit_avatar.demo.livekit_server import LiveKitServer
from livekit_avatar.room import receiver as receiver_module
from livekit_avatar.room import wire
from livekit_avatar.room.receiver import StreamAudioReceiver

Receiver = StreamAudioReceiver | DataStreamAudioReceiver


class Ear:
    """Reads all that a receiver gives: samples of each utterance, and whether it ended."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.cleared = 0
        self.utterances: list[int] = []
        self.ended = 0
        self._fresh = True
        receiver.on("clear_buffer", self._on_clear)
        self.reading = asyncio.create_task(self._read())

    def _on_clear(self) -> None:
        self.cleared += 1
        self._fresh = True

    async def _read(self) -> None:
        async for item in self.receiver:
            if isinstance(item, AudioSegmentEnd):
                self.ended += 1
                self._fresh = True
                continue
            if self._fresh:
                self.utterances.append(0)
                self._fresh = False
            self.utterances[-1] += item.samples_per_channel


def make(kind: str, room: rtc.Room) -> Receiver:
    if kind == "ours":
        return StreamAudioReceiver(room, "agent")
    return DataStreamAudioReceiver(room, sender_identity="agent")


@asynccontextmanager
async def line(
    server: LiveKitServer, kind: str = "ours", room: str = "test"
) -> AsyncIterator[tuple[Speaker, Ear]]:
    """An agent, and the ear of its avatar."""
    async with joined(server, "avatar", agent=True, room=room) as avatar, speaker(server, room=room) as agent:
        ear = Ear(make(kind, avatar))
        await ear.receiver.start()
        try:
            yield agent, ear
        finally:
            await ear.receiver.aclose()
            await utils.aio.cancel_and_wait(ear.reading)


def both(fault: str) -> pytest.MarkDecorator:
    mark = pytest.mark.xfail(strict=True, reason=fault)
    return pytest.mark.parametrize("kind", ["ours", pytest.param("upstream", marks=mark)])


@both("U9: handlers belong to the class and are found by the caller's identity")
async def test_two_rooms_with_the_same_identities_do_not_hear_of_one_another(
    livekit_server: LiveKitServer, kind: str
) -> None:
    async with (
        line(livekit_server, kind, "first") as (one, first),
        line(livekit_server, kind, "second") as (_, second),
    ):
        await one.say(1)
        await until(lambda: first.ended)
        await one.room.local_participant.perform_rpc(
            destination_identity="avatar", method=wire.CLEAR_BUFFER, payload=""
        )
        assert (first.cleared, second.cleared) == (1, 0)


@both("U10: the handler of streams is never unregistered")
async def test_a_second_receiver_in_a_room_takes_the_place_of_the_first(
    livekit_server: LiveKitServer, kind: str
) -> None:
    async with joined(livekit_server, "avatar", agent=True) as avatar, speaker(livekit_server) as agent:
        for _ in range(2):
            ear = Ear(make(kind, avatar))
            try:
                await ear.receiver.start()
                await agent.say(0.2)
                await until(lambda ear=ear: ear.ended)
                ear.receiver.notify_playback_finished(0.2, False)
                await agent.output.wait_for_playout()
            finally:
                await ear.receiver.aclose()
                await utils.aio.cancel_and_wait(ear.reading)


async def test_nothing_is_left_when_a_receiver_closes(livekit_server: LiveKitServer) -> None:
    async with joined(livekit_server, "avatar", agent=True) as avatar:
        receiver = StreamAudioReceiver(avatar, "agent")
        await receiver.start()
        await receiver.aclose()
        await receiver.aclose()
        assert not avatar._byte_stream_handlers
        assert not avatar.local_participant._rpc_handlers
    await StreamAudioReceiver(rtc.Room(), "agent").aclose()  # before `start`


async def test_all_of_every_utterance_arrives(livekit_server: LiveKitServer) -> None:
    async with line(livekit_server) as (agent, ear):
        for seconds in (0.5, 0.1, 1.0):
            await agent.say(seconds)
        await until(lambda: ear.ended == 3)
        assert ear.utterances == [12_000, 2_400, 24_000]


async def test_what_is_in_flight_when_it_is_interrupted_is_not_heard(livekit_server: LiveKitServer) -> None:
    async with line(livekit_server) as (agent, ear):
        await agent.say(5, flush=False)
        await until(lambda: ear.utterances)
        agent.output.clear_buffer()
        await until(lambda: ear.cleared == 1)
        await agent.say(0.2, flush=False)  # still of the utterance that was interrupted
        agent.output.flush()
        ear.receiver.notify_playback_finished(0.5, True)
        await agent.output.wait_for_playout()
        heard = list(ear.utterances)
        await agent.say(0.4)
        await until(lambda: ear.ended == 1)
        assert ear.utterances == [*heard, 9_600]


async def test_utterances_of_which_nothing_was_read_are_finished_when_interrupted(
    livekit_server: LiveKitServer,
) -> None:
    async with joined(livekit_server, "avatar", agent=True) as avatar, speaker(livekit_server) as agent:
        receiver = StreamAudioReceiver(avatar, "agent")
        await receiver.start()
        for _ in range(3):
            await agent.say(0.2)
        await until(lambda: len(receiver._unfinished) == 3)
        agent.output.clear_buffer()
        await asyncio.wait_for(agent.output.wait_for_playout(), 5)
        assert agent.finished == [(0.0, True)] * 3
        await receiver.aclose()


async def send(room: rtc.Room, *, attributes: dict[str, str], content: bytes, close: bool = True) -> Any:
    """A stream as no livekit-agents would send it."""
    writer = await room.local_participant.stream_bytes(
        name="odd", topic=wire.AUDIO_STREAM_TOPIC, destination_identities=["avatar"], attributes=attributes
    )
    if content:
        await writer.write(content)
    if close:
        await writer.aclose()
    return writer


GOOD = {"sample_rate": "16000", "num_channels": "1"}


async def test_an_utterance_whose_end_is_lost_ends_when_the_next_begins(
    livekit_server: LiveKitServer,
) -> None:
    async with line(livekit_server) as (agent, ear):
        lost = await send(agent.room, attributes=GOOD, content=bytes(3200), close=False)
        await until(lambda: ear.utterances == [1600])
        await agent.say(0.2)
        await until(lambda: ear.ended == 2)
        assert ear.utterances == [1600, 4800]
        await lost.aclose()


async def test_an_utterance_whose_end_is_lost_ends_after_a_while(
    livekit_server: LiveKitServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver_module, "STREAM_IDLE_SECONDS", 2.0)
    async with line(livekit_server) as (agent, ear):
        lost = await send(agent.room, attributes=GOOD, content=bytes(3200), close=False)
        await until(lambda: ear.ended == 1)
        assert ear.utterances == [1600]
        await lost.aclose()


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"sample_rate": "fast", "num_channels": "1"},
        {"sample_rate": "0", "num_channels": "1"},
        {"sample_rate": "16000", "num_channels": "900"},
    ],
)
async def test_a_stream_that_does_not_say_what_it_is_is_skipped_and_the_next_is_heard(
    livekit_server: LiveKitServer, attributes: dict[str, str]
) -> None:
    async with line(livekit_server) as (agent, ear):
        await send(agent.room, attributes=attributes, content=bytes(3200))
        await agent.say(0.2)
        await until(lambda: ear.ended == 2)
        assert ear.utterances == [160, 4800]  # the first is finished in its turn, as 10 ms of silence


async def test_an_empty_utterance_is_finished_like_any_other(livekit_server: LiveKitServer) -> None:
    async with line(livekit_server) as (agent, ear):
        await send(agent.room, attributes=GOOD, content=b"")
        await until(lambda: ear.ended == 1)
        assert ear.utterances == [160]


async def test_a_stranger_is_not_listened_to(livekit_server: LiveKitServer) -> None:
    async with line(livekit_server) as (agent, ear), joined(livekit_server, "stranger") as stranger:
        await send(stranger, attributes=GOOD, content=bytes(3200))
        with pytest.raises(rtc.RpcError, match="only the agent"):
            await stranger.local_participant.perform_rpc(
                destination_identity="avatar", method=wire.CLEAR_BUFFER, payload=""
            )
        await agent.say(0.2)
        await until(lambda: ear.ended == 1)
        assert (ear.utterances, ear.cleared) == ([4800], 0)


async def test_an_agent_that_does_not_ask_when_playback_starts_is_told_its_end(
    livekit_server: LiveKitServer,
) -> None:
    async with line(livekit_server) as (agent, ear):
        agent.room.local_participant.unregister_rpc_method(wire.PLAYBACK_STARTED)
        for _ in range(2):
            await agent.say(0.2)
            await until(lambda: ear.ended > len(agent.finished))
            ear.receiver.notify_playback_started()
            ear.receiver.notify_playback_finished(0.2, False)
            await asyncio.wait_for(agent.output.wait_for_playout(), 5)


async def test_an_agent_that_talks_without_end_does_not_fill_the_memory(
    livekit_server: LiveKitServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(receiver_module, "MOST_SECONDS", 1.0)
    async with joined(livekit_server, "avatar", agent=True) as avatar, speaker(livekit_server) as agent:
        receiver = StreamAudioReceiver(avatar, "agent")
        await receiver.start()
        for cut in (1, 2):
            await agent.say(20)
            await until(lambda cut=cut: caplog.text.count("the rest is not heard") == cut)
        ear = Ear(receiver)
        try:
            await until(lambda: ear.ended == 2)
            assert sum(ear.utterances) < 10 * 24_000, "a second, and what came in one piece with it"
            await agent.say(0.5)
            await until(lambda: ear.ended == 3)
        finally:
            await receiver.aclose()
            await utils.aio.cancel_and_wait(ear.reading)
