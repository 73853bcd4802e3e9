"""Tiles of several sizes: they vote on one lattice, compete fairly, and say which they are."""

from dataclasses import dataclass

import numpy as np
import pytest

from cvgl_core.errors import SettingsError
from cvgl_core.geo import TileGrid, from_lonlat
from cvgl_core.geo.heading import Hypotheses
from cvgl_core.index import Collection
from cvgl_core.localization import Area, Localizer, LocalizeSettings, Near, SeveralLocalizer
from cvgl_core.localization.estimate import Place
from cvgl_core.localization.lattice import Lattice
from cvgl_core.localization.posterior import fuse
from cvgl_core.localization.rerank import RankedTile
from cvgl_core.localization.retrieve import Query, tiles_allowed
from tests.localization.conftest import CARD, PX, FakeEngine
from tests.localization.test_several import Numbered


@dataclass
class Sized(Numbered):
    """Tiles of another size over the same ground."""

    size_m: float = 72.0

    def __post_init__(self):
        self.stride_m = self.size_m / 2
        super().__post_init__()
        self.grid = TileGrid(self.crs, self.size_m, self.stride_m)


class Engine(FakeEngine):
    """Sees what is in a tile of any size; matches those of one size best."""

    best_m = 72.0

    def _camera_px(self, rgb):
        u, v, inside = np.empty(len(rgb)), np.empty(len(rgb)), np.zeros(len(rgb), bool)
        x, y = from_lonlat(self.index.grid.crs, [self.lon], [self.lat])
        for index in self.index.members:
            here = rgb[:, 0, 0, 2] == index.number
            tiles = rgb[here, 0, 0, 0].astype(int) + 256 * rgb[here, 0, 0, 1].astype(int)
            u[here] = (x[0] - index.cols[tiles] * index.stride_m) / index.size_m * PX
            v[here] = (-index.rows[tiles] * index.stride_m - y[0]) / index.size_m * PX
            inside[here] = index.size_m == self.best_m
        return u, v, inside & (u > 0) & (u < PX) & (v > 0) & (v < PX)


@pytest.fixture
def sizes():
    """36, 72 and 144 m over the same 360 m of ground."""
    small = Sized(side=19, number=1, size_m=36.0)
    usual = Sized(side=9, number=2)
    large = Sized(side=4, number=3, size_m=144.0)
    return Collection([large, usual, small])


def located(index, east_m, south_m, make_photo, best_m=72.0, **options):
    lon, lat = index.members[1].place(east_m, south_m)
    engine = Engine(index, lon, lat)
    engine.best_m = best_m
    localizer = Localizer(index, engine, LocalizeSettings(depth=500, **options))
    return (lon, lat), localizer.localize(make_photo(heading_deg=0.0))


@pytest.mark.parametrize("best_m", [36.0, 72.0, 144.0])
def test_the_place_is_found_by_tiles_of_whatever_size(sizes, make_photo, best_m):
    (lon, lat), result = located(sizes, 150.0, 160.0, make_photo, best_m)
    wide_deg = 3e-5 * best_m / 72.0
    assert (result.estimate.lon, result.estimate.lat) == pytest.approx((lon, lat), abs=wide_deg)
    first = result.candidates[0]
    assert first.tile_size_m == best_m and first.tile_id.endswith(f"-{best_m:g}m")
    assert result.posterior.cell_m == pytest.approx(36.0 / PX)
    lons, lats = zip(*[(p.lon, p.lat) for p in first.polygon], strict=True)
    x, y = from_lonlat(sizes.grid.crs, lons, lats)
    assert np.ptp(x) == pytest.approx(best_m, abs=0.1) == np.ptp(y)
    total = result.posterior.probability.sum() + result.posterior.outside_probability
    assert total == pytest.approx(1.0, abs=2e-3)


def test_the_vote_of_a_large_tile_covers_its_own_ground(sizes):
    lattice = Lattice(sizes, CARD)
    heatmap = np.full((PX, PX), -9.0, np.float32)
    heatmap[3, 5] = 9.0
    tile = len(sizes) - 1  # the last of 144 m
    vote = lattice.vote(tile, 0.6, heatmap)
    field = fuse([vote], lattice.cell_m)
    assert field.total() == pytest.approx(0.6)
    cells = field.cells()
    most = cells.mass > 0.5 * cells.mass.max()
    assert most.sum() == 16 and np.ptp(cells.rows[most]) == np.ptp(cells.cols[most]) == 3
    grid, member = lattice.grid_of(tile), sizes.members[2]
    left_m = member.cols[-1] * grid.stride_m + 5 / PX * 144.0
    top_m = -member.rows[-1] * grid.stride_m - 3 / PX * 144.0
    assert cells.cols[most].min() * lattice.cell_m == pytest.approx(left_m)
    assert -cells.rows[most].min() * lattice.cell_m == pytest.approx(top_m)


def ranked(tile, score):
    scores = np.array([score], np.float32)
    return RankedTile(tile, tile + 1, score, 0.0, 0, scores)


def test_the_many_small_tiles_say_no_more_than_the_few_large_ones(sizes):
    """If nothing is told apart, every size has the same probability, and all what one alone has."""
    lattice, temperature = Lattice(sizes, CARD), 0.05
    weighed = lattice.weighed([ranked(tile, 1.0) for tile in range(len(sizes))], temperature)
    mass = np.zeros(len(sizes))
    for tile in weighed:
        mass[tile.tile] = np.exp((tile.score - 1.0) / temperature)
    ends = np.cumsum([0, *(len(member) for member in sizes.members)])
    ground = [mass[a:b].sum() / ((b - a) * member.stride_m**2)
              for a, b, member in zip(ends, ends[1:], sizes.members, strict=False)]  # fmt: skip
    assert ground == pytest.approx([ground[0]] * 3, rel=1e-5)
    assert sum(ground) == pytest.approx(1 / 36.0**2, rel=1e-5)
    assert [tile.score for tile in weighed] == sorted((t.score for t in weighed), reverse=True)
    alone = Lattice(sizes.members[1], CARD)
    same = [ranked(4, 0.7), ranked(2, 0.9)]
    assert alone.weighed(same, temperature) == same


def test_each_size_offers_as_many_candidates(sizes):
    turns = Hypotheses(np.zeros(1), np.zeros(1))
    query = Query(turns, np.eye(1, 8, dtype=np.float32))
    found = Lattice(sizes, CARD).retrieve(query, 4, None)
    starts = np.cumsum([0, *(len(member) for member in sizes.members)])
    assert np.histogram(found.tiles, starts)[0].tolist() == [4, 4, 4]
    assert (np.diff(found.scores[:, 0]) <= 0).all()
    where = np.arange(len(sizes)) < 363
    some = Lattice(sizes, CARD).retrieve(query, 4, where)
    assert np.histogram(some.tiles, starts)[0].tolist() == [4, 2, 0]


def test_the_tile_around_a_place_is_looked_up_among_its_like(sizes):
    lattice = Lattice(sizes, CARD)
    for like in (3, 400, 450):
        grid = lattice.grid_of(like)
        x_m, y_m = grid.centre(sizes.rows[like], sizes.cols[like])
        found = lattice.in_the_middle(Place(float(x_m) + 1, float(y_m) - 1), like)
        assert found.tolist() == [like]


def test_a_prior_for_the_place_is_asked_of_every_size(sizes):
    lon, lat = sizes.members[1].place(150.0, 160.0)
    near = tiles_allowed(sizes, Near(lon, lat, 20.0))
    ends = np.cumsum([0, *(len(member) for member in sizes.members)])
    for a, b, member in zip(ends, ends[1:], sizes.members, strict=False):
        assert np.array_equal(near[a:b], tiles_allowed(member, Near(lon, lat, 20.0)))
        assert 0 < near[a:b].sum() < b - a or member.size_m == 144.0
    with pytest.raises(SettingsError, match="nearest is"):
        tiles_allowed(sizes, Near(0.0, 0.0, 20.0))
    ring = [[lon, lat], [lon + 1e-4, lat], [lon, lat + 1e-4], [lon, lat]]
    area = Area.from_geojson({"type": "Polygon", "coordinates": [ring]})
    assert tiles_allowed(sizes, area).any()


def test_sizes_that_do_not_fit_compete_instead():
    usual, odd = Sized(number=2), Sized(number=3, size_m=100.0)
    both = SeveralLocalizer([usual, odd], Engine(usual, *usual.place(150.0, 160.0)))
    assert len(both.galleries) == 2
    fitting = SeveralLocalizer([usual, Sized(number=3, size_m=144.0)], Engine(usual, 0.0, 0.0))
    assert len(fitting.galleries) == 1
