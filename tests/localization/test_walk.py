"""The whole way of several photos, over a world that is known."""

import numpy as np
import pytest

from cvgl_core.geo import from_lonlat
from cvgl_core.localization import Localizer, LocalizeSettings, Near
from cvgl_core.localization.around import Around
from cvgl_core.localization.motion import Step
from cvgl_core.localization.walk import ALL_TILES, Shot, gather, join

EAST_M, SOUTH_M = 150.0, 170.0


@pytest.fixture
def world(fakes):
    index = fakes.Index()
    engine = fakes.Engine(index, *index.place(EAST_M, SOUTH_M))
    settings = LocalizeSettings(depth=6, top_k=6, fused_tiles=ALL_TILES)
    return index, engine, Localizer(index, engine, settings)


def metres_off(index, search, lon, lat):
    x_m, y_m = from_lonlat(index.crs, [lon], [lat])
    place = search.fused.place
    return float(np.hypot(place.x_m - x_m[0], place.y_m - y_m[0]))


def test_all_photos_have_the_same_candidates(world, make_photo):
    _, _, localizer = world
    views = [localizer.view(make_photo(heading_deg=heading)) for heading in (0.0, 20.0)]
    gathered = gather(localizer, [Shot(view) for view in views])
    tiles = [{one.tile for one in search.fused.ranked} for search in gathered.photos]
    assert tiles[0] == tiles[1] and len(tiles[0]) >= 6
    assert gathered.area_m2 == pytest.approx(81 * 36.0**2)


def test_photos_of_one_place_are_placed_there(world, make_photo):
    index, engine, localizer = world
    shots = [Shot(localizer.view(make_photo(heading_deg=0.0))) for _ in range(3)]
    near = Near(engine.lon, engine.lat, 60.0)
    gathered = gather(localizer, shots, near)
    joint = join(gathered, [Step()] * 2)
    for alone, search in zip(gathered.photos, joint, strict=True):
        assert metres_off(index, search, engine.lon, engine.lat) < 1.0
        assert search.fused.shares.outside <= alone.fused.shares.outside
        result = localizer.conclude(make_photo(), search)
        assert result.posterior.outside_probability == search.fused.shares.outside
    assert gathered.area_m2 < 81 * 36.0**2


class TestAround:
    def test_tiles_around_the_point_are_looked_at(self, world, make_photo):
        index, engine, localizer = world
        view = localizer.view(make_photo(heading_deg=0.0))
        plain = gather(localizer, [Shot(view)]).photos[0]
        missed = {one.tile for one in plain.fused.ranked}
        prior = Around(engine.lon, engine.lat, 40.0)
        found = gather(localizer, [Shot(view, around=prior)]).photos[0]
        assert {one.tile for one in found.fused.ranked} > missed
        assert metres_off(index, found, engine.lon, engine.lat) < 1.0

    def test_a_point_beyond_the_area_speaks_against_all_of_it(self, world, make_photo):
        index, _, localizer = world
        shot = Shot(localizer.view(make_photo(heading_deg=0.0)))
        plain = gather(localizer, [shot]).photos[0].fused
        lon, lat = index.place(5000, 5000)
        far = gather(localizer, [Shot(shot.view, around=Around(lon, lat, 50.0))]).photos[0].fused
        odds = [one.shares.outside / (1 - one.shares.outside) for one in (plain, far)]
        assert odds[1] == pytest.approx(100 * odds[0], rel=1e-3)

    def test_a_point_across_the_earth_is_as_far_as_any(self, world, make_photo):
        """The grid of the index cannot even say where it is."""
        index, _, localizer = world
        lon, lat = index.place(0, 0)
        assert not np.isfinite(from_lonlat(index.crs, [105.0], [0.0])).any()
        shots = [
            Shot(localizer.view(make_photo(heading_deg=0.0)), around=Around(*place, 50.0))
            for place in ((105.0, 0.0), (lon, lat - 5.0))
        ]
        across, far = (gather(localizer, [shot]).photos[0].fused.shares for shot in shots)
        assert across.outside == pytest.approx(far.outside)

    def test_a_wrong_point_does_not_hide_the_place(self, world, make_photo):
        """The photo is sure: it matches one place only."""
        index, engine, localizer = world
        localizer = Localizer(index, engine, LocalizeSettings(depth=81, fused_tiles=ALL_TILES))
        lon, lat = index.place(EAST_M + 90, SOUTH_M)
        shot = Shot(localizer.view(make_photo(heading_deg=0.0)), around=Around(lon, lat, 20.0))
        found = gather(localizer, [shot]).photos[0]
        assert metres_off(index, found, engine.lon, engine.lat) < 1.0

    def test_its_weights_share_out_one(self, fakes):
        index = fakes.Index()
        lon, lat = index.place(150, 150)
        weights = Around(lon, lat, 60.0).weights(index.crs, 2.0, 1e6)
        row, col = -int(index.y_m) // 2, int(index.x_m) // 2
        density = weights(row - 200, col - 200, 600, 600)
        assert density.sum() * 4.0 / 1e6 == pytest.approx(0.99 + 0.01 * 1.44, rel=1e-3)
        x_m, y_m = from_lonlat(index.crs, [lon], [lat])
        rows, cols = np.mgrid[row - 200 : row + 400, col - 200 : col + 400] + 0.5
        inside = np.hypot(cols * 2 - x_m[0], -rows * 2 - y_m[0]) <= 60.0
        assert (density[inside] - 0.01).sum() / (density - 0.01).sum() == pytest.approx(
            0.95, abs=0.01
        )
