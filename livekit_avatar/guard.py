"""Fetch what a stranger's URL names without lending out the network this machine stands in.

A worker that fetches any URL it is given can be made to read what only it can reach: a cloud's metadata at
169.254.169.254, a database on the private network, itself (server-side request forgery). So every address is
resolved once and checked, and the connection goes to that very address: a name that means another address a
moment later (DNS rebinding) gains nothing. Each redirect is checked in the same way.

Pictures that strangers send are checked by `face.picture.check_picture`.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from livekit_avatar.errors import (
    AddressError,
    AddressRefusedError,
    AddressTooLargeError,
    AddressUnreachableError,
)

Address: TypeAlias = "IPv4Address | IPv6Address"
Network: TypeAlias = "IPv4Network | IPv6Network"

PORTS: Final = frozenset({80, 443})
"""Where pictures are published. Other ports belong to services that should not be spoken to by a stranger's
wish, public or not (mail, databases, control panels)."""

MAX_REDIRECTS: Final = 3
CHUNK: Final = 1 << 16

_HOST_NAME = re.compile(r"[a-z0-9._-]{1,253}")
"""Names once other scripts are converted; anything else may mean one thing here and another there."""

_UNICAST = ip_network("2000::/3")
_SPECIAL: Final = tuple(
    map(
        ip_network,
        (
            "192.0.0.0/24",  # protocol assignments
            "192.88.99.0/24",  # 6to4 relays
            "2001::/23",  # protocol assignments, among them Teredo, which carries an IPv4 address
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4, which carries an IPv4 address
            "3fff::/20",  # documentation
        ),
    )
)
"""From IANA's registries of special-purpose addresses; what `is_global` says of them depends on Python's
version. All of IPv6 outside `_UNICAST` is special too: mapped IPv4, NAT64, link-local, unique local."""


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet's, reached by no detour over another address."""
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if isinstance(address, IPv6Address) and (address.scope_id or address not in _UNICAST):
        return False
    return not any(address in network for network in _SPECIAL)


async def fetch_public(url: str, *, limit: int, timeout: float, allow: Collection[Network] = ()) -> bytes:
    """Fetch what a stranger's URL names, over http or https, from a public address.

    No cookie, password or proxy is used, and what arrives is taken as it is: compressed content is refused.

    Args:
        url: what the stranger gave.
        limit: bytes above which it is refused; no more than that is ever held.
        timeout: seconds for all of it: names, redirects and content.
        allow: networks that may be reached although they are not public, on any port.

    Raises:
        AddressRefusedError: the URL, or one it redirects to, may not be fetched.
        AddressUnreachableError: it could not be fetched, or not in time.
        AddressTooLargeError: it has more bytes than the limit.
    """
    target = _parsed(url)
    try:
        return await asyncio.wait_for(_follow(target, limit, allow), timeout)
    except asyncio.TimeoutError as error:
        raise _unreachable(target, f"not complete after {timeout:g} s") from error


async def _follow(url: URL, limit: int, allow: Collection[Network]) -> bytes:
    for _ in range(MAX_REDIRECTS + 1):
        addresses = await _checked_addresses(url, allow)
        answer = await _get(url, addresses, limit)
        if isinstance(answer, bytes):
            return answer
        url = answer
    raise _unreachable(url, f"more than {MAX_REDIRECTS} redirects")


def _parsed(url: str, base: URL | None = None) -> URL:
    try:
        target = base.join(URL(url)) if base else URL(url)
        scheme, host, port = target.scheme, target.raw_host, target.port
    except ValueError as error:
        raise _refused("That is not a URL") from error
    if scheme not in ("http", "https"):
        raise _refused("A URL that is neither http nor https")
    if not host or port is None:
        raise _refused("A URL without a host")
    if target.user is not None or target.password is not None:
        raise _refused("A URL with a user name or password in it")
    return target


async def _checked_addresses(url: URL, allow: Collection[Network]) -> list[Address]:
    """Where a URL may be fetched from."""
    assert url.raw_host is not None and url.port is not None
    if url.port not in PORTS and not allow:
        raise _odd_port(url.port)
    found = await _resolve(url.raw_host)
    allowed = [address for address in found if any(address in network for network in allow)]
    if not allowed and url.port not in PORTS:
        raise _odd_port(url.port)
    checked = allowed or [address for address in found if is_public(address)]
    if not checked:
        raise _refused(f"The host {url.raw_host!r} is not on the public internet")
    return checked


async def _resolve(host: str) -> list[Address]:
    try:
        return [ip_address(host)]
    except ValueError:
        pass
    if host.rstrip(".").rpartition(".")[2][:1].isdigit():  # 127.1, 0x7f000001, 2130706433, 0177.0.0.1
        raise _refused("A number that is not an address in its usual form is given as the host")
    if not _HOST_NAME.fullmatch(host.lower()):
        raise _refused("That is not the name of a host")
    try:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(_name_threads(), _look_up, host)
    except (OSError, UnicodeError) as error:
        raise _unreachable_host(host, "there is no such host") from error
    return [ip_address(address) for address in found]


def _look_up(host: str) -> list[str]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@lru_cache(maxsize=1)
def _name_threads() -> ThreadPoolExecutor:
    """Threads of their own: a name server that does not answer holds up nobody else's work."""
    return ThreadPoolExecutor(max_workers=4, thread_name_prefix="livekit-avatar-names")


async def _get(url: URL, addresses: list[Address], limit: int) -> bytes | URL:
    """The content, or where it has moved."""
    connector = aiohttp.TCPConnector(resolver=_Pinned(addresses), use_dns_cache=False, force_close=True)
    try:
        async with (
            aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
            ) as client,
            client.get(url, allow_redirects=False, headers=_HEADERS) as response,
        ):
            if response.status in (301, 302, 303, 307, 308):
                return _parsed(response.headers.get("Location", ""), url)
            return await _content(url, response, limit)
    except AddressError:
        raise
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise _unreachable(url, type(error).__name__) from error


_HEADERS: Final = {"User-Agent": "livekit-avatar", "Accept": "*/*", "Accept-Encoding": "identity"}


class _Pinned(AbstractResolver):
    """Knows only the addresses that have been checked."""

    def __init__(self, addresses: list[Address]) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        """Nothing is held."""


async def _content(url: URL, response: aiohttp.ClientResponse, limit: int) -> bytes:
    if response.status != 200:
        raise _unreachable(url, f"HTTP {response.status}")
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise _unreachable(url, "it sends compressed content, which was not asked for")
    received = bytearray()
    if (response.content_length or 0) <= limit:
        async for chunk in response.content.iter_chunked(CHUNK):
            received += chunk
            if len(received) > limit:
                break
        else:
            return bytes(received)
    raise AddressTooLargeError(
        f"What {url.raw_host!r} sends has more than {limit / 1e6:g} MB",
        fix="Publish a smaller one: for a picture 1500 pixels a side are plenty.",
    )


def _refused(problem: str, *, fix: str = "Give the http(s) URL of a public file.") -> AddressRefusedError:
    return AddressRefusedError(problem, fix=fix)


def _odd_port(port: int) -> AddressRefusedError:
    return _refused(f"Port {port}", fix="Use port 80 or 443.")


def _unreachable(url: URL, reason: str) -> AddressUnreachableError:
    return _unreachable_host(str(url.raw_host), reason)


def _unreachable_host(host: str, reason: str) -> AddressUnreachableError:
    return AddressUnreachableError(
        f"What {host!r} publishes could not be fetched ({reason})",
        fix="Check that the URL opens in a browser, or send the file itself.",
    )
