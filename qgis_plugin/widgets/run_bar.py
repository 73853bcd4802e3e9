# SPDX-License-Identifier: GPL-2.0-or-later
"""Locate, and while it runs: how far it is, and Cancel."""

from __future__ import annotations

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QWidget

from ..i18n import tr

STEPS = 1000


class RunBar(QWidget):
    """A progress bar that says the stage, between the buttons to start and to stop."""

    start_asked = pyqtSignal()
    cancel_asked = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bar = QProgressBar()
        self.bar.setRange(0, STEPS)
        self.bar.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.start_button = QPushButton(tr("Locate"))
        self.start_button.clicked.connect(self.start_asked)
        self.cancel_button = QPushButton(tr("Cancel"))
        self.cancel_button.clicked.connect(self.cancel_asked)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.bar, 1)
        row.addWidget(self.start_button)
        row.addWidget(self.cancel_button)
        self.show_idle("")

    def show_progress(self, fraction: float, text: str) -> None:
        """Show how far the running request is."""
        self.start_button.hide()
        self.cancel_button.show()
        self.bar.setValue(round(STEPS * min(max(fraction, 0.0), 1.0)))
        self._say(text)

    def show_idle(self, text: str, complete: bool = False) -> None:
        """Show that nothing runs, and what came of the last run."""
        self.cancel_button.hide()
        self.start_button.show()
        self.bar.setValue(STEPS if complete else 0)
        self._say(text)

    def _say(self, text: str) -> None:
        """Put words on the bar."""
        self.bar.setFormat(text or " ")
        self.bar.setToolTip(text)
