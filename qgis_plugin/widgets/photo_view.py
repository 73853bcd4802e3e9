# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a photo is dropped, and then seen."""

from __future__ import annotations

from pathlib import Path

from qgis.PyQt.QtCore import QMimeData, QRect, QSize, Qt, pyqtSignal
from qgis.PyQt.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPixmap,
    QResizeEvent,
)
from qgis.PyQt.QtWidgets import QFrame, QLabel, QSizePolicy, QWidget

from ..i18n import tr

SUFFIXES = (
    ".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp", ".heic", ".heif", ".avif", ".jp2",
)  # fmt: skip


def is_photo(path: str) -> bool:
    """Tell whether a path looks like a photo by its suffix."""
    return Path(path).suffix.lower() in SUFFIXES


def photos_in(mime: QMimeData) -> list[str]:
    """Return the paths of the photos that a drag or the clipboard carries."""
    paths = [url.toLocalFile() for url in mime.urls() if url.isLocalFile()]
    return [path for path in paths if is_photo(path)]


class PhotoView(QLabel):
    """A drop target that shows the photo's preview; also clickable and reachable by keyboard.

    A label, because themes of QGIS give labels a colour for text, and plain frames none.
    """

    photos_dropped = pyqtSignal(list)
    clicked = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("cvglPhotoView")
        self.setAcceptDrops(True)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(tr("Photo: drop one here, or press Enter to open one"))
        self._pixmap = QPixmap()
        self._text = ""
        self._hovered = False
        self.clear()

    def clear(self) -> None:
        """Show the invitation."""
        self.show_text(tr("Drop a street photo here\nor click to open one"))

    def show_text(self, text: str) -> None:
        """Show words in place of a photo."""
        self._pixmap, self._text = QPixmap(), text
        self.updateGeometry()
        self.update()

    def show_preview(self, path: str) -> bool:
        """Show a picture file, a small one; tell whether it could be read."""
        self._pixmap = QPixmap(str(path))
        self._text = "" if not self._pixmap.isNull() else tr("No preview")
        self.updateGeometry()
        self.update()
        return not self._pixmap.isNull()

    def has_preview(self) -> bool:
        """Tell whether a photo is shown."""
        return not self._pixmap.isNull()

    def sizeHint(self) -> QSize:
        """Return a height that shows the photo and leaves room for the candidates."""
        line = self.fontMetrics().height()
        if self._pixmap.isNull():
            return QSize(320, 6 * line)
        shape = self._pixmap.height() / self._pixmap.width()
        return QSize(320, min(max(round(shape * self.width()), 5 * line), 9 * line))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Take the height that goes with the width."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.updateGeometry()

    def minimumSizeHint(self) -> QSize:
        """Return the smallest useful size."""
        return QSize(160, 5 * self.fontMetrics().height())

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept what carries a photo."""
        self._hover(bool(photos_in(event.mimeData())))
        if self._hovered:
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
        else:
            event.ignore()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Take back the highlight."""
        self._hover(False)

    def dropEvent(self, event: QDropEvent) -> None:
        """Take the photos."""
        self._hover(False)
        paths = photos_in(event.mimeData())
        if not paths:
            event.ignore()
            return
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        self.photos_dropped.emit(paths)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A click opens a file."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter and space open a file."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.clicked.emit()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the preview, or the words in a dashed frame."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        palette = self.palette()
        if self._pixmap.isNull():
            painter.setPen(palette.color(QPalette.ColorGroup.Active, QPalette.ColorRole.WindowText))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(12, 8, -12, -8), int(flags), self._text)
        else:
            painter.drawPixmap(
                fitted(self._pixmap.size(), self.rect().adjusted(2, 2, -2, -2)), self._pixmap
            )
        if self._hovered or self.hasFocus() or self._pixmap.isNull():
            pen = painter.pen()
            strong = self._hovered or self.hasFocus()
            role = QPalette.ColorRole.Highlight if strong else QPalette.ColorRole.Mid
            pen.setColor(palette.color(role))
            pen.setStyle(Qt.PenStyle.SolidLine if self._hovered else Qt.PenStyle.DashLine)
            pen.setWidthF(2.0 if self._hovered else 1.2)
            painter.setPen(pen)
            painter.drawRoundedRect(self.rect().adjusted(4, 4, -5, -5), 5, 5)

    def _hover(self, hovered: bool) -> None:
        """Show or hide that a drop would be taken."""
        self._hovered = hovered
        self.update()


def fitted(size: QSize, frame: QRect) -> QRect:
    """Return the largest rectangle of a picture's shape in the middle of a frame."""
    scaled = size.scaled(frame.size(), Qt.AspectRatioMode.KeepAspectRatio)
    left = frame.left() + (frame.width() - scaled.width()) // 2
    top = frame.top() + (frame.height() - scaled.height()) // 2
    return QRect(left, top, scaled.width(), scaled.height())
