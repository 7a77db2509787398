"""The mouth bank: what an avatar holds besides its face at rest if its mouths were filmed or rendered.

`base.mp4` is played forth and back; `mouths.mp4` are the mouths that can be laid over it, each in the plane
of the lower face; `bank.safetensors` says where everything lies. Without `base.mp4` the mouths are laid over
the picture of the face at rest. docs/avatar-format.md specifies it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from livekit_avatar.avatars.bundle import encode_arrays
from livekit_avatar.avatars.playback import MAX_PICTURES, Playback, decode_film
from livekit_avatar.errors import BundleError
from livekit_avatar.types import Floats, Image

if TYPE_CHECKING:
    from collections.abc import Mapping

    from livekit_avatar.avatars.bundle import Bundle

BASE: Final = "base.mp4"
MOUTHS: Final = "mouths.mp4"
ARRAYS: Final = "bank.safetensors"

MAX_MOUTHS: Final = 512
MAX_MOUTH_PIXELS: Final = 40 << 20
"""Of all mouths together: they lie in memory, four bytes a pixel."""

PLANE: Final = (2.1, 1.95)
"""Width and height of the plane in inter-ocular distances, about: its sides are multiples of 8 pixels."""

_AGAIN: Final = "Prepare the avatar again from its clip."


@dataclass(frozen=True, slots=True, eq=False)
class Bank:
    """Where everything lies. Pixels are those of the plane of the lower face, unless said otherwise.

    Attributes:
        unit: (1,) inter-ocular distance of the face at rest, pixels.
        size: (2,) width and height of the plane.
        rest: (478, 2) landmarks of the face at rest.
        base: (n, 2, 3) similarity from each picture of the base film, or from the one picture, to the plane.
        base_shift: (n, 2) how far the turn of the head has taken the mouth there.
        base_turn: (n, 2) yaw and pitch there, radians, against the middle of the film.
        points: (m, c, 2) control points of each mouth.
        shift: (m, 2) how far the turn of the head has taken it.
        turn: (m, 2) yaw and pitch, radians.
        tongue: (m,) how much of the tongue each shows, as the coefficient tongueOut; 0 where it is not known.
        tuck: (m,) how far its lower lip lies under the teeth, 0..1; 0 where it is not known.
        looks: (m, k) what each mouth looks like: mouths with near looks follow one another unnoticed.
    """

    unit: Floats
    size: Floats
    rest: Floats
    base: Floats
    base_shift: Floats
    base_turn: Floats
    points: Floats
    shift: Floats
    turn: Floats
    tongue: Floats
    tuck: Floats
    looks: Floats

    @property
    def plane_size(self) -> tuple[int, int]:
        """(width, height) of the plane in pixels."""
        return int(self.size[0]), int(self.size[1])


_FIELDS: Final = tuple(Bank.__dataclass_fields__)


def encode_bank(bank: Bank) -> bytes:
    """The bank's arrays as a member."""
    return encode_arrays({name: np.asarray(getattr(bank, name), np.float32) for name in _FIELDS})


def has_bank(bundle: Bundle) -> bool:
    """Whether an avatar has mouths of its own."""
    return ARRAYS in bundle.members


def has_film(bundle: Bundle) -> bool:
    """Whether they are laid over a film, not over its picture."""
    return BASE in bundle.members


def read_bank(bundle: Bundle, *, controls: int) -> Bank:
    """The bank's arrays of an avatar, whose mouths have so many control points.

    Raises:
        BundleError: they are missing, or do not belong together.
    """
    arrays = bundle.arrays(ARRAYS)
    if missing := [name for name in _FIELDS if name not in arrays]:
        raise BundleError(f"{bundle.label} has a bank without {missing[0]!r}", fix=_AGAIN)
    arrays = {name: np.asarray(arrays[name], np.float32) for name in _FIELDS}
    n, m = len(arrays["base"]), len(arrays["points"])
    wanted: Mapping[str, tuple[int, ...]] = {
        "unit": (1,), "size": (2,), "rest": (478, 2), "base": (n, 2, 3), "base_shift": (n, 2),
        "base_turn": (n, 2), "points": (m, controls, 2), "shift": (m, 2), "turn": (m, 2), "tongue": (m,),
        "tuck": (m,), "looks": (m, arrays["looks"].shape[-1] if arrays["looks"].ndim else 0),
    }  # fmt: skip
    for name, shape in wanted.items():
        if arrays[name].shape != shape or not np.isfinite(arrays[name]).all():
            raise BundleError(f"{bundle.label} has a bank with a broken {name!r}", fix=_AGAIN)
    bank = Bank(**arrays)
    most = MAX_PICTURES if has_film(bundle) else 1
    if not (1 <= n <= most and 1 <= m <= MAX_MOUTHS and _possible(bank)):
        raise BundleError(f"{bundle.label} has a bank of an impossible size", fix=_AGAIN)
    return bank


def _possible(bank: Bank) -> bool:
    """Whether the sizes are those of a face: what is computed from them takes a known time and memory."""
    unit = float(bank.unit[0])
    alike = np.abs(bank.size - unit * np.array(PLANE)).max() <= 8
    few = len(bank.points) * float(bank.size.prod()) <= MAX_MOUTH_PIXELS
    near = max(np.abs(a).max() for a in (bank.rest, bank.points, bank.shift, bank.base_shift)) < 20 * unit
    scales = np.sqrt(np.abs(np.linalg.det(bank.base[..., :2])))
    return bool(8 <= unit <= 1024 and alike and few and near and 0.1 < scales.min() <= scales.max() < 10)


def open_base(bundle: Bundle, bank: Bank) -> Playback:
    """The base film of an avatar.

    Raises:
        BundleError: it is missing or broken.
    """
    return Playback(bundle.read(BASE), len(bank.base), bundle.manifest.size)


def read_mouths(bundle: Bundle, bank: Bank) -> list[Image]:
    """The mouths of an avatar, each (height, width, 4) uint8 RGBA of the plane.

    Raises:
        BundleError: they are missing or broken.
    """
    return list(decode_film(bundle.read(MOUTHS), len(bank.points), bank.plane_size))
