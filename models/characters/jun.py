"""Jun: about twenty, black hair swept to the side, striped shirt."""

from __future__ import annotations

from character import BrowShape, Character, Ears, EyeShape, HairTint, HeadShape, LipShape, Nose, Skin
from clothes import Sweater
from combed import Combed, Scalp
from groom import Locks
from hairlines import SHORT

JUN = Character(
    name="jun",
    seed=37,
    background=(0.46, 0.56, 0.42),
    skin=Skin(tint=(0.72, 0.40, 0.245), blush=0.8),
    eyes=EyeShape(tint=(0.055, 0.026, 0.013), upper=0.085, lower=0.062, tilt=0.056, crease=0.2, lashes=0.4),
    lips=LipShape(tint=(0.55, 0.21, 0.165), half_width=0.245, upper=0.056, lower=0.074, smile=0.074),
    brows=BrowShape(tint=(0.012, 0.010, 0.010), hairs=640, width=1.4, arch=0.046),
    clothes=Sweater(
        tint=(0.62, 0.60, 0.56), stripe=(0.020, 0.035, 0.10), collar=0.43, height=0.022, roll=0.028, knit=70.0
    ),
    head=HeadShape(
        jaw=1.07,
        chin=1.12,
        ridge=1.1,
        cheeks=1.02,
        neck=1.1,
        nose=Nose(width=1.08, bridge=0.8),
        ears=Ears(size=0.92),
    ),
    hair=(
        Combed(
            area=Scalp(SHORT),
            lengths=((-0.6, 0.08), (0.15, 0.12), (0.45, 0.20), (0.70, 0.34), (0.85, 0.62), (1.1, 0.72)),
            volume=0.15,
            flow=(0.62, 0.72, -0.10),
            turn=((0.44, 0.54), (0.86, 0.74)),
            guides=1100,
            unruly=0.22,
            locks=Locks(clump=0.8, frizz=0.008),
        ),
    ),
    hair_tint=HairTint(melanin=0.97, redness=0.1, roughness=0.48),
)
