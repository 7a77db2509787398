"""The page to talk to the agent: a small web server on the loopback interface."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler
from livekit import api

from livekit_avatar.demo.agent import IDENTITY
from livekit_avatar.demo.conversation import GREET, LISTEN, REPLY, WEAR, WORN
from livekit_avatar.demo.faces import Choice
from livekit_avatar.demo.livekit_server import LiveKitServer
from livekit_avatar.errors import ConfigurationError

HOST = "127.0.0.1"

TOKEN_LIFE = timedelta(minutes=10)
"""Long enough to join with; whoever is in the room stays."""

_FOLDER = Path(__file__).parent / "page"
_FILES = {
    "/": ("index.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}


@contextlib.asynccontextmanager
async def page(
    server: LiveKitServer,
    room_name: str,
    client: Path,
    *,
    faces: Sequence[Choice] = (),
    hint: str = "",
    port: int = 0,
) -> AsyncIterator[str]:
    """Serves the page for as long as the block lasts, and gives its address.

    Args:
        server: where the room is.
        room_name: which room visitors join.
        client: the LiveKit client, a JavaScript module.
        faces: the visitor can choose from, by their place in it.
        hint: about the microphone.
        port: of 127.0.0.1; 0 takes any free one.

    Raises:
        ConfigurationError: the port is taken.
    """
    app = application(server, room_name, client, faces, hint)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, HOST, port)
        try:
            await site.start()
        except OSError as error:
            raise ConfigurationError(
                f"port {port} cannot be used: {error.strerror}", fix="Choose another --port."
            ) from error
        _, port = runner.addresses[0][:2]
        yield f"http://{HOST}:{port}/"
    finally:
        await runner.cleanup()


def application(
    server: LiveKitServer, room_name: str, client: Path, faces: Sequence[Choice], hint: str
) -> web.Application:
    """The page, the client, small pictures of the faces, and a token for each visitor."""
    headers = _headers(server.url)

    async def file(request: web.Request) -> web.Response:
        name, kind = _FILES[request.path]
        text = await asyncio.to_thread((_FOLDER / name).read_text, "utf-8")
        return web.Response(text=text, content_type=kind, headers=headers)

    async def library(request: web.Request) -> web.StreamResponse:
        return web.FileResponse(client, headers={**headers, "Content-Type": "text/javascript; charset=utf-8"})

    async def picture(request: web.Request) -> web.Response:
        number = int(request.match_info["number"])
        if number >= len(faces):
            raise web.HTTPNotFound
        return web.Response(
            body=faces[number].picture,
            content_type="image/jpeg",
            headers={**headers, "Cache-Control": "no-store"},
        )

    async def token(request: web.Request) -> web.Response:
        answer = {
            "url": server.url,
            "token": visitor_token(server, room_name),
            "agent": IDENTITY,
            "methods": {"greet": GREET, "wear": WEAR, "listen": LISTEN, "reply": REPLY},
            "worn": WORN,
            "faces": [
                {"name": face.name, "picture": f"faces/{number}.jpg"} for number, face in enumerate(faces)
            ],
            "hint": hint,
        }
        return web.json_response(answer, headers={**headers, "Cache-Control": "no-store"})

    application = web.Application(middlewares=[_only_loopback])
    application.router.add_get("/livekit-client.mjs", library)
    application.router.add_post("/token", token)
    application.router.add_get(r"/faces/{number:\d{1,4}}.jpg", picture)
    for path in _FILES:
        application.router.add_get(path, file)
    return application


def visitor_token(server: LiveKitServer, room_name: str) -> str:
    """A token for one visitor: may join this room, watch, listen, write and speak."""
    return (
        api.AccessToken(server.api_key, server.api_secret)
        .with_identity(f"visitor-{secrets.token_hex(4)}")
        .with_ttl(TOKEN_LIFE)
        .with_grants(
            api.VideoGrants(
                room_join=True,
                room=room_name,
                can_publish=True,
                can_publish_sources=["microphone"],
                can_publish_data=True,
                can_subscribe=True,
            )
        )
        .to_jwt()
    )


def hint(url: str, understands: bool) -> str:
    """What a visitor is told about the microphone, and truly where the voice goes.

    Args:
        url: of the LiveKit server.
        understands: whether a speech recogniser of the user's choice listens.
    """
    if understands:
        return (
            "Hold the microphone and speak. "
            "Your voice goes to the speech recognition that this demo was started with."
        )
    host = urlsplit(url).hostname
    way = "Hold the microphone and speak: the face says it back in your own voice. "
    local = host in (HOST, "localhost", "::1")
    return way + ("Your voice stays on this machine." if local else f"Your voice goes through {host}.")


@web.middleware
async def _only_loopback(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses other host names: a web site could point its own at 127.0.0.1 and read a token."""
    if request.host.rsplit(":", 1)[0] not in (HOST, "localhost"):
        raise web.HTTPForbidden(text="This page is for this machine only.")
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"http://{request.host}":
        raise web.HTTPForbidden(text="This page is for itself only.")
    return await handler(request)


def _headers(url: str) -> dict[str, str]:
    web_url = url.replace("ws", "http", 1)
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self' blob:; "
        f"connect-src 'self' {url} {web_url}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(self), geolocation=()",
    }
