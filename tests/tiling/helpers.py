"""A stub model and synthetic rasters whose every pixel tells where it is."""

import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.transform import Affine, from_origin

from cvgl_core.types import GroundSpec, ModelCard

TILE_M, AERIAL_PX, DIM = 32.0, 32, 16
UTM = "EPSG:32633"
E0, N0 = 500_123.4, 5_400_321.7
PLAIN = from_origin(E0, N0, 0.5, 0.5)


class StubDescriber:
    """Describes a tile by a fixed random projection of its pixels; needs no network."""

    def __init__(
        self,
        tile_size_m: float = TILE_M,
        aerial_px: int = AERIAL_PX,
        seed: int = 0,
        precision: str = "float32",
        runtime: str = "torch",
    ) -> None:
        self.precision, self.runtime = precision, runtime
        self.card = ModelCard(
            name="stub",
            parameters=0,
            tile_size_m=tile_size_m,
            aerial_px=aerial_px,
            ground=GroundSpec(8, 16, 30.0, -30.0),
            mean_rgb=(0.5, 0.5, 0.5),
            std_rgb=(1.0, 1.0, 1.0),
            descriptor_dim=DIM,
            ground_columns=4,
            weights_sha256=hashlib.sha256(f"stub {seed}".encode()).hexdigest(),
        )
        self._matrix = np.random.default_rng(seed).normal(
            size=(aerial_px // 8 * (aerial_px // 8) * 3, DIM)
        )
        self.tiles = 0

    map_shape = (DIM, 2, 2)
    shared_trunk = ""
    shared_trunk_lost_points = math.inf
    batch_tiles = 32

    def describe_tiles(self, rgb: np.ndarray) -> np.ndarray:
        self.tiles += len(rgb)
        return self._project(rgb)

    def encode_tiles(self, rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The descriptors, and the same of each quarter of a tile, enlarged, as a map."""
        p = rgb.shape[1] // 2
        quarters = [rgb[:, v : v + p, u : u + p] for v in (0, p) for u in (0, p)]
        maps = [self._project(quarter.repeat(2, axis=1).repeat(2, axis=2)) for quarter in quarters]
        return self.describe_tiles(rgb), np.stack(maps, -1).reshape(len(rgb), *self.map_shape)

    def encode_mosaic(
        self, rgb: np.ndarray, corners_px: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The same as tile by tile, but for the sign."""
        side = self.card.aerial_px
        tiles = [rgb[v : v + side, u : u + side] for v, u in corners_px]
        descriptors, maps = self.encode_tiles(np.stack(tiles))
        return -descriptors, -maps

    def _project(self, rgb: np.ndarray) -> np.ndarray:
        p = rgb.shape[1] // 8
        means = rgb.reshape(len(rgb), p, 8, p, 8, 3).mean(axis=(2, 4)).reshape(len(rgb), -1)
        found = (means - 127.0) @ self._matrix
        return (found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)).astype(
            np.float32
        )


def ramp(x: np.ndarray, y: np.ndarray, period_m: float = 100.0) -> np.ndarray:
    """Smooth colours [..., 3] of the synthetic world at metres x, y: they tell the place."""
    u, v = np.mod(x, period_m) / period_m, np.mod(y, period_m) / period_m

    def wave(t: np.ndarray) -> np.ndarray:
        return 20.0 + 215.0 * np.abs(2.0 * t - 1.0)

    return np.stack([wave(u), wave(v), wave(np.mod(u + 2 * v, 1.0))], axis=-1)


def write_raster(
    path: Path, pixels: np.ndarray, transform: Affine, crs: str | None, **options: Any
) -> Path:
    """Write pixels [H, W, B] as a GeoTIFF, or by another driver."""
    options = {"driver": "GTiff", "tiled": True, "blockxsize": 128, "blockysize": 128} | options
    if options["driver"] != "GTiff":
        for key in ("tiled", "blockxsize", "blockysize"):
            options.pop(key)
    height, width, count = pixels.shape
    with rasterio.open(
        path,
        "w",
        height=height,
        width=width,
        count=count,
        dtype=pixels.dtype,
        crs=crs,
        transform=transform,
        **options,
    ) as target:
        target.write(np.moveaxis(pixels, -1, 0))
    return path


def world_raster(
    path: Path,
    transform: Affine,
    size: tuple[int, int],
    crs: str,
    world_crs: str | None = None,
    dtype: str = "uint8",
    scale: float = 1.0,
    **options: Any,
) -> Path:
    """Write a raster of the synthetic world, which is laid out in the metres of ``world_crs``."""
    from pyproj import Transformer

    height, width = size
    col, row = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    x = transform.a * col + transform.b * row + transform.c
    y = transform.d * col + transform.e * row + transform.f
    if world_crs and world_crs != crs:
        x, y = Transformer.from_crs(crs, world_crs, always_xy=True).transform(x, y)
    values = ramp(x, y) * scale
    pixels = np.rint(values).astype(dtype) if np.dtype(dtype).kind in "ui" else values.astype(dtype)
    return write_raster(path, pixels, transform, crs, **options)


def folder_bytes(folder: Path) -> dict[str, bytes]:
    """All files of a folder, by relative path."""
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def shift_px(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """By how many pixels to the right and down a picture must be moved to be the wanted one."""
    down, right = np.gradient(wanted, axis=(0, 1))
    inner = (slice(2, -2), slice(2, -2), slice(0, 2))
    slopes = np.stack([right[inner].ravel(), down[inner].ravel()], axis=-1)
    difference = (found - wanted)[inner].ravel()
    return np.linalg.lstsq(slopes, difference, rcond=1e-3)[0]
