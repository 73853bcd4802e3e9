# SPDX-License-Identifier: GPL-2.0-or-later
"""The tile with the camera's place and view, and what each direction around it says."""

from __future__ import annotations

from qgis.PyQt.QtCore import QPointF, QRectF, Qt
from qgis.PyQt.QtGui import QColor, QPainter, QPaintEvent, QPen, QPixmap, QPolygonF
from qgis.PyQt.QtWidgets import QSizePolicy, QWidget

from ..directions import AGAINST, FOR, Directions
from ..i18n import tr
from ..sight import TileFrame
from .photo_panel import CHOICE, RAY

CONE_SHARE, RING_SHARE = 0.45, 0.4


class TilePanel(QWidget):
    """The tile with the camera's place and view; turned so that the heading, or north, is up."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._pixmap, self._place, self._heading_deg, self._fov_deg = QPixmap(), None, None, None
        self._ray_deg, self._heading_up, self._directions = None, True, None

    def show_tile(
        self,
        pixmap: QPixmap,
        place: TileFrame | None,
        heading_deg: float | None,
        fov_deg: float | None,
        directions: Directions | None = None,
    ) -> None:
        """Show a tile; `place` is its `TileFrame`, None where that is unknown."""
        self._pixmap, self._place = pixmap, place
        self._heading_deg, self._fov_deg, self._directions = heading_deg, fov_deg, directions
        self.update()

    def set_heading_up(self, heading_up: bool) -> None:
        """Turn the heading up, or north."""
        self._heading_up = heading_up
        self.update()

    def show_ray(self, azimuth_deg: float | None) -> None:
        """Show a direction from the camera, or none."""
        self._ray_deg = azimuth_deg
        self.update()

    def turn_deg(self) -> float:
        """Return how far the picture is turned, clockwise."""
        up_deg = self._place.up_deg if self._place is not None else 0.0
        if self._heading_up and self._heading_deg is not None:
            return up_deg - self._heading_deg
        return up_deg

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the turned tile, the cone, the ray and north."""
        if self._pixmap.isNull():
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        side = min(self.width(), self.height())
        frame = QRectF((self.width() - side) / 2.0, (self.height() - side) / 2.0, side, side)
        painter.setClipRect(frame)
        painter.save()
        painter.translate(frame.center())
        painter.rotate(self.turn_deg())
        painter.translate(-side / 2.0, -side / 2.0)
        painter.drawPixmap(QRectF(0, 0, side, side), self._pixmap, QRectF(self._pixmap.rect()))
        if self._place is not None:
            self._paint_camera(painter, side)
        painter.restore()
        self._paint_north(painter, frame)

    def _paint_camera(self, painter: QPainter, side: float) -> None:
        """Paint the camera, what it sees, and the direction pointed at."""
        camera = QPointF(self._place.u * side, self._place.v * side)
        reach = CONE_SHARE * side
        if self._heading_deg is not None:
            half_deg = (self._fov_deg or 360.0) / 2.0
            half_deg = half_deg if half_deg <= 90.0 else 10.0
            colour = QColor(CHOICE)
            painter.setPen(QPen(colour, 1.5))
            colour.setAlpha(60)
            painter.setBrush(colour)
            box = QRectF(camera.x() - reach, camera.y() - reach, 2 * reach, 2 * reach)
            start_deg = 90.0 - (self._heading_deg - self._place.up_deg) - half_deg
            painter.drawPie(box, round(16 * start_deg), round(32 * half_deg))
        if self._directions is not None:
            self._paint_ring(painter, camera, side)
        if self._ray_deg is not None:
            painter.save()
            painter.translate(camera)
            painter.rotate(self._ray_deg - self._place.up_deg)
            painter.setPen(QPen(QColor(RAY), 2.0))
            painter.drawLine(QPointF(0, 0), QPointF(0, -1.5 * side))
            painter.restore()
        painter.setPen(QPen(QColor("#ffffff"), 1.5))
        painter.setBrush(QColor(CHOICE))
        painter.drawEllipse(camera, 4.0, 4.0)

    def _paint_ring(self, painter: QPainter, camera: QPointF, side: float) -> None:
        """Paint what each direction says around the camera; the stronger, the more opaque."""
        told, reach = self._directions, RING_SHARE * side
        box = QRectF(camera.x() - reach, camera.y() - reach, 2 * reach, 2 * reach)
        painter.save()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for column, value in enumerate(told.told):
            height = told.height(value)
            if not height:
                continue
            colour = QColor(FOR if height > 0.0 else AGAINST)
            colour.setAlphaF(abs(height))
            pen = QPen(colour, 6.0)
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            painter.setPen(pen)
            azimuth_deg = told.first_deg + column * told.width_deg - self._place.up_deg
            painter.drawArc(box, round(16 * (90.0 - azimuth_deg)), round(-16 * told.width_deg))
        painter.restore()

    def _paint_north(self, painter: QPainter, frame: QRectF) -> None:
        """Paint an arrow to true north in the corner."""
        up_deg = self._place.up_deg if self._place is not None else 0.0
        size = self.fontMetrics().height()
        painter.save()
        painter.translate(frame.right() - 1.4 * size, frame.bottom() - 1.4 * size)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(0, 0, 0, 140))
        painter.drawEllipse(QPointF(0, 0), 1.2 * size, 1.2 * size)
        painter.rotate(self.turn_deg() - up_deg)
        painter.setBrush(QColor("#ffffff"))
        head = [QPointF(0, -1.1 * size), QPointF(0.35 * size, -0.3 * size)]
        painter.drawPolygon(QPolygonF([*head, QPointF(-0.35 * size, -0.3 * size)]))
        painter.setPen(QColor("#ffffff"))
        box = QRectF(-size, -0.3 * size, 2 * size, size)
        painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), tr("N"))
        painter.restore()
