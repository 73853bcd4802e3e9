# SPDX-License-Identifier: GPL-2.0-or-later
"""The evidence: photo and tile side by side, turned the same way, with azimuths on both.

A direction pointed at in the photo is drawn as a ray on the tile.
"""

from __future__ import annotations

from qgis.gui import QgsCollapsibleGroupBox
from qgis.PyQt.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, pyqtSignal
from qgis.PyQt.QtGui import (
    QColor,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QPixmap,
    QPolygonF,
)
from qgis.PyQt.QtWidgets import QCheckBox, QGridLayout, QLabel, QSizePolicy, QWidget

from ..compat import event_point
from ..i18n import tr
from ..result import Result
from ..sight import TileFrame, azimuth_at, column_of, tile_frame
from ..words import heading
from .photo_view import fitted

CHOICE, RAY = "#ff2d95", "#ffd800"
STEPS_DEG = (5, 15, 45)
CONE_SHARE = 0.45
WIDE = 2.2


def compass_letters() -> dict[int, str]:
    """Return the letters of the azimuths that have one."""
    return {
        0: tr("N"), 45: tr("NE"), 90: tr("E"), 135: tr("SE"),
        180: tr("S"), 225: tr("SW"), 270: tr("W"), 315: tr("NW"),
    }  # fmt: skip


class PhotoPanel(QLabel):
    """The photo over a ruler of azimuths; tells the azimuth that is pointed at.

    A label, because themes of QGIS give labels a colour for text, and plain widgets none.
    """

    pointed = pyqtSignal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._pixmap, self._heading_deg, self._fov_deg, self._azimuth_deg = (
            QPixmap(),
            None,
            None,
            None,
        )

    def show_photo(self, pixmap: QPixmap, heading_deg: float | None, fov_deg: float | None) -> None:
        """Show a photo whose middle looks to a heading; None where that is unknown."""
        self._pixmap, self._heading_deg, self._fov_deg = pixmap, heading_deg, fov_deg
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell the azimuth under the pointer."""
        frame = self._frame()
        share = (event_point(event).x() - frame.left()) / max(1, frame.width())
        self._point(share if 0.0 <= share <= 1.0 else None)

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is pointed at any more."""
        self._point(None)

    def _point(self, share: float | None) -> None:
        """Show and tell a direction of the photo."""
        known = share is not None and self._heading_deg is not None and self._fov_deg
        self._azimuth_deg = azimuth_at(share, self._heading_deg, self._fov_deg) if known else None
        self.pointed.emit(self._azimuth_deg)
        self.update()

    def _frame(self) -> QRect:
        """Return where the photo is painted."""
        return fitted(self._pixmap.size(), self.rect().adjusted(0, 0, 0, -self._ruler_px()))

    def _ruler_px(self) -> int:
        """Return the height of the ruler."""
        return self.fontMetrics().height() + 8

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint photo, ruler and the direction pointed at."""
        if self._pixmap.isNull():
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        frame = self._frame()
        painter.drawPixmap(frame, self._pixmap)
        if self._heading_deg is None or not self._fov_deg:
            return
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        letters = compass_letters()
        for azimuth_deg in range(0, 360, self._step_deg(frame)):
            share = column_of(azimuth_deg, self._heading_deg, self._fov_deg)
            if share is not None:
                x = frame.left() + share * frame.width()
                self._paint_tick(painter, x, frame, letters.get(azimuth_deg, f"{azimuth_deg}°"))
        self._paint_line(painter, frame, self._heading_deg, CHOICE)
        if self._azimuth_deg is not None:
            self._paint_line(painter, frame, self._azimuth_deg, RAY)

    def _step_deg(self, frame: QRect) -> int:
        """Return the smallest step between two marks that leaves room for their words."""
        room_px = 1.6 * self.fontMetrics().horizontalAdvance("360°")
        px_per_deg = frame.width() / (self._fov_deg or 360.0)
        return next((step for step in STEPS_DEG if step * px_per_deg > room_px), 90)

    def _paint_tick(self, painter: QPainter, x: float, frame: QRect, text: str) -> None:
        """Paint one mark of the ruler."""
        painter.drawLine(QPointF(x, frame.bottom() + 1), QPointF(x, frame.bottom() + 6))
        half = painter.fontMetrics().horizontalAdvance(text) / 2.0
        left = min(max(x - half, 0.0), self.width() - 2.0 * half)
        baseline = frame.bottom() + 6 + painter.fontMetrics().ascent()
        painter.drawText(QPointF(left, baseline), text)

    def _paint_line(self, painter: QPainter, frame: QRect, azimuth_deg: float, colour: str) -> None:
        """Paint an azimuth as a line over the photo."""
        share = column_of(azimuth_deg, self._heading_deg, self._fov_deg)
        x = frame.left() + share * frame.width()
        painter.save()
        painter.setPen(QPen(QColor(colour), 1.5))
        painter.drawLine(QPointF(x, frame.top()), QPointF(x, frame.bottom()))
        painter.restore()


class TilePanel(QWidget):
    """The tile with the camera's place and view; turned so that the heading, or north, is up."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._pixmap, self._place, self._heading_deg, self._fov_deg = QPixmap(), None, None, None
        self._ray_deg, self._heading_up = None, True

    def show_tile(
        self,
        pixmap: QPixmap,
        place: TileFrame | None,
        heading_deg: float | None,
        fov_deg: float | None,
    ) -> None:
        """Show a tile; `place` is its `TileFrame`, None where that is unknown."""
        self._pixmap, self._place = pixmap, place
        self._heading_deg, self._fov_deg = heading_deg, fov_deg
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


class EvidenceView(QgsCollapsibleGroupBox):
    """Both panels, a switch for what is up, and the candidate in words."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTitle(tr("Evidence"))
        self.photo_panel, self.tile_panel = PhotoPanel(), TilePanel()
        self.label = QLabel()
        self.up_check = QCheckBox(tr("Heading up"))
        self.up_check.setChecked(True)
        self.up_check.setToolTip(
            tr("Turn the tile so that the photo looks upwards; else north is up")
        )
        self.up_check.toggled.connect(self.tile_panel.set_heading_up)
        self.photo_panel.pointed.connect(self.tile_panel.show_ray)
        self._grid = QGridLayout(self)
        self._grid.setColumnStretch(0, 3)
        self._grid.setColumnStretch(1, 2)
        self._lay_out(wide=False)
        self.clear()

    def clear(self) -> None:
        """Show nothing."""
        self.photo_panel.show_photo(QPixmap(), None, None)
        self.tile_panel.show_tile(QPixmap(), None, None, None)
        self.label.clear()
        self.setEnabled(False)

    def show_candidate(self, result: Result, rank: int, fov_deg: float | None) -> None:
        """Show the photo of a result beside one of its candidates."""
        self.setEnabled(True)
        heading_deg = result.heading_deg(rank)
        ring = result.ring(rank)
        place = None if ring is None else tile_frame(ring, result.spot(rank))
        photo = QPixmap(str(result.photo))
        self._lay_out(wide=photo.width() > WIDE * photo.height() > 0)
        self.photo_panel.show_photo(photo, heading_deg, fov_deg)
        self.tile_panel.show_tile(QPixmap(str(result.tile(rank))), place, heading_deg, fov_deg)
        self.up_check.setEnabled(heading_deg is not None)
        self.label.setText(f"#{rank} · {heading(heading_deg)}")

    def _lay_out(self, wide: bool) -> None:
        """Put photo and tile side by side, or a wide photo above."""
        line = self.fontMetrics().height()
        for widget in (self.photo_panel, self.tile_panel, self.label, self.up_check):
            self._grid.removeWidget(widget)
        self.photo_panel.setMinimumSize(QSize(120, (7 if wide else 10) * line))
        self.tile_panel.setMinimumSize(QSize(120, 10 * line))
        if wide:
            self._grid.addWidget(self.photo_panel, 0, 0, 1, 2)
            self._grid.addWidget(self.tile_panel, 1, 1, 2, 1)
            self._grid.addWidget(self.label, 1, 0, Qt.AlignmentFlag.AlignBottom)
            self._grid.addWidget(self.up_check, 2, 0, Qt.AlignmentFlag.AlignTop)
        else:
            self._grid.addWidget(self.photo_panel, 0, 0)
            self._grid.addWidget(self.tile_panel, 0, 1)
            self._grid.addWidget(self.label, 1, 0)
            self._grid.addWidget(self.up_check, 1, 1, Qt.AlignmentFlag.AlignRight)
