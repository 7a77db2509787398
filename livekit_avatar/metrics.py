"""Prometheus metrics of the runtime and the room, in the process's default registry."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

FRAMES = Counter("livekit_avatar_frames", "Frames that left the runtime", ["kind"])
"""By kind: spoken, idle, repeated."""

RENDER_SECONDS = Histogram(
    "livekit_avatar_render_seconds",
    "Time to draw one frame",
    buckets=(0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.04, 0.08, 0.2),
)

FIRST_FRAME_SECONDS = Histogram(
    "livekit_avatar_first_frame_seconds",
    "From the first sample of an utterance to its first frame",
    buckets=(0.02, 0.04, 0.06, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0),
)
