"""The door to rasters: what a file is, and how it is opened.

Only listed formats are opened, each by the driver that its first bytes name, so that no file can
pass for another.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio._err import CPLE_BaseError  # what GDAL says to a WarpedVRT comes as it is
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import MemoryFile

from cvgl_core.errors import (
    EmptyCoverageError,
    RasterOpenError,
    SettingsError,
    SourceUnreachableError,
    UnsupportedRasterError,
)
from cvgl_core.types import LonLat
from tiling.raster.facts import check_placed, crs_text, ground_resolution, pixel_files
from tiling.raster.formats import driver_of, palette_view
from tiling.raster.stretch import limits_of
from tiling.sources.dates import tag_date
from tiling.web.remote import GDAL_OPTIONS, RemoteFile, probe
from tiling.web.services import TileLevel

Place = Path | RemoteFile | TileLevel
"""Where pixels can be."""

_CACHE_BYTES = 32 << 20  # GDAL reads an int here as bytes, unlike the environment variable
_STRETCH_SIDE_PX = 1024


@dataclass(frozen=True)
class RasterInfo:
    """What is known of a raster before its pixels are read.

    Attributes:
        path: the file, or where else the pixels are.
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
        acquired: when it was taken, ISO 8601 in UTC; empty if not known.
    """

    path: Place
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
    acquired: str = ""


def describe_raster(
    path: Path | RemoteFile,
    *,
    crs: str | None = None,
    bands: tuple[int, ...] | None = None,
    stretch: bool = True,
) -> RasterInfo:
    """Return what a raster is.

    Args:
        path: the file, here or on a server.
        crs: taken for a raster that does not name its own.
        bands: one (grey) or three (red, green, blue), in place of those the file names.
        stretch: find out, for other pixels than 8 bits, what becomes black and white; without,
            only the header is read.

    Raises:
        RasterOpenError: the file is missing, of no listed format, or damaged.
        SourceUnreachableError: its server cannot be reached, or fails.
        MissingGeoreferenceError: it does not say where on Earth it lies.
        UnsupportedRasterError: its bands or pixel type cannot be shown as colours.
        EmptyCoverageError: it holds no valid pixel.
    """
    if isinstance(path, RemoteFile):
        path = probe(path)
    with raster_errors(path), ExitStack() as stack:
        source = open_raster(stack, path)
        check_placed(path, source, crs)
        source_crs = crs if source.crs is None and crs else crs_text(source.crs)
        chosen = _colour_bands(path, source, bands)
        paletted = len(chosen) == 1 and source.colorinterp[chosen[0] - 1] == ColorInterp.palette
        if paletted and isinstance(path, RemoteFile):
            raise UnsupportedRasterError(f"{path}: has a palette; download it first")
        transform = tuple(source.transform)[:6]
        size_px = (source.width, source.height)
        gsd, centre = ground_resolution(path, transform, size_px, source_crs)
        info = RasterInfo(
            path=path,
            driver=str(source.driver),
            crs=source_crs,
            transform=transform,
            width_px=size_px[0],
            height_px=size_px[1],
            gsd_m_per_px=gsd,
            centre=centre,
            dtype=str(source.dtypes[chosen[0] - 1]),
            bands=chosen,
            paletted=paletted,
            has_alpha=ColorInterp.alpha in source.colorinterp,
            nodata=source.nodata,
            overviews=() if paletted else tuple(source.overviews(chosen[0])),
            stretch=(),
            parts=pixel_files(path, source) if isinstance(path, Path) else (),
            acquired=tag_date(source.tags().get("TIFFTAG_DATETIME", "")),
        )
    return with_stretch(info) if stretch else info


def with_stretch(info: RasterInfo) -> RasterInfo:
    """Return what a raster is, with what becomes black and white; 8 bits stay as they are.

    Raises:
        RasterOpenError: the file is damaged.
        EmptyCoverageError: it holds no valid pixel.
    """
    if info.dtype == "uint8":
        return info
    with raster_errors(info.path), ExitStack() as stack:
        source = open_raster(stack, info.path)
        return replace(info, stretch=_stretch(info.path, source, info.bands))


def open_raster(
    stack: ExitStack, path: Place, level: int | None = None, expand: RasterInfo | None = None
) -> Any:
    """Return a raster opened by the driver its first bytes name; colours of a palette expanded.

    Closed by ``stack`` with plain calls: rasterio's own contexts are bound to a thread.
    """
    if isinstance(path, TileLevel):
        raise UnsupportedRasterError(f"{path}: is read tile by tile")
    name = str(path.absolute()) if isinstance(path, Path) else path.gdal_name
    driver = driver_of(path) if isinstance(path, Path) else "GTiff"
    options: dict[str, Any] = {"driver": driver, "sharing": False}
    if level is not None:
        options["overview_level"] = level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        source = rasterio.open(name, **options)
    stack.callback(source.close)
    if expand is not None and expand.paletted:
        band = expand.bands[0]
        alpha = source.mask_flag_enums[band - 1] == [MaskFlags.all_valid] and any(
            colour[3] < 255 for colour in source.colormap(band).values()
        )
        size_px = (expand.width_px, expand.height_px)
        xml = palette_view(name, size_px, expand.transform, band, alpha)
        view = MemoryFile(xml, ext=".vrt")
        stack.callback(view.close)
        source = view.open(driver="VRT")
        stack.callback(source.close)
    return source


@contextmanager
def raster_errors(path: Place) -> Iterator[None]:
    """Set GDAL up and translate what rasterio raises about ``path``."""
    remote = isinstance(path, RemoteFile)
    try:
        with rasterio.Env(GDAL_CACHEMAX=_CACHE_BYTES, **(GDAL_OPTIONS if remote else {})):
            yield
    except (RasterioError, CPLE_BaseError, ValueError, OSError) as error:
        if remote:
            raise SourceUnreachableError(
                f"{path}: what the server sends cannot be read; try again later, a build goes on "
                "where it stopped"
            ) from error
        name = str(Path(str(path)).absolute())
        reason = str(error).replace(name, "").strip(" :'\"") or "unknown reason"
        raise RasterOpenError(
            f"{path}: cannot be read as a raster ({reason}); is the file complete?"
        ) from error


def _colour_bands(path: Place, source: Any, bands: tuple[int, ...] | None) -> tuple[int, ...]:
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


def _stretch(path: Place, source: Any, bands: tuple[int, ...]) -> tuple[tuple[float, float], ...]:
    """Return the percentiles of each band, from a reduced copy of the whole raster."""
    factor = max(1.0, max(source.width, source.height) / _STRETCH_SIDE_PX)
    shape = (max(1, round(source.height / factor)), max(1, round(source.width / factor)))
    values = source.read(list(bands), out_shape=(len(bands), *shape))
    shown = (source.dataset_mask(out_shape=shape) > 0) & np.isfinite(values).all(axis=0)
    if not shown.any():
        raise EmptyCoverageError(f"{path}: holds no valid pixel, only nodata")
    return limits_of(values, shown)
