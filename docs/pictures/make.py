"""Makes the pictures of the documents: ada saying hello as an animated WebP, all characters, their mouths.

python docs/pictures/make.py        # needs the demo's voice: pip install "livekit-avatar[demo]"
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

import livekit_avatar
from livekit_avatar.avatar import open_avatar
from livekit_avatar.avatars.bank import read_bank, read_mouths
from livekit_avatar.avatars.catalogue import builtin_names
from livekit_avatar.demo.tts import DEFAULT_PITCH, DEFAULT_RATE, DEFAULT_VOICE, espeak
from livekit_avatar.engines.portrait.bank.plane import CONTROLS
from livekit_avatar.engines.portrait.prepare import PICTURE

TEXT = "Hello, I am a picture, and I can talk. Who are you?"
PIXELS = 360


WIDE = 300
"""Pixels of a character in the strip."""


MOUTHS = (0, 1, 4, 6, 8, 10, 12, 14, 19, 20, 22, 24, 27, 28, 30)
"""Which mouths of each character are shown: pressed, opening, spread, round, and those of f, th and l."""

LIPS = (0.25, 0.18, 0.75, 0.72)
"""Left, top, right and bottom of what is shown of a mouth's picture."""

TILE = 84


def main() -> None:
    """Write ada.webp, characters.webp and mouths.webp beside this file."""
    _ada()
    _strip()
    _mouths()


def _ada() -> None:
    voice = espeak()
    samples = voice.speak(TEXT, DEFAULT_VOICE, rate=DEFAULT_RATE, pitch=DEFAULT_PITCH)
    avatar = livekit_avatar.open("ada")
    frames = [
        Image.fromarray(frame.image[..., :3]).resize((PIXELS, PIXELS), Image.Resampling.LANCZOS)
        for frame in avatar.render(livekit_avatar.AudioChunk(samples, voice.sample_rate), seed=3)
    ]
    path = Path(__file__).with_name("ada.webp")
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=40, loop=0, quality=80, method=6)


def _strip() -> None:
    """All characters at rest in a row; white behind those that are cut out."""
    names = builtin_names()
    strip = Image.new("RGBA", (WIDE * len(names), WIDE), "white")
    for number, name in enumerate(names):
        picture = Image.fromarray(open_avatar(name).bundle.picture(PICTURE))
        strip.alpha_composite(picture.resize((WIDE, WIDE), Image.Resampling.LANCZOS), (WIDE * number, 0))
    strip.convert("RGB").save(Path(__file__).with_name("characters.webp"), quality=88, method=6)


def _mouths() -> None:
    """A row of mouths for each character."""
    names = builtin_names()
    sheet = Image.new("RGB", (TILE * len(MOUTHS), TILE * len(names)), "white")
    for row, name in enumerate(names):
        bundle = open_avatar(name).bundle
        mouths = read_mouths(bundle, read_bank(bundle, controls=len(CONTROLS)))
        for column, number in enumerate(MOUTHS):
            mouth = Image.fromarray(mouths[number][..., :3])
            box = tuple(part * size for part, size in zip(LIPS, mouth.size * 2, strict=True))
            tile = mouth.resize((TILE, TILE), Image.Resampling.LANCZOS, box)
            sheet.paste(tile, (TILE * column, TILE * row))
    sheet.save(Path(__file__).with_name("mouths.webp"), quality=82, method=6)


if __name__ == "__main__":
    main()
