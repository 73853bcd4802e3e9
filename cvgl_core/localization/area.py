"""An area to search in: polygons in degrees, and the tiles that answer for places in it."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import shapely
from shapely import affinity
from shapely.geometry.base import BaseGeometry

from cvgl_core.errors import SettingsError
from cvgl_core.geo import to_lonlat
from cvgl_core.localization.ports import TileIndex
from cvgl_core.types import BoolArray, FloatArray

_KINDS = ("Polygon", "MultiPolygon")
_MAX_CORNERS = 100_000


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


def tiles_in(index: TileIndex, area: Area) -> BoolArray:
    """Return which tiles ``[N]`` are the nearest tile of some place in the area.

    Raises:
        SettingsError: none is.
    """
    x_m, y_m = index.grid.centre(index.rows, index.cols)
    half_m = index.grid.stride_m / 2
    # The places nearest to a tile are the square of one stride around its centre.
    corners = [(-half_m, -half_m), (half_m, -half_m), (half_m, half_m), (-half_m, half_m)]
    rings = np.stack(
        [_lonlat(index.grid.crs, x_m + east_m, y_m + north_m) for east_m, north_m in corners],
        axis=1,
    )
    # Squares across the antimeridian are joined there, so their longitudes may pass 180 degrees.
    rings[..., 0] -= 360.0 * np.round((rings[..., 0] - rings[:, :1, 0]) / 360.0)
    squares = shapely.polygons(rings)
    inside: BoolArray = np.zeros(len(rings), np.bool_)
    for turn_deg in (-360.0, 0.0, 360.0):
        turned = affinity.translate(area.shape, xoff=turn_deg)
        shapely.prepare(turned)
        inside |= shapely.intersects(turned, squares)
    if not inside.any():
        raise SettingsError(
            "no tile of the index lies in the area to search; draw it over the imagery, or check "
            "the order longitude, latitude"
        )
    return inside


def _lonlat(crs: str, x_m: FloatArray, y_m: FloatArray) -> FloatArray:
    """Return longitude and latitude ``[N, 2]`` of places in grid metres."""
    return np.stack(to_lonlat(crs, x_m, y_m), axis=-1)
