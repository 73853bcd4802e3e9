"""Golden rasters: each is indexed with every tile in its place, or refused in the right words.

All show the same synthetic world, whose colours tell the place to a fraction of a pixel. The
pictures are laid out in the metres of the index, so that a raster in any projection must come back
as that world.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from rasterio.rpc import RPC
from rasterio.transform import Affine, from_origin

from cvgl_core.errors import (
    CvglError,
    EmptyCoverageError,
    MissingGeoreferenceError,
    UnsupportedRasterError,
)
from cvgl_core.geo import metric_crs_for
from cvgl_core.index import Index
from tests.tiling.helpers import (
    AERIAL_PX,
    E0,
    N0,
    PLAIN,
    TILE_M,
    UTM,
    StubDescriber,
    ramp,
    shift_px,
    world_raster,
    write_raster,
)
from tiling.build import build_index
from tiling.raster.info import describe_raster

SIDE = 320
GSD = TILE_M / AERIAL_PX
MAX_SHIFT_PX = 0.5

Maker = Callable[[Path], list[Path]]
"""Writes the rasters of a case into a folder."""


@dataclass(frozen=True)
class Right:
    """A case that is indexed.

    Attributes:
        make: writes its rasters.
        crs: given with --source-crs.
        bands: given with --bands.
        scale: what the world's colours were multiplied with.
        whole: share of the tiles that must be without a hole, at least and at most.
        grey: whether all bands show the first colour.
        noise: mean error of colours that the format is allowed, of 255.
    """

    make: Maker
    crs: str | None = None
    bands: tuple[int, ...] | None = None
    scale: float = 1.0
    whole: tuple[float, float] = (0.4, 1.0)
    grey: bool = False
    noise: float = 4.0


@dataclass(frozen=True)
class Refused:
    """A case that is refused.

    Attributes:
        make: writes its rasters.
        error: of this class.
        words: that its message holds, besides the name of the file.
    """

    make: Maker
    error: type[CvglError]
    words: str


def centre_crs(transform: Affine, size: tuple[int, int], crs: str) -> str:
    """The CRS of the index of a raster."""
    x, y = transform @ (size[1] / 2, size[0] / 2)
    return metric_crs_for(*Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(x, y))


def world(
    transform: Affine, crs: str, size: tuple[int, int] = (SIDE, SIDE), **options: Any
) -> Maker:
    """A raster of the world."""

    def make(folder: Path) -> list[Path]:
        driver = options.get("driver", "GTiff")
        path = folder / f"golden.{ {'GTiff': 'tif', 'JPEG': 'jpg', 'PNG': 'png'}[driver] }"
        return [
            world_raster(path, transform, size, crs, centre_crs(transform, size, crs), **options)
        ]

    return make


def mercator(lat: float) -> Maker:
    """A raster of Web Mercator whose pixels are half a metre on the ground."""
    to_mercator = Transformer.from_crs("EPSG:4326", "EPSG:3857", always_xy=True)
    x, y = to_mercator.transform(13.4, lat)
    side = 0.5 / np.cos(np.radians(lat))
    return world(from_origin(x, y, side, side), "EPSG:3857")


def changed(change: Callable[[np.ndarray], tuple[np.ndarray, dict[str, Any]]]) -> Maker:
    """The plain raster with its pixels [H, W, 3] changed, and options for writing."""

    def make(folder: Path) -> list[Path]:
        col, row = np.meshgrid(np.arange(SIDE) + 0.5, np.arange(SIDE) + 0.5)
        pixels = np.rint(ramp(E0 + 0.5 * col, N0 - 0.5 * row)).astype(np.uint8)
        pixels, options = change(pixels)
        return [write_raster(folder / "golden.tif", pixels, PLAIN, UTM, **options)]

    return make


def hole(pixels: np.ndarray) -> np.ndarray:
    """Where the plain raster with a hole has none: all but a quarter."""
    shown = np.ones(pixels.shape[:2], bool)
    shown[: SIDE // 2, : SIDE // 2] = False
    return shown


def nodata(value: int) -> Maker:
    """A hole marked by a value that the world does not have."""
    return changed(
        lambda p: (np.where(hole(p)[..., None], p, value).astype("u1"), {"nodata": value})
    )


def rgba(pixels: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
    """A hole marked by alpha."""
    alpha = np.where(hole(pixels), 255, 0).astype(np.uint8)
    return np.dstack([pixels, alpha]), {"photometric": "RGB", "alpha": "YES"}


def infrared(pixels: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
    """A fourth band that is a colour."""
    return np.dstack([pixels, pixels[..., :1]]), {"photometric": "RGB", "alpha": "NO"}


def not_a_number(pixels: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
    """A hole of NaN, in floats."""
    return np.where(hole(pixels)[..., None], pixels, np.nan).astype(np.float32), {}


def masked(folder: Path) -> list[Path]:
    """A hole marked by a mask inside the file."""
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        (path,) = world(PLAIN, UTM)(folder)
        with rasterio.open(path, "r+") as target:
            target.write_mask(hole(np.empty((SIDE, SIDE))))
    return [path]


def paletted(folder: Path) -> list[Path]:
    """16 x 16 colours, of which the first tells x and the second y."""

    def numbers(pixels: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
        levels = np.rint((pixels[..., :2] - 20.0) / 215.0 * 15.0).astype(np.uint8)
        return (levels[..., :1] * 16 + levels[..., 1:]), {}

    (path,) = changed(numbers)(folder)
    colours = {n: (20 + n // 16 * 215 // 15, 20 + n % 16 * 215 // 15, 0, 255) for n in range(256)}
    with rasterio.open(path, "r+") as target:
        target.write_colormap(1, colours)
    return [path]


def two(folder: Path) -> list[Path]:
    """A coarse raster, and a finer one that overlaps it."""
    size = (140, 140)
    fine = from_origin(E0 + 100, N0 - 50, 0.3, 0.3)
    return [
        world_raster(folder / "a.tif", from_origin(E0, N0, 0.9, 0.9), size, UTM),
        world_raster(folder / "golden.tif", fine, (400, 400), UTM),
    ]


def mosaic(folder: Path) -> list[Path]:
    """A VRT of two halves."""
    half = SIDE // 2
    for name, left in (("west", E0), ("east", E0 + half / 2)):
        world_raster(folder / f"{name}.tif", from_origin(left, N0, 0.5, 0.5), (SIDE, half), UTM)

    def source(name: str, band: int, left: int) -> str:
        size = f'xSize="{half}" ySize="{SIDE}"'
        return (
            f'<SimpleSource><SourceFilename relativeToVRT="1">{name}.tif</SourceFilename>'
            f'<SourceBand>{band}</SourceBand><SrcRect xOff="0" yOff="0" {size}/>'
            f'<DstRect xOff="{left}" yOff="0" {size}/></SimpleSource>'
        )

    bands = "".join(
        f'<VRTRasterBand dataType="Byte" band="{band}">{source("west", band, 0)}'
        f"{source('east', band, half)}</VRTRasterBand>"
        for band in (1, 2, 3)
    )
    (folder / "golden.vrt").write_text(
        f'<VRTDataset rasterXSize="{SIDE}" rasterYSize="{SIDE}"><SRS>{UTM}</SRS>'
        f"<GeoTransform>{E0}, 0.5, 0, {N0}, 0, -0.5</GeoTransform>{bands}</VRTDataset>"
    )
    return [folder / "golden.vrt"]


def with_world_file(driver: str) -> Maker:
    """A picture whose place is in a world file, without a CRS."""

    def make(folder: Path) -> list[Path]:
        options = {"QUALITY": "95"} if driver == "JPEG" else {}
        (path,) = world(PLAIN, UTM, driver=driver, WORLDFILE="YES", **options)(folder)
        Path(f"{path}.aux.xml").unlink()
        return [path]

    return make


def unplaced(gcps: bool = False, rpcs: bool = False) -> Maker:
    """A raster without a transform; placed by control points or a camera model, or not at all."""

    def make(folder: Path) -> list[Path]:
        path = folder / "golden.tif"
        with rasterio.open(
            path, "w", driver="GTiff", height=90, width=90, count=3, dtype="uint8"
        ) as target:
            if gcps:
                corners = [(row, col) for row in (0, 90) for col in (0, 90)]
                points = [
                    rasterio.control.GroundControlPoint(row, col, E0 + col, N0 - row)
                    for row, col in corners
                ]
                target.gcps = (points, rasterio.crs.CRS.from_string(UTM))
            if rpcs:
                one = [1.0, *[0.0] * 19]
                target.rpcs = RPC(0, 1, 48, 1, one, one, 45, 45, 15, 1, one, one, 45, 45)
            target.write(np.full((3, 90, 90), 9, np.uint8))
        return [path]

    return make


def flat(height: int, width: int, crs: str | None, **options: Any) -> Maker:
    """A raster of one colour."""
    pixels = np.full((height, width, 3), 99, np.uint8)
    return lambda folder: [write_raster(folder / "golden.tif", pixels, PLAIN, crs, **options)]


TURNED = Affine.translation(E0, N0) @ Affine.rotation(-30) @ Affine.scale(0.5, -0.5)
HOLED = {"whole": (0.2, 0.75)}

CASES: dict[str, Right | Refused] = {
    "no CRS": Refused(flat(90, 90, None), MissingGeoreferenceError, "--source-crs EPSG:n"),
    "no CRS, given": Right(with_world_file("PNG"), crs=UTM),
    "no transform": Refused(unplaced(), MissingGeoreferenceError, "does not say where on Earth"),
    "control points": Refused(unplaced(gcps=True), MissingGeoreferenceError, "gdalwarp IN OUT"),
    "camera model": Refused(unplaced(rpcs=True), MissingGeoreferenceError, "gdalwarp -rpc"),
    "plain": Right(world(PLAIN, UTM)),
    "rotated": Right(world(TURNED, UTM), whole=(0.1, 1.0)),
    "south up": Right(world(Affine(0.5, 0, E0, 0, 0.5, N0), UTM)),
    "degrees": Right(world(from_origin(14.3, 48.5, 6.8e-6, 4.5e-6), "EPSG:4326")),
    "degrees across 180": Right(world(from_origin(179.9993, -17, 4.7e-6, 4.5e-6), "EPSG:4326")),
    "Web Mercator at 0": Right(mercator(0.0)),
    "Web Mercator at 45": Right(mercator(45.0)),
    "Web Mercator at 60": Right(mercator(60.0)),
    "Web Mercator at 70": Right(mercator(70.0)),
    "Web Mercator at 80": Right(mercator(80.0)),
    "Web Mercator at 84": Right(mercator(84.0)),
    "UTM edge": Right(world(from_origin(166_050, 10_000, 0.5, 0.5), "EPSG:32631")),
    "neighbour zone": Right(world(from_origin(100_000, 5_400_000, 0.5, 0.5), "EPSG:32634")),
    "south of the equator": Right(world(from_origin(297_463, 9_050_677, 0.5, 0.5), "EPSG:32750")),
    "across the equator": Right(world(from_origin(500_000, 80, 0.5, 0.5), "EPSG:32633")),
    "EPSG:3832 across 180": Right(
        world(from_origin(3_339_584.7 - 80, -1_918_000, 0.5, 0.5), "EPSG:3832")
    ),
    "polar, north": Right(world(from_origin(-90_000, -110_000, 0.5, 0.5), "EPSG:3413")),
    "polar, south": Right(world(from_origin(300_000, 400_000, 0.5, 0.5), "EPSG:3031")),
    "16 bits": Right(world(PLAIN, UTM, dtype="uint16", scale=40.0), scale=40.0),
    "floats with NaN": Right(changed(not_a_number), **HOLED),
    "four bands": Right(changed(infrared)),
    "four bands, named": Right(changed(infrared), bands=(1, 2, 3)),
    "palette": Right(paletted, noise=8.0),
    "grey": Right(changed(lambda p: (p[..., :1], {})), grey=True),
    "nodata 0": Right(nodata(0), **HOLED),
    "nodata 255": Right(nodata(255), **HOLED),
    "mask": Right(masked, **HOLED),
    "alpha": Right(changed(rgba), **HOLED),
    "only nodata": Refused(flat(160, 160, UTM, nodata=99), EmptyCoverageError, "nodata"),
    "no colours": Refused(
        lambda folder: [
            write_raster(folder / "golden.tif", np.ones((90, 90, 1), np.complex64), PLAIN, UTM)
        ],
        UnsupportedRasterError,
        "no colours",
    ),
    "smaller than a tile": Refused(flat(50, 400, UTM), EmptyCoverageError, "less than one tile"),
    "one pixel": Refused(flat(1, 1, UTM), EmptyCoverageError, "less than one tile"),
    "two of other detail": Right(two, whole=(0.3, 1.0)),
    "VRT mosaic": Right(mosaic),
    "JPEG with a world file": Right(with_world_file("JPEG"), crs=UTM),
    "JPEG without its CRS": Refused(
        with_world_file("JPEG"), MissingGeoreferenceError, "--source-crs"
    ),
}


def built(case: Right, folder: Path) -> Index:
    """The index of a case."""
    infos = [describe_raster(path, crs=case.crs, bands=case.bands) for path in case.make(folder)]
    build_index(infos, folder / "city.cvgl", StubDescriber())
    return Index.open(folder / "city.cvgl")


def expected(index: Index, tile: int, case: Right) -> np.ndarray:
    """The colours [p, p, 3] of the world where a tile says that it lies."""
    bounds = index.grid.bounds(int(index.rows[tile]), int(index.cols[tile]))
    offsets = (np.arange(AERIAL_PX) + 0.5) * GSD
    x, y = np.meshgrid(bounds.left_m + offsets, bounds.top_m - offsets)
    colours = ramp(x, y) * case.scale
    stretch = index.manifest.sources[0].stretch
    if stretch:
        low, high = np.array(stretch).T
        colours = np.clip((colours - low) / (high - low), 0.0, 1.0) * 255.0
    return colours[..., [0, 0, 0]] if case.grey else colours


@pytest.mark.parametrize("name", [n for n, case in CASES.items() if isinstance(case, Right)])
def test_every_tile_lies_where_it_says(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    assert isinstance(case, Right)
    index = built(case, tmp_path)
    assert index.verify() == []
    full = np.flatnonzero(index.valid_fraction == 1.0)
    assert case.whole[0] <= len(full) / len(index) <= case.whole[1] and len(full) >= 8
    for tile, found in zip(full, index.tile_pixels(full).astype(float), strict=True):
        wanted = expected(index, tile, case)
        assert np.abs(shift_px(found, wanted)).max() <= MAX_SHIFT_PX
        assert np.abs(found - wanted)[..., :2].mean() <= case.noise


@pytest.mark.parametrize("name", [n for n, case in CASES.items() if isinstance(case, Refused)])
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_what_cannot_be_indexed_is_refused_in_clear_words(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    assert isinstance(case, Refused)
    paths = case.make(tmp_path)
    with pytest.raises(case.error) as caught:
        infos = [describe_raster(path) for path in paths]
        build_index(infos, tmp_path / "city.cvgl", StubDescriber())
    assert case.words in str(caught.value) and "golden" in str(caught.value)
    assert not (tmp_path / "city.cvgl").exists()


def test_a_shift_would_be_seen(tmp_path: Path) -> None:
    index = built(Right(world(PLAIN, UTM)), tmp_path)
    tile = int(np.flatnonzero(index.valid_fraction == 1.0)[0])
    wanted = expected(index, tile, Right(world(PLAIN, UTM)))
    for right, down in ((1, 0), (0, 1), (-1, 1)):
        moved = np.roll(wanted, (down, right), axis=(0, 1))
        assert np.abs(shift_px(moved, wanted)).max() > MAX_SHIFT_PX


def test_a_place_at_the_rim_is_valid_by_its_share(tmp_path: Path) -> None:
    """Tiles that reach beyond the raster say which part of them shows picture."""
    index = built(Right(world(PLAIN, UTM)), tmp_path)
    side_m = SIDE * 0.5
    share = np.ones(len(index))
    for centre, first, last in zip(
        index.grid.centre(index.rows, index.cols), (E0, N0 - side_m), (E0 + side_m, N0), strict=True
    ):
        inside = np.minimum(centre + TILE_M / 2, last) - np.maximum(centre - TILE_M / 2, first)
        share *= inside / TILE_M
    assert (share < 0.99).any() and np.abs(share - index.valid_fraction).max() < 2.5 * GSD / TILE_M
