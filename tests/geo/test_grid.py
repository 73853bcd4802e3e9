import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvgl_core.errors import SettingsError
from cvgl_core.geo import TileGrid
from cvgl_core.types import Bounds

GRID = TileGrid("EPSG:32633", 72.0, 36.0)
EASTINGS = st.floats(100_000.0, 900_000.0)
NORTHINGS = st.floats(-100_000.0, 10_000_000.0)
SIZES = st.sampled_from([20.0, 70.4, 72.0, 100.0, 333.3])
OVERLAPS = st.sampled_from([0.0, 0.25, 0.5, 0.75])


@settings(max_examples=500, deadline=None)
@given(EASTINGS, NORTHINGS, SIZES)
def test_every_point_is_in_the_central_quarter_of_exactly_one_tile(
    x_m: float, y_m: float, size_m: float
) -> None:
    grid = TileGrid("EPSG:32633", size_m, size_m / 2)
    row, col = (int(v) for v in grid.nearest(x_m, y_m))
    hits = []
    for r in range(row - 2, row + 3):
        for c in range(col - 2, col + 3):
            b = grid.bounds(r, c)
            q = size_m / 4
            if b.left_m + q < x_m < b.right_m - q and b.bottom_m + q < y_m < b.top_m - q:
                hits.append((r, c))
    offset = [abs(float(v) - p) for v, p in zip(grid.centre(row, col), (x_m, y_m), strict=True)]
    assert max(offset) <= size_m / 4 + 1e-6
    if max(offset) < size_m / 4 - 1e-6:
        assert hits == [(row, col)]


@settings(max_examples=300, deadline=None)
@given(EASTINGS, NORTHINGS, st.floats(0.5, 900), st.floats(0.5, 900), SIZES, OVERLAPS)
def test_covering_is_exactly_the_tiles_that_share_area(
    left: float, bottom: float, width: float, height: float, size_m: float, overlap: float
) -> None:
    grid = TileGrid("EPSG:32633", size_m, size_m * (1 - overlap))
    bounds = Bounds(left, bottom, left + width, bottom + height)
    span = grid.covering(bounds)

    def shares(row: int, col: int, slack: float) -> bool:
        b = grid.bounds(row, col)
        return (
            b.left_m < bounds.right_m - slack
            and b.right_m > bounds.left_m + slack
            and b.bottom_m < bounds.top_m - slack
            and b.top_m > bounds.bottom_m + slack
        )

    inside = set(zip(*(v.tolist() for v in span.tiles()), strict=True))
    assert len(inside) == span.count
    for row in range(span.row_start - 1, span.row_stop + 1):
        for col in range(span.col_start - 1, span.col_stop + 1):
            if (row, col) in inside:
                assert shares(row, col, -1e-6)
            else:
                assert not shares(row, col, 1e-6)


@given(st.integers(-300_000, 10_000), st.integers(-30_000, 30_000), OVERLAPS)
def test_nearest_of_a_centre_is_the_tile_itself(row: int, col: int, overlap: float) -> None:
    grid = TileGrid("EPSG:32733", 72.0, 72.0 * (1 - overlap))
    assert [int(v) for v in grid.nearest(*grid.centre(row, col))] == [row, col]
    b = grid.bounds(row, col)
    x_m, y_m = grid.centre(row, col)
    assert (float(x_m), float(y_m)) == pytest.approx(
        ((b.left_m + b.right_m) / 2, (b.bottom_m + b.top_m) / 2)
    )


def test_corners_run_counter_clockwise() -> None:
    x_m, y_m = GRID.corners([5, 6], [7, 8])
    area = 0.5 * (x_m * np.roll(y_m, -1, 1) - np.roll(x_m, -1, 1) * y_m).sum(axis=1)
    assert area == pytest.approx([72.0**2] * 2)


def test_tile_id_is_a_function_of_the_place() -> None:
    assert GRID.tile_id(-152300, 13877) == "32633-r-152300c013877"
    ids = {GRID.tile_id(r, c) for r in range(-20, 20) for c in range(-20, 20)}
    assert len(ids) == 1600


@pytest.mark.parametrize(("size", "stride"), [(72, 0), (72, 80), (0, 0), (-1, -1), (72, np.nan)])
def test_grids_with_holes_are_refused(size: float, stride: float) -> None:
    with pytest.raises(SettingsError):
        TileGrid("EPSG:32633", size, stride)
