"""Where rasters lie, in the metres of a grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from cvgl_core.errors import EmptyCoverageError, SettingsError
from cvgl_core.geo import TileGrid, check_scale, metric_crs_for, to_lonlat
from cvgl_core.geo.crs import transformer
from cvgl_core.types import FloatArray
from tiling.raster.info import RasterInfo

_EDGE_POINTS = 33
_POLAR_DEG = 85.0
_METRES_PER_DEG = 110_000.0  # a little short, so that a reach in degrees is never too small


def zone_of(rasters: Sequence[RasterInfo], wanted: BaseGeometry | None) -> str:
    """Return the metric CRS for the centre of the area, or of all rasters."""
    if wanted is not None:
        middle = wanted.envelope.centroid
        return metric_crs_for(middle.x, middle.y)
    first = metric_crs_for(rasters[0].centre.lon, rasters[0].centre.lat)
    if len(rasters) == 1:
        return first
    middle = shapely.union_all(
        [outline_of(raster, first, None) for raster in rasters]
    ).envelope.centroid
    lon, lat = to_lonlat(first, [middle.x], [middle.y])
    return metric_crs_for(float(lon[0]), float(lat[0]))


def outline_of(raster: RasterInfo, crs: str, wanted: BaseGeometry | None) -> BaseGeometry:
    """Return a raster's outline in the metres of ``crs``; the area asked for if it goes too far."""
    x, y = transformer(raster.crs, crs).transform(*_edge(raster))
    points: FloatArray = np.stack([x, y], axis=-1)
    if np.isfinite(points).all() and np.abs(points).max() < 4e7:
        outline = shapely.make_valid(Polygon(points))
        if outline.area:
            return outline
    if wanted is None:
        raise SettingsError(
            f"{raster.path}: reaches beyond {crs}; choose a part of it with --aoi W,S,E,N"
        )
    return wanted.envelope


def may_touch(raster: RasterInfo, area: BaseGeometry, reach_m: float) -> bool:
    """Tell whether a raster may come nearer than ``reach_m`` to an area in degrees.

    Compares bounding boxes in degrees; near a pole it may say yes where the answer is no.
    """
    lon, lat = to_lonlat(raster.crs, *_edge(raster))
    if not np.isfinite(lon + lat).all() or np.abs(lat).max() > _POLAR_DEG:
        return True
    lon = raster.centre.lon + (lon - raster.centre.lon + 180.0) % 360.0 - 180.0
    return boxes_meet((lon.min(), lat.min(), lon.max(), lat.max()), area.bounds, reach_m)


def boxes_meet(
    one: tuple[float, float, float, float], other: tuple[float, float, float, float], reach_m: float
) -> bool:
    """Tell whether boxes west, south, east, north in degrees come nearer than ``reach_m``.

    Longitudes may go beyond 180; the same place a turn further on is the same.
    """
    south, north = max(one[1], other[1]), min(one[3], other[3])
    reach_deg = reach_m / _METRES_PER_DEG
    if south - north > reach_deg:
        return False
    furthest = min(max(abs(south), abs(north)) + reach_deg, _POLAR_DEG)
    wide_deg = reach_deg / np.cos(np.radians(furthest)) + 1e-9
    return any(
        one[0] + turn <= other[2] + wide_deg and other[0] <= one[2] + turn + wide_deg
        for turn in (-720.0, -360.0, 0.0, 360.0, 720.0)
    )


def _edge(raster: RasterInfo) -> tuple[FloatArray, FloatArray]:
    """Return points along a raster's edge, once round, in its own CRS."""
    along = np.linspace(0.0, 1.0, _EDGE_POINTS)[:-1]
    zeros, ones = np.zeros_like(along), np.ones_like(along)
    col = np.concatenate([along, ones, 1.0 - along, zeros]) * raster.width_px
    row = np.concatenate([zeros, along, ones, 1.0 - along]) * raster.height_px
    a, b, c, d, e, f = raster.transform
    return a * col + b * row + c, d * col + e * row + f


def check_area(rasters: Sequence[RasterInfo], area: BaseGeometry, grid: TileGrid) -> None:
    """Refuse an area that cannot be cut.

    Raises:
        EmptyCoverageError: it is empty or smaller than a tile.
        SettingsError: the CRS of the grid is off there by more than a thousandth.
    """
    if not area.area:
        raise EmptyCoverageError(
            f"{rasters[0].path}: lies wholly outside the area asked for with --aoi"
            if rasters
            else "no raster was given"
        )
    left, bottom, right, top = area.bounds
    if min(right - left, top - bottom) < grid.tile_size_m * 0.999:
        raise EmptyCoverageError(
            f"{rasters[0].path}: covers {right - left:.0f} x {top - bottom:.0f} m, less than one "
            f"tile of {grid.tile_size_m:g} x {grid.tile_size_m:g} m; give a larger raster or area"
        )
    corners = np.array(area.envelope.exterior.coords)
    lon, lat = to_lonlat(grid.crs, corners[:, 0], corners[:, 1])
    check_scale(grid.crs, lon, lat)
