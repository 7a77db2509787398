"""The page to talk to the agent: a small web server on the loopback interface."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler
from livekit import api

from livekit_avatar.demo.agent import GREET, IDENTITY
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
async def page(server: LiveKitServer, room_name: str, client: Path, *, port: int = 0) -> AsyncIterator[str]:
    """Serves the page for as long as the block lasts, and gives its address.

    Args:
        server: where the room is.
        room_name: which room visitors join.
        client: the LiveKit client, a JavaScript module.
        port: of 127.0.0.1; 0 takes any free one.

    Raises:
        ConfigurationError: the port is taken.
    """
    runner = web.AppRunner(application(server, room_name, client), access_log=None, shutdown_timeout=1.0)
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


def application(server: LiveKitServer, room_name: str, client: Path) -> web.Application:
    """The page, the client and a token for each visitor."""
    headers = _headers(server.url)

    async def file(request: web.Request) -> web.Response:
        name, kind = _FILES[request.path]
        text = await asyncio.to_thread((_FOLDER / name).read_text, "utf-8")
        return web.Response(text=text, content_type=kind, headers=headers)

    async def library(request: web.Request) -> web.StreamResponse:
        return web.FileResponse(client, headers={**headers, "Content-Type": "text/javascript; charset=utf-8"})

    async def token(request: web.Request) -> web.Response:
        answer = {
            "url": server.url,
            "token": visitor_token(server, room_name),
            "agent": IDENTITY,
            "greet": GREET,
        }
        return web.json_response(answer, headers={**headers, "Cache-Control": "no-store"})

    application = web.Application(middlewares=[_only_loopback])
    application.router.add_get("/livekit-client.mjs", library)
    application.router.add_post("/token", token)
    for path in _FILES:
        application.router.add_get(path, file)
    return application


def visitor_token(server: LiveKitServer, room_name: str) -> str:
    """A token for one visitor: may join this room, watch, listen and write."""
    return (
        api.AccessToken(server.api_key, server.api_secret)
        .with_identity(f"visitor-{secrets.token_hex(4)}")
        .with_ttl(TOKEN_LIFE)
        .with_grants(
            api.VideoGrants(
                room_join=True, room=room_name, can_publish=False, can_publish_data=True, can_subscribe=True
            )
        )
        .to_jwt()
    )


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
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    }
