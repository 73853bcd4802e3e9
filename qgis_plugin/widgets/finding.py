# SPDX-License-Identifier: GPL-2.0-or-later
"""The finding: the analyst's own word and note, beside the software's verdict."""

from __future__ import annotations

from qgis.gui import QgsCollapsibleGroupBox
from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QComboBox, QFormLayout, QLineEdit, QWidget

from ..i18n import tr
from ..result import (
    ANALYST_CONFIDENCE,
    ANALYST_NOTE,
    FALSE,
    POSSIBLE,
    STRONG,
    UNVERIFIED,
    VERIFIED,
    Result,
)


class FindingForm(QgsCollapsibleGroupBox):
    """A word and a note; told when either was changed by hand."""

    concluded = pyqtSignal(object, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTitle(tr("Finding"))
        self.word_box = QComboBox()
        for text, word in (
            (tr("Not judged yet"), None),
            (tr("Verified"), VERIFIED),
            (tr("Strong possibility"), STRONG),
            (tr("Possible"), POSSIBLE),
            (tr("Unverified"), UNVERIFIED),
            (tr("False"), FALSE),
        ):
            self.word_box.addItem(text, word)
        self.note_edit = QLineEdit()
        self.note_edit.setPlaceholderText(tr("What speaks for it, what against"))
        form = QFormLayout(self)
        form.addRow(tr("Confidence"), self.word_box)
        form.addRow(tr("Note"), self.note_edit)
        self.word_box.activated.connect(self._changed)
        self.note_edit.editingFinished.connect(self._changed)
        self.show_result(None)

    def show_result(self, result: Result | None) -> None:
        """Show the finding of a result; None clears it."""
        estimate = {} if result is None else result.estimate
        self._shown = (estimate.get(ANALYST_CONFIDENCE), estimate.get(ANALYST_NOTE) or "")
        self.word_box.setCurrentIndex(max(0, self.word_box.findData(self._shown[0])))
        self.note_edit.setText(self._shown[1])
        self.setEnabled(result is not None)

    def _changed(self) -> None:
        """Tell what the analyst concluded, once for each change."""
        now = (self.word_box.currentData(), self.note_edit.text().strip())
        if now != self._shown:
            self._shown = now
            self.concluded.emit(*now)
