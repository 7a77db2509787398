"""Prometheus metrics of the runtime and the room, in the process's default registry."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

FRAMES = Counter("livekit_avatar_frames", "Frames that left the runtime", ["kind"])
"""By kind: spoken, idle, repeated (drawing was late, so the last picture stayed)."""

RENDER_SECONDS = Histogram(
    "livekit_avatar_render_seconds",
    "Time to draw one frame",
    buckets=(0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.04, 0.08, 0.2),
)

LATENESS_SECONDS = Histogram(
    "livekit_avatar_lateness_seconds",
    "How much later than due a picture was ready; 0 when it was in time",
    buckets=(0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.2),
)

BATCH_SIZE = Histogram(
    "livekit_avatar_batch_size",
    "Pieces of work done in one call of an engine, by kind: hearing, drawing",
    ["kind"],
    buckets=(1, 2, 4, 8, 16, 32, 64),
)

DEVICE_BUSY = Gauge(
    "livekit_avatar_device_busy", "Part of the last seconds that a device was busy", ["engine", "device"]
)

SESSIONS = Gauge("livekit_avatar_sessions", "Sessions admitted and not yet over")

REFUSALS = Counter("livekit_avatar_refusals", "Sessions refused for want of capacity")

FIRST_FRAME_SECONDS = Histogram(
    "livekit_avatar_first_frame_seconds",
    "From the first sample of an utterance to its first frame",
    buckets=(0.02, 0.04, 0.06, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0),
)

PICTURES = Counter("livekit_avatar_pictures", "Pictures captured for the room; its rate is the frame rate")

LATE_PICTURES = Counter("livekit_avatar_late_pictures", "Pictures captured over 20 ms late")

AV_OFFSET_SECONDS = Histogram(
    "livekit_avatar_av_offset_seconds",
    "How much later than due a picture is captured",
    buckets=(-0.02, -0.01, 0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.08),
)

AUDIBLE_SECONDS = Histogram(
    "livekit_avatar_audible_seconds",
    "From the first sample of an utterance to its sound",
    buckets=(0.02, 0.04, 0.06, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0),
)

INTERRUPT_SECONDS = Histogram(
    "livekit_avatar_interrupt_seconds",
    "From an interruption to the first picture after it",
    buckets=(0.01, 0.02, 0.04, 0.06, 0.08, 0.12, 0.2, 0.5),
)

UTTERANCES = Counter("livekit_avatar_utterances", "Utterances by how they ended", ["end"])
"""By end: heard, interrupted."""

HEARD_SECONDS = Counter("livekit_avatar_heard_seconds", "Speech that was heard")

LAUNCHES = Counter("livekit_avatar_launches", "Launches of the worker by how they were answered", ["answer"])
"""By answer: ok, or the code of the refusal."""

JOIN_SECONDS = Histogram(
    "livekit_avatar_join_seconds",
    "From a launch to an avatar that has joined and published",
    buckets=(0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0),
)

TASKS = Gauge("livekit_avatar_tasks", "Tasks on the worker's event loop")
