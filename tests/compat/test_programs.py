"""The programs of the documents this project began with run on our engines once their import is changed.

What a program takes for granted (a picture, a sound, a loop's end, a function of its host) is given to it.
Two things are left out: librosa, whose one call reads the sound with our decoder, and the request to
bitHuman's figure service, whose place the library takes.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
import types
from collections.abc import AsyncIterator
from importlib.metadata import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
import pytest_asyncio
from places import ROOT
from programs import begin, leave, program_with, programs, programs_in, run
from requirements import skip

from livekit_avatar.audio.decode import decode
from livekit_avatar.avatars.store import Store
from livekit_avatar.compat import bithuman
from livekit_avatar.compat.bithuman import AsyncBithuman, VideoFrame

ADA = ROOT / "livekit_avatar" / "data" / "ada.avatar"
SECRET = "bh-not-a-secret"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Programs run in a folder of their own, with the model they look for; their figure is in the library."""
    monkeypatch.chdir(tmp_path)
    model = tmp_path / "path" / "to" / "model.imx"
    model.parent.mkdir(parents=True)
    model.write_bytes(ADA.read_bytes())
    Store().add(ADA, "avatar_id")
    return tmp_path


@pytest_asyncio.fixture(autouse=True)
async def end() -> AsyncIterator[None]:
    """Programs that stop nothing may leave a picture half drawn."""
    yield
    await leave()


def pcm(seconds: float) -> npt.NDArray[np.int16]:
    return np.random.default_rng(3).normal(0, 3_000, round(seconds * 16_000)).astype(np.int16)


def write_mp3(path: Path, samples: npt.NDArray[np.int16]) -> None:
    with av.open(str(path), "w", format="mp3") as file:
        stream = file.add_stream("libmp3lame", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = 16_000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            file.mux(packet)


def librosa() -> types.ModuleType:
    module: Any = types.ModuleType("librosa")

    def load(path: str, sr: int, mono: bool) -> tuple[npt.NDArray[np.float32], int]:
        assert mono
        return decode(path, sr).samples.astype(np.float32) / 32768, sr

    module.load = load
    return module


async def test_a_runtime_is_made_with_a_secret_alone_with_a_model_and_with_a_figure() -> None:
    names = await run(program_with("# Mit API Secret (empfohlen)"))
    assert isinstance(names["runtime"], AsyncBithuman)
    assert names["runtime"].get_first_frame() is not None


async def test_the_calls_that_are_shown_one_by_one_work_in_their_order() -> None:
    calls = [program for program in programs() if len(program.splitlines()) == 1]
    assert len(calls) == 6
    names = await run(program_with("# Mit API Secret (empfohlen)"), audio_pcm=pcm(0.2))
    for call in calls[:-1]:
        names = await run(call, **names)
    frames = [frame async for frame in names["result"]]
    assert len(frames) == 5 and frames[-1].end_of_speech
    await run(calls[-1], **names)


async def test_the_basic_program_makes_a_picture_speak_an_mp3(
    folder: Path, portraits: Path, face_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "hans_avatar.jpeg").write_bytes((portraits / "mona_lisa.jpg").read_bytes())
    write_mp3(folder / "audio.mp3", pcm(0.6))
    monkeypatch.setitem(sys.modules, "librosa", librosa())
    frames: list[VideoFrame] = []
    program = program_with("def create_avatar_video")
    await asyncio.to_thread(begin, program, process_frame=frames.append)
    pictures = [frame.bgr_image for frame in frames]
    assert 15 <= len(frames) <= 18 and frames[-1].end_of_speech
    assert any((picture != pictures[0]).any() for picture in pictures[1:])
    assert sum(len(frame.audio_chunk.array) for frame in frames if frame.audio_chunk) >= 0.6 * 16_000


class Chunks:
    """A microphone with three pieces of speech: true until they are used up."""

    def __init__(self) -> None:
        self.left = 3

    def __bool__(self) -> bool:
        return self.left > 0

    def __call__(self) -> bytes:
        self.left -= 1
        return pcm(0.12).tobytes()


async def test_the_streaming_program_yields_the_frames_of_each_piece() -> None:
    chunks = Chunks()
    names = await run(
        program_with("async def stream_avatar"),
        AsyncBithuman=AsyncBithuman,
        streaming=chunks,
        get_audio_chunk=chunks,
    )
    frames = [frame async for frame in names["stream_avatar"]()]
    assert [frame.frame_index for frame in frames] == [0, 1, 2] * 3


async def test_the_real_time_program_streams_the_avatar_of_a_figure() -> None:
    chunks = Chunks()

    async def get_realtime_audio() -> bytes:
        return chunks()

    names = await run(
        program_with("async def real_time_avatar_stream"),
        AsyncBithuman=AsyncBithuman,
        figure_id="avatar_id",
        api_secret=SECRET,
        get_realtime_audio=get_realtime_audio,
    )
    stream = names["real_time_avatar_stream"]()
    frames = [await anext(stream) for _ in range(7)]
    await stream.aclose()
    assert all(frame.has_image and frame.audio_chunk for frame in frames)


async def test_what_the_document_calls_wrong_works_here_and_so_does_its_correction(
    portraits: Path, face_model: Path
) -> None:
    runtime = await AsyncBithuman.create(api_secret=SECRET)
    names = await run(
        program_with("await runtime.set_model(str(image_path))"),
        AsyncBithuman=AsyncBithuman,
        runtime=runtime,
        image_path=portraits / "mona_lisa.jpg",
        API_SECRET=SECRET,
    )
    assert names["runtime"] is not runtime


async def test_a_result_is_iterated_and_the_generator_is_not() -> None:
    wrong, right = program_with("# FALSCH (aktuell):\nvideo_generator").split("# RICHTIG:")
    runtime = await AsyncBithuman.create(api_secret=SECRET)
    with pytest.raises(TypeError, match="not iterable"):
        await run(wrong + "    pass", runtime=runtime)
    await runtime.push_audio(pcm(0.2), 16_000)
    names = await run(right, runtime=runtime, frames=[])
    assert [frame.shape for frame in names["frames"]] == [(512, 512, 3)] * 5


async def test_a_figure_that_is_in_the_library_needs_no_request() -> None:
    _, creating = program_with("FIGURE_CREATE_URL").split("# Runtime mit Figure ID erstellen:")
    names = await run(creating, AsyncBithuman=AsyncBithuman, figure_id="avatar_id", api_secret=SECRET)
    assert names["runtime"].get_first_frame() is not None


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # the program closes no file
async def test_the_cache_of_figures_gives_a_picture_its_runtime(folder: Path) -> None:
    made: list[str] = []

    async def create_figure_from_image(path: str) -> str:
        made.append(path)
        return Store().add(Path(path), f"figure-{len(made)}").name

    names = await run(
        program_with("FIGURE_CACHE = {}"),
        AsyncBithuman=AsyncBithuman,
        API_SECRET=SECRET,
        hashlib=hashlib,
        create_figure_from_image=create_figure_from_image,
    )
    for _ in range(2):
        assert await names["get_or_create_runtime"](str(ADA))
    assert len(made) == 1


class Loudspeaker:
    """Plays five pieces, then ends the show: the program that fills it never would."""

    def __init__(self) -> None:
        self.played: list[npt.NDArray[np.int16]] = []

    def play(self, piece: npt.NDArray[np.int16]) -> None:
        self.played.append(piece)
        if len(self.played) == 5:
            raise KeyboardInterrupt


async def test_the_programs_of_the_installed_packages_own_page_run(folder: Path) -> None:
    """All but the first, which reads a sound out of the package, and one that opens a window."""
    if find_spec("bithuman") is None:
        skip("bithuman", "`bithuman` is not installed")
    page = str(metadata("bithuman").get_payload())  # type: ignore[attr-defined]
    _, ways, _, stopping_early, block, live, refusals = programs_in(page)
    write_mp3(folder / "speech.mp3", pcm(0.3))
    names: dict[str, Any] = {
        "bithuman": bithuman,
        "avatar_file": str(folder / "path" / "to" / "model.imx"),
        "avatar": bithuman.open("ada"),
        "speech": str(folder / "speech.mp3"),
        "samples": pcm(0.2),
        "raw_bytes": pcm(0.2).tobytes(),
        "microphone": lambda: iter([pcm(0.1), pcm(0.1)]),
        "frames": 0,
    }
    await run(ways, **names)
    await run(stopping_early, **names)
    assert (await run(block, **names))["frames"] >= 7
    await run(refusals, **names)
    shown: list[npt.NDArray[np.uint8]] = []
    loudspeaker = Loudspeaker()
    names |= {"pcm16_bytes": pcm(0.2).tobytes(), "show": shown.append, "play": loudspeaker.play}
    with pytest.raises(KeyboardInterrupt):
        await run(live, **names)
    assert len(shown) == 5 and sum(map(len, loudspeaker.played)) == 3_200
