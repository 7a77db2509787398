"""The mouths of speech: how far jaw, lips and tongue have moved from rest."""

from __future__ import annotations

from dataclasses import dataclass

BETWEEN, BEHIND = 0.95, 0.5
"""What the lip model calls a tongue between the teeth, and one behind them."""


@dataclass(frozen=True, slots=True)
class MouthPose:
    """A mouth. All zero is the mouth at rest, closed.

    Attributes:
        jaw: how far the jaw has turned about its joint, radians.
        gap: between the lips in the middle, a length in the space of `sdf`.
        raised: how far of it the upper lip has gone up, a length.
        width: how much wider the mouth is, a share of its width at rest.
        rounding: 0 .. 1: lips come forwards and leave a round hole that does not reach their corners.
        press: 0 .. 1: the red of both lips rolls in.
        tuck: 0 .. 1: the lower lip lies back under the upper teeth.
        tongue: 0 (it lies in the lower jaw) .. 1 (its tip is behind the upper teeth).
        between: 0 .. 1: its tip lies between the teeth.
        smile: how much higher the corners lie, a length.
    """

    jaw: float = 0.0
    gap: float = 0.0
    raised: float = 0.0
    width: float = 0.0
    rounding: float = 0.0
    press: float = 0.0
    tuck: float = 0.0
    tongue: float = 0.0
    between: float = 0.0
    smile: float = 0.0

    @property
    def lowered(self) -> float:
        """How far the middle of the lower lip's edge has gone down."""
        return self.gap - self.raised

    @property
    def tongue_out(self) -> float:
        """How much of the tongue shows, as ARKit's coefficient of that name: most of it between the teeth."""
        return max(BETWEEN * self.between, BEHIND * self.tongue)

    @property
    def rests(self) -> bool:
        """Whether nothing has moved."""
        return self == REST


REST = MouthPose()


def _opening(gap: float, width: float, rounding: float = 0.0, smile: float = 0.0) -> MouthPose:
    """Open lips as speech has them: mostly the jaw, some of it the lips."""
    raised = 0.018 + 0.10 * gap if gap > 0.03 else 0.4 * gap
    return MouthPose(0.88 * gap, gap, raised, width, rounding, smile=smile)


POSES: tuple[MouthPose, ...] = (
    REST,
    MouthPose(press=1.0, width=0.03),
    MouthPose(press=0.5, rounding=0.35, width=-0.10),
    MouthPose(smile=0.035, width=0.08),
    _opening(0.022, 0.0),
    _opening(0.050, 0.0),
    _opening(0.085, 0.0),
    _opening(0.125, 0.0),
    _opening(0.170, -0.01),
    _opening(0.220, -0.02),
    _opening(0.270, -0.04),
    MouthPose(0.02, 0.055, 0.025, 0.06),
    MouthPose(0.03, 0.085, 0.038, 0.11, smile=0.01),
    _opening(0.110, 0.10),
    _opening(0.205, 0.08),
    _opening(0.060, 0.12, smile=0.03),
    _opening(0.120, 0.13, smile=0.035),
    MouthPose(0.02, 0.070, 0.030, -0.14, 0.45),
    MouthPose(0.02, 0.022, 0.010, -0.34, 1.0),
    MouthPose(0.03, 0.050, 0.022, -0.38, 1.0),
    MouthPose(0.05, 0.085, 0.032, -0.33, 1.0),
    _opening(0.100, -0.24, 0.75),
    _opening(0.150, -0.25, 0.75),
    _opening(0.205, -0.22, 0.7),
    _opening(0.120, -0.12, 0.4),
    _opening(0.180, -0.12, 0.4),
    MouthPose(0.02, 0.030, 0.034, 0.0, tuck=0.8),
    MouthPose(0.03, 0.052, 0.050, 0.03, tuck=1.0),
    MouthPose(0.07, 0.085, 0.026, 0.02, between=1.0),
    MouthPose(0.05, 0.075, 0.028, 0.03, tongue=1.0),
    MouthPose(0.10, 0.130, 0.032, 0.03, tongue=1.0),
    MouthPose(0.08, 0.095, 0.028, -0.16, 0.4, tongue=0.6),
)
"""Mouths that speech passes through: closed and pressed, openings between spread and round, "s" and "ee"
with the teeth near each other, "sh", "oo", "f", "th", and the tongue of "l", "n" and "d"."""
