"""How a worker behaves: every limit, with its default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network

from livekit_avatar.avatars.container import DEFAULT_LIMITS

LOOPBACK = ("ws://127.0.0.1:*", "ws://localhost:*", "ws://[::1]:*")
"""LiveKit servers that a worker joins if it is told of none."""


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """How a worker behaves.

    Attributes:
        keys: any of them opens it; without one everybody may launch.
        capacity: sessions at once; None: as many as the machine holds at 25 frames a second.
        load_limit: part of the device and of the processor, 0..1, that may be in use.
        max_lateness: seconds by which pictures may be late, but for the worst 5 in 100.
        preload: avatars that are opened before the first launch comes.
        livekit_urls: patterns of the LiveKit servers that it joins, see `livekit_url.py`.
        engines: which engines draw a `model`, see `casting.py`; adds to the table there.
        idle_timeout: seconds after which a session that nobody uses ends.
        owner_grace: seconds that the agent may be away, to come back after its connection broke.
        launch_timeout: seconds until a session must have joined and published.
        upload_timeout: seconds until the body of a request must be there.
        fetch_timeout: seconds until a picture's URL must have answered.
        drain_timeout: seconds that sessions may go on after SIGTERM.
        remember: seconds for which an ended session can be asked about and its launch be repeated.
        uploads: requests whose bodies are read at once; more wait.
        max_picture: bytes of a picture.
        max_avatar: bytes of a .avatar file.
        fetch_from: networks that a picture's URL may be in although they are not public.
    """

    keys: tuple[str, ...] = field(default=(), repr=False)
    capacity: int | None = None
    load_limit: float = 0.8
    max_lateness: float = 0.010
    preload: tuple[str, ...] = ()
    livekit_urls: tuple[str, ...] = LOOPBACK
    engines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    idle_timeout: float = 300.0
    owner_grace: float = 5.0
    launch_timeout: float = 30.0
    upload_timeout: float = 30.0
    fetch_timeout: float = 10.0
    drain_timeout: float = 300.0
    remember: float = 600.0
    uploads: int = 8
    max_picture: int = 16 << 20
    max_avatar: int = DEFAULT_LIMITS.file_bytes
    fetch_from: tuple[IPv4Network | IPv6Network, ...] = ()
