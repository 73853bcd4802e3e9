import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from cvgl_core.data.relevance import relevance_levels, relevance_matrix

GEOD = Geod(ellps="WGS84")
LEVELS_M = (3.0, 200.0, 500.0)


def test_borders_are_inclusive_and_what_is_unknown_is_irrelevant():
    distance_m = np.array([0.0, 3.0, 3.01, 200.0, 200.1, 500.0, 500.1, math.inf, math.nan])
    assert relevance_levels(distance_m).tolist() == [3, 3, 2, 2, 1, 1, 0, 0, 0]
    assert relevance_levels(distance_m, (10.0,)).tolist() == [1, 1, 1, 0, 0, 0, 0, 0, 0]


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.floats(-180, 180), st.floats(-84, 84))
def test_equals_the_geodesic_one_pair_at_a_time(seed, lon, lat):
    rng = np.random.default_rng(seed)
    azimuth, distance_m = rng.uniform(0, 360, 12), rng.choice([2.0, 150.0, 400.0, 5e3], 12)
    there = GEOD.fwd(np.full(12, lon), np.full(12, lat), azimuth, distance_m)
    places = np.stack([there[0], there[1]], axis=1)
    found = relevance_matrix(places, places, LEVELS_M, chunk=5)
    for i, a in enumerate(places):
        for j, b in enumerate(places):
            apart_m = GEOD.inv(*a, *b)[2]
            if min(abs(apart_m - limit) for limit in LEVELS_M) > 1e-3:
                assert found[i, j] == sum(apart_m <= limit for limit in LEVELS_M)


@pytest.mark.parametrize("limit_m", [3.0, 200.0, 500.0, 20_000.0])
@pytest.mark.parametrize("lat", [0.0, 52.0, -84.0])
def test_exact_at_the_border(limit_m, lat):
    """A centimetre on either side of a border tells, across the antimeridian too."""
    for azimuth in (0.0, 33.0, 90.0, 250.0):
        for extra_m, level in ((-0.011, 1), (0.011, 0)):
            lon_2, lat_2, _ = GEOD.fwd(180.0, lat, azimuth, limit_m + extra_m)
            here, there = np.array([[-180.0, lat]]), np.array([[lon_2, lat_2]])
            assert relevance_matrix(here, there, (limit_m,)) == level


def test_places_without_coordinates_are_near_nothing():
    places = np.array([[10.0, 50.0], [np.nan, np.nan]])
    assert relevance_matrix(places, places).tolist() == [[3, 0], [0, 0]]
