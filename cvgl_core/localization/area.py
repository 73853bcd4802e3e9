"""An area to search in: polygons in degrees, and the tiles that answer for places in it."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import ArrayLike
from shapely import affinity
from shapely.geometry.base import BaseGeometry

from cvgl_core.errors import SettingsError
from cvgl_core.geo import TileGrid, to_lonlat
from cvgl_core.localization.ports import TileMember
from cvgl_core.types import BoolArray, FloatArray

_KINDS = ("Polygon", "MultiPolygon")
_MAX_CORNERS = 100_000
_BLOCK_TILES = 64
_WIDE_DEG = 90.0
"""Of a block that spans more, next to a pole, the corners say too little: it is looked into."""


@dataclass(frozen=True)
class Area:
    """A prior for the place: inside ``shape``, polygons in degrees, WGS 84 (RFC 7946)."""

    shape: BaseGeometry

    @classmethod
    def from_geojson(cls, value: object) -> Area:
        """Return the area of a GeoJSON Polygon or MultiPolygon.

        Raises:
            SettingsError: it is not one, is empty, or leaves the Earth.
        """
        if not isinstance(value, dict) or value.get("type") not in _KINDS:
            raise SettingsError("the area to search is not a GeoJSON Polygon or MultiPolygon")
        try:
            shape = shapely.make_valid(shapely.from_geojson(json.dumps(value)))
        except (shapely.errors.ShapelyError, ValueError, TypeError, RecursionError) as error:
            raise SettingsError(f"the area to search cannot be read ({error})") from error
        west, south, east, north = shape.bounds
        if not (-540 <= west < east <= 540 and -90 <= south < north <= 90):
            raise SettingsError(
                "the area to search is empty or does not lie on Earth; give longitude and latitude "
                "in degrees, in this order"
            )
        if shapely.get_num_coordinates(shape) > _MAX_CORNERS:
            raise SettingsError(f"the area to search has more than {_MAX_CORNERS} corners")
        return cls(shape)


def tiles_in(index: TileMember, area: Area) -> BoolArray:
    """Return which tiles ``[N]`` are the nearest tile of some place in the area.

    Raises:
        SettingsError: none is.
    """
    # Blocks of tiles first: of a large index only those that the area touches are looked at.
    rows, cols = index.rows.astype(np.int64), index.cols.astype(np.int64)
    block_rows, block_cols = rows // _BLOCK_TILES, cols // _BLOCK_TILES
    _, first, block_of = np.unique(
        (block_rows << 32) + block_cols, return_index=True, return_inverse=True
    )
    half = (_BLOCK_TILES - 1) / 2
    near = _squares(
        index.grid,
        block_rows[first] * _BLOCK_TILES + half,
        block_cols[first] * _BLOCK_TILES + half,
        (half + 1.5) * index.grid.stride_m,  # one tile more than there are: edges are bent
    )
    wide = np.ptp(near[..., 0], axis=1) > _WIDE_DEG
    maybe = np.flatnonzero((wide | _meeting(area, near))[block_of])
    # The places nearest to a tile are the square of one stride around its centre.
    squares = _squares(index.grid, rows[maybe], cols[maybe], index.grid.stride_m / 2)
    inside: BoolArray = np.zeros(len(rows), np.bool_)
    inside[maybe] = _meeting(area, squares)
    if not inside.any():
        raise SettingsError(
            "no tile of the index lies in the area to search; draw it over the imagery, or check "
            "the order longitude, latitude"
        )
    return inside


def _squares(grid: TileGrid, rows: ArrayLike, cols: ArrayLike, half_m: float) -> FloatArray:
    """Return squares around the centres of tiles, corners in degrees ``[N, 4, 2]``.

    Those across the antimeridian are joined there, so their longitudes may pass 180 degrees.
    """
    x_m, y_m = grid.centre(rows, cols)
    corners = [(-half_m, -half_m), (half_m, -half_m), (half_m, half_m), (-half_m, half_m)]
    rings = np.stack(
        [
            np.stack(to_lonlat(grid.crs, x_m + east_m, y_m + north_m), axis=-1)
            for east_m, north_m in corners
        ],
        axis=1,
    )
    rings[..., 0] -= 360.0 * np.round((rings[..., 0] - rings[:, :1, 0]) / 360.0)
    return rings


def _meeting(area: Area, rings: FloatArray) -> BoolArray:
    """Return which squares ``[N]`` share a place with the area."""
    squares = shapely.polygons(rings)
    found: BoolArray = np.zeros(len(rings), np.bool_)
    for turn_deg in (-360.0, 0.0, 360.0):
        turned = affinity.translate(area.shape, xoff=turn_deg)
        shapely.prepare(turned)
        found |= shapely.intersects(turned, squares)
    return found
