"""Lines on the head that several styles of hair share."""

from __future__ import annotations

from groom import Line

SHORT: Line = (
    (-1.30, -0.62),
    (-0.62, -0.52),
    (-0.42, -0.30),
    (-0.36, 0.20),
    (-0.12, 0.22),
    (-0.06, -0.02),
    (0.03, -0.04),
    (0.09, 0.18),
    (0.22, 0.40),
    (0.36, 0.58),
    (0.46, 0.66),
    (0.62, 0.66),
)
"""Height above which short hair grows, by depth: around the ears, with short sideburns."""
