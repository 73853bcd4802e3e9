import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod, Proj

from cvgl_core.errors import SettingsError
from cvgl_core.geo import (
    check_scale,
    convergence_deg,
    from_lonlat,
    is_metric,
    metric_crs_for,
    scale_errors,
    to_lonlat,
)

LONS = st.floats(-180.0, 180.0)
LATS = st.floats(-89.5, 89.5)


@pytest.mark.parametrize(
    ("lon", "lat", "crs"),
    [
        (13.4, 52.5, "EPSG:32633"),
        (-74.06, 4.87, "EPSG:32618"),
        (115.16, -8.58, "EPSG:32750"),
        (-180.0, 10.0, "EPSG:32601"),
        (180.0, 10.0, "EPSG:32601"),
        (181.0, 10.0, "EPSG:32601"),
        (179.999, -17.0, "EPSG:32760"),
        (6.0, 0.0, "EPSG:32632"),
        (5.999999, 60.0, "EPSG:32631"),
        (0.0, 88.0, "EPSG:32631"),
    ],
)
def test_zone_of_a_place(lon: float, lat: float, crs: str) -> None:
    assert metric_crs_for(lon, lat) == crs


@pytest.mark.parametrize(("lon", "lat"), [(float("nan"), 0.0), (0.0, 91.0), (float("inf"), 2.0)])
def test_no_place_is_refused(lon: float, lat: float) -> None:
    with pytest.raises(SettingsError):
        metric_crs_for(lon, lat)


@settings(max_examples=300, deadline=None)
@given(LONS, LATS)
def test_scale_error_stays_under_a_thousandth_in_the_chosen_zone(lon: float, lat: float) -> None:
    assert check_scale(metric_crs_for(lon, lat), [lon], [lat]) < 1e-3


@settings(max_examples=300, deadline=None)
@given(LONS, LATS)
def test_round_trip(lon: float, lat: float) -> None:
    crs = metric_crs_for(lon, lat)
    back_lon, back_lat = to_lonlat(crs, *from_lonlat(crs, [lon], [lat]))
    distance = Geod(ellps="WGS84").inv(lon, lat, back_lon[0], back_lat[0])[2]
    assert distance < 1e-3


@settings(max_examples=200, deadline=None)
@given(LONS, st.floats(-84.0, 84.0))
def test_convergence_and_scale_against_the_projection_factors(lon: float, lat: float) -> None:
    crs = metric_crs_for(lon, lat)
    factors = Proj(crs).get_factors(lon, lat)
    assert convergence_deg(crs, lon, lat) == pytest.approx(factors.meridian_convergence, abs=1e-4)
    expected = abs(factors.meridional_scale - 1.0)
    assert scale_errors(crs, [lon], [lat])[0] == pytest.approx(expected, abs=1e-6)


def test_grid_heading_plus_convergence_is_the_true_heading() -> None:
    crs, lon, lat = "EPSG:32633", 17.5, 60.0
    x_m, y_m = from_lonlat(crs, [lon], [lat])
    for heading in (0.0, 37.0, 200.0):
        step = 50.0 * np.array([np.sin(np.radians(heading)), np.cos(np.radians(heading))])
        lon_b, lat_b = to_lonlat(crs, x_m + step[0], y_m + step[1])
        true = Geod(ellps="WGS84").inv(lon, lat, lon_b[0], lat_b[0])[0] % 360.0
        assert true == pytest.approx((heading + convergence_deg(crs, lon, lat)) % 360.0, abs=1e-3)
    assert convergence_deg(crs, lon, lat) > 2.0


def test_web_mercator_is_not_ground_metres() -> None:
    assert scale_errors("EPSG:3857", [10.0], [60.0])[0] == pytest.approx(1.0, abs=0.01)
    with pytest.raises(SettingsError, match="EPSG:3857"):
        check_scale("EPSG:3857", [10.0], [60.0])


@pytest.mark.parametrize(
    ("crs", "metric"),
    [
        ("EPSG:32633", True),
        ("EPSG:2056", True),
        ("EPSG:4326", False),
        ("EPSG:2263", False),
        ("EPSG:999999", False),
        ("nonsense", False),
    ],
)
def test_what_is_metric(crs: str, metric: bool) -> None:
    assert is_metric(crs) is metric
