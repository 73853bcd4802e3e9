"""Cutting against the ways others cut: tiles per second of processor time, in the same run.

    python benchmarks/bench_cutting.py [--size 16384] [--rounds 3] [--folder KEEP]

Three tasks on one JPEG GeoTIFF (blocks of 512 px, no reduced copies): tiles of 640 px at a stride
of 320 as they are; the same tiles at 384 px, a network's batch; and tiles of 640 px from a raster
in another zone, which must be warped. Every way yields tiles as arrays of their own, colours last,
as a network's batch is made of, but for the row "views". The ways take turns; a figure is the
median of the rounds. Ways that are slow cut the first rows of tiles only, with a warm cache.

Peers are measured where they are installed, and said to be missing where not. Into an environment
that has cvgl:

    pip install rio-tiler
    pip install torchgeo            # or, small and beside a CPU torch: --no-deps torchgeo==0.8.1,
                                    # einops kornia kornia_rs torchmetrics lightning-utilities
                                    # lightning segmentation-models-pytorch matplotlib
    apt install gdal-bin python3-gdal      # gdal_retile; it writes files, as nothing else here does
"""

from __future__ import annotations

import argparse
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import rasterio
from bench_tiling import GSD_M, NullDescriber, make_raster
from PIL import Image
from rasterio.enums import Resampling
from rasterio.transform import from_origin
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from tiling.cut import Cutter, tile_windows
from tiling.plan import CutSettings, Plan, make_plan
from tiling.raster.info import describe_raster

TILE_PX, STRIDE_PX, SMALL_PX = 640, 320, 384
GRID_CRS, OTHER_CRS = "EPSG:32633", "EPSG:32632"
OTHER_ORIGIN = (720_000.0, 5_000_000.0)
BATCH = 16
SLOW_TILES = 200

Way = Callable[[Path], int]
"""Cuts a raster, or the first rows of it, and returns how many tiles that gave."""


def corners(source: Any) -> Iterator[tuple[int, int]]:
    """Yield top and left of tiles, row by row."""
    for top in range(0, source.height - TILE_PX + 1, STRIDE_PX):
        for left in range(0, source.width - TILE_PX + 1, STRIDE_PX):
            yield top, left


def decode_only(path: Path) -> int:
    """Every block once, by GDAL, and nothing else: what a reader on GDAL cannot beat."""
    with rasterio.open(path) as source:
        for _, window in source.block_windows(1):
            source.read(window=window)
        return len(list(corners(source)))


def windows(path: Path) -> int:
    """The usual code: a window a tile."""
    with rasterio.open(path) as source:
        for top, left in islice(corners(source), SLOW_TILES):
            tile = source.read(window=Window(left, top, TILE_PX, TILE_PX))
            np.ascontiguousarray(tile.transpose(1, 2, 0))
    return SLOW_TILES


def windows_and_resize(path: Path) -> int:
    """The usual code: a window a tile, each made smaller by Pillow."""
    with rasterio.open(path) as source:
        for top, left in islice(corners(source), SLOW_TILES):
            tile = source.read(window=Window(left, top, TILE_PX, TILE_PX))
            image = Image.fromarray(np.ascontiguousarray(tile.transpose(1, 2, 0)))
            np.asarray(image.resize((SMALL_PX, SMALL_PX), Image.Resampling.BICUBIC))
    return SLOW_TILES


def windows_resized(path: Path) -> int:
    """A window a tile, made smaller by GDAL as it reads."""
    shape = (3, SMALL_PX, SMALL_PX)
    with rasterio.open(path) as source:
        for top, left in islice(corners(source), SLOW_TILES):
            tile = source.read(
                window=Window(left, top, TILE_PX, TILE_PX),
                out_shape=shape,
                resampling=Resampling.average,
            )
            np.ascontiguousarray(tile.transpose(1, 2, 0))
    return SLOW_TILES


def warped_windows(path: Path) -> int:
    """One warped view of the raster, a window a tile."""
    with (
        rasterio.open(path) as source,
        WarpedVRT(source, crs=GRID_CRS, resampling=Resampling.bilinear) as view,
    ):
        for top, left in islice(warped_corners(view), SLOW_TILES):
            tile = view.read([1, 2, 3], window=Window(left, top, TILE_PX, TILE_PX))
            np.ascontiguousarray(tile.transpose(1, 2, 0))
    return SLOW_TILES


def warped_corners(view: Any) -> Iterator[tuple[int, int]]:
    """Yield top and left of tiles well within a warped raster, row by row."""
    side = view.height // 6
    for top in range(side, 5 * side, STRIDE_PX):
        for left in range(side, view.width - side, STRIDE_PX):
            yield top, left


def rio_tiler(path: Path, size_px: int = TILE_PX, crs: str | None = None) -> int:
    """rio-tiler's ``Reader.part``, a call a tile."""
    from rio_tiler.io import Reader

    with Reader(str(path)) as reader, WarpedVRT(reader.dataset, crs=crs or GRID_CRS) as view:
        places = corners(reader.dataset) if crs is None else warped_corners(view)
        for top, left in islice(places, SLOW_TILES):
            west, north = view.transform @ (left, top)
            east, south = view.transform @ (left + TILE_PX, top + TILE_PX)
            part = reader.part(
                (west, south, east, north),
                dst_crs=GRID_CRS,
                bounds_crs=GRID_CRS,
                width=size_px,
                height=size_px,
                resampling_method="average" if size_px < TILE_PX else "nearest",
                reproject_method="bilinear",
            )
            np.ascontiguousarray(part.data.transpose(1, 2, 0))
    return SLOW_TILES


def torchgeo(path: Path) -> int:
    """torchgeo's ``RasterDataset`` and ``GridGeoSampler``."""
    from cvgl_core.models.backbones import import_timm

    import_timm()  # makes torchvision importable beside a CPU torch
    from torchgeo.datasets import RasterDataset
    from torchgeo.samplers import GridGeoSampler

    class Raster(RasterDataset):
        filename_glob = path.name
        is_image = True

    data = Raster(path.parent)
    for place in islice(GridGeoSampler(data, TILE_PX, STRIDE_PX), SLOW_TILES):
        data[place]["image"].permute(1, 2, 0).contiguous()
    return SLOW_TILES


def retile(path: Path) -> int:
    """``gdal_retile``, which writes the tiles to files; of a corner of the raster."""
    with tempfile.TemporaryDirectory() as folder:
        corner = Path(folder) / "corner.vrt"
        side = 9 * STRIDE_PX + TILE_PX
        with rasterio.open(path) as source:
            subprocess.run(
                ["gdal_translate", "-q", "-of", "VRT", "-srcwin", "0", "0", str(side), str(side),
                 str(path), str(corner)], check=True,
            )  # fmt: skip
            del source
        command = ["gdal_retile.py", "-ps", TILE_PX, TILE_PX, "-overlap", STRIDE_PX]
        options = ["-co", "COMPRESS=JPEG", "-co", "PHOTOMETRIC=YCBCR", "-targetDir", folder]
        subprocess.run(
            [str(x) for x in [*command, *options, corner]], check=True, capture_output=True
        )
        return len(list(Path(folder).glob("corner_*.tif")))


@cache
def plan_of(path: Path, size_px: int) -> Plan:
    """Return what to cut: tiles of the same ground, all of which show picture."""
    card = replace(NullDescriber.card, aerial_px=size_px, tile_size_m=TILE_PX * GSD_M)
    return make_plan([describe_raster(path)], card, CutSettings(crs=GRID_CRS, min_valid=1.0))


def ours(size_px: int, views: bool = False) -> Way:
    """Blocks of tiles, and the tiles of each in batches."""

    def cut_all(path: Path) -> int:
        plan, count = plan_of(path, size_px), 0
        with Cutter(plan, 1.0, (128, 128, 128)) as cutter:
            for block in plan.blocks:
                cut = cutter.cut(block)
                count += len(cut.kept)
                for start in range(0, 0 if views else len(cut.kept), BATCH):
                    tile_windows(cut, plan, cut.kept[start : start + BATCH])
        return count

    return cut_all


TASKS: dict[str, dict[str, Way]] = {
    "640 px as they are": {
        "torchgeo": torchgeo,
        "rio-tiler": rio_tiler,
        "rasterio windows": windows,
        "gdal_retile (writes files)": retile,
        "limit of GDAL: decoding": decode_only,
        "cvgl": ours(TILE_PX),
        "cvgl, views": ours(TILE_PX, views=True),
    },
    "640 px to 384 px": {
        "rasterio windows, Pillow": windows_and_resize,
        "rasterio windows, GDAL": windows_resized,
        "rio-tiler": lambda path: rio_tiler(path, SMALL_PX),
        "cvgl": ours(SMALL_PX),
    },
    "640 px, another zone": {
        "WarpedVRT windows": warped_windows,
        "rio-tiler": lambda path: rio_tiler(path, crs=GRID_CRS),
        "cvgl": ours(TILE_PX),
    },
}


def tiles_per_cpu_second(way: Way, path: Path) -> float:
    """Return how fast a way is, its child processes counted."""
    start = cpu_seconds()
    return way(path) / (cpu_seconds() - start)


def cpu_seconds() -> float:
    """Return processor time used by this process and the children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def missing(name: str) -> bool:
    """Tell whether a peer is not installed."""
    from importlib.util import find_spec

    if name.startswith("gdal_retile"):
        return shutil.which("gdal_retile.py") is None
    module = {"torchgeo": "torchgeo", "rio-tiler": "rio_tiler"}.get(name)
    return module is not None and find_spec(module) is None


def measure(task: str, path: Path, rounds: int) -> None:
    """Print the table of a task."""
    ways = {name: way for name, way in TASKS[task].items() if not missing(name)}
    names = list(ways)
    speeds: dict[str, list[float]] = {name: [] for name in names}
    plan_of(path, SMALL_PX if "to" in task else TILE_PX)  # planning is no cutting
    for number in range(rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            speeds[name].append(tiles_per_cpu_second(ways[name], path))
    own = statistics.median(speeds["cvgl"])
    print(f"\n{task}\n  {'':28s} tiles/CPU-s   cvgl is")
    for name in TASKS[task]:
        if name not in speeds:
            print(f"  {name:28s} not installed")
            continue
        speed = statistics.median(speeds[name])
        print(f"  {name:28s} {speed:11.0f}   {own / speed:6.1f} x")


def in_another_zone(path: Path, target: Path) -> Path:
    """Copy a raster and say that it lies elsewhere."""
    shutil.copy(path, target)
    with rasterio.open(target, "r+") as raster:
        raster.crs, raster.transform = OTHER_CRS, from_origin(*OTHER_ORIGIN, GSD_M, GSD_M)
    return target


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=16384, help="side of the raster, px")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where rasters are kept for the next run")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(exist_ok=True)
        path = folder / f"cutting-{options.size}.tif"
        if not path.exists():
            make_raster(path, options.size)
        other = folder / f"another-zone-{options.size}.tif"
        if not other.exists():
            in_another_zone(path, other)
        print(f"{options.size} x {options.size} px, JPEG, {path.stat().st_size / 1e6:.0f} MB")
        for task in TASKS:
            measure(task, other if "zone" in task else path, options.rounds)


if __name__ == "__main__":
    main()
