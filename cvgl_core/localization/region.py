"""Credible regions: the smallest set of cells that holds a share of the mass, as polygons."""

from __future__ import annotations

import numpy as np
import shapely

from cvgl_core.geo import cut_antimeridian, to_lonlat
from cvgl_core.localization.posterior import Cells, smallest_set
from cvgl_core.types import CredibleRegion, FloatArray, LonLat

LEVELS = (0.5, 0.9)
"""Shares of the mass inside the area."""

_DECIMALS = 7


def credible_region(
    cells: Cells, level: float, crs: str, cell_m: float, max_cells: int
) -> CredibleRegion:
    """Return the smallest set of cells that holds ``level`` of the mass of ``cells``.

    The outline follows the edges of the cells, so the polygons hold exactly that set. A set of more
    than ``max_cells`` is chosen anew among cells of twice the side, until it is small enough to
    draw.
    """
    chosen = _at_level(cells, level)
    while len(chosen.mass) > max_cells:
        cells, cell_m = coarser(cells), cell_m * 2
        chosen = _at_level(cells, level)
    return CredibleRegion(
        level=level,
        area_m2=len(chosen.mass) * cell_m**2,
        polygons=_in_degrees(outline(chosen, cell_m), crs),
    )


def coarser(cells: Cells) -> Cells:
    """Return the same mass on cells of twice the side."""
    rows, cols = cells.rows // 2, cells.cols // 2
    order = np.lexsort((cols, rows))
    rows, cols, mass = rows[order], cols[order], cells.mass[order]
    new = np.append(True, (np.diff(rows) != 0) | (np.diff(cols) != 0))
    starts = np.flatnonzero(new)
    return Cells(rows[starts], cols[starts], np.add.reduceat(mass, starts))


def outline(cells: Cells, cell_m: float) -> list[shapely.Polygon]:
    """Return the union of cells as polygons in grid metres, corners only, north up."""
    if not len(cells.mass):
        return []
    # Whole numbers until the union is done: neighbours then share their corners exactly.
    squares = shapely.box(cells.cols, -cells.rows - 1, cells.cols + 1, -cells.rows)
    union = shapely.simplify(shapely.coverage_union_all(squares), 0.0)
    scaled = shapely.transform(union, lambda points: points * cell_m)
    parts: list[shapely.Polygon] = list(shapely.get_parts(scaled))
    return sorted(parts, key=lambda part: (-part.area, part.bounds))


def _at_level(cells: Cells, level: float) -> Cells:
    """Return the smallest set of cells that holds ``level`` of the mass."""
    chosen = smallest_set(cells.mass, level)
    return Cells(cells.rows[chosen], cells.cols[chosen], cells.mass[chosen])


def _in_degrees(
    polygons: list[shapely.Polygon], crs: str
) -> tuple[tuple[tuple[LonLat, ...], ...], ...]:
    """Return polygons of grid metres in degrees as RFC 7946 wants them."""
    pieces: list[tuple[tuple[LonLat, ...], ...]] = []
    for polygon in polygons:
        exterior = _ring(polygon.exterior, crs)
        holes = [_ring(hole, crs) for hole in polygon.interiors]
        for rings in cut_antimeridian(exterior, holes):
            pieces.append(tuple(tuple(_rounded(*point) for point in ring) for ring in rings))
    return tuple(pieces)


def _rounded(lon: float, lat: float) -> LonLat:
    """Return a corner to a centimetre, so that rings that touch there touch exactly."""
    return LonLat(round(lon, _DECIMALS), round(lat, _DECIMALS))


def _ring(ring: shapely.LinearRing, crs: str) -> FloatArray:
    """Return a ring's corners as longitude and latitude ``[N, 2]``."""
    points = shapely.get_coordinates(ring)
    return np.stack(to_lonlat(crs, points[:, 0], points[:, 1]), axis=-1)
