"""The whole path over a world that is known: what comes out must be where the camera stands."""

import logging
from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cvgl_core.errors import PhotoViewError, SettingsError, WeightsMismatchError
from cvgl_core.geo import convergence_deg, from_lonlat, geodesic_distance_m, to_lonlat
from cvgl_core.localization import EstimateMethod, Localizer, LocalizeSettings, Near
from cvgl_core.localization.retrieve import tiles_allowed
from cvgl_core.types import Projection

SHARED = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def world(fakes, east_m=150.0, south_m=140.0, heading=0.0, index=None, **engine):
    index = index or fakes.Index()
    lon, lat = index.place(east_m, south_m)
    return index, fakes.Engine(index, lon, lat, heading, **engine)


def locate(index, engine, photo, options=None, **kwargs):
    return Localizer(index, engine, LocalizeSettings(**({"depth": 81} | (options or {})))).localize(
        photo, **kwargs
    )


def error_m(result, engine):
    return float(
        geodesic_distance_m(result.estimate.lon, result.estimate.lat, engine.lon, engine.lat)
    )


@given(st.floats(40, 300), st.floats(40, 300))
@SHARED
def test_the_camera_is_found_wherever_it_stands(fakes, make_photo, east_m, south_m):
    index, engine = world(fakes, east_m, south_m)
    result = locate(index, engine, make_photo(heading_deg=0.0))
    # Within a cell, and those are 2.25 m here: heatmaps end at the edges of tiles.
    assert error_m(result, engine) < 2.25
    assert result.estimate.verdict == "located"
    assert result.estimate.probability > 0.5


@pytest.mark.parametrize("where", [(500_000.0, 5_000_000.0), (650_000.0, 7_900_000.0)])
def test_figures_and_map_agree(fakes, make_photo, where):
    index, engine = world(fakes, index=fakes.Index(x_m=where[0], y_m=where[1]))
    result = locate(index, engine, make_photo(heading_deg=0.0), {"top_k": 5})
    posterior, estimate = result.posterior, result.estimate
    assert posterior.probability.sum() + posterior.outside_probability == pytest.approx(1, abs=2e-3)
    row, col = np.unravel_index(posterior.probability.argmax(), posterior.probability.shape)
    lon, lat = to_lonlat(
        posterior.crs,
        [posterior.left_m + (col + 0.5) * posterior.cell_m],
        [posterior.top_m - (row + 0.5) * posterior.cell_m],
    )
    assert geodesic_distance_m(lon, lat, estimate.lon, estimate.lat)[0] < 2 * posterior.cell_m
    assert estimate.radius_50_m <= estimate.radius_90_m
    assert [region.level for region in result.regions] == [0.5, 0.9]
    assert result.regions[0].area_m2 < result.regions[1].area_m2
    inside = [
        shapely.contains_xy(
            shapely.Polygon([(p.lon, p.lat) for p in rings[0]]), estimate.lon, estimate.lat
        )
        for rings in result.regions[1].polygons
    ]
    assert any(inside)


def test_candidates_are_ranked_and_lie_on_their_tiles(fakes, make_photo):
    index, engine = world(fakes)
    result = locate(index, engine, make_photo(heading_deg=0.0), {"top_k": 7})
    assert [c.rank for c in result.candidates] == list(range(1, 8))
    scores = [c.score for c in result.candidates]
    assert scores == sorted(scores, reverse=True)
    assert sorted(c.retrieval_rank for c in result.candidates) != list(range(1, 8))
    for candidate in result.candidates:
        assert candidate.score == pytest.approx(candidate.retrieval_score + candidate.match_score)
        polygon = shapely.Polygon([(p.lon, p.lat) for p in candidate.polygon])
        assert shapely.is_ccw(polygon.exterior)
        assert polygon.contains(shapely.Point(candidate.lon, candidate.lat))
        assert candidate.tile_id == index.tile_id(candidate.tile_index)
        assert candidate.heading_deg is None
    shares = sum(c.probability for c in result.candidates)
    assert shares + result.posterior.outside_probability <= 1 + 1e-9


@given(st.integers(0, 1000))
@SHARED
def test_the_order_of_the_index_makes_no_difference(fakes, make_photo, seed):
    plain = world(fakes, heading=30.0)
    other = fakes.Index(shuffled=seed)
    shuffled = other, fakes.Engine(other, plain[1].lon, plain[1].lat, 30.0)
    first, second = (locate(*w, make_photo(heading_deg=0.0)) for w in (plain, shuffled))
    assert first.estimate == second.estimate
    assert first.regions == second.regions
    np.testing.assert_array_equal(first.posterior.probability, second.posterior.probability)


def test_unifygeo_takes_the_arg_max_of_the_winner(fakes, make_photo):
    index, engine = world(fakes)
    options = {"estimate": EstimateMethod.UNIFYGEO}
    result = locate(index, engine, make_photo(heading_deg=0.0), options)
    best = result.candidates[0]
    assert (result.estimate.lon, result.estimate.lat) == (best.lon, best.lat)
    assert error_m(result, engine) < 2.25


def test_batches_change_nothing(fakes, make_photo):
    index, engine = world(fakes)
    whole = locate(index, engine, make_photo(heading_deg=0.0), {"batch_tiles": 81})
    parts = locate(index, engine, make_photo(heading_deg=0.0), {"batch_tiles": 7})
    assert whole.estimate == parts.estimate
    assert max(count for count, _ in engine.calls[1:]) <= 7


def test_improbable_tiles_are_not_decoded_and_nothing_is_lost(fakes, make_photo):
    index, engine = world(fakes)
    quick = locate(index, engine, make_photo(heading_deg=0.0), {"top_k": 3, "fused_tiles": 81})
    assert engine.decoded < 30
    whole = locate(
        index, engine, make_photo(heading_deg=0.0), {"decode_probability": 0.0, "fused_tiles": 81}
    )
    assert engine.decoded >= 81
    assert quick.estimate.lon == pytest.approx(whole.estimate.lon, abs=1e-7)
    assert quick.estimate.probability == pytest.approx(whole.estimate.probability, abs=1e-2)
    assert quick.posterior.outside_probability == whole.posterior.outside_probability


class TestHeading:
    @pytest.mark.parametrize("grid_deg", [0.0, 22.5, 90.0, 201.0, 350.0])
    def test_an_unknown_heading_is_found(self, fakes, make_photo, grid_deg):
        index, engine = world(fakes, heading=grid_deg)
        result = locate(index, engine, make_photo())
        true_deg = grid_deg + convergence_deg(index.crs, engine.lon, engine.lat)
        away = (result.estimate.heading_deg - true_deg + 180) % 360 - 180
        assert abs(away) < 1.0
        assert 6.0 < result.estimate.heading_std_deg < 60.0
        assert engine.calls[0][1] == tuple(range(32))
        assert error_m(result, engine) < 0.5

    def test_a_known_heading_is_used_and_comes_back(self, fakes, make_photo):
        index, engine = world(fakes)
        result = locate(index, engine, make_photo(heading_deg=77.0))
        assert engine.calls[0][1] == (0,)
        assert result.estimate.heading_deg == pytest.approx(77.0, abs=0.01)
        assert result.estimate.heading_std_deg is None

    def test_the_callers_heading_outranks_the_files(self, fakes, make_photo):
        index, engine = world(fakes)
        result = locate(index, engine, make_photo(heading_deg=77.0), heading_deg=10.0)
        assert result.estimate.heading_deg == pytest.approx(10.0, abs=0.01)

    def test_searching_ignores_the_files_heading(self, fakes, make_photo):
        index, engine = world(fakes, heading=180.0)
        result = locate(index, engine, make_photo(heading_deg=77.0), search_heading=True)
        assert abs(result.estimate.heading_deg - 180.0) < 3.0

    def test_the_view_is_turned_to_grid_north(self, fakes, make_photo):
        # Far from the central meridian grid north and true north differ by degrees.
        index = fakes.Index(x_m=650_000.0, y_m=7_900_000.0)
        turn = convergence_deg(index.crs, *index.place(150, 150))
        assert abs(turn) > 3.0
        index, engine = world(fakes, index=index)
        locate(index, engine, make_photo(heading_deg=77.0))
        assert engine.view.centre_heading_offset_deg == pytest.approx(77.0 - turn, abs=0.05)


class TestVerdict:
    def test_a_photo_from_elsewhere_is_refused(self, fakes, make_photo):
        index = fakes.Index()
        engine = fakes.Engine(index, *index.place(-5000, -5000), far_score=-0.5)
        result = locate(index, engine, make_photo(heading_deg=0.0))
        assert result.estimate.verdict == "not_in_area"
        assert result.estimate.confidence == "none"
        assert result.posterior.outside_probability > 0.5
        assert np.isfinite([result.estimate.lon, result.estimate.radius_90_m]).all()

    def test_without_calibration_there_is_a_warning_and_nothing_is_strong(
        self, fakes, make_photo, caplog
    ):
        index, engine = world(fakes, near_score=2.0)
        engine.card = replace(engine.card, calibration=None)
        with caplog.at_level(logging.WARNING):
            result = locate(index, engine, make_photo(heading_deg=0.0))
        assert "calibrat" in caplog.text
        assert result.estimate.confidence == "possible"


class TestNear:
    def test_only_tiles_near_enough_are_searched(self, fakes, make_photo):
        index, engine = world(fakes)
        near = Near(engine.lon, engine.lat, 30.0)
        result = locate(index, engine, make_photo(heading_deg=0.0), near=near)
        searched = index.searches[-1]
        assert 0 < len(searched) < len(index.rows)
        assert error_m(result, engine) < 0.5
        assert {c.tile_index for c in result.candidates} <= set(searched.tolist())

    def test_every_place_in_the_disc_keeps_its_nearest_tile(self, fakes, make_photo):
        index, engine = world(fakes)
        locate(index, engine, make_photo(heading_deg=0.0), near=Near(engine.lon, engine.lat, 1.0))
        x, y = index.grid.centre(index.rows, index.cols)
        px, py = 150.0 + index.cols.min() * 36.0, -index.rows.min() * 36.0 - 140.0
        nearest = int(np.maximum(abs(x - px), abs(y - py)).argmin())
        assert nearest in index.searches[-1]

    def test_a_place_far_away_is_an_error_that_says_so(self, fakes, make_photo):
        index, engine = world(fakes)
        with pytest.raises(SettingsError, match="LON,LAT"):
            locate(index, engine, make_photo(heading_deg=0.0), near=Near(-100.0, 10.0, 500.0))

    @pytest.mark.parametrize("bad", [(200, 0, 10), (0, 91, 10), (0, 0, 0), (0, 0, float("nan"))])
    def test_nonsense_is_refused(self, bad):
        with pytest.raises(SettingsError):
            Near(*bad)


def test_other_weights_are_refused(fakes):
    index, engine = world(fakes, index=fakes.Index(weights_sha256="12" * 32))
    with pytest.raises(WeightsMismatchError, match="1212") as caught:
        Localizer(index, engine)
    assert caught.value.exit_code == 51


def test_a_flat_photo_without_field_of_view_is_an_error(fakes, make_photo):
    index, engine = world(fakes)
    photo = make_photo(projection=Projection.PERSPECTIVE)
    with pytest.raises(PhotoViewError, match="--fov"):
        locate(index, engine, photo)
    assert locate(index, engine, photo, fov_deg=60.0).view.visible.sum() < 64


def test_exif_position_is_compared_and_never_used(fakes, make_photo):
    index, engine = world(fakes)
    plain = locate(index, engine, make_photo(heading_deg=0.0))
    other = locate(index, engine, make_photo(heading_deg=0.0, exif=(15.1, 45.1)))
    assert plain.exif_distance_m is None
    assert other.exif_distance_m == pytest.approx(
        float(geodesic_distance_m(15.1, 45.1, other.estimate.lon, other.estimate.lat))
    )
    assert plain.estimate == other.estimate


def test_provenance_is_enough_to_do_it_again(fakes, make_photo):
    index, engine = world(fakes)
    record = locate(index, engine, make_photo(heading_deg=0.0)).provenance
    assert record.photo == "pano.jpg"
    assert record.index_version == 3
    assert record.weights_sha256 == engine.card.weights_sha256
    assert record.settings["depth"] == "81"
    assert float(record.settings["temperature"]) == 0.05


def test_progress_tells_every_stage_in_order(fakes, make_photo):
    index, engine = world(fakes)
    seen = []
    locate(index, engine, make_photo(), progress=lambda *step: seen.append(step))
    stages = list(dict.fromkeys(stage for stage, _, _ in seen))
    assert stages == ["describing", "searching", "matching", "decoding", "fusing"]
    assert all(0 <= done <= total for _, done, total in seen)
    matching = [step[1:] for step in seen if step[0] == "matching"]
    assert matching[0] == (0, 81) and matching[-1] == (81, 81)


@pytest.mark.parametrize("stage", ["describing", "searching", "matching", "decoding", "fusing"])
def test_progress_that_raises_ends_the_search_at_that_stage(fakes, make_photo, stage):
    index, engine = world(fakes)

    class Enough(Exception):
        pass

    def stop(at, done, total):
        if at == stage:
            raise Enough

    with pytest.raises(Enough):
        locate(index, engine, make_photo(), progress=stop)


def test_only_the_best_of_a_deep_re_ranking_enter_the_posterior(fakes, make_photo):
    index, engine = world(fakes)
    photo = make_photo(heading_deg=0.0)
    every = locate(index, engine, photo, {"fused_tiles": 81})
    few = locate(index, engine, photo, {"fused_tiles": 12})
    assert sum(tiles for tiles, _ in engine.calls) == 2 * 81  # all are matched all the same
    assert [c.tile_id for c in few.candidates] == [c.tile_id for c in every.candidates]
    assert error_m(few, engine) == pytest.approx(error_m(every, engine), abs=0.1)
    named = locate(index, engine, photo, {"fused_tiles": 3, "top_k": 20})
    assert len(named.candidates) == 20


def edges_preferred(fakes, index, by=0.1, **options):
    """An engine whose best match is a tile that shows the camera near its edge."""
    index.descriptors[:, 0] = 0  # the whole view is as like any tile as another

    class Engine(fakes.Engine):
        def match_scores(self, query, rgb, rolls=(0,)):
            u, v, inside = self._camera_px(rgb)
            off = np.maximum(np.abs(u - fakes.px / 2), np.abs(v - fakes.px / 2)) / fakes.px
            score = np.where(inside, 1.0 + by * off, self.far_score)
            return np.repeat(score[:, None], len(rolls), axis=1).astype(np.float32)

    return Engine(index, *index.place(150, 140), **options)


def tile_around(index, lon, lat):
    """The tile in whose middle a place lies."""
    x, y = from_lonlat(index.crs, [lon], [lat])
    row, col = index.grid.nearest(x[0], y[0])
    return int(np.flatnonzero((index.rows == row) & (index.cols == col))[0])


@pytest.mark.parametrize("heading_deg", [0.0, None])
def test_the_tile_in_whose_middle_the_place_lies_is_named(fakes, make_photo, heading_deg):
    index = fakes.Index()
    engine = edges_preferred(fakes, index)
    photo = make_photo(heading_deg=heading_deg)
    plain = locate(index, engine, photo, {"recentre": False})
    moved = locate(index, engine, photo)
    middle = tile_around(index, engine.lon, engine.lat)
    assert plain.candidates[0].tile_index != middle
    assert plain.provenance.settings["recentred_from"] == "nothing"
    assert moved.candidates[0].tile_index == middle
    assert moved.provenance.settings["recentred_from"] == plain.candidates[0].tile_id
    assert moved.estimate.lon == pytest.approx(plain.estimate.lon, abs=1e-9)
    paper = {"estimate": EstimateMethod.UNIFYGEO}
    assert locate(index, engine, photo, paper).candidates[0].tile_index != middle


def test_a_tile_beyond_the_depth_is_added(fakes, make_photo):
    index = fakes.Index()
    engine = edges_preferred(fakes, index)
    middle = tile_around(index, engine.lon, engine.lat)
    index.descriptors[middle + 1, 0] = 0.02  # east of it, and the only one that is retrieved
    result = locate(index, engine, make_photo(heading_deg=0.0), {"depth": 1, "top_k": 1})
    (first,) = result.candidates
    assert (first.tile_index, first.retrieval_rank) == (middle, 2)
    assert result.provenance.settings["recentred_from"] == index.tile_id(middle + 1)
    assert engine.decoded == 2


def test_a_far_weaker_tile_is_not_named_first(fakes, make_photo):
    index = fakes.Index()
    engine = edges_preferred(fakes, index, by=2.0)
    photo = make_photo(heading_deg=0.0)
    plain, moved = locate(index, engine, photo, {"recentre": False}), locate(index, engine, photo)
    assert moved.provenance.settings["recentred_from"] == "nothing"
    assert moved.candidates == plain.candidates and moved.estimate == plain.estimate


def test_a_tile_that_does_not_show_the_place_is_not_named_first(fakes, make_photo):
    """The tile around the place says that the camera stood somewhere else in it."""
    index = fakes.Index()
    engine = edges_preferred(fakes, index)
    middle = tile_around(index, engine.lon, engine.lat)

    def decode(query, rgb, roll_per_tile, own=engine.decode):
        heatmaps = own(query, rgb, roll_per_tile)
        tiles = rgb[:, 0, 0, 0].astype(int) + 256 * rgb[:, 0, 0, 1].astype(int)
        heatmaps[tiles == middle] = np.eye(1, fakes.px**2).reshape(fakes.px, fakes.px) * 50
        return heatmaps

    engine.decode = decode
    result = locate(index, engine, make_photo(heading_deg=0.0))
    assert result.candidates[0].tile_index != middle
    assert result.provenance.settings["recentred_from"] == "nothing"


def test_a_prior_is_not_left_for_the_middle_of_a_tile(fakes, make_photo, monkeypatch):
    index = fakes.Index()
    engine = edges_preferred(fakes, index)
    middle = tile_around(index, engine.lon, engine.lat)
    allowed = np.arange(len(index.rows)) != middle
    for module in ("retrieve", "localizer"):
        name = f"cvgl_core.localization.{module}.tiles_allowed"
        monkeypatch.setattr(name, lambda *_: allowed)
    near = Near(engine.lon, engine.lat, 500.0)
    result = locate(index, engine, make_photo(heading_deg=0.0), {"top_k": 81}, near=near)
    assert middle not in {candidate.tile_index for candidate in result.candidates}
    assert result.provenance.settings["recentred_from"] == "nothing"


def test_more_tiles_can_be_matched_than_were_retrieved(fakes, make_photo):
    index = fakes.Index()
    engine = fakes.Engine(index, *index.place(150, 170))
    localizer = Localizer(index, engine, LocalizeSettings(depth=4, top_k=4, fused_tiles=1000))
    ranking = localizer.rank(localizer.view(make_photo(heading_deg=0.0)))
    assert len(ranking.ranked) == 4
    wide = localizer.widen(ranking, range(81))
    assert sorted(tile.tile for tile in wide.ranked) == list(range(81))
    scores = [tile.score for tile in wide.ranked]
    assert scores == sorted(scores, reverse=True)
    assert sorted(tile.retrieval_rank for tile in wide.ranked) == list(range(1, 82))
    assert localizer.widen(wide, [3, 5]) is wide
    fused = localizer.settle(wide).fused
    x_m, y_m = from_lonlat(index.crs, [engine.lon], [engine.lat])
    assert np.hypot(fused.place.x_m - x_m[0], fused.place.y_m - y_m[0]) < 1.0


def test_presence_lifts_the_tiles_that_show_the_camera(fakes, make_photo):
    """The match prefers a tile that does not show it; the decoded logits say where it is."""
    index, engine = world(fakes, near_score=0.6, far_score=0.7)
    calibration = replace(engine.card.calibration, presence_weight=0.1)
    plain = locate(index, engine, make_photo(heading_deg=0.0))
    engine.card = replace(engine.card, calibration=calibration)
    decode = engine.decode
    engine.decode = lambda query, rgb, rolls: (
        decode(query, rgb, rolls) + np.float32(12.0 * engine._camera_px(rgb)[2][:, None, None])
    )
    found = locate(index, engine, make_photo(heading_deg=0.0), {"decoded_tiles": 81})
    assert error_m(plain, engine) > 20.0
    assert error_m(found, engine) < 2.25
    assert found.provenance.settings["presence_weight"] == "0.1"
    for candidate in found.candidates:
        parts = candidate.retrieval_score + candidate.match_score + candidate.presence_score
        assert candidate.score == pytest.approx(parts, abs=1e-5)
    scores = [candidate.score for candidate in found.candidates]
    assert scores == sorted(scores, reverse=True)


def test_a_tile_added_for_the_place_is_decoded_before_it_is_weighed(fakes, make_photo):
    index = fakes.Index()
    engine = edges_preferred(fakes, index)
    calibration = replace(engine.card.calibration, presence_weight=0.1)
    engine.card = replace(engine.card, calibration=calibration)
    middle = tile_around(index, engine.lon, engine.lat)
    index.descriptors[middle + 1, 0] = 0.02
    options = {"depth": 1, "top_k": 1, "decoded_tiles": 1}
    (first,) = locate(index, engine, make_photo(heading_deg=0.0), options).candidates
    assert first.tile_index == middle
    assert first.presence_score != 0 and engine.decoded == 2


def test_the_chance_of_elsewhere_grows_with_the_ground_that_was_searched(fakes, make_photo):
    index, engine = world(fakes)
    tiles_m2 = len(index.rows) * 36.0**2
    calibration = replace(engine.card.calibration, fitted_m2=tiles_m2)
    engine.card = replace(engine.card, calibration=calibration)
    photo, near = make_photo(heading_deg=0.0), Near(engine.lon, engine.lat, 40.0)
    everywhere, somewhere = locate(index, engine, photo), locate(index, engine, photo, near=near)
    logits = [float(r.provenance.settings["outside_logit"]) for r in (everywhere, somewhere)]
    allowed = tiles_allowed(index, near).sum()
    assert logits[0] == pytest.approx(calibration.outside_logit)
    assert logits[1] == pytest.approx(logits[0] + np.log(allowed / len(index.rows)), rel=1e-5)
    assert 0 < allowed < len(index.rows)
