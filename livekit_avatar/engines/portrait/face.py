"""A portrait ready to be drawn: one picture in, a frame for every pose out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from livekit_avatar.engines.portrait import topology as mesh
from livekit_avatar.engines.portrait.coefficients import Coefficients
from livekit_avatar.engines.portrait.curves import Reals, function_of_x
from livekit_avatar.engines.portrait.eyes import blink, lid_follows, look, measure_eye
from livekit_avatar.engines.portrait.fields import bake_fields
from livekit_avatar.engines.portrait.gauge import Gauge
from livekit_avatar.engines.portrait.head import Head
from livekit_avatar.engines.portrait.interior import paint_interior
from livekit_avatar.engines.portrait.lids import lid_from_picture, lid_from_skin
from livekit_avatar.engines.portrait.motion import Mover
from livekit_avatar.engines.portrait.mouth import Mouth
from livekit_avatar.engines.portrait.palette import Palette
from livekit_avatar.engines.portrait.parted import without_inside
from livekit_avatar.engines.portrait.pose import SHAPES, Pose
from livekit_avatar.engines.portrait.prepare import ARRAYS, LIDS, PICTURE, resized, size_of
from livekit_avatar.engines.portrait.seams import bake_seams
from livekit_avatar.engines.portrait.shading import Shading
from livekit_avatar.engines.portrait.warp import Warp
from livekit_avatar.types import Floats, Image

if TYPE_CHECKING:
    from livekit_avatar.avatars.bundle import Bundle

_BLINKS = (SHAPES.index("eyeBlinkRight"), SHAPES.index("eyeBlinkLeft"))
_LEAST = 0.004
"""A lid or a gaze moved less than this share of its way does not show."""


_OVERCLOSE, _OVERLAP = 1.08, 0.012
"""Factor and units that an open mouth is closed too far, because splines smooth the way and lips press."""


class PortraitFace:
    """A face that can be drawn. Immutable: the same pose always gives the same bytes, from any thread."""

    def __init__(self, picture: Image, arrays: dict[str, Floats], lids: Image | None = None) -> None:
        """Compute all that does not depend on the pose.

        Args:
            picture: (H, W, 4) uint8 RGBA, the picture at the size of the video.
            arrays: `points`, `eyes`, `lips` and `smile` as `prepare_portrait` wrote them.
            lids: the same picture with closed eyes.
        """
        size = picture.shape[1], picture.shape[0]
        head = Head.of(arrays["points"])
        lips, eyes = np.asarray(arrays["lips"], np.float64), np.asarray(arrays["eyes"], np.float64)
        gap, half_width = mouth_gap(head)
        self._picture = without_inside(picture, lips, head.unit) if gap.any() else picture
        fields = bake_fields(head, gap, size)
        lower_block = fields.grid.block(fields.mouth.inner)
        self._warp = Warp(fields, bake_seams(head, lips, size, lower_block))
        self.head = head
        self.coefficients = Coefficients(fields, head, arrays["smile"], is_open=bool(gap.any()))
        self.gauge = Gauge.of(fields, head, self.coefficients.mouth)
        palette = Palette.of(picture, head.points, eyes)
        self._mouth = Mouth(head, paint_interior(head, palette, half_width), lips)
        self._shading = Shading(head, fields.names, size)
        self._eyes = [measure_eye(head, eyes[i], bool(i), size) for i in (0, 1)]
        self._lids = [
            lid_from_skin(eye, picture) if lids is None else lid_from_picture(eye, lids) for eye in self._eyes
        ]

    @classmethod
    def load(cls, bundle: Bundle, size: int | None = None) -> PortraitFace:
        """Make a face from an avatar.

        Args:
            bundle: the avatar.
            size: the longer side of the video in pixels; the avatar's own if not given.

        Raises:
            BundleError: a member is missing or broken.
        """
        picture = bundle.picture(PICTURE)
        lids = bundle.picture(LIDS) if LIDS in bundle.members else None
        wanted = size_of(picture, size or max(bundle.manifest.size))
        return cls(*resized(picture, bundle.arrays(ARRAYS), lids, wanted))

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self._picture.shape[1], self._picture.shape[0]

    def mover(self, seed: int) -> Mover:
        """What decides its frames in one session."""
        return Mover(seed, self.gauge)

    def draw(self, pose: Pose) -> Image:
        """A frame: fresh (H, W, 4) uint8 RGBA, straight alpha, C-contiguous."""
        c = self.coefficients.of(pose)
        source = self._shading.lay(self._with_eyes(pose), self._picture, c.shapes)
        frame, opening = self._warp.draw(source, c.shapes, c.motion, c.split)
        if opening is not None:
            self._mouth.draw(frame, opening, c.bite)
        return frame

    def draw_around(self, pose: Pose, lay: Callable[[Image], None]) -> Image:
        """A frame whose mouth is not drawn but laid over the picture, before that is moved.

        Args:
            pose: what is drawn; what it says of the mouth is not.
            lay: lays the mouth over a picture, in place.
        """
        c = self.coefficients.around(pose)
        source = self._shading.lay(self._with_eyes(pose), self._picture, c.shapes)
        source = source.copy() if source is self._picture else source
        lay(source)
        frame, _ = self._warp.draw(source, c.shapes, c.motion, c.split)
        return frame

    def _with_eyes(self, pose: Pose) -> Image:
        """The source picture with its eyes as the pose has them; the picture itself if they are at rest."""
        closures = [max(float(pose.shapes[i]), 0.0) for i in _BLINKS]
        closures = [min(1.0, closure + (1 - closure) * lid_follows(pose.gaze_y)) for closure in closures]
        gaze = max(abs(pose.gaze_x), abs(pose.gaze_y)) >= _LEAST
        if not gaze and max(closures) < _LEAST:
            return self._picture
        source: Image = self._picture.copy()
        for eye, lid, closure in zip(self._eyes, self._lids, closures, strict=True):
            pixels = (
                look(eye, self._picture, pose.gaze_x, pose.gaze_y) if gaze else self._picture[eye.box].copy()
            )
            source[eye.box] = blink(eye, pixels, lid, closure) if closure >= _LEAST else pixels
        return source


def mouth_gap(head: Head) -> tuple[Reals, float]:
    """(468,) height of the opening between the lips at each vertex's x, and the mouth's half width, units."""
    vertices = head.canonical(head.points[: mesh.VERTICES])
    upper, lower = vertices[list(mesh.LIP_INNER_UPPER)], vertices[list(mesh.LIP_INNER_LOWER)]
    x = vertices[:, 0]
    gap = function_of_x(lower[:, :2], x) - function_of_x(upper[:, :2], x)
    gap = np.where(gap > 1e-6, gap * _OVERCLOSE + _OVERLAP * np.clip(gap / 0.03, 0, 1), 0.0)
    half_width = abs(vertices[mesh.LEFT_MOUTH, 0] - vertices[mesh.RIGHT_MOUTH, 0]) / 2
    return gap, float(half_width)
