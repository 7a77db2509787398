"""A picture of a take: the sound, the aperture and the width of the mouth, and its visemes, over time."""

from __future__ import annotations

import colorsys
import io
import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from livekit_avatar.lipsync.cues import Cue, Take, rhubarb_cues, viseme_cues
from livekit_avatar.types import FPS, SAMPLES_PER_FRAME, VISEMES, Samples

Colour = tuple[int, int, int]
Pen = ImageDraw.ImageDraw
Box = tuple[float, float, float, float]

_FINE = 2
"""Everything is drawn so many times larger and scaled down, for smooth lines."""

_WIDTH, _LEFT, _RIGHT = 1600, 80, 20
_LINE_SECONDS, _MOST_LINES = 8.0, 24
_PANELS: Final = (("sound", 60), ("aperture", 90), ("width", 90), ("viseme", 26), ("rhubarb", 22))
_GAP, _TOP, _BOTTOM = 8, 10, 24

_PAPER, _INK, _FAINT = (255, 255, 255), (40, 44, 52), (226, 229, 234)
_WAVE, _APERTURE, _WIDE = (150, 158, 170), (20, 110, 190), (200, 90, 30)


def plot(take: Take) -> bytes:
    """A PNG of a take: one line of the picture for 8 seconds, more for a take of minutes."""
    frames = max(len(take.states), 1)
    lines = min(math.ceil(frames / FPS / _LINE_SECONDS), _MOST_LINES)
    per_line = max(math.ceil(frames / lines), round(_LINE_SECONDS * FPS) if lines > 1 else FPS)
    height = _TOP + sum(tall + _GAP for _, tall in _PANELS) + _BOTTOM
    paper = Image.new("RGB", (_WIDTH * _FINE, height * lines * _FINE), _PAPER)
    pen = ImageDraw.Draw(paper)
    visemes, mouths = viseme_cues(take.states), rhubarb_cues(take.states)
    for line in range(lines):
        _line(pen, take, (visemes, mouths), line * per_line, per_line, line * height)
    file = io.BytesIO()
    paper.resize((_WIDTH, height * lines), Image.Resampling.BOX).save(file, "PNG", optimize=True)
    return file.getvalue()


def _line(
    pen: Pen, take: Take, cues: tuple[list[Cue], list[Cue]], first: int, count: int, top: float
) -> None:
    """The panels of the frames `first` to `first + count`, from the height `top` on."""
    states = take.states[first : first + count]
    sound = take.samples[first * SAMPLES_PER_FRAME : (first + count) * SAMPLES_PER_FRAME]
    step = (_WIDTH - _LEFT - _RIGHT) / count
    drawings: dict[str, Callable[[Box], None]] = {
        "sound": lambda box: _wave(pen, box, sound, step / SAMPLES_PER_FRAME),
        "aperture": lambda box: _curve(pen, box, [s.aperture for s in states], (0, 1), step, _APERTURE),
        "width": lambda box: _curve(pen, box, [s.width for s in states], (-1, 1), step, _WIDE),
        "viseme": lambda box: _strip(pen, box, cues[0], first, count, step, _viseme_colour),
        "rhubarb": lambda box: _strip(pen, box, cues[1], first, count, step, _mouth_colour),
    }
    y = top + _TOP
    for name, tall in _PANELS:
        box = (_LEFT, y, _LEFT + step * count, y + tall)
        _write(pen, _LEFT - 8, y + tall / 2, name, anchor="rm")
        drawings[name](box)
        y += tall + _GAP
    _seconds(pen, first, count, step, (top + _TOP, y - _GAP))


def _wave(pen: Pen, box: Box, sound: Samples, step: float) -> None:
    left, top, _, bottom = box
    middle, half = (top + bottom) / 2, (bottom - top) / 2
    for x in range(round(len(sound) * step * _FINE)):
        piece = sound[round(x / step / _FINE) : round((x + 1) / step / _FINE) + 1]
        low, high = (middle - half * float(edge) / 32768 for edge in (piece.max(), piece.min()))
        place = left * _FINE + x
        pen.line((place, low * _FINE, place, high * _FINE), fill=_WAVE)


def _curve(
    pen: Pen, box: Box, values: Sequence[float], limits: tuple[float, float], step: float, colour: Colour
) -> None:
    """A curve filled down, or up, to zero."""
    left, top, right, bottom = box

    def height(value: float) -> float:
        return bottom - (bottom - top) * (value - limits[0]) / (limits[1] - limits[0])

    _rule(pen, (left, height(0), right, height(0)))
    points = [(left + (k + 0.5) * step, height(value)) for k, value in enumerate(values)]
    if len(points) > 1:
        ground = [(points[-1][0], height(0)), (points[0][0], height(0))]
        pen.polygon(_fine(points + ground), fill=_mixed(colour, _PAPER, 0.8))
        pen.line(_fine(points), fill=colour, width=2 * _FINE, joint="curve")


def _strip(
    pen: Pen,
    box: Box,
    cues: Sequence[Cue],
    first: int,
    count: int,
    step: float,
    colour: Callable[[str], Colour],
) -> None:
    """Cues as coloured blocks with their names where there is room."""
    left, top, _, bottom = box
    for cue in cues:
        start, stop = max(cue.start, first) - first, min(cue.stop, first + count) - first
        if stop <= start:
            continue
        block = left + start * step, top, left + stop * step, bottom
        pen.rectangle(_fine([block[:2], (block[2] - 1, block[3])]), fill=colour(cue.value))
        if (stop - start) * step > 9 * len(cue.value) + 2:
            _write(pen, (block[0] + block[2]) / 2, (top + bottom) / 2, cue.value, anchor="mm")


def _seconds(pen: Pen, first: int, count: int, step: float, between: tuple[float, float]) -> None:
    """A thin line and a number at each second, or at fewer of them where they would run together."""
    every = max(1, math.ceil(40 / (step * FPS)))
    for second in range(math.ceil(first / FPS), (first + count) // FPS + 1, every):
        x = _LEFT + (second * FPS - first) * step
        _rule(pen, (x, between[0], x, between[1]))
        _write(pen, x, between[1] + 4, f"{second} s", anchor="ma")


def _rule(pen: Pen, line: Box) -> None:
    pen.line(_fine([line[:2], line[2:]]), fill=_FAINT, width=_FINE)


def _write(pen: Pen, x: float, y: float, text: str, *, anchor: str) -> None:
    font = ImageFont.load_default(size=13 * _FINE)
    pen.text((x * _FINE, y * _FINE), text, fill=_INK, font=font, anchor=anchor)


def _fine(points: Sequence[tuple[float, ...]]) -> list[tuple[float, float]]:
    return [(x * _FINE, y * _FINE) for x, y in points]


def _viseme_colour(name: str) -> Colour:
    place = VISEMES.index(name)
    return _FAINT if place == 0 else _pastel(place / len(VISEMES))


def _mouth_colour(name: str) -> Colour:
    return _FAINT if name == "X" else _pastel("ABCDEFGH".index(name) / 8)


def _pastel(hue: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.32, 0.97)
    return round(255 * red), round(255 * green), round(255 * blue)


def _mixed(colour: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = np.round(np.array(colour) * (1 - share) + np.array(other) * share).astype(int).tolist()
    return red, green, blue
