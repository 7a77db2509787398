"""Zib: from elsewhere. Turquoise skin with pale spots, large violet eyes, pointed ears, glowing antennae."""

from __future__ import annotations

from character import BrowShape, Character, Ears, EyeShape, HeadShape, Inside, LipShape, Nose, Skin
from clothes import Sweater
from ornaments import antennae, lamps

ZIB = Character(
    name="zib",
    seed=4,
    background=(0.20, 0.16, 0.36),
    skin=Skin(
        tint=(0.035, 0.34, 0.33), flush=(3.0, 0.55, 0.95), scatter=(0.25, 1.0, 0.8), blush=0.7, spots=22
    ),
    eyes=EyeShape(
        tint=(0.30, 0.08, 0.42),
        size=1.32,
        apart=0.372,
        upper=0.130,
        lower=0.112,
        tilt=0.06,
        crease=0.0,
        lashes=0.7,
        iris=0.60,
    ),
    lips=LipShape(tint=(0.15, 0.085, 0.26), half_width=0.30, upper=0.050, lower=0.066, smile=0.095, bow=0.3),
    brows=BrowShape(tint=(0.02, 0.15, 0.18), hairs=0, raised=0.07),
    clothes=Sweater(
        tint=(0.028, 0.030, 0.050), collar=0.43, height=0.06, roll=0.07, shoulders=0.94, knit=90.0, sheen=1.0
    ),
    inside=Inside(
        teeth=(0.60, 0.74, 0.76), gums=(0.10, 0.17, 0.26), tongue=(0.36, 0.14, 0.46), walls=(0.14, 0.06, 0.20)
    ),
    likeness="A drawn being: nobody's likeness.",
    head=HeadShape(
        cranium=1.06,
        jaw=0.95,
        chin=0.85,
        neck=0.85,
        ridge=0.7,
        nose=Nose(width=0.8, bridge=0.8, tip=0.75, sunk=0.075),
        ears=Ears(size=1.15, spread=0.9, point=0.30),
    ),
    ornaments=(antennae((0.035, 0.30, 0.30)), lamps((1.0, 0.50, 0.10), glow=0.9)),
)
