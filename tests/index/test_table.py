"""The table of tiles, read by the programs that it is for."""

import json
from collections.abc import Callable
from pathlib import Path

import geopandas
import numpy as np
import pyarrow.parquet as pq
import pytest
import shapely

from cvgl_core.errors import IndexCorruptError
from cvgl_core.geo import TileGrid, from_lonlat, to_lonlat
from cvgl_core.index import TILE_DTYPE, GridRecord, Index, verify_folder
from cvgl_core.index.table import write_table
from tests.index.conftest import build, manifest_for


def test_geopandas_opens_it(city: Path) -> None:
    index = Index.open(city)
    frame = geopandas.read_parquet(city / "tiles-v1.parquet")
    assert frame.crs == "OGC:CRS84" and len(frame) == len(index)
    assert list(frame.tile_id) == [index.tile_id(i) for i in range(len(index))]
    for name in ("row", "col", "lon", "lat", "valid_fraction"):
        ours = {"row": index.rows, "col": index.cols, "lon": index.lons, "lat": index.lats}
        assert (frame[name] == ours.get(name, index.valid_fraction)).all()
    assert (frame.gsd_m_per_px == 1.0).all()
    names = np.repeat(
        [record.name for record in index.manifest.shards],
        [record.tile_count for record in index.manifest.shards],
    )
    assert (frame["shard"] == names).all()
    corners = np.stack(to_lonlat(index.grid.crs, *index.grid.corners(index.rows, index.cols)), -1)
    assert (shapely.get_coordinates(frame.geometry).reshape(-1, 5, 2)[:, :4] == corners).all()
    assert frame.geometry.exterior.is_ccw.all()


def test_a_box_reads_the_tiles_in_it(city: Path) -> None:
    frame = geopandas.read_parquet(city / "tiles-v1.parquet")
    west, south, east, north = frame.geometry.iloc[4].buffer(-1e-6).bounds
    part = geopandas.read_parquet(city / "tiles-v1.parquet", bbox=(west, south, east, north))
    expected = frame[frame.geometry.intersects(shapely.box(west, south, east, north))]
    assert 0 < len(part) < len(frame) and set(part.tile_id) == set(expected.tile_id)


def test_what_it_says_of_itself(city: Path) -> None:
    facts = json.loads(pq.read_metadata(city / "tiles-v1.parquet").metadata[b"geo"])
    column = facts["columns"]["geometry"]
    assert facts["version"] == "1.1.0" and facts["primary_column"] == "geometry"
    assert (column["encoding"], column["geometry_types"]) == ("WKB", ["Polygon"])
    assert "crs" not in column  # which says OGC:CRS84
    frame = geopandas.read_parquet(city / "tiles-v1.parquet")
    assert column["bbox"] == frame.total_bounds.tolist()
    assert pq.read_metadata(city / "tiles-v1.parquet").num_row_groups == 1


@pytest.mark.parametrize("group", [1, 12, 13, 1000])
def test_rows_are_grouped_by_whole_shards(
    make_index: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, group: int
) -> None:
    monkeypatch.setattr("cvgl_core.index.table._GROUP_ROWS", group)
    city = make_index()
    file = pq.ParquetFile(city / "tiles-v1.parquet")
    sizes = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
    assert sizes == {1: [12, 6, 12], 12: [12, 18], 13: [18, 12], 1000: [30]}[group]
    assert file.read()["row"].to_pylist() == Index.open(city).rows.tolist()


@pytest.mark.parametrize(
    "crs, lon, lat", [("EPSG:32760", 180.0, -17.5), ("EPSG:32661", 12.0, 89.9999)]
)
def test_tiles_across_the_antimeridian_and_on_the_pole(
    tmp_path: Path, crs: str, lon: float, lat: float
) -> None:
    grid = TileGrid(crs, 72.0, 36.0)
    row, col = (int(a[0]) for a in grid.nearest(*from_lonlat(crs, [lon], [lat])))
    rows, cols = (a.ravel() for a in np.mgrid[row - 3 : row + 4, col - 3 : col + 4])
    table = np.zeros(len(rows), TILE_DTYPE)
    table["row"], table["col"] = rows, cols
    table["lon"], table["lat"] = to_lonlat(crs, *grid.centre(rows, cols))
    shard = Index.open(build(tmp_path / "one.cvgl", blocks=((0, 0, 7, 7),))).manifest.shards[0]
    manifest = manifest_for([shard], grid=GridRecord(crs=crs, tile_size_m=72.0, stride_m=36.0))
    write_table(tmp_path, manifest, [table])
    frame = geopandas.read_parquet(tmp_path / "tiles-v1.parquet")
    assert set(frame.geom_type) == {"MultiPolygon", "Polygon"}
    over_the_pole = frame.bounds.maxy == 90.0
    assert (frame.geometry.is_valid | over_the_pole).all() and over_the_pole.sum() <= 4
    assert (np.abs(frame.total_bounds) < 180 + 1e-9).all()
    centres = shapely.points(frame.lon.to_numpy(), frame.lat.to_numpy())
    assert shapely.covers(frame.geometry.to_numpy(), centres).all()
    if lat < 0:  # none goes round the Earth
        metres = np.cos(np.radians(lat)) * 111_320.0 * 110_650.0
        area = shapely.area(frame.geometry.to_numpy())
        assert area * metres == pytest.approx(72.0**2, rel=0.02)


def test_a_damaged_or_missing_table_is_found(city: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = city / "tiles-v1.parquet"
    path.write_bytes(path.read_bytes()[:-5])
    assert len(verify_folder(city)) == 1 and "tiles-v1.parquet" in verify_folder(city)[0]
    path.unlink()
    with pytest.raises(IndexCorruptError, match=r"v1\.parquet: cannot be read"):
        Index.open(city)
    monkeypatch.setattr("cvgl_core.index.reader._EAGER_BYTES", 0)
    assert "tiles-v1.parquet" in Index.open(city).verify()[0]  # a large one does not need it


def test_only_the_table_of_the_version_is_kept(make_index: Callable[..., Path]) -> None:
    make_index()
    city = make_index(seed=1, index_id="1" * 32)
    assert [p.name for p in city.glob("*.parquet")] == ["tiles-v2.parquet"]
    assert verify_folder(city) == []
