"""The mouths of the built-in characters: their geometry, and the banks that ship."""

from __future__ import annotations

from importlib import import_module
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from places import ROOT

from livekit_avatar.avatars.bank import BASE, Bank, read_bank, read_mouths
from livekit_avatar.avatars.bundle import Bundle, read_bundle
from livekit_avatar.avatars.catalogue import builtin_names
from livekit_avatar.engines.portrait.bank.plane import CONTROLS, Plane, moved
from livekit_avatar.engines.portrait.bank.prepare import cut
from livekit_avatar.engines.portrait.prepare import ARRAYS, PICTURE

DATA = files("livekit_avatar") / "data"
SIZE = 720
UPPER, LOWER, CHIN = (CONTROLS.index(i) for i in (13, 14, 152))
RIGHT, LEFT = (CONTROLS.index(i) for i in (61, 291))


@pytest.fixture(autouse=True)
def scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "models" / "characters")


@pytest.fixture(params=builtin_names())
def avatar(request: pytest.FixtureRequest) -> Bundle:
    return opened(str(request.param))


def opened(name: str) -> Bundle:
    return read_bundle(Path(str(DATA / f"{name}.avatar")))


def bank_of(avatar: Bundle) -> Bank:
    return read_bank(avatar, controls=len(CONTROLS))


def landmarks(avatar: Bundle) -> np.ndarray:
    return avatar.arrays(ARRAYS)["points"].astype(np.float64)


@pytest.fixture
def zib() -> SimpleNamespace:
    """The one whose modules need nothing that is only there for rendering."""
    who = import_module("zib").ZIB
    head = import_module("head").Head(who.head)
    lips = import_module("lips").Lips(who.lips, head)
    camera, rest = import_module("camera").Camera(), landmarks(opened("zib"))
    known = import_module("landmarks").Projected(camera, head, lips, rest, SIZE)
    return SimpleNamespace(head=head, lips=lips, known=known, rest=rest[list(CONTROLS), :2])


def pose(**values: float) -> Any:
    return import_module("poses").MouthPose(**values)


def around_the_mouth(count: int = 4000) -> np.ndarray:
    random = np.random.default_rng(1)
    return random.uniform((-0.5, 0.2, -1.2), (0.5, 0.8, -0.4), (count, 3)).astype(np.float32)


def test_a_mouth_that_has_not_moved_is_the_mouth_at_rest(zib: SimpleNamespace) -> None:
    points, jaw = around_the_mouth(), import_module("jaw").Jaw(zib.lips)
    np.testing.assert_array_equal(jaw.back(points, pose()), points)
    np.testing.assert_allclose(zib.known.controls(pose()), zib.rest, atol=1e-3)


def test_the_least_opening_moves_the_face_hardly_at_all(zib: SimpleNamespace) -> None:
    points = np.abs(around_the_mouth())
    points[:, 2] *= -1
    head = zib.head.bare(points)
    rest, ajar = (zib.lips.add(head, points, p) for p in (pose(), pose(width=1e-4)))
    assert np.abs(rest - ajar)[np.abs(rest) < 0.02].max() < 0.006


@pytest.mark.parametrize("gap", [0.05, 0.12, 0.25])
def test_lips_part_as_far_as_the_pose_says(gap: float, zib: SimpleNamespace) -> None:
    known = zib.known.controls(pose(jaw=0.8 * gap, gap=gap, raised=0.1 * gap))
    scale = SIZE / import_module("camera").Camera().frame
    assert known[LOWER, 1] - known[UPPER, 1] == pytest.approx(gap * scale, rel=0.04)
    assert known[CHIN, 1] - zib.rest[CHIN, 1] > 0.5 * gap * scale


def test_the_field_has_a_hole_between_parted_lips_and_none_between_pressed_ones(zib: SimpleNamespace) -> None:
    mouth = import_module("head").MOUTH
    between = np.array([(0, 0.6, mouth - 0.05)], np.float32)
    head = np.full(1, -0.1, np.float32)
    assert zib.lips.add(head, between, pose(jaw=0.1, gap=0.12, raised=0.01))[0] > 0
    assert zib.lips.add(head, between, pose(press=1.0))[0] < 0


def test_pressed_lips_touch(zib: SimpleNamespace) -> None:
    known = zib.known.controls(pose(press=1.0))
    assert abs(known[LOWER, 1] - known[UPPER, 1]) < 0.01


def test_round_lips_are_narrow_and_spread_ones_wide(zib: SimpleNamespace) -> None:
    def width(points: np.ndarray) -> float:
        return float(points[LEFT, 0] - points[RIGHT, 0])

    rest = width(zib.rest)
    assert width(zib.known.controls(pose(width=-0.3, rounding=1.0))) < 0.75 * rest
    assert width(zib.known.controls(pose(width=0.1))) > 1.05 * rest


def test_a_point_of_the_skin_comes_back_from_where_it_has_gone(zib: SimpleNamespace) -> None:
    jaw, points = import_module("jaw").Jaw(zib.lips), around_the_mouth()
    points = points[np.abs(zib.head.bare(points)) < 0.02]
    wide = pose(jaw=0.2, gap=0.25, raised=0.04, width=-0.1)
    np.testing.assert_allclose(jaw.back(jaw.moved(points, wide), wide), points, atol=4e-3)


def test_the_camera_finds_back_what_it_has_seen() -> None:
    camera, points = import_module("camera").Camera(), around_the_mouth()
    found = camera.unproject(camera.project(points, SIZE), points[:, 1], SIZE)
    np.testing.assert_allclose(found, points, atol=2e-4)


def test_a_picture_is_carried_along_with_the_jaw(zib: SimpleNamespace) -> None:
    flow = import_module("flow").Flow(import_module("camera").Camera(), zib.head, zib.lips)
    still, opened_wide = pose(), pose(jaw=0.2, gap=0.22, raised=0.03)
    (x, y), nose = zib.rest[CHIN], zib.rest[CONTROLS.index(2)]
    rays = np.array([(x, y), tuple(nose)], np.float32)
    assert not flow.ways(rays, still, SIZE).any()
    chin, under_nose = flow.ways(rays, opened_wide, SIZE)
    assert chin[1] < -10
    assert abs(under_nose[1]) < 3


def test_a_bank_lies_over_its_own_picture(avatar: Bundle) -> None:
    bank, rest = bank_of(avatar), landmarks(avatar)
    plane = Plane.of(rest)
    assert BASE not in avatar.members
    assert bank.base.shape == (1, 2, 3)
    np.testing.assert_allclose(bank.base[0], plane.placed(rest), atol=1e-3)
    np.testing.assert_allclose(bank.rest, plane.rest, atol=1e-3)


def test_a_bank_has_a_mouth_for_each_pose_and_the_first_is_at_rest(avatar: Bundle) -> None:
    bank, rest = bank_of(avatar), landmarks(avatar)
    mouths = read_mouths(avatar, bank)
    assert len(mouths) == len(import_module("poses").POSES)
    closed = moved(bank.base[0], rest[list(CONTROLS), :2])
    np.testing.assert_allclose(bank.points[0], closed, atol=0.05)
    plain = cut(avatar.picture(PICTURE), rest, Plane.of(rest))
    assert np.abs(mouths[0][..., :3].astype(int) - plain).mean() < 2


def test_the_mouths_of_a_bank_reach_from_shut_to_wide_open(avatar: Bundle) -> None:
    bank = bank_of(avatar)
    gaps = (bank.points[:, LOWER, 1] - bank.points[:, UPPER, 1]) / bank.unit
    widths = (bank.points[:, LEFT, 0] - bank.points[:, RIGHT, 0]) / bank.unit
    assert (abs(gaps) < 0.01).sum() >= 3
    assert gaps.max() > 0.3
    assert widths.min() < 0.75 * widths[0] < widths[0] < 0.95 * widths.max()
    assert len(np.unique(np.round(np.stack([gaps, widths], 1), 3), axis=0)) > 25


def test_a_bank_knows_which_mouths_show_the_tongue(avatar: Bundle) -> None:
    tongue = bank_of(avatar).tongue
    assert tongue[0] == 0
    assert (tongue > 0.9).sum() == 1
    assert 2 <= ((tongue > 0.2) & (tongue < 0.6)).sum() <= 5


def test_an_open_mouth_is_dark_inside_where_its_points_say(avatar: Bundle) -> None:
    bank = bank_of(avatar)
    gaps = bank.points[:, LOWER, 1] - bank.points[:, UPPER, 1]
    widest = int(gaps.argmax())
    mouth = read_mouths(avatar, bank)[widest][..., :3].mean(axis=2)
    upper, lower = bank.points[widest, UPPER], bank.points[widest, LOWER]
    x = round(float(upper[0]))
    inside = mouth[round(float(upper[1] + 0.55 * gaps[widest])), x - 3 : x + 4]
    chin = mouth[round(float(lower[1] + 0.25 * bank.unit[0])), x - 3 : x + 4]
    assert inside.mean() < 0.7 * chin.mean()


def test_the_script_still_draws_the_mouths_of_noor() -> None:
    noor, poses = import_module("noor").NOOR, import_module("poses").POSES
    avatar = opened("noor")
    bank, rest = bank_of(avatar), landmarks(avatar)
    plane, mouths = Plane.of(rest), read_mouths(avatar, bank)
    for number in (0, 5, 10, 19, 27):
        drawn = cut(noor.draw(960, 0, poses[number]), rest, plane)
        assert np.abs(mouths[number][..., :3].astype(int) - drawn)[40:].mean() < 2.5
        controls = moved(bank.base[0], noor.controls(rest, poses[number], 960))
        np.testing.assert_allclose(bank.points[number], controls, atol=0.01)
