"""Reads a launch out of a request: JSON as bitHuman's plugin sends it to its own hosts, a form as to others.

Both may name every field, so that a client needs to know one set of names only:

    livekit_url, livekit_token, room_name, model, mode, async_mode
    agent_id or avatar_id       a name that the worker knows
    image                       base64, a data URL, or an http(s) URL
    avatar_image                a picture's file (form), or as `image`
    avatar_image_url            an http(s) URL
    avatar_file                 a .avatar file (form), or base64 of one

`async` in the query stands for async_mode. Fields of other names are not looked at.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TypeAlias, TypedDict
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, web
from aiohttp.http import HttpProcessingError

from livekit_avatar.errors import RequestRefusedError
from livekit_avatar.room import wire
from livekit_avatar.worker.launch import Launch
from livekit_avatar.worker.options import WorkerOptions

Fields: TypeAlias = "MutableMapping[str, str | bytes]"
"""What a body says: text, and files as bytes."""

_TEXTS = (
    wire.LIVEKIT_URL,
    wire.LIVEKIT_TOKEN,
    wire.ROOM_NAME,
    wire.MODEL,
    wire.MODE,
    wire.ASYNC_MODE,
    wire.AGENT_ID,
    wire.AVATAR_ID,
    wire.AVATAR_IMAGE_URL,
)
_FILES = (wire.IMAGE, wire.AVATAR_IMAGE, wire.AVATAR_FILE)
_FACES = (wire.AGENT_ID, wire.AVATAR_ID, wire.AVATAR_IMAGE_URL, *_FILES)
_MAX_TEXT = 16 << 10
_MAX_FIELDS = 100
_STRUCTURE = (b"[", b"{", b",")  # base64 has none of them; parsed, each may take fifty times its place
_PIECE = 1 << 18  # characters, a multiple of 4
_BASE64 = 1.4  # with line breaks


class _Face(TypedDict, total=False):
    avatar_id: str
    picture: bytes
    picture_url: str
    avatar_file: bytes


async def read_launch(request: web.Request, options: WorkerOptions) -> Launch:
    """The launch that a request asks for.

    Raises:
        RequestRefusedError: it asks for none, or is too large, or too slow.
    """
    try:
        fields = await asyncio.wait_for(_read_fields(request, options), options.upload_timeout)
    except asyncio.TimeoutError:
        raise RequestRefusedError(
            f"the request was not complete after {options.upload_timeout:.0f} s",
            fix="Send it again.",
            status=408,
            code="too_slow",
        ) from None
    if "async" in request.query:
        fields.setdefault(wire.ASYNC_MODE, request.query["async"])
    return await asyncio.to_thread(_launch, fields, options)


async def _read_fields(request: web.Request, options: WorkerOptions) -> Fields:
    most = round(_BASE64 * max(options.max_picture, options.max_avatar)) + len(_TEXTS) * _MAX_TEXT
    if request.content_type == "application/json":  # which is read in one go: all voices wait meanwhile
        most = round(_BASE64 * options.max_picture) + len(_TEXTS) * _MAX_TEXT
    if (request.content_length or 0) > most:
        raise _too_large("the body", most)
    if request.content_type == "application/json":
        body = await _all_of(request.content.readany, most, "the body")
        return await asyncio.to_thread(_json_fields, body)
    if request.content_type == "multipart/form-data":
        return await _multipart_fields(request, options)
    if request.content_type == "application/x-www-form-urlencoded":
        return _urlencoded_fields(await _all_of(request.content.readany, most, "the body"))
    raise _refused(
        f"the content type {request.content_type[:64]!r} is not one of a launch",
        "Send application/json or multipart/form-data.",
        status=415,
    )


async def _all_of(read: Callable[[], Awaitable[bytes]], most: int, what: str) -> bytes:
    """Everything that is read until nothing comes."""
    data = bytearray()
    while chunk := await read():
        data += chunk
        if len(data) > most:
            raise _too_large(what, most)
    return bytes(data)


def _json_fields(body: bytes) -> Fields:
    if sum(map(body.count, _STRUCTURE)) > _MAX_FIELDS:
        raise _refused("the body is not a JSON object of texts", "Send the fields of a launch, as strings.")
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise _refused("the body is not a JSON object", "Send an object with the fields of a launch.")
    fields: Fields = {}
    for name in (*_TEXTS, *_FILES):
        value = content.get(name)
        if value is not None and not isinstance(value, str | bool):
            raise _refused(f"{name} is not text", "Send every field as a string.")
        if value is not None:
            fields[name] = str(value)
    return fields


async def _multipart_fields(request: web.Request, options: WorkerOptions) -> Fields:
    most = dict.fromkeys(_TEXTS, _MAX_TEXT) | dict.fromkeys(_FILES, options.max_picture)
    most[wire.AVATAR_FILE] = options.max_avatar
    fields: Fields = {}
    try:
        parts = await request.multipart()
        while (part := await parts.next()) is not None:
            if not isinstance(part, BodyPartReader) or part.name not in most:
                continue
            data = await _all_of(part.read_chunk, most[part.name], part.name)
            fields[part.name] = data if part.filename is not None else data.decode()
    except (ValueError, HttpProcessingError):  # of aiohttp's parsers, or text that is not UTF-8
        raise _refused("the form is broken", "Send multipart/form-data.") from None
    return fields


def _urlencoded_fields(body: bytes) -> Fields:
    try:
        return dict(parse_qsl(body.decode(), max_num_fields=_MAX_FIELDS))
    except ValueError:
        raise _refused("the form is broken", "Send application/x-www-form-urlencoded.") from None


def _launch(fields: Fields, options: WorkerOptions) -> Launch:
    given = {name: value for name, value in fields.items() if value}
    names = [name for name in _FACES if name in given]
    if len(names) != 1:
        what = "nothing says" if not names else f"{' and '.join(names)} both say"
        raise _refused(f"{what} whose face it is", f"Send one of {', '.join(_FACES)}.")
    for name in (wire.LIVEKIT_URL, wire.LIVEKIT_TOKEN):
        if name not in given:
            raise _refused(f"{name} is missing", "Send the server's URL and a token for the avatar.")
    return Launch(
        livekit_url=_text(given, wire.LIVEKIT_URL) or "",
        token=_text(given, wire.LIVEKIT_TOKEN) or "",
        room_name=_text(given, wire.ROOM_NAME) or "",
        model=_text(given, wire.MODEL),
        mode=_text(given, wire.MODE),
        at_once=_truth(_text(given, wire.ASYNC_MODE)),
        **_face(names[0], given[names[0]], options),
    )


def _face(name: str, value: str | bytes, options: WorkerOptions) -> _Face:
    """What a field says about whose face it is."""
    if name in (wire.AGENT_ID, wire.AVATAR_ID):
        return {"avatar_id": _string(name, value)}
    if name == wire.AVATAR_FILE:
        return {"avatar_file": _content(name, value, options.max_avatar)}
    if name == wire.AVATAR_IMAGE_URL or (
        isinstance(value, str) and value.startswith(("http://", "https://"))
    ):
        return {"picture_url": _string(name, value)}
    return {"picture": _content(name, value, options.max_picture)}


def _content(name: str, value: str | bytes, most: int) -> bytes:
    """A file as it is, or out of base64 or a base64 data URL."""
    if isinstance(value, bytes):
        return value
    encoded = value.partition(",")[2] if value.startswith("data:") else value
    try:
        data = _decoded("".join(encoded.split()))
    except ValueError:
        raise _refused(f"{name} is no file", "Send base64, or an http(s) URL.") from None
    if len(data) > most:
        raise _too_large(name, most)
    return data


def _decoded(encoded: str) -> bytes:
    """Out of base64, piece by piece: one call of the decoder lets nobody else work."""
    pieces = (encoded[start : start + _PIECE] for start in range(0, len(encoded), _PIECE))
    return b"".join(base64.b64decode(piece, validate=True) for piece in pieces)


def _text(fields: Fields, name: str) -> str | None:
    return _string(name, fields[name]) if name in fields else None


def _string(name: str, value: str | bytes) -> str:
    if isinstance(value, bytes):
        raise _refused(f"{name} is a file", "Send it as text, without a file name.")
    if len(value) > _MAX_TEXT:
        raise _too_large(name, _MAX_TEXT)
    return value


def _truth(value: str | None) -> bool:
    if value is None or value.lower() in ("false", "0"):
        return False
    if value.lower() in ("true", "1"):
        return True
    raise _refused(f"{wire.ASYNC_MODE} is {value[:32]!r}", "Send true or false.")


def _refused(problem: str, fix: str, *, status: int = 400) -> RequestRefusedError:
    return RequestRefusedError(problem, fix=fix, status=status, code="bad_request")


def _too_large(what: str, most: int) -> RequestRefusedError:
    return RequestRefusedError(
        f"{what} has more than {most:,} bytes",
        fix="A picture of 1500 pixels a side is plenty, as a JPEG.",
        status=413,
        code="too_large",
    )
