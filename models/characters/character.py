"""What distinguishes one character from another."""

from __future__ import annotations

from dataclasses import dataclass

Colour = tuple[float, float, float]
"""Scene-linear RGB, 0..1."""


@dataclass(frozen=True, slots=True)
class Character:
    """The free choices of a portrait; the rest of the scene is shared.

    Attributes:
        name: the file and manifest name.
        seed: of every random choice.
        skin: diffuse tint of the skin.
        lips: tint of the lips.
        iris: tint of the iris.
        melanin: darkness of the hair, 0 (white) .. 1 (black).
        redness: of the hair, 0 .. 1.
        brows: diffuse tint of brows and scalp.
        cloth: tint of the sweater.
        background: tint of the wall behind.
    """

    name: str
    seed: int
    skin: Colour
    lips: Colour
    iris: Colour
    melanin: float
    redness: float
    brows: Colour
    cloth: Colour
    background: Colour
