"""Ada: about thirty, brown bob, teal sweater."""

from __future__ import annotations

from bob import Bob
from character import BrowShape, Character, EyeShape, HairTint, LipShape, Skin
from clothes import Sweater

ADA = Character(
    name="ada",
    seed=5,
    background=(0.70, 0.61, 0.52),
    skin=Skin(tint=(0.74, 0.36, 0.225)),
    eyes=EyeShape(tint=(0.16, 0.075, 0.03)),
    lips=LipShape(tint=(0.52, 0.11, 0.105)),
    brows=BrowShape(tint=(0.060, 0.030, 0.018)),
    clothes=Sweater(tint=(0.020, 0.13, 0.135)),
    hair=(Bob(),),
    hair_tint=HairTint(melanin=0.62, redness=0.55),
)
