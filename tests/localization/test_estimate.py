"""Points and radii from the posterior, against plain definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvgl_core.localization.estimate import (
    Place,
    arg_max,
    distances,
    fused_mode,
    gaussian_kernel,
    mass_within,
    radius_holding,
    smooth_window,
)
from cvgl_core.localization.posterior import Cells, Vote, fuse

CELL_M = 0.5
SIDE = 64


def bump(row, col, sigma=3.0):
    """Log of a Gaussian whose centre lies at continuous cell coordinates (row, col)."""
    v, u = np.mgrid[:SIDE, :SIDE] + 0.5
    return (-0.5 * ((v - row) ** 2 + (u - col) ** 2) / sigma**2).astype(np.float32)


@given(st.floats(12, 50), st.floats(12, 50), st.integers(-500, 500), st.integers(-500, 500))
@settings(max_examples=30, deadline=None)
def test_the_mode_is_found_finer_than_a_cell(row, col, tile_row, tile_col):
    vote = Vote(tile_row, tile_col, 1.0, bump(row, col))
    place = fused_mode(fuse([vote], CELL_M), [vote], 1.5)
    assert place.x_m == pytest.approx((tile_col + col) * CELL_M, abs=0.02)
    assert place.y_m == pytest.approx(-(tile_row + row) * CELL_M, abs=0.02)


def test_overlapping_tiles_outvote_a_better_lone_tile():
    # Two tiles see the same place; each alone has less weight than the lone one.
    votes = [
        Vote(0, 0, 0.3, bump(40, 40)),
        Vote(0, 32, 0.3, bump(40, 8)),
        Vote(1000, 1000, 0.4, bump(20, 20)),
    ]
    place = fused_mode(fuse(votes, CELL_M), votes, 1.5)
    assert place.x_m == pytest.approx(40 * CELL_M, abs=0.05)
    assert place.y_m == pytest.approx(-40 * CELL_M, abs=0.05)


def test_one_lone_cell_does_not_win():
    spike = bump(20, 20, sigma=4.0)
    spike[50, 50] = spike.max() + 0.5
    vote = Vote(0, 0, 1.0, spike)
    place = fused_mode(fuse([vote], CELL_M), [vote], 1.5)
    assert place.x_m == pytest.approx(20 * CELL_M, abs=0.3)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_pruning_changes_nothing(seed):
    rng = np.random.default_rng(seed)
    votes = [
        Vote(int(r) * 32, int(c) * 32, float(w), bump(*rng.uniform(5, 59, 2), rng.uniform(1, 9)))
        for r, c, w in zip(
            rng.integers(0, 4, 6), rng.integers(0, 4, 6), rng.dirichlet(np.ones(6)), strict=True
        )
    ]
    field = fuse(votes, CELL_M)
    place = fused_mode(field, votes, 1.5)
    kernel = gaussian_kernel(1.5 / CELL_M)
    half = len(kernel) // 2
    dense = smooth_window(field.window(-half, -half, 160 + 2 * half, 160 + 2 * half), kernel)
    row, col = np.unravel_index(dense.argmax(), dense.shape)
    assert abs(place.x_m - (col + 0.5) * CELL_M) <= CELL_M / 2 + 1e-9
    assert abs(place.y_m + (row + 0.5) * CELL_M) <= CELL_M / 2 + 1e-9


def test_arg_max_is_the_centre_of_the_best_cell():
    heatmap = np.zeros((SIDE, SIDE), dtype=np.float32)
    heatmap[3, 5] = 1.0
    place = arg_max(Vote(10, 20, 0.1, heatmap), CELL_M)
    assert (place.x_m, place.y_m) == (25.5 * CELL_M, -13.5 * CELL_M)


@pytest.mark.parametrize("sigma", [0.0, 0.3, 2.67])
def test_smoothing_keeps_the_mass(sigma):
    kernel = gaussian_kernel(sigma)
    assert kernel.sum() == pytest.approx(1.0)
    assert len(kernel) % 2 == 1
    window = np.zeros((41, 41))
    window[20, 20] = 2.0
    assert smooth_window(window, kernel).sum() == pytest.approx(2.0)


@given(st.integers(1, 200), st.integers(0, 2**32 - 1), st.sampled_from([0.5, 0.9]))
@settings(max_examples=50)
def test_radius_is_the_smallest_that_holds_the_level(count, seed, level):
    rng = np.random.default_rng(seed)
    cells = Cells(
        rng.integers(-50, 50, count), rng.integers(-50, 50, count), rng.random(count) + 1e-6
    )
    place = Place(float(rng.uniform(-20, 20)), float(rng.uniform(-20, 20)))
    away = distances(cells, CELL_M, place)
    radius = radius_holding(cells.mass, away, level, CELL_M)
    wanted = level * cells.mass.sum()
    assert mass_within(cells.mass, away, radius) >= wanted * (1 - 1e-9)
    if radius > CELL_M / 2:
        assert mass_within(cells.mass, away, radius * (1 - 1e-9)) < wanted * (1 + 1e-9)


def test_distance_is_from_the_centre_of_the_cell():
    cells = Cells(np.array([-3]), np.array([4]), np.array([1.0]))
    place = Place(4.5 * CELL_M - 3.0, 2.5 * CELL_M - 4.0)
    assert distances(cells, CELL_M, place)[0] == pytest.approx(5.0)
