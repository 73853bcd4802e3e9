import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod
from shapely.geometry import Polygon, shape

from cvgl_core.geo import (
    TileGrid,
    bbox,
    cut_antimeridian,
    from_lonlat,
    geodesic_distance_m,
    metric_crs_for,
    tile_geometry,
    tile_rings,
)

GEOD = Geod(ellps="WGS84")


def _check_rfc7946(geometry: dict[str, object]) -> None:
    polygons = geometry["coordinates"]
    if geometry["type"] == "Polygon":
        polygons = [polygons]
    for rings in polygons:  # type: ignore[attr-defined]
        for position, ring in enumerate(rings):
            points = np.array(ring)
            assert (points[0] == points[-1]).all()
            assert np.abs(points[:, 0]).max() <= 180.0 and np.abs(points[:, 1]).max() <= 90.0
            pole = np.abs(points[:, 1]).max() == 90.0
            assert pole or np.abs(np.diff(points[:, 0])).max() <= 180.0
            assert Polygon(ring).exterior.is_ccw == (position == 0)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.floats(-180, 180), st.floats(179.999, 180)), st.floats(-85, 85))
def test_tile_outline_has_the_asked_ground_area_and_holds_the_point(lon: float, lat: float) -> None:
    grid = TileGrid(metric_crs_for(lon, lat), 72.0, 36.0)
    x_m, y_m = from_lonlat(grid.crs, [lon], [lat])
    row, col = grid.nearest(x_m, y_m)
    geometry = tile_geometry(tile_rings(grid, row, col)[0])
    _check_rfc7946(geometry)
    whole = shape(geometry)
    parts = getattr(whole, "geoms", [whole])
    area = sum(abs(GEOD.geometry_area_perimeter(part)[0]) for part in parts)
    assert area == pytest.approx(72.0**2, rel=2.1e-3)


def test_a_tile_on_the_antimeridian_is_cut() -> None:
    grid = TileGrid("EPSG:32660", 72.0, 36.0)
    x_m, y_m = from_lonlat(grid.crs, [180.0], [-17.0 + 34.0])
    row, col = grid.nearest(x_m, y_m)
    geometry = tile_geometry(tile_rings(grid, row, col)[0])
    assert geometry["type"] == "MultiPolygon"
    _check_rfc7946(geometry)
    west, south, east, north = bbox(geometry["coordinates"])  # type: ignore[arg-type]
    assert west > 179.9 and east < -179.9 and south < 17.0 < north


def test_a_tile_on_the_pole_reaches_it() -> None:
    grid = TileGrid("EPSG:32631", 72.0, 36.0)
    row, col = grid.nearest(*from_lonlat(grid.crs, [3.0], [90.0]))
    geometry = tile_geometry(tile_rings(grid, row, col)[0])
    west, south, east, north = shape(geometry).bounds
    assert (west, east, north) == (-180.0, 180.0, 90.0) and south > 89.9


def test_holes_follow_their_polygon_across_the_antimeridian() -> None:
    outer = [(179.0, 0.0), (-179.0, 0.0), (-179.0, 2.0), (179.0, 2.0), (179.0, 0.0)]
    hole = [(-179.8, 0.5), (-179.2, 0.5), (-179.2, 1.5), (-179.8, 1.5), (-179.8, 0.5)]
    parts = cut_antimeridian(outer, [hole])
    _check_rfc7946({"type": "MultiPolygon", "coordinates": parts})
    total = sum(Polygon(rings[0], rings[1:]).area for rings in parts)
    assert total == pytest.approx(2.0 * 2.0 - 0.6 * 1.0)
    assert bbox(parts) == pytest.approx((179.0, 0.0, -179.0, 2.0))


def test_an_ordinary_polygon_stays_whole() -> None:
    ring = [(10.0, 0.0), (10.0, 1.0), (11.0, 1.0), (11.0, 0.0), (10.0, 0.0)]
    parts = cut_antimeridian(ring)
    assert len(parts) == 1 and Polygon(parts[0][0]).exterior.is_ccw
    assert bbox(parts) == (10.0, 0.0, 11.0, 1.0)


@settings(max_examples=100, deadline=None)
@given(st.floats(-180, 180), st.floats(-80, 80), st.floats(0, 360), st.floats(1, 5000))
def test_distance_is_what_the_geodesic_walked(
    lon: float, lat: float, azimuth: float, m: float
) -> None:
    lon_b, lat_b, _ = GEOD.fwd(lon, lat, azimuth, m)
    assert float(geodesic_distance_m(lon, lat, [lon_b], [lat_b])[0]) == pytest.approx(m, abs=1e-6)
