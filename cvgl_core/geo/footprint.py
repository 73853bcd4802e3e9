"""Outlines in degrees as RFC 7946 wants them, and distances on the ellipsoid.

Rings are counter-clockwise outside and clockwise inside (3.1.6); what crosses the antimeridian is
cut there (3.1.9); a bounding box that crosses it has its west larger than its east (5.2).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from shapely import affinity
from shapely.geometry import Polygon, box
from shapely.geometry.polygon import orient

from cvgl_core.geo.angle import wrapped
from cvgl_core.geo.crs import WGS84, to_lonlat
from cvgl_core.geo.grid import TileGrid
from cvgl_core.types import FloatArray

Ring = tuple[tuple[float, float], ...]
"""A closed ring of longitude, latitude pairs; the first equals the last."""


def geodesic_distance_m(
    lon_a: ArrayLike, lat_a: ArrayLike, lon_b: ArrayLike, lat_b: ArrayLike
) -> FloatArray:
    """Return the distance in metres on the WGS 84 ellipsoid between points in degrees."""
    values = [np.asarray(value, np.float64) for value in (lon_a, lat_a, lon_b, lat_b)]
    ends = [np.array(value) for value in np.broadcast_arrays(*values)]
    return np.asarray(WGS84.inv(ends[0], ends[1], ends[2], ends[3])[2], np.float64)


def tile_rings(grid: TileGrid, rows: ArrayLike, cols: ArrayLike) -> FloatArray:
    """Return tiles' corners as longitude and latitude ``[N, 5, 2]``, closed, before any cut."""
    x_m, y_m = grid.corners(rows, cols)
    lon, lat = to_lonlat(grid.crs, x_m.ravel(), y_m.ravel())
    corners = np.stack([lon, lat], axis=-1).reshape(-1, 4, 2)
    return np.concatenate([corners, corners[:, :1]], axis=1)


def tile_geometry(ring: FloatArray) -> dict[str, object]:
    """Return the GeoJSON geometry of a closed ring ``[5, 2]``: MultiPolygon if cut."""
    return geometry(cut_antimeridian(ring))


def geometry(polygons: Sequence[Sequence[Ring]]) -> dict[str, object]:
    """Return polygons, each an outer ring and its holes, as one GeoJSON geometry."""
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}


def cut_antimeridian(
    exterior: ArrayLike, holes: Sequence[ArrayLike] = ()
) -> tuple[tuple[Ring, ...], ...]:
    """Return the polygons within -180..180 degrees that make up one polygon in degrees.

    Args:
        exterior: closed ring of longitude and latitude ``[N, 2]``; two neighbours more than
            180 degrees apart in longitude are joined the short way, across the antimeridian.
        holes: rings inside it, in the same form.
    """
    outer = _unwrapped(np.asarray(exterior, np.float64))
    middle = outer[:, 0].mean()
    inner = [_unwrapped(np.asarray(hole, np.float64)) for hole in holes]
    for hole in inner:
        hole[:, 0] += 360.0 * np.round((middle - hole[:, 0].mean()) / 360.0)
    shape = Polygon(outer, inner)
    west, _, east, _ = shape.bounds
    if -180.0 <= west and east <= 180.0:
        return (_rings(shape),)
    shape = shape if shape.is_valid else shape.buffer(0)
    parts: list[tuple[Ring, ...]] = []
    first, last = int(np.floor((west + 180.0) / 360.0)), int(np.ceil((east - 180.0) / 360.0))
    for turn in range(first, last + 1):
        window = box(-180.0 + 360.0 * turn, -90.0, 180.0 + 360.0 * turn, 90.0)
        piece = affinity.translate(shape.intersection(window), xoff=-360.0 * turn)
        members = piece.geoms if hasattr(piece, "geoms") else [piece]
        parts += [_rings(part) for part in members if isinstance(part, Polygon) and part.area]
    return tuple(parts)


def bbox(polygons: Sequence[Sequence[Ring]]) -> tuple[float, float, float, float]:
    """Return west, south, east, north of cut polygons; west > east across the antimeridian."""
    boxes = np.array([Polygon(rings[0]).bounds for rings in polygons])
    south, north = float(boxes[:, 1].min()), float(boxes[:, 3].max())
    west, east = float(boxes[:, 0].min()), float(boxes[:, 2].max())
    if west == -180.0 and east == 180.0 and len(boxes) > 1:
        start, reach = _largest_gap(boxes[:, [0, 2]])
        if reach < start:
            west, east = start, reach
    return west, south, east, north


def _largest_gap(spans: FloatArray) -> tuple[float, float]:
    """Return where the widest empty stretch of longitudes ends and where it begins."""
    ordered = spans[np.argsort(spans[:, 0])]
    reach = np.maximum.accumulate(ordered[:, 1])
    gaps = ordered[1:, 0] - reach[:-1]
    widest = int(np.argmax(gaps))
    if gaps[widest] <= 0.0:
        return -180.0, 180.0
    return float(ordered[widest + 1, 0]), float(reach[widest])


def _unwrapped(ring: FloatArray) -> FloatArray:
    """Return a closed ring whose longitudes do not jump; one round a pole is closed over it."""
    steps = wrapped(np.diff(ring[:, 0]))
    lon = np.concatenate([ring[:1, 0], ring[0, 0] + np.cumsum(steps)])
    lat = ring[:, 1]
    if abs(lon[-1] - lon[0]) > 180.0:
        pole = 90.0 if lat.mean() > 0.0 else -90.0
        lon = np.concatenate([lon, [lon[-1], lon[0], lon[0]]])
        lat = np.concatenate([lat, [pole, pole, lat[0]]])
    else:
        lon[-1] = lon[0]
    return np.stack([lon, lat], axis=-1)


def _rings(shape: Polygon) -> tuple[Ring, ...]:
    """Return a polygon's rings, the outer counter-clockwise, the holes clockwise."""
    oriented = orient(shape, 1.0)
    rings = (oriented.exterior, *oriented.interiors)
    return tuple(tuple((float(x), float(y)) for x, y in ring.coords) for ring in rings)
