"""What an open raster says of itself: where it lies, how fine it is, which files it is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cvgl_core.errors import MissingGeoreferenceError, SettingsError, UnsupportedRasterError
from cvgl_core.geo import geodesic_distance_m, to_lonlat
from cvgl_core.types import LonLat


def check_placed(path: object, source: Any, crs: str | None) -> None:
    """Refuse a raster that does not say where on Earth it lies."""
    if not source.count:
        layers = ", ".join(source.subdatasets[:5])
        raise UnsupportedRasterError(f"{path}: has no bands of its own, only layers: {layers}")
    if source.transform.is_identity or not source.transform.determinant:
        if source.gcps[0]:
            what = "is placed by ground control points only; lay it on a map first: gdalwarp IN OUT"
        elif source.rpcs:
            what = "is placed by a camera model (RPC) only; orthorectify it first: gdalwarp -rpc"
        else:
            what = "does not say where on Earth it lies; place it in a GIS and save it with its CRS"
        raise MissingGeoreferenceError(f"{path}: {what}")
    if source.crs is None and not crs:
        raise MissingGeoreferenceError(
            f"{path}: does not name its coordinate system; give it with --source-crs EPSG:n"
        )


def crs_text(crs: Any) -> str:
    """Return a CRS as "EPSG:n" if it has such a number, else as WKT."""
    text = str(crs.to_string())
    return text if text.startswith("EPSG:") else str(crs.to_wkt())


def ground_resolution(
    path: object,
    transform: tuple[float, float, float, float, float, float],
    size_px: tuple[int, int],
    crs: str,
) -> tuple[float, LonLat]:
    """Return the ground side of a pixel at the centre of a raster, and the centre.

    Args:
        path: what it is called.
        transform: pixel to CRS.
        size_px: width and height.
        crs: its coordinate system.
    """
    col, row = size_px[0] / 2.0, size_px[1] / 2.0
    a, b, c, d, e, f = transform
    x, y = a * col + b * row + c, d * col + e * row + f
    try:
        lon, lat = to_lonlat(crs, [x, x + a, x + b], [y, y + d, y + e])
    except SettingsError as error:
        raise MissingGeoreferenceError(
            f"{path}: its coordinate system is not tied to the Earth; give it a real one"
        ) from error
    sides = (
        geodesic_distance_m(lon[0], lat[0], lon[1:], lat[1:]) if np.isfinite(lon + lat).all() else 0
    )
    gsd = float(np.sqrt(np.prod(sides)))
    if not (np.isfinite(gsd) and gsd > 0.0 and abs(lat[0]) <= 90.0):
        raise MissingGeoreferenceError(
            f"{path}: its centre is not on Earth; its position or coordinate system is wrong"
        )
    return gsd, LonLat(float((lon[0] + 180.0) % 360.0 - 180.0), float(lat[0]))


def pixel_files(path: Path, source: Any) -> tuple[Path, ...]:
    """Return the files whose bytes decide the pixels: not statistics or world files."""
    others = sorted(Path(name) for name in source.files if Path(name) != path.absolute())
    if source.driver != "VRT":
        others = [other for other in others if other.suffix.lower() in (".ovr", ".msk")]
    return (path, *others)


def storable_text(text: str) -> str:
    """Return text of a file as it may be stored: no control characters, not too long."""
    printable = "".join(c if c.isprintable() else "?" for c in text[:4000])
    return printable.encode("utf-8", "replace").decode()
