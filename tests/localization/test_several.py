"""Several indexes searched as one: neighbours, overlaps, other zones, other networks."""

from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest

from cvgl_core.errors import SettingsError, WeightsMismatchError
from cvgl_core.geo import from_lonlat
from cvgl_core.localization import Localizer, LocalizeSettings, Near, SeveralLocalizer
from cvgl_core.localization.around import Around
from cvgl_core.localization.motion import Step
from cvgl_core.localization.walk import ALL_TILES, join
from tests.localization.conftest import CARD, PX, FakeEngine, FakeIndex


@dataclass
class Numbered(FakeIndex):
    """Its pixels also hold its own number."""

    number: int = 0
    precision: str = "float32"

    def __post_init__(self):
        super().__post_init__()
        self.path = f"{self.number}.cvgl"
        self.manifest = SimpleNamespace(
            index_id=str(self.number) * 32,
            version=self.number,
            model="fake",
            weights_sha256=self.weights_sha256,
            aerial_px=PX,
            descriptor_dim=8,
            precision=self.precision,
            shared_trunk=False,
        )

    def __len__(self):
        return len(self.rows)

    def tile_pixels(self, indices):
        pixels = super().tile_pixels(indices)
        pixels[:, 0, 0, 2] = self.number
        return pixels


class Engine(FakeEngine):
    """Tells indexes apart by their pixels."""

    def _camera_px(self, rgb):
        parts = np.empty((3, len(rgb)))
        for number in np.unique(rgb[:, 0, 0, 2]):
            (self.index,) = [one for one in self.indexes if one.number == number]
            here = rgb[:, 0, 0, 2] == number
            parts[:, here] = super()._camera_px(rgb[here])
        return parts[0], parts[1], parts[2] > 0


def engine_for(indexes, lon, lat):
    engine = Engine(indexes[0], lon, lat)
    engine.indexes = indexes
    return engine


EAST_M = 500_000.0 + 9 * 36
DEEP = LocalizeSettings(depth=500)


@pytest.fixture
def neighbours():
    return [Numbered(number=1), Numbered(number=2, x_m=EAST_M)]


@pytest.fixture
def zones():
    """The same ground in two zones, and a camera on it."""
    x_m, y_m = from_lonlat("EPSG:32634", [18.0], [45.0])
    place = {"x_m": float(x_m[0]) - 160, "y_m": float(y_m[0]) + 160}
    other_x_m, other_y_m = from_lonlat("EPSG:32633", [18.0], [45.0])
    far = {"x_m": float(other_x_m[0]) - 280, "y_m": float(other_y_m[0]) + 160}
    return [
        Numbered(number=1, crs="EPSG:32633", **far),
        Numbered(2 * 4 + 1, "EPSG:32634", number=2, **place),
    ]


def test_the_place_is_found_in_whichever_index_holds_it(neighbours, make_photo):
    lon, lat = neighbours[1].place(150, 160)
    engine = engine_for(neighbours, lon, lat)
    found = SeveralLocalizer(neighbours, engine, DEEP).localize(make_photo(heading_deg=0.0))
    result = found.result
    assert (result.estimate.lon, result.estimate.lat) == pytest.approx((lon, lat), abs=2e-5)
    assert (result.provenance.index_id, result.provenance.index_version) == ("2" * 32, 2)
    assert result.candidates[0].index_id == "2" * 32
    assert {c.index_id for c in result.candidates} == {"1" * 32, "2" * 32}
    assert "other_grids_probability" not in result.provenance.settings
    tile = found.index.member_of(result.candidates[0].tile_index)
    assert tile[0] is neighbours[1] and tile[0].tile_id(tile[1]) == result.candidates[0].tile_id


def test_neighbours_answer_as_one_index_would(neighbours, make_photo):
    """A camera next to the seam: candidates of both hold it."""
    both = Numbered(number=3, side=18)
    kept = (both.rows - both.rows.min()) < 9
    for name in ("rows", "cols", "descriptors"):
        setattr(both, name, getattr(both, name)[kept])
    for one in neighbours:
        place = {(r, c): i for i, (r, c) in enumerate(zip(both.rows, both.cols, strict=True))}
        same = [place[r, c] for r, c in zip(one.rows, one.cols, strict=True)]
        one.descriptors = both.descriptors[same]
    lon, lat = neighbours[1].place(3, 160)
    photo = make_photo(heading_deg=0.0)
    several = (
        SeveralLocalizer(neighbours, engine_for(neighbours, lon, lat), DEEP).localize(photo).result
    )
    alone = Localizer(both, engine_for([both], lon, lat), DEEP).localize(photo)
    assert several.estimate == alone.estimate
    assert np.array_equal(several.posterior.probability, alone.posterior.probability)
    assert [c.tile_id for c in several.candidates] == [c.tile_id for c in alone.candidates]


def test_an_overlap_does_not_change_the_answer(make_photo):
    twice = [Numbered(number=1), Numbered(number=2)]
    lon, lat = twice[0].place(150, 160)
    photo = make_photo(heading_deg=0.0)
    several = SeveralLocalizer(twice, engine_for(twice, lon, lat), DEEP).localize(photo).result
    alone = Localizer(twice[0], engine_for(twice, lon, lat), DEEP).localize(photo)
    assert (several.estimate.lon, several.estimate.lat) == pytest.approx(
        (alone.estimate.lon, alone.estimate.lat), abs=1e-6
    )
    assert several.estimate.probability == pytest.approx(alone.estimate.probability, abs=0.02)


def test_other_zones_compete_and_keep_their_probability(zones, make_photo):
    engine = engine_for(zones, 18.0, 45.0)
    photo = make_photo(heading_deg=0.0)
    found = SeveralLocalizer(zones, engine, DEEP).localize(photo)
    result = found.result
    assert (result.estimate.lon, result.estimate.lat) == pytest.approx((18.0, 45.0), abs=2e-5)
    rivals = float(result.provenance.settings["other_grids_probability"])
    mass = result.posterior.probability.sum() + result.posterior.outside_probability
    assert 0.05 < rivals < 0.95 and mass + rivals == pytest.approx(1.0, abs=2e-3)
    assert result.posterior.crs == found.index.grid.crs
    assert {c.index_id for c in result.candidates} == {result.provenance.index_id}


def test_a_walk_is_placed_in_the_zone_that_explains_it(zones, make_photo):
    engine = engine_for(zones, 18.0, 45.0)
    several = SeveralLocalizer(zones, engine, replace(DEEP, fused_tiles=ALL_TILES))
    gathered = several.gather([several.shots(make_photo(heading_deg=0.0))] * 2)
    for search in gathered.photos:
        shares = search.fused.shares
        assert shares.rivals > 0.05
        assert shares.tiles.sum() + shares.outside + shares.rivals == pytest.approx(1.0)
        assert search.fused.field.cells().mass.sum() == pytest.approx(shares.tiles.sum())
    assert gathered.area_m2 == 2 * 81 * 36.0**2
    for search in join(gathered, [Step()]):
        found = several.conclude(make_photo(), gathered, search)
        estimate = found.result.estimate
        assert (estimate.lon, estimate.lat) == pytest.approx((18.0, 45.0), abs=2e-5)
        assert found.index.grid.crs == found.result.posterior.crs


def test_a_position_is_a_prior_in_all_zones(zones, make_photo):
    """It holds for each of them, and one far from all speaks for none."""
    several = SeveralLocalizer(zones, engine_for(zones, 18.0, 45.0), DEEP)
    photo = make_photo(heading_deg=0.0)
    plain = several.localize(photo).result
    near = several.localize(photo, around=Around(18.0, 45.0, 50.0)).result
    far = several.localize(photo, around=Around(30.0, 45.0, 50.0)).result
    outside = [one.posterior.outside_probability for one in (near, plain, far)]
    assert outside == sorted(outside)
    assert outside[2] / (1 - outside[2]) == pytest.approx(100 * outside[1] / (1 - outside[1]))
    rivals = [float(one.provenance.settings["other_grids_probability"]) for one in (plain, near)]
    assert all(0.05 < share < 0.95 for share in rivals)
    assert near.exif_used and "beyond 50 m" in near.priors[0]
    assert not plain.exif_used and plain.priors == ()


def test_an_area_leaves_out_the_indexes_that_it_does_not_touch(neighbours, make_photo):
    other = Numbered(number=4, crs="EPSG:32601")
    lon, lat = neighbours[1].place(150, 160)
    localizer = SeveralLocalizer([other, *neighbours], engine_for(neighbours, lon, lat), DEEP)
    photo = make_photo(heading_deg=0.0)
    result = localizer.localize(photo, near=Near(lon, lat, 60.0)).result
    assert result.provenance.index_id == "2" * 32
    with pytest.raises(SettingsError, match="no tile"):
        localizer.localize(photo, near=Near(0.0, 0.0, 60.0))


@pytest.mark.parametrize("change", [{"weights_sha256": "cd" * 32}, {"precision": "bfloat16"}])
def test_other_networks_are_refused(change):
    indexes = [Numbered(number=1), Numbered(number=2, crs="EPSG:32634", **change)]
    with pytest.raises(WeightsMismatchError, match="searched together"):
        SeveralLocalizer(indexes, SimpleNamespace(card=CARD))
