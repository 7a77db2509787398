"""Amara: about forty, dark skin, a cloud of coils, gold hoops, mustard crew neck."""

from __future__ import annotations

from character import BrowShape, Character, Ears, EyeShape, HairTint, HeadShape, LipShape, Nose, Skin
from clothes import Sweater
from coils import Coils
from combed import Scalp
from hairlines import SHORT
from ornaments import hoops

AMARA = Character(
    name="amara",
    seed=23,
    background=(0.62, 0.36, 0.26),
    skin=Skin(tint=(0.185, 0.070, 0.036), flush=(1.1, 0.62, 0.58), blush=0.8),
    eyes=EyeShape(tint=(0.075, 0.032, 0.014), upper=0.106, lower=0.078, tilt=0.048, lashes=1.25),
    lips=LipShape(tint=(0.20, 0.034, 0.036), half_width=0.272, upper=0.100, lower=0.106, smile=0.075),
    brows=BrowShape(tint=(0.012, 0.008, 0.007), width=0.95, raised=0.012, arch=0.076),
    clothes=Sweater(tint=(0.56, 0.27, 0.022), collar=0.45, height=0.022, roll=0.030, knit=60.0),
    head=HeadShape(
        cheeks=1.04,
        jaw=0.99,
        nose=Nose(width=1.28, bridge=0.85, tip=1.08),
        ears=Ears(size=0.95, spread=0.5),
    ),
    hair=(
        Coils(
            area=Scalp(SHORT),
            lengths=((-0.6, 0.10), (0.0, 0.20), (0.5, 0.24), (1.1, 0.185)),
        ),
    ),
    hair_tint=HairTint(melanin=0.93, redness=0.3, roughness=0.42),
    ornaments=(hoops((0.83, 0.55, 0.20)),),
)
