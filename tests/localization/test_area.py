"""Areas to search in: which tiles stay, and which areas are refused."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cvgl_core.errors import SettingsError
from cvgl_core.geo import TileGrid, from_lonlat, to_lonlat
from cvgl_core.localization import Area, Near
from cvgl_core.localization.area import _meeting, _squares, tiles_in
from cvgl_core.localization.retrieve import tiles_allowed


def polygon(*corners):
    return {"type": "Polygon", "coordinates": [[*corners, corners[0]]]}


def rectangle(index, left, top, right, bottom):
    """A rectangle in metres east and south of the first tile's north-west corner."""
    at = [(left, top), (left, bottom), (right, bottom), (right, top)]
    return polygon(*(index.place(*corner) for corner in at))


sides = st.tuples(st.floats(-50, 390), st.floats(0.5, 250))


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(x=sides, y=sides)
def test_tiles_are_those_nearest_to_a_place_of_the_area(fakes, x, y):
    """Against a second implementation: every place of a fine lattice, and its nearest tile."""
    index = fakes.Index()
    west, north = index.cols.min() * 36.0, -index.rows.min() * 36.0
    xs, ys = np.meshgrid(np.linspace(x[0], sum(x), 40), np.linspace(y[0], sum(y), 40))
    rows, cols = index.grid.nearest(west + xs.ravel(), north - ys.ravel())
    expected = {*zip(rows.tolist(), cols.tolist(), strict=True)}
    known = {*zip(index.rows.tolist(), index.cols.tolist(), strict=True)}
    area = Area.from_geojson(rectangle(index, x[0], y[0], sum(x), sum(y)))
    if not expected & known:
        return
    chosen = tiles_in(index, area)
    found = {*zip(index.rows[chosen].tolist(), index.cols[chosen].tolist(), strict=True)}
    assert expected & known <= found
    # What lies at the very edge may go either way: edges are straight in degrees, not in metres.
    grown = np.meshgrid(
        np.linspace(x[0] - 7, sum(x) + 7, 60), np.linspace(y[0] - 7, sum(y) + 7, 60)
    )
    rows, cols = index.grid.nearest(west + grown[0].ravel(), north - grown[1].ravel())
    assert found <= {*zip(rows.tolist(), cols.tolist(), strict=True)}


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from([("EPSG:32633", 5e5, 5e6), ("EPSG:32661", 2e6, 2e6), ("EPSG:32760", 8e5, 8e6)]),
    st.tuples(st.floats(-8, 8), st.floats(-8, 8)),
    st.floats(0.01, 5),
)
def test_looking_at_blocks_first_leaves_nothing_out(place, middle_km, half_km):
    """Also across the antimeridian, and around the pole, where a block holds all longitudes."""
    crs, x_m, y_m = place
    grid = TileGrid(crs, 72.0, 36.0)
    rows, cols = grid.nearest(x_m, y_m)
    lattice = np.mgrid[-150:150:7, -150:150:5].reshape(2, -1)
    index = SimpleNamespace(grid=grid, rows=lattice[0] + rows, cols=lattice[1] + cols)
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * half_km + middle_km
    lon, lat = to_lonlat(crs, *(np.array([x_m, y_m]) + 1000 * corners).T)
    if np.ptp(lon) > 90:
        lon = np.array([-180.0, 180.0, 180.0, -180.0])
        lat = np.array([lat.min(), lat.min(), 90.0, 90.0])
    area = Area.from_geojson(polygon(*np.stack([lon, lat], axis=1).tolist()))
    expected = _meeting(area, _squares(grid, index.rows, index.cols, 18.0))
    if expected.any():
        assert np.array_equal(tiles_in(index, area), expected)


def test_a_hole_is_left_out(fakes):
    index = fakes.Index()
    whole = rectangle(index, 0, 0, 360, 360)
    hole = rectangle(index, 100, 100, 260, 260)
    whole["coordinates"].append(hole["coordinates"][0])
    chosen = tiles_in(index, Area.from_geojson(whole))
    x_m, y_m = from_lonlat(index.crs, *zip(index.place(180, 180), strict=True))
    row, col = index.grid.nearest(x_m, y_m)
    assert not chosen[(index.rows == row) & (index.cols == col)].any()
    assert chosen.sum() > 30


def test_several_parts(fakes):
    index = fakes.Index()
    parts = [rectangle(index, 40, 40, 50, 50), rectangle(index, 300, 300, 310, 310)]
    area = {"type": "MultiPolygon", "coordinates": [part["coordinates"] for part in parts]}
    assert tiles_in(index, Area.from_geojson(area)).sum() == sum(
        tiles_in(index, Area.from_geojson(part)).sum() for part in parts
    )


def test_both_halves_of_an_area_cut_at_the_antimeridian(fakes):
    x_m, y_m = from_lonlat("EPSG:32660", [180.0], [10.0])
    index = fakes.Index(crs="EPSG:32660", x_m=float(x_m[0]) - 180, y_m=float(y_m[0]) + 180)
    east = polygon((179.9, 9.9), (180, 9.9), (180, 10.1), (179.9, 10.1))
    west = polygon((-180, 9.9), (-179.9, 9.9), (-179.9, 10.1), (-180, 10.1))
    both = {"type": "MultiPolygon", "coordinates": [east["coordinates"], west["coordinates"]]}
    over = polygon((179.9, 9.9), (180.1, 9.9), (180.1, 10.1), (179.9, 10.1))
    for whole in (both, over):
        assert tiles_in(index, Area.from_geojson(whole)).all()
    one = tiles_in(index, Area.from_geojson(east))
    other = tiles_in(index, Area.from_geojson(west))
    assert (one | other).all() and not one.all() and not other.all()


def test_elsewhere_is_an_error_that_says_so(fakes):
    with pytest.raises(SettingsError, match="no tile"):
        tiles_in(fakes.Index(), Area.from_geojson(polygon((0, 0), (1, 0), (1, 1))))


def test_either_prior_is_taken(fakes):
    index = fakes.Index()
    lon, lat = index.place(180, 180)
    near = tiles_allowed(index, Near(lon, lat, 30.0))
    area = tiles_allowed(index, Area.from_geojson(rectangle(index, 150, 150, 210, 210)))
    assert (near & area).sum() >= 4


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {"type": "Point", "coordinates": [1, 2]},
        {"type": "Polygon"},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]},
        polygon(("a", 0), (1, 0), (1, 1)),
        polygon((0, 95), (1, 95), (1, 96)),
        polygon((500_000, 5e6), (500_001, 5e6), (500_000, 5_000_001)),
        polygon((float("nan"), 0), (1, 0), (1, 1)),
    ],
    ids=["none", "list", "point", "no-ring", "empty", "short", "text", "pole", "metres", "nan"],
)
def test_what_is_no_area_is_refused(value):
    with pytest.raises(SettingsError, match="area to search"):
        Area.from_geojson(value)
