"""A face without a background on a web page: colours and matte come side by side, and the browser joins them.

python examples/side_by_side/main.py cutout.png     # then open the address that it prints

Video in a room has no transparency. With `AvatarSession(..., matte="side-by-side")` the left half of each
frame holds the colours and the right half says how opaque they are; join.js puts the two together in WebGL.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web

from livekit_avatar import Avatar, AvatarSession
from livekit_avatar.demo.agent import RuleLLM, agent
from livekit_avatar.demo.client import find_client
from livekit_avatar.demo.livekit_server import LiveKitServer, dev_server
from livekit_avatar.demo.page import visitor_token
from livekit_avatar.demo.tts import EspeakTTS

ROOM = "side-by-side"
FILES = {"/": "index.html", "/join.js": "join.js", "/page.js": "page.js"}


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
async def serve(server: LiveKitServer, avatar: str | Avatar, port: int = 0) -> AsyncIterator[str]:
    """An agent in the room and the page, for as long as the block lasts; gives the page's address."""
    runner = web.AppRunner(application(server, await find_client(print)), access_log=None)
    face = AvatarSession(avatar=avatar, matte="side-by-side")
    async with agent(server, ROOM, face=face, language=RuleLLM(), voice=EspeakTTS()):
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
        finally:
            await runner.cleanup()


async def main(avatar: str) -> None:
    """Serve until Ctrl-C."""
    async with dev_server() as server, serve(server, avatar) as address:
        print(address)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "ada"))
