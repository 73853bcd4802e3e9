"""The pixels of a raster on the lattice of a metric grid.

A raster that lies north up in the grid's CRS is read straight at the asked ground resolution, any
other through one warped view; memory depends on the window asked for, not on the raster.
"""

from __future__ import annotations

import math
from contextlib import ExitStack
from types import TracebackType
from typing import Any

import numpy as np
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, MaskFlags, Resampling
from rasterio.transform import Affine
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from cvgl_core.types import BoolArray, UInt8Array
from tiling.raster import RasterInfo, open_raster, raster_errors
from tiling.stretch import as_bytes

_SLACK_PX = 1e-6  # coordinates in metres are rounded
_ALPHA_MAX = {"uint16": 65535, "int16": 32767}  # what GDAL warps as opaque; else 255


class RasterReader:
    """A raster as seen on the lattice of a grid: colours and validity of windows of pixels.

    A context manager; to be used by one thread.

    Args:
        info: the raster.
        crs: of the grid.
        gsd_m_per_px: side of a pixel of the lattice; pixel (row, col) has its north-west corner at
            ``(col * gsd, -row * gsd)`` metres.
        window_px: the only part of the lattice ever asked for: top, left, height, width.
    """

    def __init__(
        self, info: RasterInfo, crs: str, gsd_m_per_px: float, window_px: tuple[int, int, int, int]
    ) -> None:
        self._info = info
        self._crs = crs
        self._gsd = gsd_m_per_px
        self._top, self._left, self._height, self._width = window_px
        self._stack = ExitStack()
        self._source: Any = None
        self._view: Any = None
        self._bands: tuple[int, ...] = ()
        self._resampling = Resampling.bilinear

    def __enter__(self) -> RasterReader:
        """Open the raster.

        Raises:
            RasterOpenError: it cannot be opened.
        """
        info = self._info
        with raster_errors(info.path), ExitStack() as stack:
            level, factor = _overview(info, self._gsd)
            source = open_raster(stack, info.path, level, expand=info)
            shrinks = self._gsd > 1.01 * info.gsd_m_per_px * factor
            self._resampling = Resampling.average if shrinks else Resampling.bilinear
            self._bands = (1, 2, 3) if info.paletted else info.bands
            if _is_aligned(info, source, self._crs):
                self._source = source
            else:
                self._view = self._warped(source)
                stack.callback(self._view.close)
                self._bands += (1 + list(self._view.colorinterp).index(ColorInterp.alpha),)
            self._stack = stack.pop_all()
        return self

    def _warped(self, source: Any) -> Any:
        """Return a raster as it would be on the lattice, with a band that says where it is."""
        info, gsd = self._info, self._gsd
        options: dict[str, Any] = {"add_alpha": True}
        if info.has_alpha and not info.paletted:
            options = {}
        elif np.dtype(info.dtype).kind == "f" and info.nodata is None:
            options["src_nodata"] = float("nan")
        return WarpedVRT(
            source,
            src_crs=CRS.from_user_input(info.crs),
            crs=CRS.from_user_input(self._crs),
            transform=Affine(gsd, 0.0, self._left * gsd, 0.0, -gsd, -self._top * gsd),
            width=self._width,
            height=self._height,
            resampling=self._resampling,
            UNIFIED_SRC_NODATA="YES",
            **options,
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the raster."""
        self._stack.close()

    def read(self, window_px: tuple[int, int, int, int]) -> tuple[UInt8Array, BoolArray]:
        """Return colours ``[h, w, 3]`` and validity ``[h, w]`` of a window of the lattice.

        Raises:
            RasterOpenError: the file is damaged there.
        """
        top, left, height, width = window_px
        rgb = np.zeros((height, width, 3), np.uint8)
        valid = np.zeros((height, width), np.bool_)
        reach = self._reach()
        first_row, first_col = max(0, reach[0] - top), max(0, reach[1] - left)
        last_row, last_col = min(height, reach[2] - top), min(width, reach[3] - left)
        if first_row >= last_row or first_col >= last_col:
            return rgb, valid
        part = (top + first_row, left + first_col, last_row - first_row, last_col - first_col)
        with raster_errors(self._info.path):
            values, shown = self._direct(part) if self._view is None else self._through_view(part)
        colours, finite = as_bytes(values, self._info.stretch)
        here = (slice(first_row, last_row), slice(first_col, last_col))
        rgb[here] = np.moveaxis(colours, 0, -1)
        valid[here] = shown & finite
        rgb[~valid] = 0
        return rgb, valid

    def _reach(self) -> tuple[int, int, int, int]:
        """Return first row and column, and the ends, of what can be read of the lattice.

        A pixel belongs to the raster that holds its centre, so that sheets meet without a gap.
        """
        if self._view is not None:
            return self._top, self._left, self._top + self._height, self._left + self._width
        top, left, bottom, right = self._edges_px()
        whole = self._whole_px()
        if whole[0] >= whole[2] or whole[1] >= whole[3]:
            return whole
        return (
            math.ceil(top - 0.5 - _SLACK_PX),
            math.ceil(left - 0.5 - _SLACK_PX),
            math.ceil(bottom - 0.5 - _SLACK_PX),
            math.ceil(right - 0.5 - _SLACK_PX),
        )

    def _edges_px(self) -> tuple[float, float, float, float]:
        """Return top, left, bottom and right of a raster that needs no warp, on the lattice."""
        a, _, c, _, e, f = self._info.transform
        right, bottom = c + a * self._info.width_px, f + e * self._info.height_px
        return -f / self._gsd, c / self._gsd, -bottom / self._gsd, right / self._gsd

    def _whole_px(self) -> tuple[int, int, int, int]:
        """Return first row and column, and the ends, of the pixels that lie wholly inside."""
        top, left, bottom, right = self._edges_px()
        return (
            math.ceil(top - _SLACK_PX),
            math.ceil(left - _SLACK_PX),
            math.floor(bottom + _SLACK_PX),
            math.floor(right + _SLACK_PX),
        )

    def _direct(self, window_px: tuple[int, int, int, int]) -> tuple[Any, Any]:
        """Return values ``[B, h, w]`` of a raster that needs no warp, and that all are shown.

        Pixels of the lattice that are cut by an edge show what their neighbour inside shows.
        """
        top, left, height, width = window_px
        whole = self._whole_px()
        rows = np.arange(top, top + height).clip(whole[0], whole[2] - 1)
        cols = np.arange(left, left + width).clip(whole[1], whole[3] - 1)
        shape = (int(np.ptp(rows)) + 1, int(np.ptp(cols)) + 1)
        values = self._resampled((int(rows[0]), int(cols[0]), *shape))
        if shape != (height, width):
            values = values[:, rows - rows[0]][:, :, cols - cols[0]]
        return values, np.True_

    def _resampled(self, window_px: tuple[int, int, int, int]) -> Any:
        """Return values ``[B, h, w]`` of a window that lies wholly inside the raster."""
        top, left, height, width = window_px
        a, _, c, _, e, f = self._info.transform
        a *= self._info.width_px / self._source.width  # of a reduced copy
        e *= self._info.height_px / self._source.height
        gsd = self._gsd
        col, row = max(0.0, (left * gsd - c) / a), max(0.0, (-top * gsd - f) / e)
        window = Window(
            col,
            row,
            min(width * gsd / a, self._source.width - col),
            min(-height * gsd / e, self._source.height - row),
        )
        return self._source.read(
            list(self._bands),
            window=window,
            out_shape=(len(self._bands), height, width),
            resampling=self._resampling,
        )

    def _through_view(self, window_px: tuple[int, int, int, int]) -> tuple[Any, Any]:
        """Return values ``[B, h, w]`` of a warped raster and where they are shown ``[h, w]``."""
        top, left, height, width = window_px
        window = Window(left - self._left, top - self._top, width, height)
        values = self._view.read(list(self._bands), window=window)
        # The view's own mask is no use here: for floats it is wrong.
        return values[:-1], values[-1] >= _ALPHA_MAX.get(str(values.dtype), 255) / 2


def _overview(info: RasterInfo, gsd_m_per_px: float) -> tuple[int | None, int]:
    """Return level and factor of the smallest reduced copy that is still fine enough."""
    fitting = [
        (level, factor)
        for level, factor in enumerate(info.overviews)
        if factor * info.gsd_m_per_px <= gsd_m_per_px
    ]
    return max(fitting, key=lambda item: item[1]) if fitting else (None, 1)


def _is_aligned(info: RasterInfo, source: Any, crs: str) -> bool:
    """Tell whether a raster lies north up in ``crs`` and every pixel shows something."""
    a, b, _, d, e, _ = info.transform
    flags = {flag for band in info.bands for flag in source.mask_flag_enums[band - 1]}
    return (
        not info.paletted
        and flags == {MaskFlags.all_valid}
        and a > 0.0 > e
        and b == d == 0.0
        and CRS.from_user_input(info.crs) == CRS.from_user_input(crs)
    )
