# SPDX-License-Identifier: GPL-2.0-or-later
"""The candidate that is looked at, marked on the map canvas."""

from __future__ import annotations

from collections.abc import Sequence

from qgis.core import QgsCsException, QgsProject, QgsWkbTypes
from qgis.gui import QgsMapCanvas, QgsRubberBand
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QColor

from .mapping import outline_on_map, view_of
from .result import Place

COLOUR, WIDTH_PX = "#ffffff", 3


class TileMarker:
    """A rubber band round one tile, right in the CRS that the canvas has now."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        self._canvas, self._band, self._ring = canvas, None, None
        canvas.destinationCrsChanged.connect(self._redraw)

    def show(self, ring: Sequence[Place] | None) -> None:
        """Mark a tile by its corners in degrees; None marks nothing."""
        self._ring = ring
        self._redraw()

    def zoom_to(self, ring: Sequence[Place]) -> None:
        """Show a tile and its surroundings, and flash it."""
        crs, project = self._canvas.mapSettings().destinationCrs(), QgsProject.instance()
        try:
            extent, outline = view_of(ring, crs, project), outline_on_map(ring, crs, project)
        except QgsCsException:
            return
        self._canvas.setExtent(extent)
        self._canvas.refresh()
        self._canvas.flashGeometries([outline], crs)

    def clear(self) -> None:
        """Mark nothing."""
        self._ring = None
        if self._band is not None:
            self._canvas.scene().removeItem(self._band)
            self._band = None

    def _redraw(self) -> None:
        """Draw the outline in the canvas's CRS."""
        ring = self._ring
        self.clear()
        self._ring = ring
        if ring is None:
            return
        crs = self._canvas.mapSettings().destinationCrs()
        try:
            outline = outline_on_map(ring, crs, QgsProject.instance())
        except QgsCsException:
            return
        self._band = QgsRubberBand(self._canvas, QgsWkbTypes.GeometryType.PolygonGeometry)
        self._band.setStrokeColor(QColor(COLOUR))
        self._band.setFillColor(QColor(0, 0, 0, 0))
        self._band.setWidth(WIDTH_PX)
        self._band.setLineStyle(Qt.PenStyle.DotLine)
        self._band.setToGeometry(outline, crs)
