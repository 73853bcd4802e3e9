"""Rasters in GeoPackage and MBTiles: the right place, and the reduced copy that suits."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from rasterio.transform import from_origin

from cvgl_core.errors import UnsupportedRasterError
from tests.tiling.helpers import E0, N0, PLAIN, UTM, ramp, world_raster
from tests.tiling.raster.test_info import around
from tiling.raster.info import describe_raster


def contained(path: Path, driver: str, form: str = "PNG", gsd: float = 0.25) -> Path:
    """The synthetic world in a container, with reduced copies."""
    if driver == "MBTiles":  # always Web Mercator, by zoom levels
        side = 2 * 20_037_508.342789244 / 2**19 / 256
        x, y = Transformer.from_crs(UTM, "EPSG:3857", always_xy=True).transform(E0, N0)
        col, row = (
            round((x + 20_037_508.342789244) / side),
            round((20_037_508.342789244 - y) / side),
        )
        transform = from_origin(
            col * side - 20_037_508.342789244, 20_037_508.342789244 - row * side, side, side
        )
        world_raster(path, transform, (512, 512), "EPSG:3857", UTM, driver=driver, TILE_FORMAT=form)
    else:
        transform = from_origin(E0, N0, gsd, gsd)
        world_raster(path, transform, (512, 512), UTM, driver=driver, TILE_FORMAT=form)
    with rasterio.open(path, "r+") as target:
        target.build_overviews([2, 4], rasterio.enums.Resampling.average)
    return path


@pytest.mark.parametrize(
    ("driver", "form", "gsd"),
    [
        ("GPKG", "PNG", 0.3),
        ("GPKG", "JPEG", 1.0),
        ("MBTiles", "JPEG", 0.3),
        ("MBTiles", "PNG", 1.0),
    ],
)
def test_pixels_are_where_they_belong(tmp_path: Path, driver: str, form: str, gsd: float) -> None:
    path = contained(tmp_path / f"w.{driver.lower()}", driver, form)
    info = describe_raster(path)
    assert info.driver == driver and info.bands == (1, 2, 3) and info.overviews == (2, 4)
    assert info.crs == ("EPSG:3857" if driver == "MBTiles" else UTM)
    rgb, valid, x, y, crs = around(path, gsd, round(100 / gsd))  # rising and falling alike
    assert crs == UTM and valid.all()
    error = np.abs(rgb - ramp(x, y))
    assert error.mean() < (5 if form == "JPEG" else 2)
    for axis, metres in enumerate((x, y)):
        smooth = (np.abs(np.mod(x, 50.0) - 25) < 21) & (np.abs(np.mod(y, 50.0) - 25) < 21)
        sign = np.sign(np.mod(metres, 100.0) - 50)[smooth]
        shift_m = ((rgb - ramp(x, y))[..., axis][smooth] * sign).mean() / 4.3
        assert abs(shift_m) < 0.2 * gsd


def test_the_reduced_copy_is_read_where_it_is_fine_enough(tmp_path: Path) -> None:
    path = contained(tmp_path / "w.gpkg", "GPKG")
    with rasterio.open(path, "r+") as target:
        target.write(
            np.zeros((3, 512, 512), np.uint8), [1, 2, 3]
        )  # the copies show the world still
    assert around(path, 0.3, 40)[0].max() == 0
    rgb, valid, x, y, _ = around(path, 1.0, 40)
    assert valid.all() and np.abs(rgb - ramp(x, y)).mean() < 3


def test_a_geopackage_of_several_rasters_is_refused_by_their_names(tmp_path: Path) -> None:
    path = tmp_path / "two.gpkg"
    for table in ("north", "south"):
        world_raster(
            path, PLAIN, (64, 64), UTM, driver="GPKG", RASTER_TABLE=table, APPEND_SUBDATASET="YES"
        )
    with pytest.raises(UnsupportedRasterError, match=r"two\.gpkg.*north.*south"):
        describe_raster(path)
