"""How much memory a build takes: it must not grow with the raster.

    python benchmarks/bench_tiling.py [--sizes 4096 8192 16384] [--model unifygeo-lite0]

Each size is built by a process of its own, with a describer that does next to nothing unless one
is named; the peak is that of the whole process. How fast rasters are cut: ``bench_cutting.py``.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import rasterio
from rasterio.transform import from_origin
from rasterio.windows import Window

from cvgl_core.types import Float32Array, GroundSpec, ModelCard, Precision, Runtime, UInt8Array
from tiling.build import build_index
from tiling.engines import load_describer
from tiling.raster.info import describe_raster

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

    map_shape = (48, 1, 1)
    precision: Precision = "float32"
    runtime: Runtime = "torch"
    batch_tiles = 32
    shared_trunk = ""

    def describe_tiles(self, rgb: UInt8Array) -> Float32Array:
        """Return descriptors ``[N, 48]``."""
        means = rgb.reshape(len(rgb), 4, 32, 4, 32, 3).mean(axis=(2, 4), dtype=np.float32)
        return means.reshape(len(rgb), -1) + np.float32(1.0)

    def encode_tiles(self, rgb: UInt8Array) -> tuple[Float32Array, Float32Array]:
        """Return the descriptors, also as maps of one cell."""
        found = self.describe_tiles(rgb)
        return found, found[:, :, None, None]


def make_raster(path: Path, size_px: int) -> Path:
    """Write a JPEG-compressed GeoTIFF of ground, noise and roofs in blocks of 512 px."""
    rng, side = np.random.default_rng(0), 2048
    coarse = rng.integers(60, 190, (64, 64, 3), np.uint8)
    picture = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.int16)
    picture += rng.normal(0, 6, (side, side, 1)).astype(np.int16)
    for _ in range(900):
        (y, x), (h, w) = rng.integers(0, side - 60, 2), rng.integers(12, 60, 2)
        picture[y : y + h, x : x + w] = rng.integers(40, 230, 3) + rng.integers(-6, 6, (h, w, 1))
    patch = np.moveaxis(picture.clip(0, 255).astype(np.uint8), -1, 0)
    with rasterio.open(
        path, "w", driver="GTiff", width=size_px, height=size_px, count=3, dtype="uint8",
        crs="EPSG:32633", transform=from_origin(*ORIGIN, GSD_M, GSD_M), tiled=True,
        blockxsize=512, blockysize=512, compress="jpeg", photometric="ycbcr", jpeg_quality=85,
    ) as target:  # fmt: skip
        for row in range(0, size_px, side):
            for col in range(0, size_px, side):
                target.write(patch, window=Window(col, row, side, side))
    return path


def build_memory(path: Path, output: Path, model: str) -> None:
    """Build an index and print the peak memory of this process in MB."""
    describer = load_describer(model, "cpu") if model else NullDescriber()
    result = build_index([describe_raster(path)], output, describer, maps=bool(model))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{result.manifest.tile_count} {peak:.0f}")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=[4096, 8192, 16384])
    parser.add_argument("--model", default="", help="a real network in place of none")
    parser.add_argument("--build", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.build:
        build_memory(*options.build, options.model)
        return
    first = 0
    with tempfile.TemporaryDirectory() as folder:
        for size in options.sizes:
            path = make_raster(Path(folder) / f"{size}.tif", size)
            command = [sys.executable, __file__, "--build", path, Path(folder) / f"{size}.cvgl"]
            command += ["--model", options.model]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            tiles, peak = (int(word) for word in done.stdout.split())
            first = first or peak
            print(f"{size:6d} x {size} px: {tiles:7d} tiles, peak {peak} MB, {peak / first:.2f} x")


if __name__ == "__main__":
    main()
