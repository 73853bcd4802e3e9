"""Web Mercator as the makers of image tiles use it: world pixels and metres per pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from cvgl_core.types import FloatArray

EARTH_RADIUS_M = 6_378_137.0
"""Of the sphere that Web Mercator is defined on."""

_WORLD_PX = 256


def metres_per_px(lat_deg: ArrayLike, zoom: int) -> FloatArray:
    """Return metres per pixel at latitudes ``[N]``: ``156543.034 cos(lat) / 2^zoom``."""
    equator_m_per_px = 2.0 * np.pi * EARTH_RADIUS_M / _WORLD_PX / 2.0**zoom
    return np.asarray(equator_m_per_px * np.cos(np.radians(lat_deg)), np.float64)


def world_px(lonlat_deg: FloatArray, zoom: int) -> FloatArray:
    """Return pixels of the world map ``[N, 2]`` (x east, y south) of places in degrees."""
    side_px = _WORLD_PX * 2.0**zoom
    lon, lat = np.radians(lonlat_deg[:, 0]), np.radians(lonlat_deg[:, 1])
    x = (lon / np.pi + 1.0) / 2.0
    y = (1.0 - np.arcsinh(np.tan(lat)) / np.pi) / 2.0
    return np.asarray(np.stack([x, y], axis=1) * side_px, np.float64)
