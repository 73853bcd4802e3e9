"""The pixels of a map service on the lattice of a metric grid."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any

import numpy as np
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, Resampling
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile
from rasterio.transform import Affine
from rasterio.warp import reproject

from cvgl_core.errors import RasterOpenError
from cvgl_core.geo.crs import transformer
from cvgl_core.types import UInt8Array
from tiling.raster.blocks import BlockCache
from tiling.raster.buffers import Buffers
from tiling.raster.formats import picture_driver
from tiling.raster.info import RasterInfo
from tiling.raster.placement import Box
from tiling.raster.reader import RasterReader, View, Wanted, never
from tiling.web.client import PARALLEL
from tiling.web.services import TileLevel
from tiling.web.tilecache import tile_bytes

_EDGE_POINTS = 33
_MARGIN_PX = 3
_OPAQUE_ENOUGH = 128


class WebReader:
    """A level of a map service as seen on the lattice of a grid: colours and validity of windows.

    A context manager, to be used by one thread, which fetches by a few of its own.

    Args:
        info: what is read.
        level: where it comes from.
        crs: of the grid.
        gsd_m_per_px: side of a pixel of the lattice.
    """

    def __init__(self, info: RasterInfo, level: TileLevel, crs: str, gsd_m_per_px: float) -> None:
        self._level = level
        self._crs = crs
        self._gsd = gsd_m_per_px
        shrinks = gsd_m_per_px > 1.01 * info.gsd_m_per_px
        self._resampling = Resampling.average if shrinks else Resampling.bilinear

    def __enter__(self) -> WebReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing stays open."""

    def read(self, window_px: Box, wanted: Wanted = never) -> View:
        """Return a window of the lattice.

        Raises:
            SourceUnreachableError: the server cannot be reached, or fails.
            RasterOpenError: it sends what is no picture of the right size.
        """
        top, left, height, width = window_px
        rgba = np.zeros((4, height, width), np.uint8)
        tiles = self._tiles(window_px)
        if tiles is not None:
            col0, row0, col1, row1 = tiles
            mosaic = self._mosaic(col0, row0, col1, row1)
            x, y = self._level.corner(col0, row0)
            side, gsd = self._level.side, self._gsd
            reproject(
                mosaic,
                rgba,
                src_transform=Affine(side, 0.0, x, 0.0, -side, y),
                src_crs=CRS.from_user_input(self._level.crs),
                dst_transform=Affine(gsd, 0.0, left * gsd, 0.0, -gsd, -top * gsd),
                dst_crs=CRS.from_user_input(self._crs),
                src_alpha=4,
                dst_alpha=4,
                resampling=self._resampling,
            )
        valid = rgba[3] >= _OPAQUE_ENOUGH
        rgb = np.ascontiguousarray(np.moveaxis(rgba[:3], 0, -1))
        rgb[~valid] = 0
        return View(rgb, valid)

    def _tiles(self, window_px: tuple[int, int, int, int]) -> tuple[int, int, int, int] | None:
        """Return first column and row, and the ends, of the tiles under a window; None if none."""
        top, left, height, width = window_px
        along = np.linspace(0.0, 1.0, _EDGE_POINTS)
        cols = np.concatenate([along, along, 0 * along, 0 * along + 1]) * width + left
        rows = np.concatenate([0 * along, 0 * along + 1, along, along]) * height + top
        to_level = transformer(self._crs, self._level.crs)
        x, y = to_level.transform(cols * self._gsd, -rows * self._gsd)
        if not np.isfinite(x + y).all():
            return None
        level = self._level
        span, margin = level.side * level.tile_px, _MARGIN_PX * level.side
        (col, row), (columns, lines) = level.first, level.count
        col0 = max(col, math.floor((x.min() - margin - level.left) / span))
        col1 = min(col + columns, math.ceil((x.max() + margin - level.left) / span))
        row0 = max(row, math.floor((level.top - y.max() - margin) / span))
        row1 = min(row + lines, math.ceil((level.top - y.min() + margin) / span))
        return (col0, row0, col1, row1) if col0 < col1 and row0 < row1 else None

    def _mosaic(self, col0: int, row0: int, col1: int, row1: int) -> UInt8Array:
        """Return red, green, blue and alpha ``[4, h, w]`` of tiles side by side."""
        level, px = self._level, self._level.tile_px
        mosaic = np.zeros((4, (row1 - row0) * px, (col1 - col0) * px), np.uint8)
        places = [(col, row) for row in range(row0, row1) for col in range(col0, col1)]
        pool = ThreadPoolExecutor(PARALLEL, "fetch")
        try:
            bodies = pool.map(lambda place: tile_bytes(level, *place), places)
            for (col, row), data in zip(places, bodies, strict=True):
                if data is not None:
                    v, u = (row - row0) * px, (col - col0) * px
                    mosaic[:, v : v + px, u : u + px] = decode_tile(level, data, px)
        finally:
            pool.shutdown(cancel_futures=True)
        return mosaic


def reader_of(
    info: RasterInfo, crs: str, gsd_m_per_px: float, cache: BlockCache, buffers: Buffers
) -> RasterReader | WebReader:
    """Return what reads a raster on the lattice of a grid.

    Args:
        info: the raster.
        crs: of the grid.
        gsd_m_per_px: side of a pixel of the lattice.
        cache: of decoded blocks, shared by readers.
        buffers: lends memory.
    """
    if isinstance(info.path, TileLevel):
        return WebReader(info, info.path, crs, gsd_m_per_px)
    return RasterReader(info, crs, gsd_m_per_px, cache, buffers)


def decode_tile(level: TileLevel, data: bytes, side_px: int | None) -> UInt8Array:
    """Return red, green, blue and alpha ``[4, p, p]`` of a tile.

    Args:
        level: where it comes from.
        data: as it was sent.
        side_px: the side it must have; any reasonable one if None.

    Raises:
        RasterOpenError: it is damaged, of another size, or has no colours of 8 bits.
    """
    try:
        with MemoryFile(data) as file, file.open(driver=picture_driver(data)) as source:
            square = source.width == source.height and 16 <= source.width <= 4096
            if not square or side_px not in (None, source.width):
                raise RasterOpenError(
                    f"{level}: sends tiles of {source.width} x {source.height} pixels"
                    + (f", not {side_px}" if side_px else "")
                )
            if source.dtypes[0] != "uint8" or source.count > 4:
                raise RasterOpenError(f"{level}: sends tiles of {source.dtypes[0]}, not of 8 bits")
            return _rgba(source)
    except (RasterioError, ValueError, OSError) as error:
        raise RasterOpenError(f"{level}: a tile is damaged ({error})") from error


def _rgba(source: Any) -> UInt8Array:
    """Return red, green, blue and alpha of an open picture."""
    values: UInt8Array = source.read()
    if source.colorinterp[0] == ColorInterp.palette:
        colours = np.zeros((256, 4), np.uint8)
        for number, colour in source.colormap(1).items():
            colours[number] = colour
        return np.ascontiguousarray(np.moveaxis(colours[values[0]], -1, 0))
    shown = source.dataset_mask()
    rgb = values[:3] if source.count >= 3 else values[:1].repeat(3, axis=0)
    return np.concatenate([rgb, shown[None]])
