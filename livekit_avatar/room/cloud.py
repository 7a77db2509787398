"""Asking a host over HTTP for a face that joins the room by itself.

One launch is one request, tried again only where that can help, within one deadline, and under one
idempotency key, so that a host that answers late does not start two faces.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
import random
import uuid
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin

import aiohttp
from livekit.agents import APIConnectOptions

from livekit_avatar.errors import ConfigurationError
from livekit_avatar.room import wire
from livekit_avatar.room.look import File, Look
from livekit_avatar.room.mode import Host
from livekit_avatar.room.refusal import CloudError, CloudStatusError, refusal, shown
from livekit_avatar.room.token import Server, avatar_token

logger = logging.getLogger(__name__)

_ANSWER_BYTES = 64 << 10  # of an answer that are read
_LONGEST_WAIT = 30.0  # seconds between two tries
_BUSY = {408, 429}
_END_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a host needs to let a face join.

    Attributes:
        server: the LiveKit server.
        room: name of the room.
        agent: identity of the agent for whom the face speaks.
        name: of the face, as viewers see it.
        look: what it looks like.
        model: what draws it, in the host's words.
    """

    server: Server
    room: str
    agent: str
    name: str
    look: Look
    model: str | None

    def token(self, identity: str) -> str:
        """With which a face of this identity joins."""
        known = {wire.AGENT_ID: self.look.name} if self.look.name else {}
        return avatar_token(
            self.server,
            room=self.room,
            identity=identity,
            name=self.name,
            agent=self.agent,
            attributes=known,
        )


class CloudLauncher:
    """Has faces started by a host, and ended.

    Args:
        host: who is asked.
        invitation: what it is told.
        options: `timeout` is the deadline over all tries, `max_retry` their number, and `retry_interval` the
            first wait between two of them, doubled each time.
    """

    def __init__(self, host: Host, invitation: Invitation, options: APIConnectOptions) -> None:
        if host.is_bithuman and invitation.look.bundle is not None:
            raise ConfigurationError(
                "bitHuman's hosts do not draw .avatar files", fix="Give the picture, or the URL of a worker."
            )
        self._host = host
        self._invitation = invitation
        self._options = options
        self._session_url: str | None = None  # of the face that was started last

    async def launch(self, identity: str) -> None:
        """Have a face started that will join under this identity.

        Raises:
            CloudError: the host cannot be reached or does not answer in time.
            CloudStatusError: it refuses.
        """
        token = self._invitation.token(identity)
        async with aiohttp.ClientSession(trust_env=True) as http:
            answer = await self._persist(http, token)
        self._session_url = self._session_of(answer, identity)

    async def end(self) -> None:
        """Tell the host that the face is not needed any more, if it takes such news."""
        url, self._session_url = self._session_url, None
        if url is None:
            return
        timeout = aiohttp.ClientTimeout(total=_END_SECONDS)
        with contextlib.suppress(aiohttp.ClientError, asyncio.TimeoutError):
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=True) as http,
                http.delete(url, headers=self._host.headers, allow_redirects=False),
            ):
                pass

    async def _persist(self, http: aiohttp.ClientSession, token: str) -> dict[str, Any]:
        """Ask until the host says yes, or asking again cannot help."""
        deadline = _now() + self._options.timeout
        headers = {**self._host.headers, wire.IDEMPOTENCY_HEADER: uuid.uuid4().hex}
        for attempt in range(max(1, self._options.max_retry)):
            last = attempt + 1 >= self._options.max_retry
            wait = _backoff(self._options.retry_interval, attempt)
            try:
                return await self._ask(http, token, headers, deadline - _now())
            except _TryAgain as failure:
                wait = max(wait, failure.wait)
                if last or _now() + wait >= deadline:
                    raise failure.error from failure.__cause__
                logger.warning("%s; trying again in %.1f s", failure.error.problem, wait)
            await asyncio.sleep(wait)
        raise AssertionError  # the last try returns or raises

    async def _ask(
        self, http: aiohttp.ClientSession, token: str, headers: dict[str, str], seconds: float
    ) -> dict[str, Any]:
        try:
            async with http.post(
                self._host.url,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=max(0.001, seconds)),
                allow_redirects=False,  # a key is not carried to another place
                **self._body(token),
            ) as response:
                answer = await _beginning(response)
                if response.status >= 300:
                    raise self._refused(response, answer, token)
                return _parsed(answer)
        except asyncio.TimeoutError:
            raise CloudError(
                f"{shown(self._host.url)} did not answer within {self._options.timeout:g} s",
                fix="Check that it is running, or give it longer by `conn_options`.",
            ) from None
        except aiohttp.ClientConnectorCertificateError as error:
            raise self._unreachable(error) from error
        except aiohttp.ClientConnectionError as error:
            raise _TryAgain(self._unreachable(error)) from error
        except aiohttp.ClientError as error:
            raise self._unreachable(error) from error

    def _body(self, token: str) -> dict[str, Any]:
        """A fresh body: that of the try before has been read to its end."""
        if self._host.request_format == "json":
            return {"json": json_body(self._invitation, token)}
        return {"data": form_body(self._invitation, token, self._host.async_mode)}

    def _refused(self, response: aiohttp.ClientResponse, answer: str, token: str) -> Exception:
        said = _parsed(answer).get(wire.ERROR)
        fix = said.get("fix") if isinstance(said, dict) else None
        text = said.get("message") if isinstance(said, dict) else None
        error = refusal(
            self._host.url,
            response.status,
            str(text or answer),
            fix=str(fix) if fix else None,
            secrets=[self._host.key, token, self._invitation.server.api_secret],
        )
        if response.status not in _BUSY and response.status < 500:
            return error
        return _TryAgain(error, _retry_after(response.headers.get(wire.RETRY_AFTER_HEADER)))

    def _unreachable(self, error: Exception) -> CloudError:
        reason = getattr(error, "os_error", None) or error
        return CloudError(
            f"{shown(self._host.url)} cannot be reached ({type(error).__name__}: {reason})",
            fix="Check `api_url`, and that the host is running.",
        )

    def _session_of(self, answer: dict[str, Any], identity: str) -> str | None:
        """Where the session can be ended, if the host is a worker that says so."""
        session = answer.get(wire.SESSION_ID)
        if not isinstance(session, str) or answer.get(wire.AVATAR_IDENTITY) != identity:
            return None
        return urljoin(self._host.url, f"sessions/{session}")


class _TryAgain(Exception):
    """A failure that another try may mend.

    Attributes:
        error: what to raise if none does.
        wait: seconds that the host asks for.
    """

    def __init__(self, error: CloudError | CloudStatusError, wait: float = 0.0) -> None:
        super().__init__(error)
        self.error = error
        self.wait = wait


def json_body(invitation: Invitation, token: str) -> dict[str, str]:
    """The body that bitHuman's own hosts take."""
    look, model = invitation.look, invitation.model
    with_picture = look.picture is not None or look.url is not None
    gpu = with_picture or (model or "").startswith("expression")
    body = {
        wire.LIVEKIT_URL: invitation.server.url,
        wire.LIVEKIT_TOKEN: token,
        wire.ROOM_NAME: invitation.room,
        wire.MODE: "gpu" if gpu else "cpu",
        wire.MODEL: model,
        wire.IMAGE: look.picture.base64 if look.picture else look.url,
        wire.AGENT_ID: look.name,
        wire.AVATAR_FILE: look.bundle.base64 if look.bundle else None,
    }
    return {name: value for name, value in body.items() if value is not None}


def form_body(invitation: Invitation, token: str, async_mode: bool | None) -> aiohttp.MultipartWriter:
    """The body that custom hosts take: multipart, with or without a file."""
    look = invitation.look
    fields: dict[str, str | File | None] = {
        wire.LIVEKIT_URL: invitation.server.url,
        wire.LIVEKIT_TOKEN: token,
        wire.ROOM_NAME: invitation.room,
        wire.MODEL: invitation.model,
        wire.ASYNC_MODE: None if async_mode is None else str(async_mode).lower(),
        wire.AVATAR_IMAGE: look.picture,
        wire.AVATAR_IMAGE_URL: look.url,
        wire.AVATAR_ID: look.name,
        wire.AVATAR_FILE: look.bundle,
    }
    form = aiohttp.MultipartWriter("form-data")
    for name, value in fields.items():
        if isinstance(value, File):
            part = form.append(io.BytesIO(value.data), {"Content-Type": value.content_type})
            part.set_content_disposition("form-data", name=name, filename=value.name)
        elif value is not None:
            form.append(value).set_content_disposition("form-data", name=name)
    return form


async def _beginning(response: aiohttp.ClientResponse) -> str:
    """As much of an answer as is looked at, in however many pieces it comes."""
    answer = bytearray()
    async for piece in response.content.iter_any():
        answer += piece
        if len(answer) >= _ANSWER_BYTES:
            break
    return answer[:_ANSWER_BYTES].decode(errors="replace")


def _parsed(answer: str) -> dict[str, Any]:
    """An answer that is a JSON object; anything else says nothing."""
    try:
        value = json.loads(answer)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _retry_after(header: str | None) -> float:
    """Seconds to wait: the header gives them, or a date (RFC 9110, 10.2.3)."""
    if not header:
        return 0.0
    with contextlib.suppress(ValueError):
        return max(0.0, float(header))
    with contextlib.suppress(ValueError, TypeError):
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(timezone.utc)).total_seconds())
    return 0.0


def _backoff(interval: float, attempt: int) -> float:
    """Seconds before the next try: doubled each time, and spread so that many agents do not come at once."""
    longest: float = min(_LONGEST_WAIT, interval * 2**attempt)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


def _now() -> float:
    return asyncio.get_running_loop().time()
