"""What the directions add is exactly the match, whoever turns the view."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from cvgl_core.geo import convergence_deg, from_lonlat
from cvgl_core.index import reduce_maps
from cvgl_core.localization.columns import column_descriptors, column_matches, column_parts
from cvgl_core.localization.evidence import places
from cvgl_core.models.decoder import all_cosines
from cvgl_core.models.features import weigh_columns
from cvgl_core.models.maps import match_maps
from cvgl_core.models.query import QueryFeatures
from cvgl_core.types import GroundView

COLUMNS, CHANNELS, WIDTH = 16, 4, 64


def unit(values):
    return values / np.linalg.norm(values, axis=1, keepdims=True)


class MapEngine:
    """Describes a column by its brightness, and tiles by maps made up for them."""

    card = SimpleNamespace(ground_columns=COLUMNS)

    def __init__(self, tiles=5):
        random = np.random.default_rng(7)
        maps = random.standard_normal((tiles, COLUMNS * CHANNELS, 8, 8))
        self.maps = unit(maps).astype(np.float32)
        self.colour = random.uniform(1, 2, CHANNELS)

    def describe_view(self, view, headings=1):
        bright = view.rgb[..., 0].astype(float)
        mean = bright.reshape(len(bright), COLUMNS, -1).mean(axis=(0, 2))
        seen = view.visible.reshape(COLUMNS, -1).mean(axis=1)
        raw = torch.from_numpy((mean[:, None] * self.colour).reshape(1, -1))
        columns = weigh_columns(raw, torch.from_numpy(seen[None])).numpy().astype(np.float32)
        weights = None if (seen == 1).all() else seen[None].astype(np.float32)
        return QueryFeatures(np.zeros((1, 0), np.float32), (columns,), weights)

    def encode_tiles(self, rgb):
        return np.zeros((len(rgb), 8)), self.maps[rgb[:, 0, 0, 0]]


def view(known=False, axis_deg=0.0, seen=WIDTH):
    """Brighter from left to right around the axis, which lies at a multiple of a pixel."""
    rgb = np.zeros((12, WIDTH, 3), np.uint8)
    rgb[:] = (np.arange(WIDTH)[:, None] * 3 + 10).astype(np.uint8)
    shift = round(axis_deg / 360 * WIDTH)
    visible = np.abs(np.arange(WIDTH) + 0.5 - WIDTH / 2) < seen / 2
    return GroundView(
        np.roll(rgb, shift, axis=1),
        np.roll(visible, shift),
        0.0 if known else None,
        axis_deg if known else 0.0,
    )


@pytest.fixture
def index(fakes):
    return fakes.Index()


@pytest.mark.parametrize("seen", [WIDTH, 30])
def test_parts_add_up_to_the_match(seen):
    engine = MapEngine()
    looked = view(True, seen=seen)
    split, weights = column_descriptors(engine, looked, 0)
    assert (weights is None) == (seen == WIDTH)
    features = engine.describe_view(looked)
    whole = features.columns_at(0, [0])
    np.testing.assert_array_equal(split.sum(axis=0), whole[0])
    assert ((split != 0).sum(axis=0) <= 1).all()
    reduced = reduce_maps(engine.maps, engine.maps.shape[1])
    parts = column_parts(split, weights, reduced)
    best = parts.sum(axis=1).max(axis=(1, 2))
    np.testing.assert_allclose(
        best, match_maps(whole, features.weights_at([0]), reduced)[:, 0], atol=1e-5
    )
    exact = all_cosines(
        torch.from_numpy(whole), torch.from_numpy(engine.maps),
        None if weights is None else torch.from_numpy(weights[None]),
    )  # fmt: skip
    np.testing.assert_allclose(best, exact[0].amax(dim=(1, 2)), atol=0.02)
    if weights is not None:
        assert (parts[:, weights == 0] == 0).all()


@pytest.mark.parametrize("shift_px", [0, 4, 16, 17, 62, -3])
def test_a_turned_view_is_the_view_of_that_heading(shift_px):
    engine = MapEngine()
    turned = column_descriptors(engine, view(), shift_px)
    there = column_descriptors(engine, view(True, shift_px / WIDTH * 360), 0)
    np.testing.assert_allclose(turned[0], there[0], atol=1e-6)


@pytest.mark.parametrize("stored", [False, True])
def test_known_and_found_headings_say_the_same(index, stored):
    engine = MapEngine()
    index.has_maps = stored
    reduced = reduce_maps(engine.maps, 64)
    index.tile_maps = lambda tiles: iter(
        [(np.array([2, 0, 1]), SimpleNamespace(codes=reduced.codes[tiles[[2, 0, 1]]],
                                               basis=reduced.basis))]
    )  # fmt: skip
    tiles = np.array([3, 1, 4])
    known = column_matches(engine, index, view(True, 90.0, 20), tiles, [0.0, 0.0, 0.0])
    found = column_matches(engine, index, view(False, 0.0, 20), tiles, [90.0, 90.0, 90.0])
    for one, other in zip(known, found, strict=True):
        np.testing.assert_allclose(one.here, other.here, atol=1e-6)
        np.testing.assert_array_equal(one.seen, other.seen)
    split, weights = column_descriptors(engine, view(True, 90.0, 20), 0)
    cosines = np.einsum("nc,kchw->knhw", split, engine.maps[tiles])
    energy = np.square(engine.maps[tiles]).reshape(3, COLUMNS, CHANNELS, 8, 8).sum(axis=2)
    cosines /= np.sqrt(np.einsum("n,knhw->khw", weights, energy))[:, None]
    for place, match in enumerate(known):
        best = np.unravel_index(cosines[place].sum(axis=0).argmax(), (8, 8))
        np.testing.assert_allclose(match.here, cosines[place][:, best[0], best[1]], atol=0.02)
        np.testing.assert_allclose(match.usual, cosines.mean(axis=(0, 2, 3)), atol=0.005)
        x_m, y_m = from_lonlat(index.crs, [match.best.lon], [match.best.lat])
        left_m = index.cols[tiles[place]] * index.stride_m
        top_m = -index.rows[tiles[place]] * index.stride_m
        assert (x_m[0] - left_m) / 9.0 - 0.5 == pytest.approx(best[1], abs=1e-3)
        assert (top_m - y_m[0]) / 9.0 - 0.5 == pytest.approx(best[0], abs=1e-3)
        turn_deg = convergence_deg(index.crs, match.best.lon, match.best.lat)
        assert match.first_deg == pytest.approx(-180.0 + turn_deg)
    # 20 of 64 pixels around the east, which begins at column 12.
    assert np.flatnonzero(known[0].seen).tolist() == [9, 10, 11, 12, 13, 14]
    assert (known[0].evidence[~known[0].seen] == 0).all()


def test_squares_that_mean_one_place_are_named_once():
    def candidate(rank, east, heading_deg=None):
        return SimpleNamespace(rank=rank, lon=10.0 + east * 1e-5, lat=0.0, heading_deg=heading_deg)

    estimate = SimpleNamespace(lon=10.0, lat=0.0, heading_deg=40.0)
    listed = (
        candidate(1, 0.5), candidate(2, 1.0), candidate(3, 50.0), candidate(4, 51.0, 70.0),
        candidate(5, 100.0, 80.0),
    )  # fmt: skip
    chosen = places(SimpleNamespace(estimate=estimate, candidates=listed))
    assert [c.rank for c, _, _ in chosen] == [1, 3, 5]
    assert [heading for _, _, heading in chosen] == [40.0, 40.0, 80.0]
    assert chosen[0][1].lon == 10.0
    many = tuple(candidate(rank, 40.0 * rank) for rank in range(1, 30))
    assert len(places(SimpleNamespace(estimate=estimate, candidates=many))) == 5
    assert places(SimpleNamespace(estimate=estimate, candidates=())) == []
