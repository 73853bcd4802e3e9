"""Credible regions hold what they say, in rings that RFC 7946 accepts."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from cvgl_core.geo import from_lonlat, to_lonlat
from cvgl_core.localization.posterior import Cells
from cvgl_core.localization.region import coarser, credible_region, outline

CRS = "EPSG:32633"
CELL_M = 0.5625
# Cells near (500 km, 5000 km) of the zone, where the CRS is at home.
ROW0, COL0 = round(-5_000_000 / CELL_M), round(500_000 / CELL_M)


@st.composite
def masses(draw):
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    side = draw(st.integers(2, 20))
    dense = rng.random((side, side)) ** draw(st.sampled_from([1, 6]))
    rows, cols = np.nonzero(dense > 0)
    return Cells(rows + ROW0, cols + COL0, dense[rows, cols])


def to_grid(region):
    """The region's polygons back in grid metres, as one geometry."""
    polygons = []
    for rings in region.polygons:
        flat = []
        for ring in rings:
            x, y = from_lonlat(CRS, [p.lon for p in ring], [p.lat for p in ring])
            flat.append(np.stack([x, y], axis=-1))
        polygons.append(shapely.Polygon(flat[0], flat[1:]))
    return polygons


@given(masses(), st.sampled_from([0.5, 0.9]))
@settings(max_examples=40, deadline=None)
def test_the_polygons_hold_the_level_and_no_other_cell(cells, level):
    region = credible_region(cells, level, CRS, CELL_M, 10_000)
    x = (cells.cols + 0.5) * CELL_M
    y = -(cells.rows + 0.5) * CELL_M
    inside = np.zeros(len(x), dtype=bool)
    for polygon in to_grid(region):
        assert polygon.is_valid
        inside |= shapely.contains_xy(polygon, x, y)
    held = cells.mass[inside].sum()
    assert held >= level * cells.mass.sum() * (1 - 1e-9)
    assert held - cells.mass[inside].min() < level * cells.mass.sum()
    assert region.area_m2 == pytest.approx(inside.sum() * CELL_M**2)


@given(masses())
@settings(max_examples=30, deadline=None)
def test_outline_covers_the_cells_exactly(cells):
    parts = outline(cells, CELL_M)
    assert sum(part.area for part in parts) == pytest.approx(len(cells.mass) * CELL_M**2)


def test_a_ring_keeps_its_hole_and_its_directions():
    rows, cols = np.nonzero(np.pad(np.zeros((3, 3)), 2, constant_values=1))
    cells = Cells(rows + ROW0, cols + COL0, np.ones(len(rows)))
    region = credible_region(cells, 0.9999, CRS, CELL_M, 10_000)
    (rings,) = region.polygons
    assert [len(ring) for ring in rings] == [5, 5]
    for ring, ccw in zip(rings, (True, False), strict=True):
        assert ring[0] == ring[-1]
        assert shapely.is_ccw(shapely.LinearRing([(p.lon, p.lat) for p in ring])) == ccw


def test_cells_that_touch_by_a_corner_make_valid_polygons():
    cells = Cells(np.array([0, 1]) + ROW0, np.array([0, 1]) + COL0, np.ones(2))
    region = credible_region(cells, 0.99, CRS, CELL_M, 10_000)
    assert len(region.polygons) == 2


@given(masses())
def test_coarser_cells_hold_the_same_mass(cells):
    rough = coarser(cells)
    assert rough.mass.sum() == pytest.approx(cells.mass.sum())
    reference = {}
    for row, col, mass in zip(cells.rows, cells.cols, cells.mass, strict=True):
        key = (int(row) // 2, int(col) // 2)
        reference[key] = reference.get(key, 0.0) + mass
    found = dict(
        zip(zip(rough.rows.tolist(), rough.cols.tolist(), strict=True), rough.mass, strict=True)
    )
    assert found == pytest.approx(reference)


def test_a_large_region_is_drawn_with_larger_cells():
    rows, cols = np.mgrid[:64, :64]
    cells = Cells(rows.ravel() + ROW0, cols.ravel() + COL0, np.ones(64 * 64))
    region = credible_region(cells, 0.9, CRS, CELL_M, 1_000)
    (side,) = {round(np.sqrt(region.area_m2 / n) / CELL_M, 6) for n in [0.9 * 64 * 64]}
    assert side == pytest.approx(1.0, abs=0.05)
    assert sum(len(ring) for rings in region.polygons for ring in rings) < 300


def test_across_the_antimeridian_the_region_is_cut():
    crs = "EPSG:3832"  # Pacific Mercator, centred on 150 degrees east
    x, _ = from_lonlat(crs, [180.0], [0.0])
    col = int(x[0] // CELL_M)
    cols = np.arange(col - 5, col + 6)
    cells = Cells(np.zeros(11, dtype=np.int64), cols, np.ones(11))
    region = credible_region(cells, 0.99, crs, CELL_M, 1_000)
    assert len(region.polygons) == 2
    lons = [p.lon for rings in region.polygons for p in rings[0]]
    assert min(lons) == -180.0
    assert max(lons) == 180.0


def test_no_mass_gives_an_empty_region():
    empty = np.zeros(0, dtype=np.int64)
    region = credible_region(Cells(empty, empty, np.zeros(0)), 0.5, CRS, CELL_M, 100)
    assert region.polygons == ()
    assert region.area_m2 == 0
    assert to_lonlat(CRS, [5e5], [5e6])[0][0] == pytest.approx(15.0)
