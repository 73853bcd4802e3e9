from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.transform import from_origin
from shapely.geometry import Polygon, box

from cvgl_core.errors import SettingsError
from cvgl_core.geo import from_lonlat, to_lonlat
from cvgl_core.geo.area import read_area, to_grid
from cvgl_core.types import LonLat
from tests.tiling.helpers import StubDescriber, world_raster
from tiling.plan import Block, CutSettings, make_plan
from tiling.raster.info import RasterInfo, describe_raster
from tiling.sources import fingerprint as fingerprints

CARD = StubDescriber().card


def info(
    path: Path, left: float, top: float, width: int, height: int, gsd: float = 0.5
) -> RasterInfo:
    return RasterInfo(
        path,
        "GTiff",
        "EPSG:32633",
        (gsd, 0.0, left, 0.0, -gsd, top),
        width,
        height,
        gsd,
        LonLat(15.0, 48.0),
        "uint8",
        (1, 2, 3),
        False,
        False,
        None,
        (),
        (),
        (path,),
    )


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.floats(3e5, 7e5),
    st.floats(1e5, 8e6),
    st.integers(70, 1500),
    st.integers(70, 1500),
    st.booleans(),
)
def test_plan_covers_the_raster_once(
    tmp_path: Path, left: float, top: float, width: int, height: int, swap: bool
) -> None:
    path = tmp_path / "r.tif"
    path.write_bytes(b"x")
    raster = info(path, left, top, width, height)
    plan = make_plan([raster], CARD, CutSettings(crs="EPSG:32633"))
    tiles = [
        (r, c) for b in plan.blocks for r, c in zip(b.rows.tolist(), b.cols.tolist(), strict=True)
    ]
    assert len(set(tiles)) == len(tiles) == plan.tile_count
    rows, cols = np.array(tiles).T
    x, y = plan.grid.centre(rows, cols)
    rng = np.random.default_rng(0)
    px = left + 0.5 * width * np.r_[rng.random(50), 0, 0, 1, 1]
    py = top - 0.5 * height * np.r_[rng.random(50), 0, 1, 0, 1]
    away = np.maximum(np.abs(px[:, None] - x), np.abs(py[:, None] - y)).min(axis=1)
    assert away.max() <= CARD.tile_size_m / 2 + 1e-6
    for block in plan.blocks:
        top_px, left_px, height_px, width_px = block.window_px
        assert (block.rows * plan.stride_px >= top_px).all()
        assert (block.rows * plan.stride_px + plan.aerial_px <= top_px + height_px).all()
        assert (block.cols * plan.stride_px + plan.aerial_px <= left_px + width_px).all()
    half = info(path, left, top, max(70, width // 2), height)
    both = [raster, half] if swap else [half, raster]
    again = make_plan(both, CARD, CutSettings(crs="EPSG:32633"))
    assert {tuple(b.rows) + tuple(b.cols) for b in again.blocks} == {
        tuple(b.rows) + tuple(b.cols) for b in plan.blocks
    }


def test_a_fingerprint_is_of_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = tmp_path / "a.tif", tmp_path / "b.tif"
    data = bytes(range(256)) * 4096
    a.write_bytes(data)
    b.write_bytes(data)
    one = info(a, 5e5, 5e6, 100, 100)
    assert fingerprints.fingerprint(one) == fingerprints.fingerprint(info(b, 5e5, 5e6, 100, 100))
    whole = fingerprints.fingerprint(one)
    monkeypatch.setattr(fingerprints, "_FULL_HASH_BYTES", 1000)
    monkeypatch.setattr(fingerprints, "_SAMPLE_BYTES", 1000)
    sampled = fingerprints.fingerprint(one)
    assert sampled != whole
    for offset in (0, len(data) - 1):
        changed = bytearray(data)
        changed[offset] ^= 1
        a.write_bytes(changed)
        assert fingerprints.fingerprint(one) != sampled
    a.write_bytes(data + b"x")
    assert fingerprints.fingerprint(one) != sampled


@pytest.mark.parametrize(
    "text",
    [
        "1,2,3",
        "1,2,3,x",
        "1,5,3,4",
        "0,0,0,1",
        "0,-95,1,5",
        "nan,0,1,1",
        "gone.geojson",
        "",
        "a,b,c,d",
    ],
)
def test_areas_that_are_none(text: str) -> None:
    with pytest.raises(SettingsError, match="--aoi"):
        read_area(text)


def test_areas(tmp_path: Path) -> None:
    assert read_area("10,50,10.5,50.5").equals(box(10, 50, 10.5, 50.5))
    assert read_area("179.5,-17,-179.5,-16").bounds == (179.5, -17.0, 180.5, -16.0)
    path = tmp_path / "a.geojson"
    ring = "[[10,50],[11,50],[11,51],[10,51],[10,50]]"
    polygon = f'{{"type":"Polygon","coordinates":[{ring}]}}'
    feature = f'{{"type":"Feature","properties":{{}},"geometry":{polygon}}}'
    for text in (polygon, feature, f'{{"type":"FeatureCollection","features":[{feature}]}}'):
        path.write_text(text)
        assert read_area(str(path)).equals(box(10, 50, 11, 51))
    for text in ("{", "[]", '{"type":"Point","coordinates":[1,2]}', polygon.replace("51", "151")):
        path.write_text(text)
        with pytest.raises(SettingsError):
            read_area(str(path))
    import geopandas

    frame = geopandas.GeoDataFrame(
        geometry=[box(1_113_195, 6_446_276, 1_224_514, 6_621_294)], crs=3857
    )
    frame.to_file(tmp_path / "a.gpkg")
    assert read_area(str(tmp_path / "a.gpkg")).bounds == pytest.approx((10, 50, 11, 51), abs=1e-4)


def test_an_area_across_the_antimeridian_on_the_grid() -> None:
    area = to_grid(read_area("179.99,-17,-179.99,-16.99"), "EPSG:32760")
    x, _ = from_lonlat("EPSG:32760", [179.99, -179.99], [-17, -17])
    assert area.bounds[0] == pytest.approx(x[0], abs=20) and area.bounds[2] == pytest.approx(
        x[1], abs=20
    )


def test_the_zone_is_that_of_the_middle(tmp_path: Path) -> None:
    west = world_raster(
        tmp_path / "w.tif", from_origin(830_000, 5_400_000, 1, 1), (90, 90), "EPSG:32632"
    )
    plan = make_plan([describe_raster(west)], CARD, CutSettings())
    assert plan.grid.crs == "EPSG:32633"
    assert (
        make_plan([describe_raster(west)], CARD, CutSettings(crs="EPSG:25832")).grid.crs
        == "EPSG:25832"
    )


def test_tiles_of_an_area_with_a_hole(tmp_path: Path) -> None:
    raster = info(tmp_path / "w.tif", 599_000, 5_343_000, 400, 400, gsd=4.0)
    outer = Polygon([(16.335, 48.222), (16.35, 48.222), (16.35, 48.232), (16.335, 48.232)])
    hole = box(16.340, 48.225, 16.345, 48.229)
    raster.path.write_bytes(b"x")
    area = outer - hole
    plan = make_plan([raster], CARD, CutSettings(area=area, crs="EPSG:32633"))
    rows = np.concatenate([block.rows for block in plan.blocks])
    cols = np.concatenate([block.cols for block in plan.blocks])
    half = plan.grid.stride_m / 2
    x, y = plan.grid.centre(rows, cols)
    central = shapely.box(x - half, y - half, x + half, y + half)
    assert shapely.intersects(central, to_grid(area, "EPSG:32633")).all()
    lon, lat = to_lonlat("EPSG:32633", x, y)
    inside = shapely.contains_xy(shapely.buffer(hole, -0.0006), lon, lat)
    assert len(rows) > 500 and not inside.any()


def test_blocks_are_read_down_strips_so_that_what_neighbours_share_stays_at_hand():
    def block(row, col):
        return Block(
            f"r{row}c{col}", np.array([16 * row]), np.array([16 * col]), (0,), (0, 0, 1, 1)
        )

    blocks = [block(row, col) for row in (-1, 0, 1) for col in range(-2, 6)]
    read = [one.name for one in sorted(blocks, key=lambda one: one.turn)]
    assert read[:4] == ["r-1c-2", "r-1c-1", "r0c-2", "r0c-1"]
    assert read[6:11] == ["r-1c0", "r-1c1", "r-1c2", "r-1c3", "r0c0"]
