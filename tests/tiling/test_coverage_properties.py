"""Every place that a raster shows lies in the middle of a tile, wherever on Earth it is."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pyproj import Geod, Transformer
from rasterio.transform import Affine
from shapely.geometry import Polygon

from cvgl_core.errors import EmptyCoverageError, SettingsError
from cvgl_core.geo import from_lonlat, metric_crs_for, to_lonlat
from cvgl_core.types import LonLat
from tests.soak import cases
from tests.tiling.helpers import StubDescriber
from tiling.plan import CutSettings, Plan, make_plan
from tiling.raster.info import RasterInfo

CARD = StubDescriber(72.0, 128).card
LONS = st.one_of(
    st.floats(-180.0, 180.0), st.floats(179.9, 180.1), st.integers(-30, 30).map(lambda z: z * 6.0)
)
LATS = st.one_of(st.floats(-85.0, 85.0), st.sampled_from([-85.0, -80.0, 0.0, 84.0, 85.0]))
CRS = st.sampled_from(
    ["UTM", "next UTM", "EPSG:4326", "EPSG:3857", "EPSG:3413", "EPSG:3031", "EPSG:3832"]
)
TILES_M = st.sampled_from([36.0, 72.0, 144.0, 5000.0])
QUICK = settings(
    max_examples=cases(60, 5000),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file whose content does not matter."""
    (tmp_path / "any.tif").write_bytes(b"any")
    return tmp_path / "any.tif"


def named_crs(name: str, lon: float, lat: float) -> str:
    """A CRS by the names above, at a place."""
    if name == "UTM":
        return metric_crs_for(lon, lat)
    return metric_crs_for((lon + 186.0) % 360.0 - 180.0, lat) if name == "next UTM" else name


def raster_at(
    path: Path, lon: float, lat: float, crs: str, size_m: tuple[float, float], turn_deg: float
) -> RasterInfo:
    """A raster round a place: its ground sides in metres, turned clockwise in its CRS."""
    to_crs = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    lon = (lon + 180.0) % 360.0 - 180.0
    x, y = to_crs.transform(lon, lat)
    steps = [Geod(ellps="WGS84").fwd(lon, lat, azimuth, 10.0)[:2] for azimuth in (90.0, 0.0)]
    ends = [to_crs.transform(lon + (e - lon + 180.0) % 360.0 - 180.0, n) for e, n in steps]
    unit = max(np.hypot(end[0] - x, end[1] - y) for end in ends) / 10.0
    assume(np.isfinite(unit) and unit < 1e3)  # not across the seam of the CRS
    size = tuple(max(1, round(side)) for side in size_m)
    pixel = unit * size_m[0] / size[0]
    transform = (
        Affine.translation(x, y)
        @ Affine.rotation(-turn_deg)
        @ Affine.scale(pixel, -pixel)
        @ Affine.translation(-size[0] / 2, -size[1] / 2)
    )
    return RasterInfo(
        path=path,
        driver="GTiff",
        crs=crs,
        transform=tuple(transform)[:6],
        width_px=size[0],
        height_px=size[1],
        gsd_m_per_px=1.0,
        centre=LonLat(lon, lat),
        dtype="uint8",
        bands=(1, 2, 3),
        paletted=False,
        has_alpha=False,
        nodata=None,
        overviews=(),
        stretch=(),
        parts=(path,),
    )


def planned(rasters: list[RasterInfo], **options: object) -> Plan:
    """The plan of rasters that are accepted."""
    try:
        return make_plan(rasters, CARD, CutSettings(**options))
    except (SettingsError, EmptyCoverageError):
        assume(False)
        raise


def tiles_of(plan: Plan) -> set[tuple[int, int]]:
    """Rows and columns of all tiles."""
    return {
        (row, col)
        for block in plan.blocks
        for row, col in zip(block.rows.tolist(), block.cols.tolist(), strict=True)
    }


def in_the_middle_of_one(plan: Plan, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Whether places lie in the central quarter of a tile of the plan."""
    x, y = Transformer.from_crs("EPSG:4326", plan.grid.crs, always_xy=True).transform(lon, lat)
    rows, cols = np.array(sorted(tiles_of(plan))).T
    centre_x, centre_y = plan.grid.centre(rows, cols)
    away = np.maximum(np.abs(x[:, None] - centre_x), np.abs(y[:, None] - centre_y)).min(axis=1)
    return away <= plan.grid.tile_size_m / 4.0 * (1.0 + 1e-6)


@QUICK
@given(
    LONS,
    LATS,
    CRS,
    TILES_M,
    st.floats(1.1, 20.0),
    st.floats(1.1, 20.0),
    st.sampled_from([0, 0, 30, 45, 180]),
)
def test_every_place_is_in_the_central_quarter_of_a_tile(
    path: Path, lon: float, lat: float, crs: str, tile_m: float, wide: float, high: float, turn: int
) -> None:
    """A quarter of a tile from the rim by default; up to the rim where less picture is enough."""
    turn = turn // 180 * 180 if crs == "EPSG:4326" else turn  # degrees are not as long as wide
    raster = raster_at(
        path, lon, lat, named_crs(crs, lon, lat), (wide * tile_m, high * tile_m), float(turn)
    )
    rng = np.random.default_rng(0)
    share = np.concatenate([rng.random((60, 2)), [[0, 0], [0, 1], [1, 0], [1, 1], [0.5, 0]]])
    margin = 0.27 * tile_m / (np.array([wide, high]) * tile_m)  # the CRS may shorten metres a bit
    to_degrees = Transformer.from_crs(raster.crs, "EPSG:4326", always_xy=True)
    for min_valid, places in ((0.25, margin + share * (1.0 - 2.0 * margin)), (0.06, share)):
        plan = planned([raster], tile_size_m=tile_m, min_valid=min_valid)
        col, row = (places * [raster.width_px, raster.height_px]).T
        lons, lats = to_degrees.transform(*(Affine(*raster.transform) @ (col, row)))
        assert in_the_middle_of_one(plan, np.asarray(lons), np.asarray(lats)).all()


@settings(QUICK, max_examples=cases(20, 2000))
@given(
    LONS, LATS, CRS, st.floats(0.0, 359.0), st.floats(2.0, 9.0), st.randoms(use_true_random=False)
)
def test_names_depend_neither_on_the_order_nor_on_the_extent(
    path: Path, lon: float, lat: float, crs: str, bearing: float, side: float, rng
) -> None:
    geod = Geod(ellps="WGS84")
    beside = geod.fwd(lon, lat, bearing, 72.0 * side)[:2]
    rasters = [
        raster_at(path, *place, named_crs(crs, lon, lat), (72.0 * side, 72.0 * side), 0.0)
        for place in ((lon, lat), beside)
    ]
    grid_crs = metric_crs_for(lon, lat)
    alone = [tiles_of(planned([raster], crs=grid_crs)) for raster in rasters]
    both = planned(rasters, crs=grid_crs)
    assert tiles_of(both) == tiles_of(planned(rasters[::-1], crs=grid_crs))
    assert alone[0] | alone[1] <= tiles_of(both)
    whole = tiles_of(planned(rasters, crs=grid_crs, min_valid=1.0))
    chosen = rng.choice(sorted(whole))
    x, y = both.grid.centre(*chosen)
    lons, lats = to_lonlat(grid_crs, x + np.array([-5, 5, 5, -5]), y + np.array([-5, -5, 5, 5]))
    lons = lons[0] + (lons - lons[0] + 180.0) % 360.0 - 180.0
    area = Polygon(np.stack([lons, lats], axis=-1)).buffer(0.0007)
    small = tiles_of(planned(rasters, crs=grid_crs, area=area))
    assert chosen in small <= tiles_of(planned(rasters, crs=grid_crs, min_valid=1e-6))


@settings(max_examples=cases(200, 20_000), deadline=None)
@given(LONS, LATS, CRS, st.floats(0, 1), st.floats(0, 1))
def test_pixels_and_degrees_there_and_back(
    lon: float, lat: float, crs: str, right: float, down: float
) -> None:
    """Of a raster with 0.1 m a pixel, by way of its CRS, degrees and the grid of an index."""
    raster = raster_at(Path("none"), lon, lat, named_crs(crs, lon, lat), (3000.0, 3000.0), 20.0)
    pixel = Affine(*raster.transform) @ Affine.scale(0.1)
    col, row = right * 30_000, down * 30_000
    x, y = pixel @ (col, row)
    grid_crs = metric_crs_for(lon, lat)
    lons, lats = to_lonlat(grid_crs, *from_lonlat(grid_crs, *to_lonlat(raster.crs, [x], [y])))
    back_x, back_y = (float(value[0]) for value in from_lonlat(raster.crs, lons, lats))
    round_the_earth = {"EPSG:4326": 360.0, "EPSG:3857": 2 * np.pi * 6378137.0}.get(raster.crs, 1e9)
    back_x += round((x - back_x) / round_the_earth) * round_the_earth
    assert np.abs(np.subtract(~pixel @ (back_x, back_y), (col, row))).max() <= 0.01


@QUICK
@given(
    LONS,
    LATS,
    st.sampled_from(["UTM", "UTM", "next UTM", "EPSG:3857", "EPSG:3413", "EPSG:3031"]),
    TILES_M,
)
def test_a_tile_has_the_asked_side_on_the_ground(
    path: Path, lon: float, lat: float, crs: str, tile_m: float
) -> None:
    """In any CRS that is accepted for the grid."""
    assume(tile_m < 1000.0)
    raster = raster_at(path, lon, lat, metric_crs_for(lon, lat), (9 * tile_m, 5 * tile_m), 0.0)
    plan = planned([raster], tile_size_m=tile_m, crs=named_crs(crs, lon, lat))
    rows, cols = np.array(sorted(tiles_of(plan))).T
    x, y = plan.grid.corners(rows, cols)
    lons, lats = (v.reshape(x.shape) for v in to_lonlat(plan.grid.crs, x.ravel(), y.ravel()))
    following = np.roll(np.arange(4), -1)
    sides = Geod(ellps="WGS84").inv(lons, lats, lons[:, following], lats[:, following])[2]
    assert np.abs(np.asarray(sides) / tile_m - 1.0).max() <= 1e-3 * (1 + 1e-4)
