"""Index lists into the face mesh (MediaPipe Face Landmarker, 478 points, canonical_face_model.obj).

Left and right are the subject's own. Lip rings run from the viewer's left corner to the right one and have
eleven points each; the upper and the lower list of a ring share their two corners.
"""

from __future__ import annotations

from typing import Final

LIP_OUTER_UPPER: Final = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
LIP_OUTER_LOWER: Final = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
LIP_INNER_UPPER: Final = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
LIP_INNER_LOWER: Final = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)

UPPER_RINGS: Final = (
    LIP_INNER_UPPER,
    (62, 183, 42, 41, 38, 12, 268, 271, 272, 407, 292),
    (76, 184, 74, 73, 72, 11, 302, 303, 304, 408, 306),
    LIP_OUTER_UPPER,
)
"""Upper lip, from the inner edge to the vermilion border."""

LOWER_RINGS: Final = (
    LIP_INNER_LOWER,
    (62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292),
    (76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306),
    LIP_OUTER_LOWER,
)
"""Lower lip, from the inner edge to the vermilion border."""

MOUTH_CORNERS: Final = (61, 76, 62, 78, 291, 306, 292, 308)

FACE_OVAL: Final = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip

RIGHT_EYE_UPPER: Final = (133, 173, 157, 158, 159, 160, 161, 246, 33)
RIGHT_EYE_LOWER: Final = (133, 155, 154, 153, 145, 144, 163, 7, 33)
LEFT_EYE_UPPER: Final = (362, 398, 384, 385, 386, 387, 388, 466, 263)
LEFT_EYE_LOWER: Final = (362, 382, 381, 380, 374, 373, 390, 249, 263)
"""Lid contours, from the inner corner to the outer one."""

RIGHT_BROW: Final = (70, 63, 105, 66, 107, 46, 53, 52, 65, 55)
LEFT_BROW: Final = (300, 293, 334, 296, 336, 276, 283, 282, 295, 285)

RIGHT_FOLD: Final = (129, 203, 206, 216, 212)
LEFT_FOLD: Final = (358, 423, 426, 436, 432)
"""Nasolabial folds, from the wing of the nose to beside the corner of the mouth."""

RIGHT_IRIS: Final = (468, 469, 470, 471, 472)
LEFT_IRIS: Final = (473, 474, 475, 476, 477)
"""Centre, then four points of the rim."""

FOREHEAD, BETWEEN_BROWS, CHIN, NOSE_BASE = 10, 8, 152, 2
RIGHT_JAW, LEFT_JAW = 172, 397
RIGHT_CHEEK, LEFT_CHEEK = 234, 454
RIGHT_EYE_OUTER, LEFT_EYE_OUTER = 33, 263
RIGHT_MOUTH, LEFT_MOUTH = 61, 291
SKIN: Final = (50, 280, 205, 425, 187, 411, 4, 6, 151)
"""Cheeks, nose and forehead: skin without hair, brows or shadow."""

VERTICES: Final = 468
"""Points of the mesh without the irises."""
