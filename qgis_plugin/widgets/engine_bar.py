# SPDX-License-Identifier: GPL-2.0-or-later
"""The engine's state in one line, with the way to its settings."""

from __future__ import annotations

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QSize, Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor, QPainter, QPaintEvent
from qgis.PyQt.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolButton, QWidget

from ..i18n import tr

COLOURS = {"ready": "#2aa148", "busy": "#2aa148", "failed": "#d0352b", "silent": "#e08a00"}
WAITING, RESTARTING = "#e0a800", ("starting", "restarting")


class Dot(QWidget):
    """A coloured dot; the words beside it say the same."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colour = QColor("#8a8a8a")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def set_colour(self, name: str) -> None:
        """Set the colour."""
        self._colour = QColor(name)
        self.update()

    def sizeHint(self) -> QSize:
        """Return a size that goes with the text."""
        side = self.fontMetrics().ascent()
        return QSize(side, side)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the dot."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._colour)
        painter.drawEllipse(self.rect().adjusted(1, 1, -1, -1))


class EngineBar(QWidget):
    """Dot, words, and buttons to restart the engine and to open the settings."""

    settings_asked = pyqtSignal()
    restart_asked = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.dot = Dot()
        self.label = QLabel()
        self.label.setWordWrap(True)
        self.label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.restart_button = QToolButton()
        self.restart_button.setText(tr("Restart"))
        self.restart_button.clicked.connect(self.restart_asked)
        self.settings_button = QToolButton()
        self.settings_button.setIcon(QgsApplication.getThemeIcon("/mActionOptions.svg"))
        self.settings_button.setToolTip(tr("Engine and settings..."))
        self.settings_button.setAccessibleName(tr("Engine and settings..."))
        self.settings_button.setAutoRaise(True)
        self.settings_button.clicked.connect(self.settings_asked)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.dot)
        row.addWidget(self.label, 1)
        row.addWidget(self.restart_button)
        row.addWidget(self.settings_button)
        self.show_state("stopped", tr("Engine not started"))

    def show_state(self, state: str, text: str) -> None:
        """Show a state of the engine in its colour and words."""
        waiting = WAITING if state in RESTARTING else "#8a8a8a"
        self.dot.set_colour(COLOURS.get(state, waiting))
        self.label.setText(text)
        self.label.setToolTip(text)
        self.restart_button.setVisible(state in ("failed", "silent", "stopped"))
