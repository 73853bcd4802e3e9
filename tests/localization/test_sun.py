"""The sun against published values and a second formula; shadows against geometry by hand."""

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cvgl_core.errors import SettingsError
from cvgl_core.localization.sun import (
    Shadow,
    column_azimuth_deg,
    heading_from_shadow,
    sun_azimuth_deg,
)
from cvgl_core.types import LonLat, PhotoMetadata, Projection

GOLDEN = LonLat(-105.1786, 39.742476)
NOON = datetime(2003, 10, 17, 12, 30, 30, tzinfo=timezone(timedelta(hours=-7)))


def almanac(moment: datetime, at: LonLat) -> tuple[float, float]:
    """Azimuth and elevation by the Astronomical Almanac's low-precision formula (0.01 degrees)."""
    days = (moment - datetime(2000, 1, 1, 12, tzinfo=UTC)).total_seconds() / 86_400
    mean = math.radians((280.460 + 0.9856474 * days) % 360)
    anomaly = math.radians((357.528 + 0.9856003 * days) % 360)
    along = mean + math.radians(1.915 * math.sin(anomaly) + 0.020 * math.sin(2 * anomaly))
    tilt = math.radians(23.439 - 4e-7 * days)
    right = math.atan2(math.cos(tilt) * math.sin(along), math.cos(along))
    declination = math.asin(math.sin(tilt) * math.sin(along))
    sidereal_deg = 280.46062 + 360.98564737 * days + at.lon
    hour, lat = math.radians(sidereal_deg) - right, math.radians(at.lat)
    height = math.asin(
        math.sin(lat) * math.sin(declination)
        + math.cos(lat) * math.cos(declination) * math.cos(hour)
    )
    east = -math.cos(declination) * math.sin(hour)
    north = math.sin(declination) * math.cos(lat) - math.cos(declination) * math.cos(
        hour
    ) * math.sin(lat)
    return math.degrees(math.atan2(east, north)) % 360, math.degrees(height)


def test_the_example_that_nrel_publishes():
    """NREL/TP-560-34302, appendix A.5: azimuth 194.340241 degrees."""
    assert sun_azimuth_deg(NOON, GOLDEN) == pytest.approx(194.340241, abs=0.01)


@given(
    st.floats(-75, 75),
    st.floats(-180, 180),
    st.datetimes(datetime(1990, 1, 1), datetime(2050, 1, 1), timezones=st.just(UTC)),
)
def test_two_formulas_agree_to_a_tenth_of_a_degree(lat, lon, moment):
    wanted_deg, height_deg = almanac(moment, LonLat(lon, lat))
    assume(2.0 < height_deg < 75.0)
    found_deg = sun_azimuth_deg(moment, LonLat(lon, lat))
    assert abs((found_deg - wanted_deg + 180) % 360 - 180) < 0.1


@pytest.mark.parametrize(
    ("away_deg", "heading_deg"), [(0.0, 14.34), (90.0, 284.34), (180.0, 194.34), (-90.0, 104.34)]
)
def test_a_shadow_points_away_from_the_sun(away_deg, heading_deg):
    prior = heading_from_shadow(Shadow(away_deg, NOON, 6.0), GOLDEN, ())
    assert prior.heading_deg == pytest.approx(heading_deg, abs=0.05)
    assert prior.std_deg == 6.0


def test_what_the_sun_differs_by_within_the_area_is_added():
    corners = (LonLat(-105.9, 39.7), LonLat(-104.4, 39.8))
    prior = heading_from_shadow(Shadow(0.0, NOON, 1.0), GOLDEN, corners)
    assert 1.3 < prior.std_deg < 2.3
    with pytest.raises(SettingsError, match="--near"):
        heading_from_shadow(Shadow(0.0, NOON, 1.0), GOLDEN, (LonLat(-95.0, 39.7),))


@pytest.mark.parametrize(
    ("moment", "at", "says"),
    [
        (NOON.replace(tzinfo=None), GOLDEN, r"no zone.*\+02:00"),
        (NOON.replace(hour=2), GOLDEN, "below|nothing threw a shadow"),
        (datetime(2024, 3, 20, 12, 7, tzinfo=UTC), LonLat(0.0, 0.0), "too short"),
    ],
)
def test_a_sun_that_tells_nothing_is_an_error_that_helps(moment, at, says):
    with pytest.raises(SettingsError, match=says):
        sun_azimuth_deg(moment, at)


class TestColumn:
    FLAT = PhotoMetadata(1000, 750, Projection.PERSPECTIVE, fov_deg=90.0)
    ROUND = PhotoMetadata(1000, 250, Projection.EQUIRECTANGULAR, pano_full_width_px=1500)

    @pytest.mark.parametrize(("column", "deg"), [(0, -45.0), (500, 0.0), (1000, 45.0)])
    def test_of_a_plain_photo(self, column, deg):
        assert column_azimuth_deg(column, self.FLAT, None) == pytest.approx(deg)

    def test_of_a_field_of_view_that_was_given(self):
        assert column_azimuth_deg(1000, self.FLAT, 60.0) == pytest.approx(30.0)

    def test_of_a_part_of_a_panorama(self):
        assert column_azimuth_deg(750, self.ROUND, None) == pytest.approx(60.0)

    def test_outside_or_without_a_field_of_view(self):
        with pytest.raises(SettingsError, match="outside the photo"):
            column_azimuth_deg(1001, self.FLAT, None)
        bare = PhotoMetadata(1000, 750, Projection.PERSPECTIVE)
        with pytest.raises(SettingsError, match="--fov"):
            column_azimuth_deg(10, bare, None)
