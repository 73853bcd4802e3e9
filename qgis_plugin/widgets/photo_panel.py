# SPDX-License-Identifier: GPL-2.0-or-later
"""The photo over a ruler of azimuths, and what each direction of it says for the place."""

from __future__ import annotations

from itertools import groupby

from qgis.PyQt.QtCore import QEvent, QPointF, QRect, QRectF, pyqtSignal
from qgis.PyQt.QtGui import (
    QColor,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QPixmap,
)
from qgis.PyQt.QtWidgets import QLabel, QSizePolicy, QWidget

from ..compat import event_point
from ..directions import AGAINST, FOR, Directions
from ..i18n import tr
from ..sight import azimuth_at, column_of
from .photo_view import fitted

CHOICE, RAY = "#ff2d95", "#ffd800"
STEPS_DEG = (5, 15, 45)


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
        self._pixmap, self._heading_deg, self._fov_deg = QPixmap(), None, None
        self._azimuth_deg, self._directions = None, None

    def show_photo(
        self,
        pixmap: QPixmap,
        heading_deg: float | None,
        fov_deg: float | None,
        directions: Directions | None = None,
    ) -> None:
        """Show a photo whose middle looks to a heading; None where that is unknown."""
        self._pixmap, self._heading_deg, self._fov_deg = pixmap, heading_deg, fov_deg
        self._directions = directions
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
        below_px = self._ruler_px() + (0 if self._directions is None else self._bars_px())
        return fitted(self._pixmap.size(), self.rect().adjusted(0, 0, 0, -below_px))

    def _ruler_px(self) -> int:
        """Return the height of the ruler."""
        return self.fontMetrics().height() + 8

    def _bars_px(self) -> int:
        """Return the height of the bars."""
        return 2 * self.fontMetrics().height()

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
        if self._directions is not None:
            self._paint_bars(painter, frame)
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

    def _paint_bars(self, painter: QPainter, frame: QRect) -> None:
        """Paint what each direction says, below the ruler, and where other places stand."""
        told, half = self._directions, self._bars_px() / 2.0
        middle = frame.bottom() + self._ruler_px() + half
        rivals = self.palette().color(QPalette.ColorRole.WindowText)
        columns = range(max(1, frame.width()))
        for column, group in groupby(columns, lambda x: told.column(self._azimuth(x, frame))):
            xs = list(group)
            left, width = frame.left() + xs[0] + 0.5, max(1.0, len(xs) - 1.0)
            height = told.height(told.told[column]) * (half - 2.0)
            bar = QRectF(left, middle - max(height, 0.0), width, abs(height))
            painter.fillRect(bar, QColor(FOR if height > 0.0 else AGAINST))
            if told.rivals[column] is not None:
                level = middle - told.height(told.rivals[column]) * (half - 2.0)
                painter.fillRect(QRectF(left, level - 1.0, width, 2.0), rivals)
        ends = (QPointF(frame.left(), middle), QPointF(frame.right(), middle))
        painter.drawLine(*ends)

    def _azimuth(self, x: int, frame: QRect) -> float:
        """Return the azimuth that a column of pixels shows."""
        share = (x + 0.5) / max(1, frame.width())
        return azimuth_at(share, self._heading_deg, self._fov_deg)

    def _paint_line(self, painter: QPainter, frame: QRect, azimuth_deg: float, colour: str) -> None:
        """Paint an azimuth as a line over the photo."""
        share = column_of(azimuth_deg, self._heading_deg, self._fov_deg)
        x = frame.left() + share * frame.width()
        painter.save()
        painter.setPen(QPen(QColor(colour), 1.5))
        painter.drawLine(QPointF(x, frame.top()), QPointF(x, frame.bottom()))
        painter.restore()
