# SPDX-License-Identifier: GPL-2.0-or-later
"""The verdict in words."""

from __future__ import annotations

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QColor, QPainter, QPaintEvent
from qgis.PyQt.QtWidgets import QFrame, QLabel, QSizePolicy, QVBoxLayout, QWidget

from ..i18n import tr
from ..result import Json, Result
from ..words import metres, verdict_text, verdict_title

BAR_PX = 4
COLOURS = {"strong": "#2aa148", "possible": "#c98a00", "weak": "#c4622d", "none": "#8a8a8a"}


class VerdictView(QFrame):
    """A heading and a sentence, with a bar whose colour says the same."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("cvglVerdict")
        self._colour = QColor()
        self.title_label, self.text_label = QLabel(), QLabel()
        font = self.title_label.font()
        font.setBold(True)
        self.title_label.setFont(font)
        for label in (self.title_label, self.text_label):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 2, 2, 2)
        column.setSpacing(1)
        column.addWidget(self.title_label)
        column.addWidget(self.text_label)
        self.show_result(None)

    def show_result(self, result: Result | None) -> None:
        """Show the verdict of a result; None hides it."""
        self.setVisible(result is not None)
        if result is None:
            return
        estimate = result.estimate
        self.title_label.setText(verdict_title(estimate))
        text = verdict_text(estimate)
        if estimate.get("exif_distance_m") is not None:
            text += "\n" + _exif(estimate)
        self.text_label.setText(text)
        self._colour = QColor(COLOURS.get(estimate.get("confidence"), COLOURS["none"]))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the bar."""
        QPainter(self).fillRect(0, 0, BAR_PX, self.height(), self._colour)


def _exif(estimate: Json) -> str:
    """Return how far the estimate lies from where the file says the photo was taken."""
    return tr("{distance} from the place in its EXIF.").format(
        distance=metres(estimate["exif_distance_m"])
    )
