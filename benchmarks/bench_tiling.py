"""How fast rasters are cut, against two limits, and how much memory a build takes.

    python benchmarks/bench_tiling.py [--size 8192] [--memory 4096 16384]

Speed is in tiles per second of processor time, of one thread: decoding every block of the file
once and nothing else (the limit), one window per tile (the usual way), and ours. Memory is the
peak of a process that builds an index with a describer that does next to nothing, at two sizes of
raster: it must not grow with the raster.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio
from rasterio.enums import Resampling
from rasterio.transform import from_origin
from rasterio.windows import Window

from cvgl_core.types import Float32Array, GroundSpec, ModelCard, UInt8Array
from tiling.build import build_index
from tiling.cut import Cutter, tile_windows
from tiling.plan import CutSettings, make_plan
from tiling.raster import describe_raster

GSD_M = 0.25
ORIGIN = (500_000.0, 5_000_000.0)


class NullDescriber:
    """Stands in for the network: the mean colours of a tile's sixteenths."""

    card = ModelCard(
        name="none",
        parameters=0,
        tile_size_m=72.0,
        aerial_px=128,
        ground=GroundSpec(48, 256, 37.5, -30.0),
        mean_rgb=(0.5, 0.5, 0.5),
        std_rgb=(1.0, 1.0, 1.0),
        descriptor_dim=48,
        ground_columns=16,
        weights_sha256="0" * 64,
    )

    def describe_tiles(self, rgb: UInt8Array) -> Float32Array:
        """Return descriptors ``[N, 48]``."""
        means = rgb.reshape(len(rgb), 4, 32, 4, 32, 3).mean(axis=(2, 4), dtype=np.float32)
        return means.reshape(len(rgb), -1) + np.float32(1.0)


def make_raster(path: Path, size_px: int) -> Path:
    """Write a JPEG-compressed GeoTIFF of smooth noise in blocks of 512 px."""
    rng = np.random.default_rng(0)
    small = rng.integers(0, 255, (3, 256, 256), dtype=np.uint8)
    patch = small.repeat(4, axis=1).repeat(4, axis=2)
    with rasterio.open(
        path, "w", driver="GTiff", width=size_px, height=size_px, count=3, dtype="uint8",
        crs="EPSG:32633", transform=from_origin(*ORIGIN, GSD_M, GSD_M), tiled=True,
        blockxsize=512, blockysize=512, compress="jpeg", photometric="ycbcr",
    ) as target:  # fmt: skip
        for row in range(0, size_px, 1024):
            for col in range(0, size_px, 1024):
                target.write(patch, window=Window(col, row, 1024, 1024))
    return path


def decode_only(path: Path) -> float:
    """Return the seconds of processor time to decode each block once."""
    start = time.process_time()
    with rasterio.open(path) as source:
        for _, window in source.block_windows(1):
            source.read(window=window)
    return time.process_time() - start


def window_per_tile(path: Path) -> tuple[int, float]:
    """Return tiles and seconds of processor time of the usual way."""
    side, count = 72.0 / GSD_M, 0
    start = time.process_time()
    with rasterio.open(path) as source:
        for top in np.arange(0.0, source.height - side, side / 2):
            for left in np.arange(0.0, source.width - side, side / 2):
                tile = source.read(
                    window=Window(left, top, side, side),
                    out_shape=(3, 128, 128),
                    resampling=Resampling.average,
                )
                np.ascontiguousarray(tile.transpose(1, 2, 0))
                count += 1
    return count, time.process_time() - start


def ours(path: Path, crs: str) -> tuple[int, float]:
    """Return tiles and seconds of processor time of cutting by blocks."""
    plan = make_plan([describe_raster(path)], NullDescriber.card, CutSettings(crs=crs))
    count, start = 0, time.process_time()
    with Cutter(plan, 0.25, (128, 128, 128)) as cutter:
        for block in plan.blocks:
            cut = cutter.cut(block)
            count += len(tile_windows(cut, plan, cut.kept))
    return count, time.process_time() - start


def build_memory(path: Path, output: Path) -> None:
    """Build an index and print the peak memory of this process in MB."""
    result = build_index([describe_raster(path)], output, NullDescriber(), maps=False)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{result.manifest.tile_count} tiles, peak {peak:.0f} MB")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=8192, help="side of the raster, px")
    parser.add_argument("--memory", type=int, nargs="*", default=[4096, 16384])
    parser.add_argument("--build", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.build:
        build_memory(*options.build)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = make_raster(Path(folder) / "speed.tif", options.size)
        print(f"{options.size} x {options.size} px, JPEG, {GSD_M} m/px, tiles per CPU second:")
        seconds = decode_only(path)
        tiles, usual = window_per_tile(path)
        limit = tiles / seconds
        print(f"  decoding only     {limit:7.0f}   1.00")
        print(f"  window per tile   {tiles / usual:7.0f}   {tiles / usual / limit:.2f}")
        for name, crs in (("same CRS", "EPSG:32633"), ("other CRS", "EPSG:25833")):
            tiles, seconds = ours(path, crs)
            print(f"  blocks, {name:9s} {tiles / seconds:7.0f}   {tiles / seconds / limit:.2f}")
        for size in options.memory:
            path = make_raster(Path(folder) / f"{size}.tif", size)
            command = [sys.executable, __file__, "--build", path, Path(folder) / f"{size}.cvgl"]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            print(f"build of {size} x {size} px: {done.stdout.strip()}")


if __name__ == "__main__":
    main()
