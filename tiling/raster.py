"""The door to rasters: what a file is, and its pixels on the lattice of a metric grid.

Only listed formats are opened, each by the driver that its first bytes name, so that no file can
pass for another. A raster that lies north up in the grid's CRS is read straight at the asked ground
resolution, any other through one warped view; memory depends on the window asked for, not on the
raster.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import rasterio
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, MaskFlags, Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import MemoryFile
from rasterio.transform import Affine
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from cvgl_core.errors import (
    EmptyCoverageError,
    RasterOpenError,
    SettingsError,
    UnsupportedRasterError,
)
from cvgl_core.types import BoolArray, LonLat, UInt8Array
from tiling.facts import check_placed, crs_text, ground_resolution, pixel_files
from tiling.formats import driver_of, palette_view
from tiling.stretch import as_bytes, limits_of

_CACHE_BYTES = 128 << 20  # GDAL reads an int here as bytes, unlike the environment variable
_STRETCH_SIDE_PX = 1024
_ALPHA_MAX = {"uint16": 65535, "int16": 32767}  # what GDAL warps as opaque; else 255


@dataclass(frozen=True)
class RasterInfo:
    """What is known of a raster before its pixels are read.

    Attributes:
        path: the file.
        driver: the GDAL driver that reads it.
        crs: as "EPSG:n" or WKT.
        transform: pixel (column, row) to CRS, ``x = a col + b row + c, y = d col + e row + f``.
        width_px: number of columns.
        height_px: number of rows.
        gsd_m_per_px: side of a pixel on the ground at the centre.
        centre: the centre's place.
        dtype: type of the pixels.
        bands: one band for grey, or red, green and blue; counted from 1.
        paletted: whether the band holds numbers of colours.
        has_alpha: whether one band says where there is picture.
        nodata: value of pixels without picture.
        overviews: factors of the reduced copies inside the file.
        stretch: per band, the values that become 0 and 255; empty for 8 bits.
        parts: the files that hold its pixels.
    """

    path: Path
    driver: str
    crs: str
    transform: tuple[float, float, float, float, float, float]
    width_px: int
    height_px: int
    gsd_m_per_px: float
    centre: LonLat
    dtype: str
    bands: tuple[int, ...]
    paletted: bool
    has_alpha: bool
    nodata: float | None
    overviews: tuple[int, ...]
    stretch: tuple[tuple[float, float], ...]
    parts: tuple[Path, ...]


def describe_raster(
    path: Path, *, crs: str | None = None, bands: tuple[int, ...] | None = None
) -> RasterInfo:
    """Return what a raster is.

    Args:
        path: the file.
        crs: taken for a raster that does not name its own.
        bands: one (grey) or three (red, green, blue), in place of those the file names.

    Raises:
        RasterOpenError: the file is missing, of no listed format, or damaged.
        MissingGeoreferenceError: it does not say where on Earth it lies.
        UnsupportedRasterError: its bands or pixel type cannot be shown as colours.
        EmptyCoverageError: it holds no valid pixel.
    """
    with _raster_errors(path), ExitStack() as stack:
        source = _open(stack, path)
        check_placed(path, source, crs)
        source_crs = crs if source.crs is None and crs else crs_text(source.crs)
        chosen = _colour_bands(path, source, bands)
        paletted = len(chosen) == 1 and source.colorinterp[chosen[0] - 1] == ColorInterp.palette
        gsd, centre = ground_resolution(path, source, source_crs)
        dtype = str(source.dtypes[chosen[0] - 1])
        return RasterInfo(
            path=path,
            driver=str(source.driver),
            crs=source_crs,
            transform=tuple(source.transform)[:6],
            width_px=source.width,
            height_px=source.height,
            gsd_m_per_px=gsd,
            centre=centre,
            dtype=dtype,
            bands=chosen,
            paletted=paletted,
            has_alpha=ColorInterp.alpha in source.colorinterp,
            nodata=source.nodata,
            overviews=() if paletted else tuple(source.overviews(chosen[0])),
            stretch=() if dtype == "uint8" else _stretch(path, source, chosen),
            parts=pixel_files(path, source),
        )


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
        with _raster_errors(info.path), ExitStack() as stack:
            level, factor = _overview(info, self._gsd)
            source = _open(stack, info.path, level, expand=info)
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
        with _raster_errors(self._info.path):
            values, shown = self._direct(part) if self._view is None else self._through_view(part)
        colours, finite = as_bytes(values, self._info.stretch)
        here = (slice(first_row, last_row), slice(first_col, last_col))
        rgb[here] = np.moveaxis(colours, 0, -1)
        valid[here] = shown & finite
        rgb[~valid] = 0
        return rgb, valid

    def _reach(self) -> tuple[int, int, int, int]:
        """Return first row and column, and the ends, of what can be read of the lattice."""
        if self._view is not None:
            return self._top, self._left, self._top + self._height, self._left + self._width
        a, _, c, _, e, f = self._info.transform
        right, bottom = c + a * self._info.width_px, f + e * self._info.height_px
        gsd = self._gsd
        return (
            math.ceil(-f / gsd - 1e-6),
            math.ceil(c / gsd - 1e-6),
            math.floor(-bottom / gsd + 1e-6),
            math.floor(right / gsd + 1e-6),
        )

    def _direct(self, window_px: tuple[int, int, int, int]) -> tuple[Any, Any]:
        """Return values ``[B, h, w]`` of a raster that needs no warp, and that all are shown."""
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
        values = self._source.read(
            list(self._bands),
            window=window,
            out_shape=(len(self._bands), height, width),
            resampling=self._resampling,
        )
        return values, np.True_

    def _through_view(self, window_px: tuple[int, int, int, int]) -> tuple[Any, Any]:
        """Return values ``[B, h, w]`` of a warped raster and where they are shown ``[h, w]``."""
        top, left, height, width = window_px
        window = Window(left - self._left, top - self._top, width, height)
        values = self._view.read(list(self._bands), window=window)
        # The view's own mask is no use here: for floats it is wrong.
        return values[:-1], values[-1] >= _ALPHA_MAX.get(str(values.dtype), 255) / 2


def _open(
    stack: ExitStack, path: Path, level: int | None = None, expand: RasterInfo | None = None
) -> Any:
    """Return a raster opened by the driver its first bytes name; colours of a palette expanded.

    Closed by ``stack`` with plain calls: rasterio's own contexts are bound to a thread.
    """
    options: dict[str, Any] = {"driver": driver_of(path), "sharing": False}
    if level is not None:
        options["overview_level"] = level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        source = rasterio.open(path.absolute(), **options)
    stack.callback(source.close)
    if expand is not None and expand.paletted:
        band = expand.bands[0]
        alpha = source.mask_flag_enums[band - 1] == [MaskFlags.all_valid] and any(
            colour[3] < 255 for colour in source.colormap(band).values()
        )
        size_px = (expand.width_px, expand.height_px)
        xml = palette_view(path, size_px, expand.transform, band, alpha)
        view = MemoryFile(xml, ext=".vrt")
        stack.callback(view.close)
        source = view.open(driver="VRT")
        stack.callback(source.close)
    return source


@contextmanager
def _raster_errors(path: Path) -> Iterator[None]:
    """Set GDAL up and translate what rasterio raises about ``path``."""
    try:
        with rasterio.Env(GDAL_CACHEMAX=_CACHE_BYTES):
            yield
    except (RasterioError, ValueError, OSError) as error:
        reason = str(error).replace(str(path.absolute()), "").strip(" :'\"") or "unknown reason"
        raise RasterOpenError(
            f"{path}: cannot be read as a raster ({reason}); is the file complete?"
        ) from error


def _colour_bands(path: Path, source: Any, bands: tuple[int, ...] | None) -> tuple[int, ...]:
    """Return the bands to show: as asked, as named in the file, or the first three, or one."""
    meanings = list(source.colorinterp)
    colours = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
    plain = tuple(i for i, m in enumerate(meanings, 1) if m != ColorInterp.alpha)
    if bands is not None:
        if len(bands) not in (1, 3) or not all(1 <= band <= source.count for band in bands):
            raise SettingsError(f"{path}: bands {bands} of {source.count}; give one or three")
        chosen = bands
    elif all(colour in meanings for colour in colours):
        chosen = tuple(meanings.index(colour) + 1 for colour in colours)
    elif len(plain) in (3, 4):
        chosen = plain[:3]
    elif len(plain) in (1, 2):
        chosen = plain[:1]
    else:
        raise UnsupportedRasterError(
            f"{path}: does not say which of its {source.count} bands are red, green and blue; "
            "name them with --bands R,G,B"
        )
    types = {source.dtypes[band - 1] for band in chosen}
    if len(types) > 1 or np.dtype(types.pop().replace("_int16", "64")).kind not in "uif":
        raise UnsupportedRasterError(f"{path}: its pixels ({source.dtypes[0]}) are no colours")
    return chosen


def _stretch(path: Path, source: Any, bands: tuple[int, ...]) -> tuple[tuple[float, float], ...]:
    """Return the percentiles of each band, from a reduced copy of the whole raster."""
    factor = max(1.0, max(source.width, source.height) / _STRETCH_SIDE_PX)
    shape = (max(1, round(source.height / factor)), max(1, round(source.width / factor)))
    values = source.read(list(bands), out_shape=(len(bands), *shape))
    shown = (source.dataset_mask(out_shape=shape) > 0) & np.isfinite(values).all(axis=0)
    if not shown.any():
        raise EmptyCoverageError(f"{path}: holds no valid pixel, only nodata")
    return limits_of(values, shown)


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
