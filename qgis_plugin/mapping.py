# SPDX-License-Identifier: GPL-2.0-or-later
"""Between degrees and the map: places, outlines and areas in the CRS of the project."""

from __future__ import annotations

import json
from collections.abc import Sequence

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRectangle,
)

from .result import Json, Place

TILE_MARGIN = 3.0
SIDE_POINTS = 8
DECIMALS = 7


def degrees() -> QgsCoordinateReferenceSystem:
    """Return WGS 84."""
    return QgsCoordinateReferenceSystem("EPSG:4326")


def place_on_map(
    place: Place, crs: QgsCoordinateReferenceSystem, project: QgsProject
) -> QgsPointXY:
    """Return a place in degrees as a point of a CRS."""
    return _to_crs(crs, project).transform(QgsPointXY(*place))


def outline_on_map(
    ring: Sequence[Place], crs: QgsCoordinateReferenceSystem, project: QgsProject
) -> QgsGeometry:
    """Return a ring in degrees as a geometry of a CRS."""
    geometry = QgsGeometry.fromPolygonXY([[QgsPointXY(*place) for place in (*ring, ring[0])]])
    geometry.transform(_to_crs(crs, project))
    return geometry


def view_of(
    ring: Sequence[Place], crs: QgsCoordinateReferenceSystem, project: QgsProject
) -> QgsRectangle:
    """Return the extent to zoom to for a tile, with its surroundings."""
    box = outline_on_map(ring, crs, project).boundingBox()
    return QgsRectangle(box).buffered(box.width() * (TILE_MARGIN - 1.0) / 2.0)


def geometry_in_degrees(
    geometry: QgsGeometry, crs: QgsCoordinateReferenceSystem, project: QgsProject
) -> Json | None:
    """Return polygons of a CRS as a GeoJSON geometry in degrees, straight sides followed.

    None where they have no place on Earth, such as a view far beyond the edge of the map.
    """
    dense = geometry.densifyByCount(SIDE_POINTS)
    try:
        dense.transform(QgsCoordinateTransform(crs, degrees(), project))
    except QgsCsException:
        return None
    box = dense.boundingBox()
    if not box.isFinite() or box.isEmpty():
        return None
    return json.loads(dense.asJson(DECIMALS))


def _to_crs(crs: QgsCoordinateReferenceSystem, project: QgsProject) -> QgsCoordinateTransform:
    """Return the transform from degrees to a CRS."""
    return QgsCoordinateTransform(degrees(), crs, project)
