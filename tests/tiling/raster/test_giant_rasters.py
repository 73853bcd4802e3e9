"""Rasters larger than any memory."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from rasterio.transform import from_origin
from rasterio.windows import Window

from cvgl_core.index import Index
from tests.tiling.helpers import AERIAL_PX, TILE_M, UTM, ramp, shift_px

GIANT = """
import sys
from pathlib import Path
import numpy as np
from tests.tiling.helpers import StubDescriber
from cvgl_core.geo.area import read_area
from tiling.build import build_index
from tiling.plan import CutSettings
from tiling.raster.info import describe_raster
folder = Path(sys.argv[1])

def peak_kb():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])

before = peak_kb()
settings = CutSettings(area=read_area(sys.argv[2]))
info = describe_raster(folder / "giant.tif")
build_index([info], folder / "city.cvgl", StubDescriber(), settings)
print(peak_kb() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_a_sparse_raster_of_a_million_by_a_million_pixels_takes_little_memory(
    tmp_path: Path,
) -> None:
    """Memory depends on the area asked for, not on the raster."""
    side, block = 1_000_000, 2048
    transform = from_origin(450_000, 5_450_000, 0.1, 0.1)
    with rasterio.open(
        tmp_path / "giant.tif", "w", driver="GTiff", height=side, width=side, count=3,
        dtype="uint8", crs=UTM, transform=transform, tiled=True, blockxsize=block,
        blockysize=block, BIGTIFF="YES", SPARSE_OK="TRUE", compress="deflate",
    ) as target:  # fmt: skip
        left = side // 2 // block * block
        col, row = np.meshgrid(np.arange(block) + left + 0.5, np.arange(block) + left + 0.5)
        pixels = np.rint(ramp(450_000 + 0.1 * col, 5_450_000 - 0.1 * row)).astype(np.uint8)
        target.write(np.moveaxis(pixels, -1, 0), window=Window(left, left, block, block))
    x, y = 450_000 + 0.1 * (left + 300), 5_450_000 - 0.1 * (left + 300)
    to_degrees = Transformer.from_crs(UTM, "EPSG:4326", always_xy=True)
    (west, east), (north, south) = to_degrees.transform([x, x + 140], [y, y - 140])
    done = subprocess.run(
        [sys.executable, "-c", GIANT, tmp_path, f"{west},{south},{east},{north}"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    assert int(done.stdout) * 1024 < 200e6
    index = Index.open(tmp_path / "city.cvgl")
    assert len(index) > 60 and (index.valid_fraction == 1.0).all()
    for tile in range(0, len(index), 9):
        found = index.tile_pixels([tile])[0].astype(float)
        bounds = index.grid.bounds(int(index.rows[tile]), int(index.cols[tile]))
        metres = (np.arange(AERIAL_PX) + 0.5) * TILE_M / AERIAL_PX
        wanted = ramp(*np.meshgrid(bounds.left_m + metres, bounds.top_m - metres))
        assert np.abs(shift_px(found, wanted)).max() <= 0.5
