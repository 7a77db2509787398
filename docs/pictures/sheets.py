"""Makes the sheets of the documentation: ada's mouth at every phoneme of a sentence, and her moods.

python docs/pictures/sheets.py        # needs espeakng-loader (the extra "demo") and the font DejaVu Sans
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import livekit_avatar
from livekit_avatar.audio.resample import resample
from livekit_avatar.avatar import Avatar, open_avatar
from livekit_avatar.engines.base import Poser
from livekit_avatar.lipsync.model import LipSync
from livekit_avatar.lipsync.visemes import VISEME_SHAPES
from livekit_avatar.types import EMOTIONS, FPS, SPEECH_RATE, VISEMES, Emotion

HERE = Path(__file__).parent
SENTENCE = "Who saw my five blue fish over there?"
AVATAR, SEED, WORDS_PER_MINUTE = "ada", 5, 110
CLOSE = (0.28, 0.28, 0.72, 0.72)
"""Left, top, right and bottom of what is shown of a frame."""

TILE, LINE, GAP = 132, 20, 4
Tile = tuple[Image.Image, tuple[str, ...]]


def spoken(avatar: Avatar) -> list[Tile]:
    """The frame in the middle of each phoneme; below it the phoneme and the viseme that was heard."""
    sys.path.insert(0, str(HERE.parents[1] / "models" / "lipsync"))
    import espeak  # a script beside the lip model's training

    espeak.set_voice("en-us")
    espeak.set_manner(words_per_minute=WORDS_PER_MINUTE)
    said = espeak.say(SENTENCE)
    speech = livekit_avatar.AudioChunk(said.samples, said.rate)
    frames = [frame.image for frame in avatar.render(speech, seed=SEED)]
    states = LipSync().states(resample(said.samples, said.rate, SPEECH_RATE))
    tiles = []
    for phone in said.phones:
        at = min(int((phone.start + phone.end) / 2 * FPS), len(states) - 1)
        heard = VISEMES[int(np.argmax(states[at].visemes))]
        if phone.name.strip("_:"):
            tiles.append((Image.fromarray(frames[at][..., :3]), (phone.name, heard)))
    return tiles


def moods(avatar: Avatar) -> list[Tile]:
    """The moods at full strength."""
    assert isinstance(avatar.engine, Poser)
    at_rest = VISEME_SHAPES[VISEMES.index("sil")]
    looks = {name: avatar.engine.still(avatar.face, at_rest, emotion=Emotion(name)) for name in EMOTIONS}
    return [(Image.fromarray(image[..., :3]), (name,)) for name, image in looks.items()]


def sheet(tiles: list[Tile], columns: int, side: int) -> Image.Image:
    """Tiles with their lines below them."""
    lines = len(tiles[0][1])
    rows, step = -(-len(tiles) // columns), side + lines * LINE + GAP
    page = Image.new("RGB", (columns * (side + GAP) + GAP, rows * step + GAP), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.truetype("DejaVuSans.ttf", 15)
    for number, (picture, labels) in enumerate(tiles):
        row, column = divmod(number, columns)
        left, top = GAP + column * (side + GAP), GAP + row * step
        box = tuple(part * size for part, size in zip(CLOSE, picture.size * 2, strict=True))
        page.paste(picture.resize((side, side), Image.Resampling.LANCZOS, box), (left, top))
        for line, label in enumerate(labels):
            place = left + side // 2, top + side + round((line + 0.5) * LINE)
            draw.text(place, label, "black" if line == 0 else "dimgray", font, anchor="mm")
    return page


def main() -> None:
    """Write speech.webp and moods.webp beside this file."""
    avatar = open_avatar(AVATAR)
    sheet(spoken(avatar), 10, TILE).save(HERE / "speech.webp", quality=82, method=6)
    sheet(moods(avatar), 4, 220).save(HERE / "moods.webp", quality=82, method=6)


if __name__ == "__main__":
    main()
