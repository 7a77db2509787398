"""Who may use a worker."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping
from hashlib import sha256

from livekit_avatar.errors import RequestRefusedError
from livekit_avatar.room.wire import API_SECRET_HEADER, AUTHORIZATION_HEADER

NOBODY = ""
"""The caller where no key is asked for."""

_SCHEME = "Bearer "


class Keys:
    """The keys that open a worker.

    Args:
        keys: without any, everybody may come.
    """

    def __init__(self, keys: Collection[str]) -> None:
        self._digests = [_digest(key) for key in keys]

    def caller(self, headers: Mapping[str, str]) -> str:
        """Whose key the headers of a request carry: a name for it that is not the key.

        All keys are compared, each in constant time, so that the time of the answer tells nothing.

        Raises:
            RequestRefusedError: they carry none of the keys.
        """
        if not self._digests:
            return NOBODY
        found = NOBODY
        for given in _given(headers):
            for digest in self._digests:
                if hmac.compare_digest(_digest(given), digest):
                    found = digest[:16]
        if not found:
            raise RequestRefusedError(
                "no key of this worker was given",
                fix="Send one as `Authorization: Bearer KEY` or as `api-secret: KEY`.",
                status=401,
                code="unauthorized",
            )
        return found


def _given(headers: Mapping[str, str]) -> list[str]:
    authorization = headers.get(AUTHORIZATION_HEADER, "")
    bearer = authorization[len(_SCHEME) :] if authorization.startswith(_SCHEME) else ""
    return [key for key in (bearer.strip(), headers.get(API_SECRET_HEADER, "").strip()) if key]


def _digest(key: str) -> str:
    return sha256(key.encode(errors="surrogateescape")).hexdigest()
