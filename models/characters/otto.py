"""Otto: past seventy, bald on top, grey at the sides, full beard, round spectacles, dark red turtleneck."""

from __future__ import annotations

from character import BrowShape, Character, Ears, EyeShape, HairTint, HeadShape, LipShape, Nose, Skin
from clothes import Sweater
from combed import Combed, Jaw, Scalp
from groom import Locks
from hairlines import SHORT
from ornaments import glasses

OTTO = Character(
    name="otto",
    seed=11,
    background=(0.36, 0.44, 0.50),
    skin=Skin(tint=(0.72, 0.36, 0.24), blush=1.25),
    eyes=EyeShape(tint=(0.09, 0.17, 0.26), upper=0.088, lower=0.063, crease=1.2, lashes=0.45),
    lips=LipShape(tint=(0.50, 0.15, 0.13), half_width=0.255, upper=0.058, lower=0.074, bow=0.6),
    brows=BrowShape(tint=(0.46, 0.43, 0.40), hairs=620, width=1.35, arch=0.052),
    clothes=Sweater(tint=(0.17, 0.018, 0.022), collar=0.425, height=0.11, roll=0.045, shoulders=1.08),
    head=HeadShape(
        jaw=1.05,
        chin=1.1,
        ridge=1.15,
        neck=1.1,
        age=1.0,
        nose=Nose(width=1.18, bridge=1.1, tip=1.12, drop=0.03),
        ears=Ears(size=1.15),
    ),
    hair=(
        Combed(
            area=Scalp(SHORT, top=((-1.3, 0.9), (-0.9, 0.80), (-0.3, 0.62), (0.0, 0.46), (0.15, 0.20))),
            lengths=((-0.5, 0.12), (0.2, 0.20), (0.8, 0.16)),
            volume=0.11,
            flow=(0.0, -1.0, -0.2),
            fall=(0.0, -0.8, -0.5),
            guides=1100,
            unruly=0.35,
            cover=0.35,
        ),
        Combed(
            area=Jaw(
                edge=(
                    (0.0, -0.49),
                    (0.10, -0.48),
                    (0.22, -0.50),
                    (0.34, -0.57),
                    (0.46, -0.46),
                    (0.58, -0.26),
                    (0.66, 0.05),
                ),
                lips=(0.275, 0.122),
            ),
            lengths=((-1.1, 0.22), (-0.8, 0.16), (-0.5, 0.10), (0.0, 0.09)),
            volume=0.055,
            flow=(0.0, 0.25, -1.0),
            fall=(0.0, 0.1, -1.0),
            on_face=True,
            guides=1500,
            unruly=0.30,
            cover=0.45,
            locks=Locks(clump=0.45, frizz=0.012),
        ),
    ),
    hair_tint=HairTint(melanin=0.04, redness=0.0, roughness=0.5, dye=(0.58, 0.64, 0.74)),
    ornaments=(glasses((0.45, 0.33, 0.16)),),
)
