# SPDX-License-Identifier: GPL-2.0-or-later
"""The ranked candidates: picture, figures and the analyst's judgement, steered by keys."""

from __future__ import annotations

from qgis.PyQt.QtCore import QAbstractListModel, QModelIndex, QRect, QSize, Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent, QPalette, QPixmap
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from ..i18n import tr
from ..result import ANALYST_CONFIDENCE, ANALYST_NOTE, FALSE, VERIFIED, Result
from ..words import candidate_text, candidate_title

RANK_ROLE = int(Qt.ItemDataRole.UserRole) + 1
TEXT_ROLE = RANK_ROLE + 1
MARK_ROLE = RANK_ROLE + 2
NO_PARENT = QModelIndex()
GAP_PX = 5
ACCEPT, REJECT, NOTE = Qt.Key.Key_A, Qt.Key.Key_R, Qt.Key.Key_N


class CandidateModel(QAbstractListModel):
    """The candidates of one result."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._result = None
        self._pictures = {}

    def show(self, result: Result | None) -> None:
        """Show the candidates of a result, or of none."""
        self.beginResetModel()
        self._result, self._pictures = result, {}
        self.endResetModel()

    def refresh(self) -> None:
        """Show the judgements as they are now."""
        if self.rowCount():
            self.dataChanged.emit(self.index(0), self.index(self.rowCount() - 1))

    def rowCount(self, parent: QWidget | None = NO_PARENT) -> int:
        """Return how many candidates there are."""
        return 0 if self._result is None or parent.isValid() else len(self._result.candidates)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return what the view or an assistive program asks for."""
        if not index.isValid() or self._result is None:
            return None
        candidate = self._result.candidates[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return candidate_title(candidate)
        if role == TEXT_ROLE:
            return candidate_text(candidate, self._result.estimate)
        if role == RANK_ROLE:
            return candidate["rank"]
        if role == MARK_ROLE:
            return candidate[ANALYST_CONFIDENCE]
        if role == Qt.ItemDataRole.DecorationRole:
            return self._picture(candidate["rank"])
        if role == Qt.ItemDataRole.ToolTipRole:
            note = candidate[ANALYST_NOTE]
            return "\n".join(part for part in (candidate_title(candidate), note) if part)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return (
                f"{candidate_title(candidate)}, {candidate_text(candidate, self._result.estimate)}"
            )
        return None

    def _picture(self, rank: int) -> QPixmap:
        """Return a tile's picture, read when it is first seen."""
        if rank not in self._pictures:
            self._pictures[rank] = QPixmap(str(self._result.tile(rank)))
        return self._pictures[rank]


class CandidateDelegate(QStyledItemDelegate):
    """Paints a candidate: picture, two lines, and the mark of the analyst."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        """Return room for the picture and two lines."""
        return QSize(200, max(52, 3 * option.fontMetrics.height()))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Paint one row in the colours of the system."""
        option = QStyleOptionViewItem(option)
        self.initStyleOption(option, index)
        option.text, option.icon = "", option.icon.__class__()
        widget = option.widget
        style = widget.style() if widget is not None else QApplication.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, widget)
        painter.save()
        frame = option.rect.adjusted(GAP_PX, GAP_PX // 2, -GAP_PX, -(GAP_PX // 2))
        self._paint_picture(painter, frame, index)
        self._paint_lines(painter, frame, option, index)
        painter.restore()

    def _paint_picture(self, painter: QPainter, frame: QRect, index: QModelIndex) -> None:
        """Paint the tile."""
        picture = index.data(Qt.ItemDataRole.DecorationRole)
        place = QRect(frame.left(), frame.top(), frame.height(), frame.height())
        painter.setRenderHint(painter.RenderHint.SmoothPixmapTransform)
        if picture is not None and not picture.isNull():
            painter.drawPixmap(place, picture)
        else:
            painter.drawRect(place)

    def _paint_lines(
        self, painter: QPainter, frame: QRect, option: QStyleOptionViewItem, index: QModelIndex
    ) -> None:
        """Paint title, figures and mark."""
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        role = QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Text
        colour = option.palette.color(role)
        mark = index.data(MARK_ROLE)
        height = option.fontMetrics.height()
        left = frame.left() + frame.height() + 2 * GAP_PX
        top = frame.center().y() - height
        mark_px = 2 * height if mark in (VERIFIED, FALSE) else 0
        width = frame.right() - left - mark_px
        font = option.font
        font.setBold(index.data(RANK_ROLE) == 1 or mark == VERIFIED)
        font.setStrikeOut(mark == FALSE)
        painter.setFont(font)
        painter.setPen(colour)
        for line, text in enumerate((index.data(), index.data(TEXT_ROLE))):
            place = QRect(left, top + line * height, width, height)
            shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, width)
            painter.drawText(place, int(Qt.AlignmentFlag.AlignVCenter), shown)
            font.setBold(False)
            font.setStrikeOut(False)
            painter.setFont(font)
            faded = QColor(colour)
            faded.setAlphaF(0.8)
            painter.setPen(faded)
        if mark_px:
            place = QRect(frame.right() - mark_px, frame.top(), mark_px, frame.height())
            font.setPointSizeF(font.pointSizeF() * 1.6)
            painter.setFont(font)
            painter.setPen(colour)
            painter.drawText(
                place, int(Qt.AlignmentFlag.AlignCenter), "✓" if mark == VERIFIED else "✗"
            )


class CandidateList(QListView):
    """The list with its keys: up and down step, A accepts, R rejects, N notes, Enter zooms."""

    current_changed = pyqtSignal(int)
    zoom_asked = pyqtSignal(int)
    judged = pyqtSignal(int, object)
    note_asked = pyqtSignal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("cvglCandidates")
        self.setAccessibleName(tr("Candidates"))
        self.setModel(CandidateModel(self))
        self.setItemDelegate(CandidateDelegate(self))
        self.setUniformItemSizes(True)
        self.setAlternatingRowColors(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.clicked.connect(lambda index: self.zoom_asked.emit(index.data(RANK_ROLE)))
        self.activated.connect(lambda index: self.zoom_asked.emit(index.data(RANK_ROLE)))

    def show_result(self, result: Result | None) -> None:
        """Show a result's candidates, the first one current; None clears the list."""
        self.model().show(result)
        if self.model().rowCount():
            self.setCurrentIndex(self.model().index(0))

    def refresh(self) -> None:
        """Show the judgements as they are now."""
        self.model().refresh()

    def rank(self) -> int | None:
        """Return the current candidate's rank, or None."""
        return self.currentIndex().data(RANK_ROLE)

    def currentChanged(self, current: QModelIndex, previous: QModelIndex) -> None:
        """Tell which candidate is looked at."""
        super().currentChanged(current, previous)
        if current.isValid():
            self.current_changed.emit(current.data(RANK_ROLE))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Judge by key; the same key again takes the judgement back."""
        rank = self.rank()
        if rank is None or event.modifiers() not in (
            Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier
        ):  # fmt: skip
            super().keyPressEvent(event)
        elif event.key() in (ACCEPT, REJECT):
            word = VERIFIED if event.key() == ACCEPT else FALSE
            taken_back = self.currentIndex().data(MARK_ROLE) == word
            self.judged.emit(rank, None if taken_back else word)
        elif event.key() == NOTE:
            self.note_asked.emit(rank)
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the rows, or what will be here and its keys."""
        super().paintEvent(event)
        if self.model().rowCount():
            return
        painter = QPainter(self.viewport())
        group, role = QPalette.ColorGroup.Disabled, QPalette.ColorRole.Text
        painter.setPen(self.palette().color(group, role))
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        words = tr("Candidates\nUp and Down to step, A to accept, R to reject, N for a note")
        painter.drawText(self.viewport().rect().adjusted(12, 8, -12, -8), int(flags), words)

    def sizeHint(self) -> QSize:
        """Return room for about three candidates."""
        return QSize(320, 10 * self.fontMetrics().height())
