"""Metres, coordinate systems, the tile grid and outlines on the Earth."""

from cvgl_core.geo.angle import wrapped
from cvgl_core.geo.crs import (
    check_scale,
    convergence_deg,
    from_lonlat,
    is_metric,
    metric_crs_for,
    scale_errors,
    to_lonlat,
)
from cvgl_core.geo.footprint import (
    bbox,
    cut_antimeridian,
    geodesic_distance_m,
    geometry,
    tile_geometry,
    tile_rings,
)
from cvgl_core.geo.grid import TileGrid, TileRange

__all__ = [
    "TileGrid",
    "TileRange",
    "bbox",
    "check_scale",
    "convergence_deg",
    "cut_antimeridian",
    "from_lonlat",
    "geodesic_distance_m",
    "geometry",
    "is_metric",
    "metric_crs_for",
    "scale_errors",
    "tile_geometry",
    "tile_rings",
    "to_lonlat",
    "wrapped",
]
