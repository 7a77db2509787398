"""What distinguishes one character from another: shapes, colours, hair and clothes, as plain numbers.

Lengths are in the space of `sdf`: the eyes lie at z = 0, the chin near z = -1.1, the head is 1.5 wide.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clothes import Sweater
    from groom import Style
    from ornaments import Ornament

Colour = tuple[float, float, float]
"""Scene-linear RGB, 0..1."""


@dataclass(frozen=True, slots=True)
class Nose:
    """Factors of the nose.

    Attributes:
        width: of tip and wings.
        bridge: height of the bridge over the face.
        tip: size of the tip.
        drop: how much lower the tip lies, as a length.
        sunk: how much less it stands out, as a length.
    """

    width: float = 1.0
    bridge: float = 1.0
    tip: float = 1.0
    drop: float = 0.0
    sunk: float = 0.0


@dataclass(frozen=True, slots=True)
class Ears:
    """The ears.

    Attributes:
        size: factor.
        spread: angle from the side of the head, radians.
        point: how far the upper end is drawn out and back, as a length.
    """

    size: float = 1.0
    spread: float = 0.62
    point: float = 0.0


@dataclass(frozen=True, slots=True)
class HeadShape:
    """Factors of skull, jaw and neck.

    Attributes:
        cranium: width of the skull.
        jaw: width of the jaw's corners.
        chin: width of the chin.
        drop: how much lower the chin lies, as a length.
        cheeks: fullness of the cheeks.
        ridge: thickness of the bone under the brows.
        neck: thickness of the neck.
        age: depth of the lines on the forehead, under the eyes and beside the nose.
        nose: the nose.
        ears: the ears; None where hair hides them.
    """

    cranium: float = 1.0
    jaw: float = 1.0
    chin: float = 1.0
    drop: float = 0.0
    cheeks: float = 1.0
    ridge: float = 1.0
    neck: float = 1.0
    age: float = 0.0
    nose: Nose = Nose()
    ears: Ears | None = None


@dataclass(frozen=True, slots=True)
class EyeShape:
    """The eyes and the opening between their lids.

    Attributes:
        size: of the eyeball and all about it, a factor.
        apart: distance of an eye from the middle of the face.
        upper: height of the upper lid's arch.
        lower: depth of the lower lid's.
        tilt: how much higher the outer corner lies.
        crease: depth of the fold above the lid, a factor.
        lashes: thickness of the lashes, a factor.
        iris: angular radius of the iris, radians.
        tint: of the iris.
        white: of the rest.
    """

    tint: Colour
    size: float = 1.0
    apart: float = 0.335
    upper: float = 0.101
    lower: float = 0.077
    tilt: float = 0.040
    crease: float = 1.0
    lashes: float = 1.0
    iris: float = 0.45
    white: Colour = (0.80, 0.775, 0.75)


@dataclass(frozen=True, slots=True)
class LipShape:
    """The closed lips.

    Attributes:
        tint: of the vermilion.
        half_width: of the mouth.
        upper: height of the upper lip.
        lower: depth of the lower lip.
        smile: how much higher the corners lie.
        bow: depth of the notch in the middle, a factor.
    """

    tint: Colour
    half_width: float = 0.262
    upper: float = 0.080
    lower: float = 0.086
    smile: float = 0.072
    bow: float = 1.0


@dataclass(frozen=True, slots=True)
class Inside:
    """Tints of what an open mouth shows.

    Attributes:
        teeth, gums, tongue: of each.
        walls: of the inside of cheeks and lips.
    """

    teeth: Colour = (0.80, 0.745, 0.65)
    gums: Colour = (0.50, 0.16, 0.15)
    tongue: Colour = (0.62, 0.20, 0.19)
    walls: Colour = (0.42, 0.09, 0.085)


@dataclass(frozen=True, slots=True)
class BrowShape:
    """The eyebrows.

    Attributes:
        tint: of their hairs and of the scalp.
        hairs: in each brow; none where there are no brows.
        width: factor across the brow.
        raised: how much higher they lie, as a length.
        arch: height of their arch.
    """

    tint: Colour
    hairs: int = 520
    width: float = 1.0
    raised: float = 0.0
    arch: float = 0.066


@dataclass(frozen=True, slots=True)
class Skin:
    """The colours of the skin.

    Attributes:
        tint: diffuse.
        flush: factor of the tint where blood shows.
        scatter: how far red, green and blue light travel inside.
        blush: strength of the blush, a factor.
        spots: how many lighter spots there are on forehead and temples.
    """

    tint: Colour
    flush: Colour = (1.02, 0.66, 0.62)
    scatter: Colour = (1.0, 0.32, 0.16)
    blush: float = 1.0
    spots: int = 0


@dataclass(frozen=True, slots=True)
class HairTint:
    """The pigment of the hair.

    Attributes:
        melanin: 0 (white) .. 1 (black).
        redness: 0 .. 1.
        roughness: of its shine, 0 .. 1.
        dye: what else takes light away; white takes nothing. Grey hair is pale hair with a grey dye.
    """

    melanin: float
    redness: float
    roughness: float = 0.34
    dye: Colour = (1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Character:
    """A person, or another being, to be rendered.

    Attributes:
        name: of the file and in the manifest.
        seed: of every random choice.
        background: tint of the wall behind.
        skin, eyes, lips, brows, inside: shapes and colours.
        clothes: what is worn.
        likeness: whose face it is.
        head: shape of the head.
        hair: what grows on it, with its pigment.
        hair_tint: its pigment.
        ornaments: what else is worn or grows.
    """

    name: str
    seed: int
    background: Colour
    skin: Skin
    eyes: EyeShape
    lips: LipShape
    brows: BrowShape
    clothes: Sweater
    likeness: str = "A drawn person: nobody's likeness."
    head: HeadShape = field(default_factory=HeadShape)
    hair: tuple[Style, ...] = ()
    hair_tint: HairTint = HairTint(0.6, 0.5)
    ornaments: tuple[Ornament, ...] = ()
    inside: Inside = Inside()

    @property
    def bearded(self) -> bool:
        """Whether hair grows on the face."""
        return any(style.on_face for style in self.hair)
