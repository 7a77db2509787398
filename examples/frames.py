"""Frames of a face that speaks a recording, without a room.

python examples/frames.py speech.wav
"""

from __future__ import annotations

import sys

import livekit_avatar

for frame in livekit_avatar.open("ada").render(sys.argv[1]):
    height, width = frame.image.shape[:2]  # (H, W, 4) uint8 RGBA
    sound = len(frame.audio.samples) if frame.audio else 0
    print(f"picture {frame.number}: {width}x{height}, {sound} samples of speech")
