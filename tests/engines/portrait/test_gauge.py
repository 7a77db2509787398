"""The mouth that is drawn has the aperture and the width of the mouth that was heard."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livekit_avatar.avatar import open_avatar
from livekit_avatar.engines.portrait.bank.face import BankFace
from livekit_avatar.engines.portrait.engine import PortraitEngine
from livekit_avatar.engines.portrait.face import PortraitFace
from livekit_avatar.engines.portrait.gauge import OPEN, Gauge, drawn_gap
from livekit_avatar.face.mesh import FaceMesh
from livekit_avatar.types import MOUTH_SHAPES, VISEMES, Floats, MouthState

GAPS = ((81, 178), (82, 87), (13, 14), (312, 317), (311, 402))
PORTRAIT = "lady_agnew"


def mouth(aperture: float, width: float = 0.0, **shapes: float) -> MouthState:
    """A mouth whose coefficients say roughly what its aperture and width say."""
    wanted = {
        "jawOpen": 0.6 * aperture,
        "mouthUpperUp": 0.3 * aperture,
        "mouthLowerDown": 0.5 * aperture,
        "mouthStretch": max(width, 0.0),
        "mouthPucker": max(-width, 0.0),
        "mouthFunnel": 0.4 * max(-width, 0.0),
    } | shapes
    names = [name.removesuffix("Left").removesuffix("Right") for name in MOUTH_SHAPES]
    values = np.array([wanted.get(name, 0.0) for name in names], np.float32)
    return MouthState(values, np.zeros(len(VISEMES), np.float32), aperture, width, 1.0)


Face = PortraitFace | BankFace


@lru_cache(maxsize=2)
def face_of(source: str) -> Face:
    return cast(Face, open_avatar(source, size=768).face)


@pytest.fixture
def ada() -> Gauge:
    return face_of("ada").gauge


@pytest.fixture(params=["ada", PORTRAIT])
def face(request: pytest.FixtureRequest, portraits: Path, face_model: Path) -> Face:
    return face_of(request.param if request.param == "ada" else str(portraits / f"{request.param}.jpg"))


def tracked(face: Face, shapes: Floats, mesh: FaceMesh) -> tuple[float, float]:
    """Aperture and width of drawn lips as the face mesh sees them, over the distance of the eyes' corners."""
    points = mesh.find(PortraitEngine().still(face, shapes))[0].points[:, :2]

    def apart(a: int, b: int) -> float:
        return float(np.linalg.norm(points[a] - points[b]))

    return float(np.mean([apart(*pair) for pair in GAPS])) / apart(33, 263), apart(61, 291) / apart(33, 263)


@given(st.floats(0, 0.9), st.floats(-0.7, 0.5), st.floats(0, 0.3))
@settings(max_examples=60, deadline=None)
def test_the_lips_part_as_far_and_spread_as_wide_as_was_heard(
    aperture: float, width: float, funnel: float
) -> None:
    gauge = face_of("ada").gauge
    rounded = mouth(aperture, width, mouthFunnel=funnel * (width < 0))  # nobody spreads and funnels the lips
    gap, wider = gauge.lips(gauge.fit(rounded))
    _, widest = gauge.lips(gauge.fit(mouth(0.3, 0.5)))
    round_hole = 0.05 * max(-width, 0)
    parted = drawn_gap(OPEN * aperture)
    assert parted - 0.01 <= gap <= max(parted, round_hole) + 0.01
    assert wider == pytest.approx(widest * width / 0.5, abs=0.02)


def test_pressed_lips_stay_pressed(ada: Gauge) -> None:
    shapes = ada.fit(mouth(0.0, 0.1, mouthPress=0.6, mouthRollLower=0.4, mouthRollUpper=0.35))
    assert shapes[MOUTH_SHAPES.index("mouthPressLeft")] == pytest.approx(0.6)
    assert ada.lips(shapes)[0] == 0


def test_f_and_v_leave_the_upper_teeth_to_be_seen(ada: Gauge) -> None:
    gap, _ = ada.lips(ada.fit(mouth(0.0, mouthRollLower=0.55, mouthUpperUp=0.3)))
    assert 0.01 < gap < 0.05


def test_a_mouth_at_rest_stays_at_rest(ada: Gauge) -> None:
    assert not ada.fit(mouth(0.0)).any()


def test_more_intensity_opens_and_spreads_further_and_still_closes(ada: Gauge) -> None:
    wide = mouth(0.4, 0.3)
    gaps, widths = zip(*(ada.lips(ada.fit(wide, intensity)) for intensity in (0.5, 1.0, 1.5)), strict=True)
    assert gaps == pytest.approx(
        [drawn_gap(OPEN * 0.4 * intensity) for intensity in (0.5, 1.0, 1.5)], abs=0.01
    )
    assert widths[0] < widths[1] < widths[2]
    assert ada.lips(ada.fit(mouth(0.0, mouthPress=0.6), 1.5))[0] == pytest.approx(0, abs=1e-6)


def test_tracked_again_the_aperture_is_linear_in_what_was_heard(face: Face) -> None:
    heard, mesh = np.linspace(0, 0.8, 9), FaceMesh()
    seen = [tracked(face, face.gauge.fit(mouth(float(a))), mesh)[0] for a in heard]
    assert all(np.diff(seen) > -0.003), seen
    assert np.corrcoef(heard, seen)[0, 1] > 0.98, seen
    slope = np.polyfit(heard, seen, 1)[0]
    assert 0.8 * OPEN < slope < 1.3 * OPEN
    assert seen[0] < 0.02


def test_tracked_again_the_width_is_linear_in_what_was_heard(face: Face) -> None:
    heard, mesh = np.linspace(-0.6, 0.4, 6), FaceMesh()
    seen = [tracked(face, face.gauge.fit(mouth(0.2, float(w))), mesh)[1] for w in heard]
    assert all(np.diff(seen) > -0.003), seen
    assert np.corrcoef(heard, seen)[0, 1] > 0.97, seen


def test_tracked_again_the_aperture_does_not_depend_on_how_the_lips_part(face: Face) -> None:
    ways: list[Callable[[float], MouthState]] = [
        lambda a: mouth(a),
        lambda a: mouth(a, jawOpen=0.0),
        lambda a: mouth(a, mouthFunnel=0.25),
        lambda a: mouth(a, mouthUpperUp=0.0, mouthLowerDown=0.0),
    ]
    mesh = FaceMesh()
    seen = [tracked(face, face.gauge.fit(way(0.5)), mesh)[0] for way in ways]
    assert max(seen) - min(seen) < 0.3 * np.mean(seen), seen
