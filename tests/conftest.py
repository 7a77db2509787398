"""What every test may use: data, a LiveKit server, golden pictures, and a watch for leaks."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import pytest_asyncio
from places import DATA, GOLDEN, Golden
from requirements import skip

from livekit_avatar.demo.livekit_server import LiveKitServer, dev_server, find_program
from livekit_avatar.settings import settings
from livekit_avatar.types import Image

cv2.setNumThreads(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--refresh-golden", action="store_true", help="write the golden pictures anew")


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test reads or writes the library of the person who runs it."""
    monkeypatch.setenv("LIVEKIT_AVATAR_HOME", str(tmp_path_factory.mktemp("home")))
    for name in [name for name in os.environ if name.startswith(("LIVEKIT_", "BITHUMAN_"))]:
        if name not in ("LIVEKIT_AVATAR_HOME", "LIVEKIT_AVATAR_REQUIRE"):
            monkeypatch.delenv(name)
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def portraits() -> Path:
    """The folder of public-domain portraits."""
    folder = DATA / "portraits"
    if not folder.is_dir():
        skip("portraits", "no folder ../shared/data/portraits")
    return folder


@pytest.fixture
def face_model(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The face landmarker, found through LIVEKIT_AVATAR_MODELS_DIR."""
    model = DATA / "face_landmarker.task"
    if not model.is_file():
        model = Path.home() / ".livekit-avatar/models/face-landmarker/face_landmarker.task"
    if not model.is_file():
        skip("face-model", "run `livekit-avatar models download face-landmarker`")
    monkeypatch.setenv("LIVEKIT_AVATAR_MODELS_DIR", str(model.parent))
    settings.cache_clear()
    return model


@pytest.fixture(scope="session")
def livekit_program() -> Path:
    """The livekit-server program: on PATH, in the cache of the person who runs the tests, or built now."""
    return asyncio.run(find_program(print))


@pytest_asyncio.fixture
async def livekit_server(livekit_program: Path) -> AsyncIterator[LiveKitServer]:
    """A real LiveKit server on loopback, for one test."""
    async with dev_server(program=livekit_program) as server:
        yield server


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The system's Chromium."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        skip("chromium", "no chromium on PATH (Debian: apt-get install chromium)")
    return Path(str(found))


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """`golden(name, image)`: the picture is as the one kept in tests/golden (refresh: --refresh-golden)."""

    def compare(name: str, image: Image) -> None:
        path = GOLDEN / f"{name}.png"
        bgra = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGBA2BGRA)
        if request.config.getoption("--refresh-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(path), bgra)
            return
        kept = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert kept is not None, f"no golden picture {path.name}: run pytest --refresh-golden and look at it"
        assert kept.shape == bgra.shape
        difference = np.abs(kept.astype(np.int16) - bgra)
        assert difference.mean() <= 2, f"{name}: mean difference {difference.mean():.2f}"
        p99 = np.percentile(difference, 99)
        assert p99 <= 24, f"{name}: 99th percentile of the difference {p99:.0f}"

    return compare


@pytest_asyncio.fixture(autouse=True)
async def no_leaks() -> AsyncIterator[None]:
    """A test leaves no task and no thread behind that it started."""
    threads = set(threading.enumerate())
    yield
    await asyncio.sleep(0)
    current = asyncio.current_task()
    tasks = [task for task in asyncio.all_tasks() if task is not current and not task.done()]
    assert not tasks, f"leaked tasks: {tasks}"
    left = _lasting_threads(threads)
    assert not left, f"leaked threads: {left}"


def _lasting_threads(before: set[threading.Thread]) -> list[str]:
    """Names of new threads that do not end within a second, but for pools that live with the process."""
    kept = ("asyncio_", "livekit-avatar-", "Thread-", "ThreadPoolExecutor", "Dummy-")
    deadline = time.monotonic() + 1
    while True:
        new = [thread for thread in threading.enumerate() if thread not in before]
        left = [thread.name for thread in new if not thread.name.startswith(kept)]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.01)
