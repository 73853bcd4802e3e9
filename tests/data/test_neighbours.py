"""Neighbours on the globe against brute force on the ellipsoid's sphere."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from cvgl_core.data.neighbours import nearest_places
from cvgl_core.errors import DatasetError

SPHERE = Geod(a=6378137.0, f=0.0)


def distances_m(lonlat_deg: np.ndarray) -> np.ndarray:
    """All distances ``[N, N]`` by PROJ; infinite to itself."""
    first, second = (
        np.repeat(lonlat_deg, len(lonlat_deg), axis=0),
        np.tile(lonlat_deg, (len(lonlat_deg), 1)),
    )
    distance = np.array(SPHERE.inv(*first.T, *second.T)[2]).reshape(len(lonlat_deg), -1)
    np.fill_diagonal(distance, np.inf)
    return distance


def assert_nearest(lonlat_deg: np.ndarray, found: np.ndarray) -> None:
    distance = distances_m(lonlat_deg)
    expected = np.sort(distance, axis=1)[:, : found.shape[1]]
    assert np.allclose(np.take_along_axis(distance, found, axis=1), expected, rtol=1e-6, atol=0.2)
    for row, others in enumerate(found):
        assert row not in others
        assert len(set(others)) == len(others)


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_a_city_to_the_decimetre(chunk):
    rng = np.random.default_rng(0)
    places = np.array([-122.33, 47.6]) + rng.normal(0, 0.02, (150, 2))
    found = nearest_places(places, 12, chunk)
    distance = distances_m(places)
    assert np.array_equal(found, np.argsort(distance, axis=1)[:, :12])


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), min_size=2, max_size=25),
    st.integers(1, 30),
    st.integers(1, 9),
)
def test_anywhere_on_earth(places, count, chunk):
    lonlat_deg = np.array(places)
    found = nearest_places(lonlat_deg, count, chunk)
    assert found.shape == (len(places), min(count, len(places) - 1))
    assert_nearest(lonlat_deg, found)


def test_across_the_antimeridian_and_the_pole():
    places = np.array(
        [(179.999, 10.0), (-179.999, 10.0), (170.0, 10.0), (0.0, 89.99), (180.0, 89.99)]
    )
    assert nearest_places(places, 1)[:, 0].tolist() == [1, 0, 0, 4, 3]


def test_a_place_alone_has_none():
    assert nearest_places(np.array([(1.0, 2.0)]), 5).shape == (1, 0)


def test_places_must_be_known():
    with pytest.raises(DatasetError, match="places without coordinates"):
        nearest_places(np.array([(1.0, 2.0), (np.nan, np.nan)]), 1)


def test_no_full_matrix_is_held():
    places = np.random.default_rng(0).uniform(-1, 1, (3000, 2))
    tracemalloc.start()
    nearest_places(places, 8, chunk=50)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # 50 rows of 3,000 would be 1.2 MB, the full matrix 72 MB
    assert peak_bytes < 3000 * 3000 * 8 / 8
