"""A worker in a process of its own, which can be killed: `python worker_program.py PORT`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiohttp import web
from engines_for_tests.colour import COLOURS, ColourEngine, colour_bundle

from livekit_avatar import engines
from livekit_avatar.avatars.store import Store
from livekit_avatar.worker.app import create_app
from livekit_avatar.worker.options import WorkerOptions

KEY = "a-worker-key"


@dataclass
class Program:
    """A worker that runs elsewhere."""

    url: str
    port: int
    process: asyncio.subprocess.Process

    def send(self, signal_number: signal.Signals) -> None:
        """SIGKILL, SIGSTOP or SIGCONT."""
        os.kill(self.process.pid, signal_number)


@contextlib.asynccontextmanager
async def worker_program(port: int = 0) -> AsyncIterator[Program]:
    """A worker, killed at the end of the block if it lives."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        __file__,
        str(port),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    try:
        said = int(await asyncio.wait_for(process.stdout.readline(), 60))
        yield Program(f"http://127.0.0.1:{said}/launch", said, process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]


async def main(port: int) -> None:
    engines._engines["colour"] = ColourEngine()
    store = Store()
    for name in COLOURS:
        with contextlib.suppress(Exception):  # another worker of the test may have added it
            store.add(colour_bundle(name), name)
    options = WorkerOptions(keys=(KEY,), load_limit=1e6, max_lateness=1e6, owner_grace=0.5)
    runner = web.AppRunner(create_app(options))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
