"""Nearest places on the globe, without a full matrix of distances."""

from __future__ import annotations

import numpy as np

from cvgl_core.data.webmercator import EARTH_RADIUS_M
from cvgl_core.errors import DatasetError
from cvgl_core.types import FloatArray, IntArray


def nearest_places(lonlat_deg: FloatArray, count: int, chunk: int = 256) -> IntArray:
    """Return for each place the nearest other places, nearest first, ``[N, min(count, N - 1)]``.

    Ordered by chord, which orders like the great-circle distance.

    Args:
        lonlat_deg: places in degrees ``[N, 2]``.
        count: neighbours wanted.
        chunk: places compared with all others at a time; memory grows with ``chunk`` times N.

    Raises:
        DatasetError: a place has no coordinates.
    """
    if not np.isfinite(lonlat_deg).all():
        raise DatasetError(
            "places without coordinates have no neighbours; add the data set's file of coordinates"
            " (docs/datasets.md)"
        )
    xyz_m = _on_sphere(lonlat_deg)
    xyz_m -= xyz_m.mean(axis=0)  # near the origin the squares below keep their digits
    square = (xyz_m**2).sum(axis=1)
    count = min(count, len(xyz_m) - 1)
    nearest = np.empty((len(xyz_m), max(count, 0)), np.int64)
    if count < 1:
        return nearest
    for start in range(0, len(xyz_m), chunk):
        rows = np.arange(start, min(start + chunk, len(xyz_m)))
        distance = square[None, :] - 2.0 * (xyz_m[rows] @ xyz_m.T)
        distance[rows - start, rows] = np.inf
        found = np.argpartition(distance, count - 1, axis=1)[:, :count]
        order = np.argsort(np.take_along_axis(distance, found, axis=1), axis=1, kind="stable")
        nearest[rows] = np.take_along_axis(found, order, axis=1)
    return nearest


def _on_sphere(lonlat_deg: FloatArray) -> FloatArray:
    """Return places as metres from the centre of the Earth ``[N, 3]``."""
    lon, lat = np.radians(lonlat_deg[:, 0]), np.radians(lonlat_deg[:, 1])
    axes = (np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat))
    return np.asarray(EARTH_RADIUS_M * np.stack(axes, axis=1), np.float64)
