"""Which LiveKit servers a worker joins.

A pattern is a URL whose host, and port, may have `*` in it: `wss://*.livekit.cloud`, `ws://127.0.0.1:*`.
Schemes must be equal; http(s) is taken as ws(s). The usual port may be left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from livekit_avatar.errors import ConfigurationError, RequestRefusedError

_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
_PORTS = {"ws": "80", "wss": "443"}
_HOST = re.compile(r"[a-z0-9.*_-]+|\[[0-9a-f:.]+\]")
"""What every reader of URLs takes for one and the same host. A backslash, for one, ends the host for the
library that connects (WHATWG), and is a part of it for Python."""


def check_livekit_url(url: str, patterns: Iterable[str]) -> None:
    """Check that a worker with these patterns may join a server.

    Raises:
        RequestRefusedError: it may not, or it is no URL of a LiveKit server.
    """
    try:
        wanted = _origin(url)
    except ValueError:
        raise RequestRefusedError(
            "livekit_url is not the URL of a LiveKit server",
            fix="Give one such as wss://my-project.livekit.cloud.",
            status=400,
            code="bad_livekit_url",
        ) from None
    if not any(_matches(wanted, _origin(pattern)) for pattern in patterns):
        raise RequestRefusedError(
            f"this worker does not join {wanted[0]}://{wanted[1]}:{wanted[2]}",
            fix="Start it with --livekit-url and a pattern for that server.",
            status=403,
            code="livekit_url_refused",
        )


def check_pattern(pattern: str) -> str:
    """A pattern, if it is one.

    Raises:
        ConfigurationError: it is none.
    """
    try:
        _origin(pattern)
    except ValueError:
        raise ConfigurationError(
            f"{pattern!r} is no pattern for LiveKit servers",
            fix="Give one such as wss://*.livekit.cloud or ws://10.0.0.5:7880.",
        ) from None
    return pattern


def _matches(wanted: tuple[str, str, str], pattern: tuple[str, str, str]) -> bool:
    return wanted[0] == pattern[0] and all(map(fnmatchcase, wanted[1:], pattern[1:]))


def _origin(url: str) -> tuple[str, str, str]:
    """Scheme, host and port.

    Raises:
        ValueError: it has none, or more than a server needs.
    """
    parts = urlsplit(url)
    scheme = _SCHEMES.get(parts.scheme, "")
    host, _, port = parts.netloc.lower().rpartition(":")
    if not host or port.endswith("]"):
        host, port = parts.netloc.lower(), ""
    if not scheme or not _HOST.fullmatch(host) or parts.query or parts.fragment:
        raise ValueError(url)
    if not (port == "*" or port.isdecimal() or port == ""):
        raise ValueError(url)
    return scheme, host.strip("[]"), port or _PORTS[scheme]
