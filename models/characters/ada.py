"""The parameters of ada, the character that ships with the package."""

from __future__ import annotations

from character import Character

ADA = Character(
    name="ada",
    seed=5,
    skin=(0.74, 0.36, 0.225),
    lips=(0.52, 0.11, 0.105),
    iris=(0.16, 0.075, 0.03),
    melanin=0.62,
    redness=0.55,
    brows=(0.060, 0.030, 0.018),
    cloth=(0.020, 0.13, 0.135),
    background=(0.70, 0.61, 0.52),
)
