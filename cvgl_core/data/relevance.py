"""Levels of relevance from metres: how right a tile is for a camera, beyond right and wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cvgl_core.types import FloatArray

DA_CAMPUS_LEVELS_M = (3.0, 200.0, 500.0)
"""DyCL's: the same place, within 200 m, within 500 m; nearest first."""

Levels = NDArray[np.uint8]

_EQUATOR_M = 6_378_137.0  # WGS 84
_ECCENTRICITY_SQUARED = 0.0066943799901413165


def relevance_levels(
    distance_m: NDArray[np.floating], levels_m: Sequence[float] = DA_CAMPUS_LEVELS_M
) -> Levels:
    """Return how many of the distances ``levels_m`` each distance is within, inclusive.

    Args:
        distance_m: of any shape; infinite or NaN is of level 0.
        levels_m: limits, in any order.
    """
    levels = np.zeros(np.shape(distance_m), np.uint8)
    for limit_m in levels_m:
        levels += distance_m <= limit_m
    return levels


def relevance_matrix(
    queries_deg: FloatArray,
    items_deg: FloatArray,
    levels_m: Sequence[float] = DA_CAMPUS_LEVELS_M,
    chunk: int = 256,
) -> Levels:
    """Return the levels of all queries with all items ``[Q, N]``, by distance on WGS 84.

    The distance is the straight line through the ellipsoid, which below 20 km is within 1 cm of the
    geodesic. The authors' matrix takes a Python loop over all pairs, and makes unrelated places the
    same wherever a row's number within its block of 80 equals a column's.

    Args:
        queries_deg: longitude and latitude ``[Q, 2]``.
        items_deg: longitude and latitude ``[N, 2]``; NaN is near nothing.
        levels_m: limits, see ``relevance_levels``.
        chunk: queries compared at a time.
    """
    queries_m, items_m = _geocentric(queries_deg), _geocentric(items_deg)
    levels = np.empty((len(queries_m), len(items_m)), np.uint8)
    for start in range(0, len(queries_m), chunk):
        part = queries_m[start : start + chunk]
        square = np.zeros((len(part), len(items_m)))
        for axis in range(3):
            # Differences first: the squares of coordinates have no digits left for metres.
            apart = part[:, None, axis] - items_m[None, :, axis]
            square += np.square(apart, out=apart)
        levels[start : start + chunk] = relevance_levels(square, [m**2 for m in levels_m])
    return levels


def _geocentric(lonlat_deg: FloatArray) -> FloatArray:
    """Return places on the ellipsoid as metres from the centre of the Earth ``[N, 3]``."""
    lon, lat = np.radians(lonlat_deg).T
    normal_m = _EQUATOR_M / np.sqrt(1.0 - _ECCENTRICITY_SQUARED * np.sin(lat) ** 2)
    return np.stack(
        [
            normal_m * np.cos(lat) * np.cos(lon),
            normal_m * np.cos(lat) * np.sin(lon),
            normal_m * (1.0 - _ECCENTRICITY_SQUARED) * np.sin(lat),
        ],
        axis=1,
    )
