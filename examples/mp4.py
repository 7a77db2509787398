"""A film of a face that speaks a recording: `livekit-avatar render` as a program.

python examples/mp4.py me.jpg speech.wav me.mp4
"""

from __future__ import annotations

import sys
from pathlib import Path

import livekit_avatar
from livekit_avatar.film import film_of

who, speech, film = sys.argv[1:]
made = film_of(livekit_avatar.open(who), Path(speech), Path(film))
print(f"{film}: {made['frames']} pictures, {made['duration_s']} s")
