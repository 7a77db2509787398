"""Makes the moving picture of the README: ada and what she says, as an animated WebP.

python docs/pictures/make.py        # needs the demo's voice: pip install "livekit-avatar[demo]"
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

import livekit_avatar
from livekit_avatar.demo.tts import DEFAULT_PITCH, DEFAULT_RATE, DEFAULT_VOICE, espeak

TEXT = "Hello, I am a picture, and I can talk. Who are you?"
PIXELS = 360


def main() -> None:
    """Write ada.webp beside this file."""
    voice = espeak()
    samples = voice.speak(TEXT, DEFAULT_VOICE, rate=DEFAULT_RATE, pitch=DEFAULT_PITCH)
    avatar = livekit_avatar.open("ada")
    frames = [
        Image.fromarray(frame.image[..., :3]).resize((PIXELS, PIXELS), Image.Resampling.LANCZOS)
        for frame in avatar.render(livekit_avatar.AudioChunk(samples, voice.sample_rate), seed=3)
    ]
    path = Path(__file__).with_name("ada.webp")
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=40, loop=0, quality=80, method=6)


if __name__ == "__main__":
    main()
