# SPDX-License-Identifier: GPL-2.0-or-later
"""Which area is searched: the whole index, what the map shows, or the polygons of a layer."""

from __future__ import annotations

from qgis.core import QgsGeometry, QgsPointXY, QgsProject, QgsVectorLayer
from qgis.gui import QgsMapCanvas

from .i18n import tr
from .mapping import geometry_in_degrees
from .result import Json

WHOLE, CANVAS, LAYER = "whole", "canvas", "layer"


class AreaError(Exception):
    """The area cannot be told; the message says why and what to do."""


def searched_area(
    choice: str, canvas: QgsMapCanvas, layer: QgsVectorLayer | None, project: QgsProject
) -> Json | None:
    """Return the area as a GeoJSON geometry in degrees, None for the whole index.

    Raises:
        AreaError: what was chosen is no area.
    """
    if choice == CANVAS:
        area = canvas_area(canvas, project)
        if area is None:
            raise AreaError(
                tr("What the map shows has no place on Earth: zoom to the imagery and try again.")
            )
        return area
    if choice == LAYER:
        area = None if layer is None else layer_area(layer, project)
        if area is None:
            raise AreaError(tr("The layer for the search area has no polygons with a known CRS."))
        return area
    return None


def canvas_area(canvas: QgsMapCanvas, project: QgsProject) -> Json | None:
    """Return what the canvas shows, turned or not, as a GeoJSON polygon in degrees, or None."""
    view = canvas.mapSettings()
    corners = [QgsPointXY(corner) for corner in view.visiblePolygon()]
    if not view.destinationCrs().isValid() or len(corners) < 4:
        return None
    shape = QgsGeometry.fromPolygonXY([[*corners[:4], corners[0]]])
    return geometry_in_degrees(shape, view.destinationCrs(), project)


def layer_area(layer: QgsVectorLayer, project: QgsProject) -> Json | None:
    """Return a layer's polygons (the selected ones, if any) as GeoJSON in degrees, or None."""
    if not layer.crs().isValid():
        return None
    features = layer.getSelectedFeatures() if layer.selectedFeatureCount() else layer.getFeatures()
    shapes = [feature.geometry() for feature in features if feature.hasGeometry()]
    merged = QgsGeometry.unaryUnion(shapes)
    return None if merged.isEmpty() else geometry_in_degrees(merged, layer.crs(), project)
