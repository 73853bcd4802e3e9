"""Nearest places on the globe, without a full matrix of distances."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cvgl_core.data.webmercator import EARTH_RADIUS_M
from cvgl_core.errors import DatasetError
from cvgl_core.types import FloatArray, IntArray

_SLACK_M = 1e-3


def nearest_places(lonlat_deg: FloatArray, count: int, chunk: int = 128) -> IntArray:
    """Return for each place the nearest other places, nearest first, ``[N, min(count, N - 1)]``.

    Ordered by chord, which orders like the great-circle distance. Exact: a group of nearby places
    is compared with all that can be a neighbour of any of them. If D is the distance from the
    group's centre within which ``count`` others lie, and r the group's radius, each member has its
    neighbours within D + r of itself, so within D + 2 r of the centre.

    Args:
        lonlat_deg: places in degrees ``[N, 2]``.
        count: neighbours wanted.
        chunk: most places in a group.

    Raises:
        DatasetError: a place has no coordinates.
    """
    if not np.isfinite(lonlat_deg).all():
        raise DatasetError(
            "places without coordinates have no neighbours; add the data set's file of coordinates"
            " (docs/datasets.md)"
        )
    xyz_m = _on_sphere(lonlat_deg)
    count = max(0, min(count, len(xyz_m) - 1))
    nearest = np.empty((len(xyz_m), count), np.int64)
    for group in _groups(xyz_m, chunk) if count else ():
        centre_m = xyz_m[group].mean(axis=0)
        away_m = np.linalg.norm(xyz_m - centre_m, axis=1)
        reach_m = np.partition(away_m, count)[count] + 2.0 * away_m[group].max() + _SLACK_M
        others = np.flatnonzero(away_m <= reach_m)
        square = _square_distances(xyz_m[group] - centre_m, xyz_m[others] - centre_m)
        square[others[None, :] == group[:, None]] = np.inf
        nearest[group] = others[np.argsort(square, axis=1, kind="stable")[:, :count]]
    return nearest


def _square_distances(first_m: FloatArray, second_m: FloatArray) -> FloatArray:
    """Return squared chords between places ``[n, 3]`` and ``[m, 3]``, ``[n, m]``."""
    squares = (first_m**2).sum(axis=1)[:, None] + (second_m**2).sum(axis=1)[None, :]
    return np.asarray(squares - 2.0 * (first_m @ second_m.T), np.float64)


def _groups(xyz_m: FloatArray, size: int) -> Iterator[IntArray]:
    """Yield the indices of all places in groups of at most ``size`` that lie close together."""
    waiting: list[IntArray] = [np.arange(len(xyz_m), dtype=np.int64)]
    while waiting:
        group = waiting.pop()
        if len(group) <= size:
            yield group
            continue
        widest = int(np.ptp(xyz_m[group], axis=0).argmax())
        ordered = group[np.argsort(xyz_m[group, widest], kind="stable")]
        waiting += [ordered[: len(group) // 2], ordered[len(group) // 2 :]]


def _on_sphere(lonlat_deg: FloatArray) -> FloatArray:
    """Return places as metres from the centre of the Earth ``[N, 3]``."""
    lon, lat = np.radians(lonlat_deg[:, 0]), np.radians(lonlat_deg[:, 1])
    axes = (np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat))
    return np.asarray(EARTH_RADIUS_M * np.stack(axes, axis=1), np.float64)
