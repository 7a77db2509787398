"""The mathematics under the drawing, without a face."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livekit_avatar.engines.portrait import topology as mesh
from livekit_avatar.engines.portrait.curves import function_of_x, ramp, resample, thin_plate
from livekit_avatar.engines.portrait.grid import Grid
from livekit_avatar.engines.portrait.sampling import sample


def test_a_ramp_is_flat_at_both_ends() -> None:
    assert ramp(2, 4, [1, 2, 3, 4, 5]).tolist() == [0, 0, 0.5, 1, 1]


def test_a_thin_plate_passes_through_what_is_known() -> None:
    random = np.random.default_rng(1)
    points, values = random.random((40, 2)), random.random((40, 3))
    assert thin_plate(points, values, points, smoothing=0) == pytest.approx(values, abs=1e-6)


def test_a_thin_plate_keeps_planes() -> None:
    points = np.random.default_rng(2).random((30, 2))
    plane = (points @ [2.0, -3.0] + 1)[:, None]
    elsewhere = np.array([[3.0, -2.0], [0.5, 0.5]])
    assert thin_plate(points, plane, elsewhere, smoothing=1e-3)[:, 0] == pytest.approx([13.0, 0.5], abs=1e-6)


def test_a_resampled_line_has_equal_steps_and_the_same_ends() -> None:
    line = np.array([[0.0, 0.0], [1.0, 0.0], [5.0, 0.0]])
    assert resample(line, 6) == pytest.approx(np.column_stack([np.arange(6.0), np.zeros(6)]), abs=0.2)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-50, 50), st.floats(-50, 50)), min_size=2, max_size=20))
def test_a_curve_that_folds_back_has_one_height_everywhere(points: list[tuple[float, float]]) -> None:
    heights = function_of_x(np.array(points), np.linspace(-60, 60, 41))
    assert np.isfinite(heights).all()


@settings(deadline=None)
@given(st.integers(40, 300), st.integers(40, 300), st.integers(2, 12))
def test_places_at_the_nodes_come_back_at_the_pixels(width: int, height: int, step: int) -> None:
    grid = Grid(width, height, step)
    dense = grid.dense(grid.pixels(grid.window), grid.window)
    rows, columns = grid.block(grid.window.inner)
    assert dense.shape == (rows.stop - rows.start, columns.stop - columns.start, 2)
    assert dense[:, :, 0] == pytest.approx(
        np.broadcast_to(np.arange(columns.start, columns.stop), dense.shape[:2]), abs=1e-3
    )
    assert (
        pytest.approx(np.broadcast_to(np.arange(rows.start, rows.stop), dense.shape[1::-1]), abs=1e-3)
        == dense[:, :, 1].T
    )


def test_a_grid_reaches_all_pixels() -> None:
    grid = Grid(101, 57, 6)
    assert grid.block(grid.window.inner) == (slice(0, 57), slice(0, 101))


@settings(deadline=None)
@given(st.integers(0, 30), st.integers(0, 20))
def test_bands_cover_what_is_active(row: int, column: int) -> None:
    grid = Grid(200, 260, 8)
    active = np.zeros(grid.window.shape, bool)
    active[row, column] = True
    window = grid.enclosing(active)
    assert window is not None
    covered = np.zeros(active.shape, bool)
    for band in grid.bands(active, window):
        covered[band.inner.nodes] = True
    inside = slice(1, -1), slice(1, -1)
    assert covered[inside][active[inside]].all()


def test_nothing_active_needs_no_window() -> None:
    grid = Grid(64, 64, 4)
    assert grid.enclosing(np.zeros(grid.window.shape, bool)) is None


def test_sampling_between_pixels_mixes_them_and_goes_on_beyond_the_edge() -> None:
    picture = np.array([[[0, 0, 0, 0], [100, 50, 20, 200]]], np.uint8)
    places = np.array([[[0.5, 0], [7, 3]]], np.float32)
    assert sample(picture, places)[0].tolist() == [[50, 25, 10, 100], [100, 50, 20, 200]]


def test_lip_rings_share_their_corners_and_run_alongside() -> None:
    for upper, lower in zip(mesh.UPPER_RINGS, mesh.LOWER_RINGS, strict=True):
        assert len(upper) == len(lower) == 11
        assert (upper[0], upper[-1]) == (lower[0], lower[-1])
