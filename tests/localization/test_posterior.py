"""The posterior against a slow dense reference, and the laws it must keep."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvgl_core.localization.posterior import (
    BLOCK,
    MassField,
    Vote,
    fuse,
    heatmap_probability,
    smallest_set,
    tile_probabilities,
    to_posterior,
)
from cvgl_core.types import Calibration

CELL_M = 0.5625
SIDE = 24


@st.composite
def votes(draw, max_votes=6, reach=4):
    count = draw(st.integers(1, max_votes))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    places = draw(
        st.lists(
            st.tuples(st.integers(-reach, reach), st.integers(-reach, reach)),
            min_size=count,
            max_size=count,
            unique=True,
        )
    )
    weights = rng.dirichlet(np.ones(count + 1))[:-1]
    sharpness = draw(st.sampled_from([0.0, 1.0, 5.0]))
    return [
        Vote(
            row * SIDE // 2,
            col * SIDE // 2,
            float(weight),
            (sharpness * rng.standard_normal((SIDE, SIDE))).astype(np.float32),
        )
        for (row, col), weight in zip(places, weights, strict=True)
    ]


def dense_reference(votes, row0, col0, height, width):
    """Cell by cell, as the formula reads."""
    out = np.zeros((height, width))
    for vote in votes:
        total = sum(np.exp(float(x)) for x in vote.log_heatmap.ravel())
        for v in range(SIDE):
            for u in range(SIDE):
                share = np.exp(float(vote.log_heatmap[v, u])) / total
                out[vote.row + v - row0, vote.col + u - col0] += vote.probability * share
    return out


@given(votes(max_votes=4, reach=2))
@settings(max_examples=15, deadline=None)
def test_agrees_with_a_dense_reference(some):
    field = fuse(some, CELL_M)
    window = (-3 * SIDE, -3 * SIDE, 6 * SIDE, 6 * SIDE)
    np.testing.assert_allclose(field.window(*window), dense_reference(some, *window), atol=1e-12)


@given(votes())
@settings(max_examples=40, deadline=None)
def test_mass_is_conserved(some):
    field = fuse(some, CELL_M)
    expected = sum(vote.probability for vote in some)
    assert field.total() == pytest.approx(expected, rel=1e-9)
    assert field.cells().mass.sum() == pytest.approx(expected, rel=1e-6)


@given(votes(), st.randoms())
@settings(max_examples=30, deadline=None)
def test_order_makes_no_difference(some, random):
    shuffled = list(some)
    random.shuffle(shuffled)
    first, second = fuse(some, CELL_M).cells(), fuse(shuffled, CELL_M).cells()
    np.testing.assert_array_equal(first.mass, second.mass)
    np.testing.assert_array_equal(first.rows, second.rows)


@given(votes(), st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6))
@settings(max_examples=30, deadline=None)
def test_moving_the_tiles_moves_the_mass(some, d_row, d_col):
    moved = [Vote(v.row + d_row, v.col + d_col, v.probability, v.log_heatmap) for v in some]
    here, there = fuse(some, CELL_M), fuse(moved, CELL_M)
    window = (-3 * SIDE, -3 * SIDE, 6 * SIDE, 6 * SIDE)
    np.testing.assert_array_equal(
        here.window(*window), there.window(window[0] + d_row, window[1] + d_col, *window[2:])
    )


def test_far_apart_tiles_allocate_only_their_own_blocks():
    heatmap = np.zeros((BLOCK, BLOCK), dtype=np.float32)
    field = fuse([Vote(0, 0, 0.5, heatmap), Vote(10**9, -(10**9), 0.5, heatmap)], CELL_M)
    assert field.total() == pytest.approx(1.0)
    assert len(field._blocks) <= 8


@given(
    st.lists(st.floats(-2, 2), min_size=1, max_size=30),
    st.floats(0.01, 1.0),
    st.floats(-50, 50),
)
def test_tile_probabilities_are_a_softmax_with_outside(scores, temperature, outside_logit):
    scores = np.array(scores)
    result = tile_probabilities(scores, Calibration(temperature, outside_logit))
    assert result.tiles.sum() + result.outside == pytest.approx(1.0)
    assert (result.tiles >= 0).all()
    best = int(scores.argmax())
    ratio = np.exp(np.clip(scores[best] / temperature - outside_logit, -600, 600))
    if result.outside > 1e-200:
        assert result.tiles[best] / result.outside == pytest.approx(ratio, rel=1e-6)


def test_lower_scores_mean_more_outside():
    calibration = Calibration(0.05, 16.0)
    outside = [tile_probabilities(np.array([s, 0.2]), calibration).outside for s in (1.2, 0.8, 0.4)]
    assert outside == sorted(outside)
    assert outside[0] < 0.01
    assert outside[2] > 0.99


def test_heatmap_probability_does_not_overflow():
    heatmap = np.full((4, 4), -1e4, dtype=np.float32)
    heatmap[1, 2] = 1e4
    assert heatmap_probability(heatmap)[1, 2] == pytest.approx(1.0)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50), st.floats(0.01, 0.999))
def test_smallest_set_holds_the_level_and_no_fewer_cells_do(mass, level):
    mass = np.array(mass) + 1e-9
    chosen = smallest_set(mass, level)
    wanted = level * mass.sum()
    assert mass[chosen].sum() >= wanted * (1 - 1e-9)
    assert len(set(chosen.tolist())) == len(chosen)
    assert np.sort(mass)[::-1][: len(chosen) - 1].sum() < wanted


class TestToPosterior:
    def peaked(self, places, weights):
        field = MassField(CELL_M)
        for (row, col), weight in zip(places, weights, strict=True):
            field.add(row, col, np.full((1, 1), weight))
        return field

    def test_window_holds_nearly_all_mass_and_says_where_it_is(self):
        field = self.peaked([(10, 20), (-30, 50)], [0.6, 0.3])
        posterior = to_posterior(field, "EPSG:32633", 0.1, (10, 20), 4096)
        assert posterior.probability.shape == (41, 31)
        assert posterior.left_m == 20 * CELL_M
        assert posterior.top_m == 30 * CELL_M
        assert posterior.probability.sum() + posterior.outside_probability == pytest.approx(1.0)
        assert posterior.probability.dtype == np.float32

    def test_a_window_too_large_is_cut_around_the_centre(self):
        field = self.peaked([(0, 0), (0, 10_000)], [0.6, 0.3])
        posterior = to_posterior(field, "EPSG:32633", 0.1, (0, 10_000), 256)
        assert posterior.probability.shape == (1, 256)
        assert posterior.probability.sum() == pytest.approx(0.3)
        assert posterior.left_m <= 10_000 * CELL_M < posterior.left_m + 256 * CELL_M

    @given(st.integers(64, 300), st.integers(0, 999))
    def test_the_centre_is_always_inside(self, limit, at):
        field = self.peaked([(0, 0), (0, at), (0, 999)], [0.3, 0.3, 0.3])
        posterior = to_posterior(field, "EPSG:32633", 0.1, (0, at), limit)
        start = round(posterior.left_m / CELL_M)
        assert posterior.probability.shape[1] == limit
        assert start <= at < start + limit

    def test_nothing_inside_still_gives_an_array(self):
        posterior = to_posterior(MassField(CELL_M), "EPSG:32633", 1.0, (5, 5), 256)
        assert posterior.probability.shape == (1, 1)
        assert posterior.probability.sum() == 0


@given(st.lists(st.floats(-2, 2), min_size=1, max_size=9), st.integers(1, 50))
def test_more_ground_of_the_same_kind_makes_elsewhere_no_less_probable(scores, times):
    """Each place's share shrinks as the area grows, so as many chance likenesses weigh the same."""
    fitted = Calibration(0.3, 1.5, fitted_m2=2e6)
    alone = tile_probabilities(np.array(scores), fitted.among(2e6))
    many = tile_probabilities(np.array(scores * times), fitted.among(2e6 * times))
    assert many.outside == pytest.approx(alone.outside, rel=1e-9)
    assert many.tiles.sum() == pytest.approx(alone.tiles.sum(), rel=1e-9)


def test_where_the_extent_of_the_fit_is_not_known_nothing_changes():
    for calibration, area_m2 in (
        (Calibration(0.3, 1.5), 1e6),
        (Calibration(0.3, 1.5, fitted_m2=1e6), float("nan")),
    ):
        assert calibration.among(area_m2) is calibration
