"""A mouth that the browser draws itself, from the visemes that a face sends along with its voice.

python examples/visemes/main.py        # then open the address that it prints

An agent with a face joins a room of a LiveKit server on this machine (or of LIVEKIT_URL) and sends the mouth
of each picture as data: `AvatarSession(..., visemes=True)`. The page beside this file draws a face of its own
from them; a 3-D avatar would set its morph targets in the same place (mouth.js, `pose`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web

from livekit_avatar import AvatarSession
from livekit_avatar.demo.agent import RuleLLM, agent
from livekit_avatar.demo.client import find_client
from livekit_avatar.demo.livekit_server import LiveKitServer, dev_server
from livekit_avatar.demo.page import visitor_token
from livekit_avatar.demo.tts import EspeakTTS

ROOM = "visemes"
FILES = {"/": "index.html", "/mouth.js": "mouth.js", "/page.js": "page.js"}


def application(server: LiveKitServer, client: Path) -> web.Application:
    """The page, LiveKit's client for it, and a token for each visitor."""

    async def token(_: web.Request) -> web.Response:
        return web.json_response({"url": server.url, "token": visitor_token(server, ROOM)})

    async def library(_: web.Request) -> web.FileResponse:
        return web.FileResponse(client, headers={"Content-Type": "text/javascript"})

    async def file(request: web.Request) -> web.FileResponse:
        return web.FileResponse(Path(__file__).with_name(FILES[request.path]))

    app = web.Application()
    app.router.add_post("/token", token)
    app.router.add_get("/livekit-client.mjs", library)
    for path in FILES:
        app.router.add_get(path, file)
    return app


@contextlib.asynccontextmanager
async def serve(server: LiveKitServer, avatar: str = "ada", port: int = 0) -> AsyncIterator[str]:
    """An agent in the room and the page, for as long as the block lasts; gives the page's address."""
    runner = web.AppRunner(application(server, await find_client(print)), access_log=None)
    face = AvatarSession(avatar=avatar, visemes=True)
    async with agent(server, ROOM, face=face, language=RuleLLM(), voice=EspeakTTS()):
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
        finally:
            await runner.cleanup()


async def main() -> None:
    """Serve until Ctrl-C."""
    async with dev_server() as server, serve(server) as address:
        print(address)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
