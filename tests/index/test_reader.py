from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cvgl_core.errors import NoIndexError, WeightsMismatchError
from cvgl_core.index import Index
from cvgl_core.types import Bounds
from tests.index.conftest import (
    AERIAL_PX,
    BLOCKS,
    COL0,
    DIM,
    ROW0,
    STRIDE_PX,
    block_data,
    tile_map,
    world_pixel,
)

REUSE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def test_what_was_written_is_read(city: Path) -> None:
    index = Index.open(city)
    assert len(index) == 12 + 6 + 12 == index.manifest.tile_count
    expected = np.concatenate([block_data(block).tiles for block in BLOCKS])
    assert (index.rows == expected["row"]).all() and (index.cols == expected["col"]).all()
    assert (index.lons == expected["lon"]).all() and (index.valid_fraction == 0.75).all()
    descriptors = np.concatenate([block_data(block).descriptors for block in BLOCKS])
    assert (index.descriptors[:] == descriptors.astype(np.float16)).all()
    assert index.tile_id(0) == index.grid.tile_id(ROW0, COL0)
    assert index.manifest.gsd_m_per_px == 1.0 and index.manifest.stride_px == STRIDE_PX


def test_tiles_are_windows_of_the_world(city: Path) -> None:
    index = Index.open(city)
    wanted = [29, 0, 13, 13]
    pixels = index.tile_pixels(wanted)
    assert pixels.shape == (4, AERIAL_PX, AERIAL_PX, 3)
    for tile, i in zip(pixels, wanted, strict=True):
        rr, cc = np.meshgrid(
            np.arange(AERIAL_PX) + int(index.rows[i]) * STRIDE_PX,
            np.arange(AERIAL_PX) + int(index.cols[i]) * STRIDE_PX,
            indexing="ij",
        )
        assert (tile == world_pixel(rr, cc)).all()
    with pytest.raises(IndexError):
        index.tile_pixels([30])


@pytest.mark.parametrize("eager", [True, False])
def test_maps_are_those_of_the_tiles_asked_for(city: Path, monkeypatch, eager: bool) -> None:
    if not eager:
        monkeypatch.setattr("cvgl_core.index.reader._EAGER_BYTES", 0)
    index = Index.open(city)
    wanted = np.array([29, 0, 13, 13, 1])
    expected = np.moveaxis(tile_map(index.rows[wanted], index.cols[wanted]), 1, -1)
    seen = []
    for places, maps in index.tile_maps(wanted):
        assert maps.codes.dtype == np.int8 and maps.basis.shape == (6, 4)
        np.testing.assert_allclose(
            maps.codes.astype(np.float32) @ maps.basis.T, expected[places], atol=0.02
        )
        seen += places.tolist()
    assert sorted(seen) == [0, 1, 2, 3, 4] and len(seen) == 5
    with pytest.raises(IndexError):
        list(index.tile_maps([30]))


def test_an_index_without_maps(make_index) -> None:
    index = Index.open(make_index(with_maps=False))
    assert not index.has_maps and index.verify() == []
    assert not list(index.path.glob("shards/*/map*"))


@REUSE
@given(
    st.integers(-20, 60),
    st.integers(-20, 60),
    st.integers(1, 70),
    st.integers(1, 70),
    st.integers(1, 5),
)
def test_mosaic_is_the_world_where_there_is_picture(
    city: Path, top: int, left: int, height: int, width: int, step: int
) -> None:
    index = Index.open(city)
    top_px, left_px = ROW0 * STRIDE_PX + top, COL0 * STRIDE_PX + left
    bounds = Bounds(left_px, -(top_px + height), left_px + width, -top_px)
    assert index.snapped(bounds) == bounds
    rgb, valid = index.mosaic(bounds, step)
    rr, cc = np.meshgrid(
        np.arange(top_px, top_px + height, step),
        np.arange(left_px, left_px + width, step),
        indexing="ij",
    )
    known = np.zeros(rr.shape, bool)
    for row, col, rows, cols in BLOCKS:
        known |= (
            (rr >= (row + ROW0) * STRIDE_PX)
            & (rr < (row + ROW0 + rows + 1) * STRIDE_PX)
            & (cc >= (col + COL0) * STRIDE_PX)
            & (cc < (col + COL0 + cols + 1) * STRIDE_PX)
        )
    known &= (rr + cc) % 4 != 0
    assert (valid == known).all()
    assert (rgb[known] == world_pixel(rr, cc)[known]).all()
    assert (rgb[~known] == (10, 20, 30)).all()


def test_mosaic_of_an_impossible_size_is_refused(city: Path) -> None:
    with pytest.raises(ValueError, match="not possible"):
        Index.open(city).mosaic(Bounds(0, 0, 1e6, 1e6))


def test_search_finds_a_tile_by_its_own_descriptor(city: Path) -> None:
    index = Index.open(city)
    result = index.search(index.descriptors[[3, 20]].astype(np.float32) * 5, 4)
    assert result.indices[:, 0].tolist() == [3, 20]
    assert result.scores[:, 0] == pytest.approx([1.0, 1.0], abs=1e-6)
    where = np.ones(len(index), bool)
    where[3] = False
    assert index.search(index.descriptors[3].astype(np.float32), 40, where).indices.shape == (1, 29)


def test_a_query_of_another_length_is_another_models(city: Path) -> None:
    with pytest.raises(WeightsMismatchError, match="stub"):
        Index.open(city).search(np.zeros((1, DIM + 1), np.float32), 1)


def test_bounds_hold_all_tiles(city: Path) -> None:
    index = Index.open(city)
    bounds = index.bounds()
    assert bounds == Bounds(COL0 * 8.0, -(ROW0 + 6) * 8.0, (COL0 + 7) * 8.0, -ROW0 * 8.0)


@pytest.mark.parametrize("make", [lambda p: None, lambda p: p.mkdir(), lambda p: p.write_text("x")])
def test_no_index(tmp_path: Path, make) -> None:
    make(tmp_path / "none.cvgl")
    with pytest.raises(NoIndexError, match=r"none\.cvgl"):
        Index.open(tmp_path / "none.cvgl")


def test_verify_of_a_sound_index_finds_nothing(city: Path) -> None:
    assert Index.open(city).verify() == []
