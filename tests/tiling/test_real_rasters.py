"""Real rasters, without options: tiles lie where another reader finds their pixels."""

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
from pyproj import Transformer

from cvgl_core.errors import EmptyCoverageError, MissingGeoreferenceError
from cvgl_core.index import Index
from tests.tiling.helpers import StubDescriber
from tiling.build import build_index
from tiling.raster.info import describe_raster

DATA = Path(os.environ.get("CVGL_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"real rasters are not here: {DATA}")
FILES = [
    "autzen/autzen_rgb_0.5m.tif",
    "zurich/zurich_rgb_0.5m.tif",
    "chia/nadir_mosaic_0.15m.tif",
    "raster_troubles/pix4d_alpha_nodata.tif",
    "helsinki_pairs/tiles/111140337709579.tif",
    "helsinki_pairs/tiles/137963591694074.tif",
    "helsinki_pairs/tiles/188743346446201.tif",
]


def independent(path: Path, lon: np.ndarray, lat: np.ndarray, side_m: float) -> np.ndarray:
    """Mean colours [N, 3] of the source's pixels within side_m / 2 of places in degrees."""
    with rasterio.open(path) as source:
        to_source = Transformer.from_crs("EPSG:4326", source.crs.to_wkt(), always_xy=True)
        x, y = to_source.transform(lon, lat)
        col, row = ~source.transform * (np.asarray(x), np.asarray(y))
        rgb = source.read([1, 2, 3]).astype(float)
        mask = source.dataset_mask() > 0
        gsd = source.res[0] * (source.crs.linear_units_factor[1] if source.crs.is_projected else 1)
    half = side_m / gsd / 2
    found = np.full((*np.shape(lon), 3), np.nan)
    for at in np.ndindex(np.shape(lon)):
        r, c = row[at], col[at]
        rows = slice(max(0, round(r - half)), max(round(r - half) + 1, round(r + half)))
        cols = slice(max(0, round(c - half)), max(round(c - half) + 1, round(c + half)))
        if mask[rows, cols].size and mask[rows, cols].all():
            found[at] = rgb[:, rows, cols].mean(axis=(1, 2))
    return found


@pytest.mark.parametrize("name", FILES)
def test_ten_tiles_are_where_another_reader_finds_them(tmp_path: Path, name: str) -> None:
    """The patch round each centre fits the source best at no shift: tried at half-pixel steps."""
    build_index([describe_raster(DATA / name)], tmp_path / "city.cvgl", StubDescriber(72.0, 128))
    index = Index.open(tmp_path / "city.cvgl")
    assert index.verify() == []
    gsd = index.manifest.gsd_m_per_px
    full = np.flatnonzero(index.valid_fraction > 0.999)
    chosen = np.random.default_rng(1).choice(full, min(10, len(full)), replace=False)
    assert len(chosen) >= 2
    pixels = index.tile_pixels(chosen).astype(float)
    p = index.manifest.aerial_px
    half_steps = np.arange(-20, 20) / 2.0 + 0.5  # pixels from the centre, at half-pixel steps
    back = Transformer.from_crs(index.grid.crs, "EPSG:4326", always_xy=True)
    x, y = index.grid.centre(index.rows[chosen], index.cols[chosen])
    lon, lat = back.transform(x, y)
    assert np.allclose([lon, lat], [index.lons[chosen], index.lats[chosen]], atol=1e-9)
    east = half_steps[None, None, :] * gsd + x[:, None, None]
    north = -half_steps[None, :, None] * gsd + y[:, None, None]
    lon, lat = back.transform(*np.broadcast_arrays(east, north))
    source = independent(DATA / name, lon, lat, gsd)
    ours = pixels[:, p // 2 - 8 : p // 2 + 8, p // 2 - 8 : p // 2 + 8]
    errors = {}
    for down in range(-2, 3):
        for right in range(-2, 3):
            theirs = source[:, 4 + down : 36 + down : 2, 4 + right : 36 + right : 2]
            errors[right / 2, down / 2] = float(np.nanmean((ours - theirs) ** 2))
    best = min(errors, key=lambda shift: errors[shift])
    assert max(abs(best[0]), abs(best[1])) <= 0.5, errors
    assert errors[0.0, 0.0] < errors[1.0, 0.0] and errors[0.0, 0.0] < errors[-1.0, 0.0]
    assert errors[0.0, 0.0] < errors[0.0, 1.0] and errors[0.0, 0.0] < errors[0.0, -1.0]


def test_several_tiles_of_helsinki_in_one_index(tmp_path: Path) -> None:
    infos = [
        describe_raster(path) for path in sorted((DATA / "helsinki_pairs/tiles").glob("*.tif"))
    ]
    build_index(infos, tmp_path / "city.cvgl", StubDescriber(72.0, 128))
    index = Index.open(tmp_path / "city.cvgl")
    assert len(index.manifest.sources) == 3 and len(index) > 3 * 16
    for info in infos:
        near = np.hypot(index.lons - info.centre.lon, index.lats - info.centre.lat)
        assert near.min() < 0.0006


def test_what_is_too_small_or_not_placed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingGeoreferenceError, match="control points"):
        describe_raster(DATA / "raster_troubles/cog_gcps.tif")
    with pytest.raises(EmptyCoverageError, match="57 x 35 m"):
        build_index(
            [describe_raster(DATA / "raster_troubles/cog_rgb.tif")],
            tmp_path / "city.cvgl",
            StubDescriber(72.0, 128),
        )
