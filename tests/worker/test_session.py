"""A session of a worker, from the launch to the subscriber's ear, on a real LiveKit server."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest
from engines_for_tests.colour import COLOURS, ColourEngine
from livekit import api, rtc
from livekit.agents import utils
from viewer import ROOM, Viewer, joined, token, until, viewer
from workers import Serve, Speaker, Worker, launch_body, speaker, stream

from livekit_avatar.demo.livekit_server import LiveKitServer
from livekit_avatar.room import wire


@dataclass
class Scene:
    """A face in a room, its agent, and somebody who watches."""

    worker: Worker
    agent: Speaker
    watching: Viewer
    session_id: str

    async def ask(self, method: str, **fields: object) -> str:
        return await self.agent.room.local_participant.perform_rpc(
            destination_identity="avatar", method=method, payload=json.dumps(fields) if fields else ""
        )

    async def status(self) -> tuple[str, str]:
        _, told = await self.worker.ask("GET", f"/sessions/{self.session_id}")
        return told["status"], told["reason"]

    async def ended(self) -> str:
        """Wait for its end; why it ended."""
        await until(lambda: self.worker.sessions.active == 0)
        return (await self.status())[1]


@asynccontextmanager
async def scene(
    server: LiveKitServer,
    serve: Serve,
    avatar: str = "white",
    *,
    grants: dict | None = None,
    **options: object,
) -> AsyncIterator[Scene]:
    async with serve(**options) as worker, viewer(server) as watching, speaker(server) as agent:
        status, answer = await worker.launch(json=launch_body(server, avatar, **(grants or {})))
        assert status == 200, answer
        assert (answer["status"], answer["avatar_identity"]) == ("running", "avatar")
        await until(lambda: len(watching.video) > 5)
        yield Scene(worker, agent, watching, answer["session_id"])


async def test_a_launched_face_speaks_what_its_agent_streams(
    livekit_server: LiveKitServer, serve: Serve
) -> None:
    async with scene(livekit_server, serve) as on:
        since = time.monotonic()
        await on.agent.say(2)
        event = await on.agent.output.wait_for_playout()
        assert abs(event.playback_position - 2) < 0.1 and not event.interrupted
        assert len(on.agent.started) == len(on.agent.finished) == 1
        await until(lambda: on.watching.heard(since) and on.watching.seen(since, threshold=150))


async def test_idle_pictures_come_before_any_speech(livekit_server: LiveKitServer, serve: Serve) -> None:
    async with scene(livekit_server, serve) as on:
        tracks = [
            publication.kind
            for publication in on.agent.room.remote_participants["avatar"].track_publications.values()
        ]
        assert sorted(tracks) == [rtc.TrackKind.KIND_AUDIO, rtc.TrackKind.KIND_VIDEO]
        assert not on.watching.heard()


async def test_every_utterance_is_begun_and_finished_once(
    livekit_server: LiveKitServer, serve: Serve
) -> None:
    async with scene(livekit_server, serve) as on:
        for seconds in (0.3, 0.5, 0.4):
            await on.agent.say(seconds)
        await on.agent.output.wait_for_playout()
        assert [interrupted for _, interrupted in on.agent.finished] == [False] * 3
        assert [round(position, 1) for position, _ in on.agent.finished] == [0.3, 0.5, 0.4]
        assert len(on.agent.started) == 3


async def test_an_interruption_ends_all_that_was_said_and_the_next_utterance_is_heard(
    livekit_server: LiveKitServer, serve: Serve
) -> None:
    async with scene(livekit_server, serve) as on:
        for _ in range(2):
            on.agent.started.clear()
            on.agent.finished.clear()
            await on.agent.say(20)
            await on.agent.say(20)  # waits, unheard
            await until(on.watching.heard)
            on.agent.output.clear_buffer()
            await asyncio.wait_for(on.agent.output.wait_for_playout(), 5)
            assert [interrupted for _, interrupted in on.agent.finished] == [True, True]
            assert 0 < on.agent.finished[0][0] < 15 and on.agent.finished[1][0] == 0
            await until(lambda: not on.watching.heard(time.monotonic() - 0.3))
        again = time.monotonic()
        await on.agent.say(0.5)
        await asyncio.wait_for(on.agent.output.wait_for_playout(), 5)
        assert on.agent.finished[-1][1] is False
        await until(lambda: on.watching.heard(again))


async def test_a_paused_voice_goes_on_where_it_was_held(livekit_server: LiveKitServer, serve: Serve) -> None:
    async with scene(livekit_server, serve) as on:
        await on.agent.say(2)
        await until(on.watching.heard)
        assert await on.ask(wire.PAUSE) == ""
        held = time.monotonic() + 0.4
        await until(lambda: time.monotonic() > held + 1)
        assert not on.watching.heard(held)
        assert on.agent.finished == []
        resumed = time.monotonic()
        assert await on.ask(wire.RESUME) == ""
        event = await asyncio.wait_for(on.agent.output.wait_for_playout(), 10)
        assert abs(event.playback_position - 2) < 0.1 and not event.interrupted
        await until(lambda: on.watching.heard(resumed))


async def test_a_face_changes_feels_and_acts_when_its_agent_asks(
    livekit_server: LiveKitServer, serve: Serve
) -> None:
    async with scene(livekit_server, serve, "blue") as on:
        dark = on.watching.video[-1][1]
        assert await on.ask(wire.SET_AVATAR, avatar_id="white") == ""
        await until(lambda: on.watching.video[-1][1] > dark + 10)
        assert await on.ask(wire.SET_EMOTION, emotion="happy", strength=0.5) == ""
        assert await on.ask(wire.ACT, action="wave") == ""


@pytest.mark.parametrize(
    ("method", "fields", "words"),
    [
        (wire.SET_AVATAR, {"avatar_id": "nobody"}, "nobody"),
        (wire.SET_EMOTION, {"emotion": "hungry"}, "hungry"),
        (wire.SET_EMOTION, {"emotion": "happy", "strength": 7}, "strength"),
        (wire.ACT, {"action": "fly"}, "fly"),
        (wire.ACT, {}, "JSON"),
    ],
)
async def test_what_the_face_cannot_do_is_refused_in_words(
    livekit_server: LiveKitServer, serve: Serve, method: str, fields: dict[str, object], words: str
) -> None:
    async with scene(livekit_server, serve) as on:
        with pytest.raises(rtc.RpcError, match=words):
            await on.ask(method, **fields)
        assert await on.status() == ("running", "")


async def test_nobody_but_its_agent_commands_a_face(livekit_server: LiveKitServer, serve: Serve) -> None:
    async with scene(livekit_server, serve) as on, joined(livekit_server, "stranger", agent=True) as stranger:
        for method in (wire.CLEAR_BUFFER, wire.PAUSE, wire.SET_AVATAR):
            with pytest.raises(rtc.RpcError, match="only the agent"):
                await stranger.local_participant.perform_rpc(
                    destination_identity="avatar", method=method, payload='{"avatar_id": "red"}'
                )
        await stream(stranger, 0.5)
        quiet = not on.watching.heard()
        await on.agent.say(0.3)
        await on.agent.output.wait_for_playout()
        assert quiet and len(on.agent.started) == len(on.agent.finished) == 1


async def test_its_heart_beats_and_says_how_much_was_heard(
    livekit_server: LiveKitServer, serve: Serve
) -> None:
    async with scene(livekit_server, serve) as on:
        beats: list[wire.Beat] = []
        on.agent.room.on(
            "data_received",
            lambda packet: (
                beats.append(wire.Beat.decode(packet.data)) if packet.topic == wire.HEARTBEAT else None
            ),
        )
        await until(lambda: len(beats) >= 2)
        assert beats[-1].position == 0
        await on.agent.say(3)
        await until(lambda: beats[-1].position > 1)
        assert [beat.number for beat in beats] == list(range(beats[0].number, beats[0].number + len(beats)))


@pytest.mark.parametrize("allowed", [True, False])
async def test_extensions_are_announced_if_the_token_lets_attributes_be_set(
    livekit_server: LiveKitServer, serve: Serve, allowed: bool
) -> None:
    grants = {"can_update_own_metadata": allowed}
    async with scene(livekit_server, serve, grants=grants) as on:
        avatar = on.agent.room.remote_participants["avatar"]
        if allowed:
            await until(lambda: wire.announced_features(avatar.attributes) == set(wire.FEATURE_NAMES))
        await on.agent.say(0.3)
        await on.agent.output.wait_for_playout()
        assert bool(wire.announced_features(avatar.attributes)) is allowed


async def test_a_face_leaves_when_its_agent_leaves(livekit_server: LiveKitServer, serve: Serve) -> None:
    async with scene(livekit_server, serve) as on:
        await on.agent.room.disconnect()
        assert await on.ended() == "the agent left"


async def test_a_face_stays_for_an_agent_whose_connection_broke(
    livekit_server: LiveKitServer, serve: Serve
) -> None:
    async with scene(livekit_server, serve, owner_grace=20.0) as on:
        await on.agent.room.disconnect()
        async with speaker(livekit_server) as again:
            await again.say(0.3)
            await again.output.wait_for_playout()
            assert await on.status() == ("running", "")


async def test_a_face_leaves_when_its_room_is_deleted(livekit_server: LiveKitServer, serve: Serve) -> None:
    async with scene(livekit_server, serve) as on:
        server = livekit_server
        async with api.LiveKitAPI(server.url, server.api_key, server.api_secret) as livekit:
            await livekit.room.delete_room(api.DeleteRoomRequest(room=ROOM))
        assert await on.ended() == "the room was deleted"


async def test_a_face_that_nobody_uses_leaves(livekit_server: LiveKitServer, serve: Serve) -> None:
    async with serve(idle_timeout=0.5) as worker:
        status, answer = await worker.launch(json=launch_body(livekit_server))
        assert status == 200
        await until(lambda: worker.sessions.active == 0)
        _, told = await worker.ask("GET", f"/sessions/{answer['session_id']}")
        assert told["reason"] == "idle"


async def test_ending_a_session_in_mid_speech_tells_its_agent(
    livekit_server: LiveKitServer, serve: Serve
) -> None:
    async with scene(livekit_server, serve) as on:
        await on.agent.say(20)
        await until(on.watching.heard)
        await on.worker.ask("DELETE", f"/sessions/{on.session_id}")
        event = await asyncio.wait_for(on.agent.output.wait_for_playout(), 5)
        assert event.interrupted and 0 < event.playback_position < 15
        await until(lambda: "avatar" not in on.agent.room.remote_participants)


async def test_an_agent_that_launches_again_gets_a_new_face_in_place_of_the_old(
    livekit_server: LiveKitServer, serve: Serve
) -> None:
    async with scene(livekit_server, serve) as on:
        status, _ = await on.worker.launch(json=launch_body(livekit_server))
        assert status == 200 and on.worker.sessions.active == 1
        assert await on.status() == ("ended", "replaced")
        status, answer = await on.worker.launch(json=launch_body(livekit_server, agent="another"))
        assert (status, answer["error"]["code"]) == (409, "identity_taken")


async def test_two_agents_in_a_room_have_a_face_each(livekit_server: LiveKitServer, serve: Serve) -> None:
    async with (
        serve() as worker,
        speaker(livekit_server, agent="one", avatar="face of one") as one,
        speaker(livekit_server, agent="two", avatar="face of two") as two,
    ):
        for agent in ("one", "two"):
            body = launch_body(livekit_server, agent=agent, identity=f"face of {agent}")
            assert (await worker.launch(json=body))[0] == 200
        await one.say(10)
        await two.say(1)
        await until(lambda: one.started and two.started)
        one.output.clear_buffer()
        await asyncio.wait_for(one.output.wait_for_playout(), 5)
        await asyncio.wait_for(two.output.wait_for_playout(), 5)
        assert [interrupted for _, interrupted in one.finished] == [True]
        assert [interrupted for _, interrupted in two.finished] == [False]


async def test_a_session_whose_engine_fails_keeps_its_voice_and_harms_no_other(
    livekit_server: LiveKitServer, serve: Serve, colours: ColourEngine
) -> None:
    async with scene(livekit_server, serve) as on:

        def fail(_: int) -> None:
            raise RuntimeError("no picture today")

        colours.before_render = fail
        since = time.monotonic()
        await on.agent.say(1)
        await asyncio.wait_for(on.agent.output.wait_for_playout(), 10)
        await until(lambda: on.watching.heard(since))
        assert await on.status() == ("running", "")


async def test_opening_an_avatar_holds_up_nobody(
    livekit_server: LiveKitServer, serve: Serve, colours: ColourEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    load, opening = colours.load, asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(*given: object, **options: object) -> object:
        loop.call_soon_threadsafe(opening.set)
        time.sleep(1)
        return load(*given, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(colours, "load", slow)
    async with serve() as worker:
        launching = asyncio.create_task(worker.launch(json=launch_body(livekit_server)))
        await opening.wait()
        answered = 0
        while not launching.done():
            await worker.ask("GET", "/health")
            answered += 1
        assert (await launching)[0] == 200
        assert answered > 3


@dataclass
class Witness:
    """What a room showed and let be heard: the colour of its pictures, and its loud sound."""

    colours: list[tuple[float, ...]] = field(default_factory=list)
    sound: list[np.ndarray] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def watch(self, track: rtc.Track, *_: object) -> None:
        watching = self._see(track) if track.kind == rtc.TrackKind.KIND_VIDEO else self._listen(track)
        self.tasks.append(asyncio.create_task(watching))

    async def _see(self, track: rtc.Track) -> None:
        stream = rtc.VideoStream(track, format=rtc.VideoBufferType.RGBA)
        try:
            async for event in stream:
                pixels = np.frombuffer(event.frame.data, np.uint8).reshape(-1, 4)[:, :3]
                self.colours.append(tuple(pixels.mean(0)))
        finally:
            await stream.aclose()

    async def _listen(self, track: rtc.Track) -> None:
        stream = rtc.AudioStream(track, sample_rate=48_000, num_channels=1)
        try:
            async for event in stream:
                samples = np.frombuffer(event.frame.data, np.int16).astype(float)
                if np.abs(samples).max() > 1000:
                    self.sound.append(samples)
        finally:
            await stream.aclose()

    def pitches(self) -> list[float]:
        """The strongest frequency of each 100 ms of loud sound, in Hz."""
        sound = np.concatenate(self.sound)
        blocks = sound[: len(sound) // 4800 * 4800].reshape(-1, 4800)
        return [float(np.abs(np.fft.rfft(block * np.hanning(4800))).argmax() * 10) for block in blocks]


@asynccontextmanager
async def witness(server: LiveKitServer, room: str) -> AsyncIterator[Witness]:
    seen, connection = Witness(), rtc.Room()
    connection.on("track_subscribed", seen.watch)
    await connection.connect(server.url, token(server, "witness", room=room))
    try:
        yield seen
    finally:
        await utils.aio.cancel_and_wait(*seen.tasks)
        await connection.disconnect()


async def test_nothing_of_one_session_reaches_another(livekit_server: LiveKitServer, serve: Serve) -> None:
    """Three rooms with the same identities in each, as the stock plugin has them."""
    tones = {"red": 400.0, "green": 1000.0, "blue": 2500.0}
    finished = dict.fromkeys(tones, 0)
    async with AsyncExitStack() as stack:
        worker = await stack.enter_async_context(serve())
        seen: dict[str, Witness] = {}
        agents: dict[str, rtc.Room] = {}
        for name in tones:
            seen[name] = await stack.enter_async_context(witness(livekit_server, name))
            room = await stack.enter_async_context(joined(livekit_server, "agent", agent=True, room=name))

            def count(_: rtc.RpcInvocationData, name: str = name) -> str:
                finished[name] += 1
                return "ok"

            room.local_participant.register_rpc_method(wire.PLAYBACK_FINISHED, count)
            agents[name] = room
            assert (await worker.launch(json=launch_body(livekit_server, name, room=name)))[0] == 200
        for _ in range(2):
            await asyncio.gather(*(stream(agents[name], 1.5, hertz=hertz) for name, hertz in tones.items()))
        await until(lambda: all(count == 2 for count in finished.values()))
        for name, hertz in tones.items():
            assert np.mean([abs(pitch - hertz) < 50 for pitch in seen[name].pitches()]) > 0.9
            others = [part for part, full in enumerate(COLOURS[name]) if not full]
            shown = np.array(seen[name].colours)
            assert shown.max() > 150, f"{name} was never bright"
            assert shown[:, others].max() < 90, f"another colour in the room of {name}"
