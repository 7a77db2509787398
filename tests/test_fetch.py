"""A file is fetched whole and true, or not at all; what was cut continues. The server is a real one."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from livekit_avatar.errors import DownloadError, ModelCorruptError
from livekit_avatar.fetch import Patience, Source, fetch

FILE = np.random.default_rng(0).bytes(400_000)
QUICK = Patience(attempts=4, backoff=0, allow_loopback_http=True)


@dataclass
class Publisher:
    """A server on this machine, and what it shall do wrong."""

    body: bytes = FILE
    ranges: bool = True
    cut_after: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    redirect: str = ""
    wrong_part: bool = False
    asked: list[str | None] = field(default_factory=list)
    url: str = ""

    def source(self, body: bytes = FILE, *others: str) -> Source:
        return Source((self.url, *others), sha256(body).hexdigest(), len(body))


def _handler(publisher: Publisher) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            publisher.asked.append(wanted)
            if publisher.redirect and self.path != "/moved":
                return self._head(302, {"Location": publisher.redirect})
            if publisher.statuses:
                return self._head(publisher.statuses.pop(0), {})
            start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted and publisher.ranges else 0
            if start >= len(publisher.body):
                return self._head(416, {})
            body = publisher.body[start:]
            headers = {"Content-Length": str(len(body))}
            if wanted and publisher.ranges:
                first = start + publisher.wrong_part
                headers["Content-Range"] = f"bytes {first}-{len(publisher.body) - 1}/{len(publisher.body)}"
            self._head(206 if wanted and publisher.ranges else 200, headers)
            self.wfile.write(body[: publisher.cut_after.pop(0)] if publisher.cut_after else body)
            return None

        def _head(self, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    publisher = Publisher()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(publisher))
    publisher.url = f"http://127.0.0.1:{server.server_port}/file"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield publisher
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "net.onnx"


def part_of(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def test_a_file_is_fetched_and_every_step_is_told(publisher: Publisher, path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    fetch(publisher.source(), path, progress=lambda *step: told.append(step), patience=QUICK)
    assert path.read_bytes() == FILE
    assert list(path.parent.iterdir()) == [path]
    done = [step[1] for step in told]
    assert done == sorted(done) and done[-1] == len(FILE)
    assert {(name, size) for name, _, size in told} == {("net.onnx", len(FILE))}


def test_a_transfer_that_is_cut_twice_continues_where_it_stopped(publisher: Publisher, path: Path) -> None:
    publisher.cut_after = [150_000, 100_000]
    fetch(publisher.source(), path, patience=QUICK)
    assert path.read_bytes() == FILE
    assert publisher.asked == [None, "bytes=150000-", "bytes=250000-"]


def test_a_later_call_continues_what_an_earlier_one_left(publisher: Publisher, path: Path) -> None:
    publisher.cut_after = [150_000]
    with pytest.raises(DownloadError, match=r"closed early.*continues where it stopped"):
        fetch(publisher.source(), path, patience=Patience(attempts=1, allow_loopback_http=True))
    assert part_of(path).read_bytes() == FILE[:150_000]
    assert not path.exists()
    fetch(publisher.source(), path, patience=QUICK)
    assert path.read_bytes() == FILE
    assert publisher.asked[-1] == "bytes=150000-"


def test_ctrl_c_leaves_a_part_that_can_be_continued(publisher: Publisher, path: Path) -> None:
    def interrupt(name: str, done: int, size: int) -> None:
        if done > 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(publisher.source(), path, progress=interrupt, patience=QUICK)
    left = part_of(path).stat().st_size
    assert 100_000 < left < len(FILE)
    fetch(publisher.source(), path, patience=QUICK)
    assert path.read_bytes() == FILE
    assert publisher.asked == [None, f"bytes={left}-"]


def test_a_server_without_ranges_starts_over(publisher: Publisher, path: Path) -> None:
    publisher.ranges = False
    publisher.cut_after = [150_000]
    fetch(publisher.source(), path, patience=QUICK)
    assert path.read_bytes() == FILE


def test_a_complete_part_is_verified_without_asking_the_server(publisher: Publisher, path: Path) -> None:
    part_of(path).write_bytes(FILE)
    fetch(publisher.source(), path, patience=QUICK)
    assert path.read_bytes() == FILE
    assert publisher.asked == []


@pytest.mark.parametrize("old", [b"x" * 1000, b"x" * len(FILE), b"x" * (len(FILE) + 7)])
def test_a_part_of_something_else_is_thrown_away(old: bytes, publisher: Publisher, path: Path) -> None:
    part_of(path).write_bytes(old)
    fetch(publisher.source(), path, patience=QUICK)
    assert path.read_bytes() == FILE


def test_another_file_than_the_published_one_never_gets_its_name(publisher: Publisher, path: Path) -> None:
    publisher.body = FILE[:-1] + b"?"
    with pytest.raises(ModelCorruptError, match=r"not the published file.*captive portal") as caught:
        fetch(publisher.source(), path, patience=QUICK)
    assert "\n" not in str(caught.value)
    assert not any(path.parent.iterdir()), "nothing is kept"
    assert len(publisher.asked) == 1, "and it is not fetched again and again"


@pytest.mark.parametrize("sent", [FILE + b"more", b"<html>sign in</html>"])
def test_a_file_of_another_length_is_not_even_begun(sent: bytes, publisher: Publisher, path: Path) -> None:
    publisher.body = sent
    with pytest.raises(DownloadError, match=f"it offers {len(sent)} bytes instead of {len(FILE)}"):
        fetch(publisher.source(), path, patience=QUICK)
    assert not any(path.parent.iterdir())
    assert len(publisher.asked) == 1


def test_what_may_pass_is_tried_again(publisher: Publisher, path: Path) -> None:
    publisher.statuses = [503, 429, 500]
    fetch(publisher.source(), path, patience=QUICK)
    assert path.read_bytes() == FILE


def test_what_will_not_pass_is_not_tried_again(publisher: Publisher, path: Path) -> None:
    publisher.statuses = [404, 404]
    with pytest.raises(
        DownloadError, match=r"'net\.onnx' could not be fetched from 127\.0\.0\.1 \(HTTP 404\)"
    ):
        fetch(publisher.source(), path, patience=QUICK)
    assert len(publisher.asked) == 1


def test_the_next_address_is_tried(publisher: Publisher, path: Path) -> None:
    publisher.statuses = [404]
    fetch(publisher.source(FILE, publisher.url + "2"), path, patience=QUICK)
    assert path.read_bytes() == FILE


def test_a_server_that_is_not_there_says_what_to_do(path: Path) -> None:
    source = Source(("http://127.0.0.1:9/file",), "0" * 64, 10)
    with pytest.raises(DownloadError, match=r"refused.*Check the network.*yourself") as caught:
        fetch(source, path, patience=QUICK)
    assert "\n" not in str(caught.value)


def test_a_server_that_sends_another_part_is_not_trusted(publisher: Publisher, path: Path) -> None:
    publisher.cut_after = [1000]
    publisher.wrong_part = True
    with pytest.raises(DownloadError, match="another part"):
        fetch(publisher.source(), path, patience=QUICK)


def test_redirects_are_followed(publisher: Publisher, path: Path) -> None:
    publisher.redirect = "/moved"
    fetch(publisher.source(), path, patience=QUICK)
    assert path.read_bytes() == FILE


@pytest.mark.parametrize("target", ["http://example.invalid/x", "ftp://127.0.0.1/x"])
def test_a_redirect_away_from_https_is_refused(target: str, publisher: Publisher, path: Path) -> None:
    publisher.redirect = target
    with pytest.raises(DownloadError, match="not https"):
        fetch(publisher.source(), path, patience=QUICK)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/x", "http://example.invalid/x", "file:///etc/passwd", "ftp://a/x", "x"]
)
def test_only_https_is_fetched(url: str, path: Path) -> None:
    with pytest.raises(DownloadError, match="is not https"):
        fetch(Source((url,), "0" * 64, 10), path)


def test_loopback_does_not_mean_any_http(path: Path) -> None:
    for url in ("http://example.invalid/x", "http://127.0.0.1.example.invalid/x", "http://10.0.0.1/x"):
        with pytest.raises(DownloadError, match="is not https"):
            fetch(Source((url,), "0" * 64, 10), path, patience=QUICK)


def test_a_disk_that_refuses_is_the_callers_to_explain(publisher: Publisher, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        fetch(publisher.source(), tmp_path / "none" / "file", patience=QUICK)
