"""Fetch one published file: resumable, over https, and named only when its sha256 is the published one.

The one place of the package that downloads files, and that retries doing so.
"""

from __future__ import annotations

import http
import http.client
import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, Final
from urllib.parse import urlsplit

from livekit_avatar.errors import AvatarError, DownloadError, ModelCorruptError

Progress = Callable[[str, int, int], None]
"""Called with the file's name, its bytes on disk so far, and its size."""

_CHUNK = 1 << 16
_TIMEOUT = 30.0
"""Seconds without a byte after which a connection counts as lost."""

_PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP statuses that may be gone at the next try."""


@dataclass(frozen=True, slots=True)
class Source:
    """A published file.

    Attributes:
        urls: where it is published, in the order they are tried.
        sha256: 64 hexadecimal digits.
        size: in bytes.
    """

    urls: Sequence[str]
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Patience:
    """How often to try.

    Attributes:
        attempts: tries for each address.
        backoff: seconds before the second try; doubles with each further one, plus up to as much by chance.
        allow_loopback_http: take addresses of this machine without TLS (for tests).
    """

    attempts: int = 5
    backoff: float = 0.5
    allow_loopback_http: bool = False


USUAL_PATIENCE: Final = Patience()


def fetch(
    source: Source, path: Path, *, progress: Progress | None = None, patience: Patience = USUAL_PATIENCE
) -> None:
    """Fetch a file to `path`.

    What arrives is kept in `path` + ".part" until it is complete and verified, so a transfer that was cut
    (also by Ctrl-C) continues where it ended, at the next try or the next call.

    Raises:
        DownloadError: no address answered with the file.
        ModelCorruptError: what was sent is not the published file.
        OSError: the disk refuses.
    """
    part = path.with_name(path.name + ".part")
    failure: AvatarError = DownloadError(f"{path.name!r} has no address", fix="Report this to its maker.")
    for url in source.urls:
        _check_address(url, patience)
        for attempt in range(patience.attempts):
            _wait(attempt, patience)
            fresh = not part.exists()
            try:
                _transfer(url, part, source, progress, patience)
            except _CutError as error:
                failure = _unreachable(path, url, error)
                if error.lasting:
                    break
                continue
            if file_sha256(part) == source.sha256:
                part.replace(path)
                return
            part.unlink()
            failure = _corrupt(path, url)
            if fresh:  # all of it came from this address, which therefore has another file
                break
    raise failure


def file_sha256(path: Path) -> str:
    """The sha256 of a file, 64 hexadecimal digits."""
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


class _CutError(Exception):
    """A try failed on the network's side; `lasting`: another try at this address would fail too."""

    def __init__(self, reason: object, *, lasting: bool = False) -> None:
        super().__init__(str(reason))
        self.lasting = lasting


def _wait(attempt: int, patience: Patience) -> None:
    if attempt:
        time.sleep(patience.backoff * 2 ** (attempt - 1) * (1 + random.random()))  # noqa: S311


def _transfer(url: str, part: Path, source: Source, progress: Progress | None, patience: Patience) -> None:
    """One try: bring `part` to its full size."""
    start = part.stat().st_size if part.exists() else 0
    if start == source.size:
        return
    with _open(url, start if start < source.size else 0, patience) as response:
        resumed = response.status == http.HTTPStatus.PARTIAL_CONTENT
        received = start if resumed else 0
        offered = response.headers.get("Content-Length")
        if offered and offered.isdigit() and received + int(offered) != source.size:
            raise _CutError(
                f"it offers {received + int(offered)} bytes instead of {source.size}", lasting=True
            )
        with part.open("ab" if resumed else "wb") as file:
            while chunk := _read(response, source.size - received):
                file.write(chunk)
                received += len(chunk)
                if progress:
                    progress(part.stem, received, source.size)
    if received < source.size:
        raise _CutError("the connection was closed early")


def _open(url: str, start: int, patience: Patience) -> http.client.HTTPResponse:
    """The response whose body is the file from byte `start` (status 206) or from its beginning (200)."""
    request = urllib.request.Request(url, headers={"User-Agent": "livekit-avatar"})  # noqa: S310, checked
    if start:
        request.add_header("Range", f"bytes={start}-")
    opener = urllib.request.build_opener(_CheckedRedirects(patience))
    with _network():
        response: http.client.HTTPResponse = opener.open(request, timeout=_TIMEOUT)
    part = f"bytes {start}-" if start else None
    sent = response.headers.get("Content-Range", "")
    if response.status == http.HTTPStatus.PARTIAL_CONTENT and not (part and sent.startswith(part)):
        response.close()
        raise _CutError("the server sent another part than was asked for", lasting=True)
    return response


def _read(response: http.client.HTTPResponse, most: int) -> bytes:
    with _network():
        return response.read(min(_CHUNK, most))


@contextmanager
def _network() -> Iterator[None]:
    """Network errors become _CutError, so that an OSError that is left is the disk's."""
    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()
        raise _CutError(f"HTTP {error.code}", lasting=error.code not in _PASSING) from error
    except urllib.error.URLError as error:
        raise _CutError(error.reason) from error
    except (http.client.HTTPException, OSError) as error:
        raise _CutError(error) from error


class _CheckedRedirects(urllib.request.HTTPRedirectHandler):
    """Redirects obey the same rule as addresses."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        _check_address(newurl, self._patience)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check_address(url: str, patience: Patience) -> None:
    """Only https: over http anybody on the way could learn, delay or replace what is fetched."""
    parts = urlsplit(url)
    loopback = patience.allow_loopback_http and parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
        raise DownloadError(f"The address {url!r} is not https", fix="Report this to the file's publisher.")


def _unreachable(path: Path, url: str, error: _CutError) -> DownloadError:
    return DownloadError(
        f"{path.name!r} could not be fetched from {urlsplit(url).hostname} ({' '.join(str(error).split())})",
        fix=f"Check the network and try again (it continues where it stopped), or put {url} into "
        f"{str(path.parent)!r} yourself.",
    )


def _corrupt(path: Path, url: str) -> ModelCorruptError:
    return ModelCorruptError(
        f"What {urlsplit(url).hostname} sent as {path.name!r} is not the published file",
        fix="Try again on another network: a proxy or a captive portal may have answered instead.",
    )
