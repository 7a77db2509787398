"""How a movement starts and stops."""

from __future__ import annotations


def smooth(t: float) -> float:
    """From 0 at 0 to 1 at 1 and constant outside; at rest at both ends (cubic Hermite)."""
    t = min(max(t, 0.0), 1.0)
    return t * t * (3 - 2 * t)
