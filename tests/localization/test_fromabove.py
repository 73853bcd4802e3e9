from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from cvgl_core.errors import PhotoViewError, SettingsError
from cvgl_core.export.geojson import result_to_geojson
from cvgl_core.localization import LocalizeSettings, Near, Period, fromabove
from cvgl_core.localization.fromabove import OverheadLocalizer
from cvgl_core.types import LocalizationResult, Verdict
from tests.localization.above import MeanColours, PaintedIndex, photo_from_above

INDEX = PaintedIndex()


def localizer(index: PaintedIndex = INDEX) -> OverheadLocalizer:
    return OverheadLocalizer(index, MeanColours(), LocalizeSettings(top_k=3))  # type: ignore[arg-type]


def turned_away_deg(result: LocalizationResult, truth_deg: float) -> float:
    found = result.estimate.heading_deg
    assert found is not None
    return abs((found - truth_deg + 180.0) % 360.0 - 180.0)


@pytest.mark.parametrize(
    ("east_m", "south_m", "heading_deg", "pitch_deg"),
    [(100.0, 90.0, 0.0, -90.0), (115.0, 80.0, 217.0, -89.0), (60.0, 110.0, 50.0, -60.0)],
)
def test_the_point_under_the_camera_is_found(
    east_m: float, south_m: float, heading_deg: float, pitch_deg: float
) -> None:
    photo = photo_from_above(
        INDEX, east_m, south_m, heading_deg=heading_deg, pitch_deg=pitch_deg, stated_deg=heading_deg
    )
    result = localizer().localize(photo)
    assert result.exif_distance_m is not None
    assert result.exif_distance_m < 2.0
    assert turned_away_deg(result, heading_deg) < 3.0
    assert result.estimate.verdict is Verdict.LOCATED
    assert result.posterior.outside_probability < 0.05
    assert "from above" in result.priors[0]


def test_an_oblique_camera_may_hang_beyond_the_imagery() -> None:
    # 20 m south of the ground, looking north at it.
    photo = photo_from_above(
        INDEX, 90.0, 200.0, heading_deg=0.0, pitch_deg=-45.0, height_m=60.0, stated_deg=0.0
    )
    result = localizer().localize(photo)
    assert result.exif_distance_m is not None
    assert result.exif_distance_m < 4.0


@pytest.mark.parametrize("wrong_by_deg", [12.0, 180.0])
def test_a_heading_that_is_wrong_is_put_right(wrong_by_deg: float) -> None:
    photo = photo_from_above(
        INDEX, 100.0, 110.0, heading_deg=40.0, stated_deg=(40.0 + wrong_by_deg) % 360.0
    )
    result = localizer().localize(photo)
    assert result.exif_distance_m is not None
    assert result.exif_distance_m < 2.5
    assert turned_away_deg(result, 40.0) < 4.0


@pytest.mark.parametrize(("stated_deg", "search"), [(None, False), (10.0, True)])
def test_an_unknown_heading_is_searched(stated_deg: float | None, search: bool) -> None:
    photo = photo_from_above(INDEX, 80.0, 110.0, heading_deg=283.0, stated_deg=stated_deg)
    result = localizer().localize(photo, search_heading=search)
    assert turned_away_deg(result, 283.0) < 4.0
    assert result.exif_distance_m is not None
    assert result.exif_distance_m < 2.5


def test_a_photo_from_elsewhere_is_not_called_located() -> None:
    elsewhere = photo_from_above(
        PaintedIndex(seed=2), 100.0, 100.0, heading_deg=0.0, stated_deg=0.0
    )
    result = localizer().localize(elsewhere)
    assert result.estimate.verdict is not Verdict.LOCATED
    assert result.posterior.outside_probability > 0.5


def test_in_a_large_index_descriptors_name_the_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fromabove, "EXHAUSTIVE_TILES", 10)
    index = PaintedIndex()
    photo = photo_from_above(index, 36.0 + 5, 36.0 + 5, heading_deg=0.0, stated_deg=0.0)
    settings = LocalizeSettings(depth=2, top_k=2)
    above = OverheadLocalizer(index, MeanColours(), settings)  # type: ignore[arg-type]
    result = above.localize(photo)
    assert index.searches
    # The engine names tiles 0 and 8 first; the right one is among them.
    assert result.candidates[0].tile_index == 0
    assert 8 in {candidate.tile_index for candidate in result.candidates}


def test_a_place_named_limits_the_search() -> None:
    photo = photo_from_above(INDEX, 54.0, 54.0, heading_deg=0.0, stated_deg=0.0)
    lon, lat = INDEX.place(140.0, 140.0)
    result = localizer().localize(photo, near=Near(lon, lat, 20.0))
    assert all(INDEX.cols[c.tile_index] - INDEX.cols.min() >= 2 for c in result.candidates)
    with pytest.raises(SettingsError):
        localizer().localize(photo, near=Near(0.0, 0.0, 20.0))


def test_only_imagery_of_a_period_is_searched() -> None:
    index = PaintedIndex()
    index.acquired = np.array(["2019-07-01"] * 4 + ["2023-01-01"] * 12)
    settings = LocalizeSettings(top_k=3, taken=Period(date(2022, 1, 1)))
    above = OverheadLocalizer(index, MeanColours(), settings)  # type: ignore[arg-type]
    photo = photo_from_above(index, 54.0, 54.0, heading_deg=0.0, stated_deg=0.0)
    assert all(candidate.tile_index >= 4 for candidate in above.localize(photo).candidates)


def test_a_search_in_which_no_smallest_tile_is_left_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nothing = np.zeros(len(INDEX.rows), np.bool_)
    monkeypatch.setattr(fromabove, "tiles_allowed", lambda *_: nothing)
    photo = photo_from_above(INDEX, 54.0, 54.0, heading_deg=0.0, stated_deg=0.0)
    with pytest.raises(SettingsError, match="smallest tiles"):
        localizer().localize(photo)


def test_a_height_given_is_used_and_one_missing_is_asked_for() -> None:
    photo = photo_from_above(INDEX, 100.0, 90.0, heading_deg=0.0, stated_deg=0.0, height_m=60.0)
    unknown = fromabove.replace(photo, metadata=fromabove.replace(photo.metadata, height_m=None))
    with pytest.raises(PhotoViewError, match="--altitude-m"):
        localizer().localize(unknown)
    result = localizer().localize(unknown, height_m=60.0)
    assert result.exif_distance_m is not None
    assert result.exif_distance_m < 2.0


def test_the_answer_fits_the_result_format() -> None:
    photo = photo_from_above(INDEX, 100.0, 90.0, heading_deg=0.0, stated_deg=0.0)
    one, two = (result_to_geojson(localizer().localize(photo)) for _ in range(2))
    strip = [dict(each["features"][0]["properties"], created_at="") for each in (one, two)]  # type: ignore[index]
    assert strip[0] == strip[1]
    assert np.isfinite([strip[0]["radius_90_m"], strip[0]["probability"]]).all()  # type: ignore[list-item]
