"""A worker on loopback, agents that launch its faces, and avatars of one colour each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from engines_for_tests.colour import COLOURS, ColourEngine, colour_bundle
from workers import Serve, Worker, serving

from livekit_avatar import engines
from livekit_avatar.avatars.store import Store
from livekit_avatar.worker.options import WorkerOptions

USUAL = {"keys": ("a-key",), "load_limit": 1e6, "max_lateness": 1e6, "owner_grace": 0.5}


@pytest.fixture
def colours(monkeypatch: pytest.MonkeyPatch) -> Iterator[ColourEngine]:
    """The engine `colour`, and in the library an avatar of each of its colours."""
    engine = ColourEngine()
    monkeypatch.setitem(engines._engines, "colour", engine)
    store = Store()
    for name in COLOURS:
        store.add(colour_bundle(name), name)
    yield engine


@pytest.fixture
def serve(colours: ColourEngine) -> Serve:
    """`async with serve(capacity=2) as worker`: a worker that knows the colours.

    What else the machine has to do while it is tested decides about no session.
    """

    @asynccontextmanager
    async def start(**options: object) -> AsyncIterator[Worker]:
        async with serving(WorkerOptions(**{**USUAL, **options})) as worker:  # type: ignore[arg-type]
            yield worker

    return start
