"""The worker's HTTP interface."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from math import ceil

import prometheus_client
from aiohttp import web

from livekit_avatar import metrics
from livekit_avatar.avatars.store import Store
from livekit_avatar.errors import (
    AddressTooLargeError,
    AvatarError,
    AvatarNotFoundError,
    CapacityError,
    ConfigurationError,
    EngineNotFoundError,
    InputError,
    PictureTooLargeError,
    RequestRefusedError,
)
from livekit_avatar.room import wire
from livekit_avatar.worker.bodies import read_launch
from livekit_avatar.worker.faces import Faces
from livekit_avatar.worker.keys import Keys
from livekit_avatar.worker.logs import be_discreet
from livekit_avatar.worker.options import WorkerOptions
from livekit_avatar.worker.session import Session
from livekit_avatar.worker.sessions import Sessions

logger = logging.getLogger(__name__)

SESSIONS = web.AppKey("sessions", Sessions)
FACES = web.AppKey("faces", Faces)
_KEYS = web.AppKey("keys", Keys)
_OPTIONS = web.AppKey("options", WorkerOptions)
_UPLOADS = web.AppKey("uploads", asyncio.Semaphore)

_STATUS: tuple[tuple[type[AvatarError], int, str], ...] = (
    (AvatarNotFoundError, 404, "avatar_not_found"),
    (PictureTooLargeError, 413, "too_large"),
    (AddressTooLargeError, 413, "too_large"),
    (CapacityError, 503, "at_capacity"),
    (EngineNotFoundError, 400, "engine_unavailable"),
    (InputError, 400, "unusable"),
    (ConfigurationError, 400, "unusable"),
)

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def create_app(options: WorkerOptions, *, store: Store | None = None) -> web.Application:
    """The worker as an aiohttp application.

    Args:
        options: how it behaves.
        store: the library; the user's if None.
    """
    app = web.Application(middlewares=[_refusals])
    app[_OPTIONS] = options
    app[_KEYS] = Keys(options.keys)
    app[_UPLOADS] = asyncio.Semaphore(options.uploads)
    app[FACES] = Faces(options, store)
    app[SESSIONS] = Sessions(options, app[FACES])
    app.add_routes(
        [
            web.post("/launch", _launch),
            web.get("/sessions/{id}", _describe),
            web.delete("/sessions/{id}", _end),
            web.get("/health", _health),
            web.get("/ready", _ready),
            web.get("/metrics", _metrics),
        ]
    )
    app.cleanup_ctx.append(_life)
    app.on_shutdown.append(_end_all)
    return app


async def _life(app: web.Application) -> AsyncIterator[None]:
    be_discreet()
    for name in app[_OPTIONS].preload:
        await app[SESSIONS].prepare(name)
    yield
    await app[FACES].aclose()


async def _end_all(app: web.Application) -> None:
    await app[SESSIONS].aclose()


async def _launch(request: web.Request) -> web.Response:
    caller = request.app[_KEYS].caller(request.headers)
    async with request.app[_UPLOADS]:
        launch = await read_launch(request, request.app[_OPTIONS])
    key = request.headers.get(wire.IDEMPOTENCY_HEADER, "")
    session = await request.app[SESSIONS].launch(launch, caller, key)
    at_once = launch.at_once
    del launch  # it may hold a picture
    if not at_once:
        await session.started()
    metrics.LAUNCHES.labels("ok").inc()
    told = (wire.SESSION_ID, wire.STATUS, wire.AVATAR_IDENTITY)
    return web.json_response({name: value for name, value in session.describe().items() if name in told})


async def _describe(request: web.Request) -> web.Response:
    return web.json_response(_session(request).describe())


async def _end(request: web.Request) -> web.Response:
    session = _session(request)
    session.end("deleted")
    await session.ended()
    return web.json_response(session.describe())


def _session(request: web.Request) -> Session:
    caller = request.app[_KEYS].caller(request.headers)
    return request.app[SESSIONS].find(request.match_info["id"], caller)


async def _health(request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


async def _ready(request: web.Request) -> web.Response:
    sessions = request.app[SESSIONS]
    facts = {
        "ready": sessions.ready,
        "draining": sessions.draining,
        "sessions": sessions.active,
        "capacity": request.app[_OPTIONS].capacity,
    }
    return web.json_response(facts, status=200 if sessions.ready else 503)


async def _metrics(request: web.Request) -> web.Response:
    metrics.TASKS.set(len(asyncio.all_tasks()))
    return web.Response(
        body=prometheus_client.generate_latest(),
        headers={"Content-Type": prometheus_client.CONTENT_TYPE_LATEST},
    )


@web.middleware
async def _refusals(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Every refusal as JSON, and nothing of what went wrong inside."""
    try:
        return await handler(request)
    except AvatarError as error:
        status, code = _classify(error)
        if request.method == "POST":
            metrics.LAUNCHES.labels(code).inc()
        logger.log(logging.INFO if status < 500 else logging.WARNING, "%s: %s", code, error.problem)
        return _answer(status, code, error)
    except web.HTTPException as error:
        error.content_type = "application/json"
        return _answer(error.status, "bad_request", _unknown(request))
    except Exception:
        logger.exception("a request failed")
        return _answer(500, "failed", _broken())


def _classify(error: AvatarError) -> tuple[int, str]:
    if isinstance(error, RequestRefusedError):
        return error.status, error.code
    for kind, status, code in _STATUS:
        if isinstance(error, kind):
            return status, code
    return 500, "failed"


def _answer(status: int, code: str, error: AvatarError) -> web.Response:
    body = {wire.ERROR: {"code": code, "message": error.problem, "fix": error.fix}}
    response = web.json_response(body, status=status)
    if isinstance(error, CapacityError):
        response.headers[wire.RETRY_AFTER_HEADER] = str(ceil(error.retry_after))
    return response


def _unknown(request: web.Request) -> AvatarError:
    return AvatarError(f"{request.method} {request.path[:64]} is not served here", fix="See docs/worker.md.")


def _broken() -> AvatarError:
    return AvatarError("the request failed", fix="The worker's log says why.")
