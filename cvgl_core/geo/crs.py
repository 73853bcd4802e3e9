"""Metric coordinate systems: which one for a place, how true it is, and degrees.

UTM zones are plain 6 degree strips here, without the wider zones of Norway and Svalbard, and they
go on to the poles instead of handing over to UPS: the transverse Mercator projection stays within
0.1 % of the ground in such a strip at any latitude, while the wide zones reach 0.13 % and UPS is
0.6 % short at the pole. A tile must have the asked side on the ground.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from pyproj import CRS, Geod, Transformer
from pyproj.exceptions import CRSError, ProjError

from cvgl_core.errors import SettingsError
from cvgl_core.geo.angle import wrapped
from cvgl_core.types import FloatArray

MAX_SCALE_ERROR = 1e-3
"""A grid metre may differ from a ground metre by this much."""

WGS84 = Geod(ellps="WGS84")
_PROBE_M = 10.0


def metric_crs_for(lon: float, lat: float) -> str:
    """Return the UTM zone ("EPSG:32633") whose strip holds a place in degrees, WGS 84.

    Raises:
        SettingsError: the place is not on Earth.
    """
    if not (math.isfinite(lon) and math.isfinite(lat) and -90.0 <= lat <= 90.0):
        raise SettingsError(f"longitude {lon}, latitude {lat} is not a place on Earth")
    zone = int(((lon + 180.0) % 360.0) // 6.0) % 60 + 1
    return f"EPSG:{(32600 if lat >= 0.0 else 32700) + zone}"


def is_metric(crs: str) -> bool:
    """Tell whether a CRS is projected, in metres, with axes to the east and to the north."""
    try:
        axes = CRS.from_user_input(crs).axis_info[:2]
    except CRSError:
        return False
    return (
        len(axes) == 2
        and all(axis.unit_name in ("metre", "meter") for axis in axes)
        and {axis.direction for axis in axes} == {"east", "north"}
    )


@lru_cache(maxsize=64)
def transformer(source: str, target: str) -> Transformer:
    """Return the transformation between two CRS, x (east, longitude) before y; cached.

    Raises:
        SettingsError: a CRS is unknown, or no transformation between them exists.
    """
    try:
        return Transformer.from_crs(source, target, always_xy=True)
    except (CRSError, ProjError) as error:
        raise SettingsError(f"no way from {source!r} to {target!r}: {error}") from error


def to_lonlat(crs: str, x_m: ArrayLike, y_m: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return longitudes and latitudes (degrees, WGS 84) of points ``[N]`` given in ``crs``."""
    lon, lat = transformer(crs, "EPSG:4326").transform(_array(x_m), _array(y_m))
    return np.asarray(lon, np.float64), np.asarray(lat, np.float64)


def from_lonlat(crs: str, lon: ArrayLike, lat: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return ``x_m, y_m`` in ``crs`` of points ``[N]`` given in degrees, WGS 84."""
    x_m, y_m = transformer("EPSG:4326", crs).transform(_array(lon), _array(lat))
    return np.asarray(x_m, np.float64), np.asarray(y_m, np.float64)


def convergence_deg(crs: str, lon: float, lat: float) -> float:
    """Return the true azimuth of grid north at a place: true heading = grid heading + this.

    Measured by a geodesic along the grid's y axis, so it holds for any CRS.
    """
    x_m, y_m = from_lonlat(crs, [lon], [lat])
    lons, lats = to_lonlat(crs, x_m.repeat(2), y_m + np.array([-_PROBE_M, _PROBE_M]))
    azimuth, _, _ = WGS84.inv(lons[0], lats[0], lons[1], lats[1])
    return wrapped(float(azimuth))


def scale_errors(crs: str, lon: ArrayLike, lat: ArrayLike) -> FloatArray:
    """Return, for places ``[N]``, how far a grid metre is from a ground metre, as a fraction.

    The larger of the errors along x and along y; infinite where the CRS does not reach.
    """
    x_m, y_m = from_lonlat(crs, np.atleast_1d(lon), np.atleast_1d(lat))
    errors = np.zeros(x_m.shape)
    for dx_m, dy_m in ((_PROBE_M, 0.0), (0.0, _PROBE_M)):
        first = to_lonlat(crs, x_m - dx_m, y_m - dy_m)
        second = to_lonlat(crs, x_m + dx_m, y_m + dy_m)
        with np.errstate(invalid="ignore"):
            ground_m = np.asarray(WGS84.inv(*first, *second)[2], np.float64)
        error = np.abs(2.0 * _PROBE_M / np.where(ground_m > 0.0, ground_m, np.nan) - 1.0)
        errors = np.maximum(errors, np.where(np.isfinite(error), error, np.inf))
    return errors


def check_scale(crs: str, lon: ArrayLike, lat: ArrayLike, limit: float = MAX_SCALE_ERROR) -> float:
    """Return the largest scale error of ``crs`` over places ``[N]``.

    Raises:
        SettingsError: it exceeds ``limit``: tiles would not have the asked side on the ground.
    """
    worst = float(scale_errors(crs, lon, lat).max())
    if worst > limit:
        raise SettingsError(
            f"{crs} is off by {worst:.2%} of the ground distance in this area (at most "
            f"{limit:.1%}); choose another metric CRS, or split the area"
        )
    return worst


def _array(values: ArrayLike) -> FloatArray:
    """Return values as float64."""
    return np.asarray(values, np.float64)
