# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the engine is, whether it works, and where results go."""

from __future__ import annotations

from collections.abc import Callable

from qgis.gui import QgsFileWidget
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QFontDatabase
from qgis.PyQt.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from .. import settings
from ..i18n import tr

INSTALL = "python3 -m venv ~/.cvgl/venv && ~/.cvgl/venv/bin/pip install cvgl"


class SettingsDialog(QDialog):
    """A form, a check of the engine, and a text with everything to send when asking for help."""

    check_asked = pyqtSignal(str)
    saved = pyqtSignal()

    def __init__(self, diagnostics: Callable[[], str], parent: QWidget | None = None) -> None:
        """`diagnostics` is called for the text to copy."""
        super().__init__(parent)
        self.setWindowTitle(tr("CVGL: engine and settings"))
        self._diagnostics = diagnostics
        self.command_edit = QLineEdit(settings.engine_command())
        self.command_edit.setPlaceholderText(tr("found by itself"))
        self.folder_box = QgsFileWidget()
        self.folder_box.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        self.folder_box.setFilePath(str(settings.results_folder()))
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.text.setPlainText(diagnostics())
        self.check_button = QPushButton(tr("Check engine"))
        self.check_button.clicked.connect(self._check)
        self._lay_out()
        self.resize(
            40 * self.fontMetrics().averageCharWidth() * 2, 26 * self.fontMetrics().height()
        )

    def show_check(self, ok: bool, lines: list[str]) -> None:
        """Show what the check found, above the diagnostics."""
        self.check_button.setEnabled(True)
        verdict = tr("The engine works.") if ok else tr("The engine does not work:")
        self.text.setPlainText("\n".join([verdict, *lines, "", self._diagnostics()]))

    def accept(self) -> None:
        """Keep what was entered."""
        settings.set_engine_command(self.command_edit.text())
        settings.set_results_folder(self.folder_box.filePath())
        super().accept()
        self.saved.emit()

    def _check(self) -> None:
        """Ask for a check of what is entered, saved or not."""
        self.check_button.setEnabled(False)
        self.text.setPlainText(tr("Checking..."))
        self.check_asked.emit(self.command_edit.text().strip())

    def _copy(self) -> None:
        """Put the text on the clipboard."""
        QApplication.clipboard().setText(self.text.toPlainText())

    def _browse(self) -> None:
        """Let the user pick a Python."""
        path, _ = QFileDialog.getOpenFileName(self, tr("The Python that cvgl is installed in"))
        if path:
            self.command_edit.setText(path)

    def _lay_out(self) -> None:
        """Put the dialog together."""
        browse = QPushButton("...")
        browse.clicked.connect(self._browse)
        command = QHBoxLayout()
        command.addWidget(self.command_edit, 1)
        command.addWidget(browse)
        hint = QLabel(
            tr("A Python or virtual environment with cvgl, or a whole command such as "
               "ssh host cvgl worker. Left empty, it is found by itself once this was typed in a "
               "terminal:") + "\n" + INSTALL
        )  # fmt: skip
        hint.setWordWrap(True)
        hint.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        form = QFormLayout()
        form.addRow(tr("Engine"), command)
        form.addRow("", hint)
        form.addRow(tr("Results go to"), self.folder_box)
        copy = QPushButton(tr("Copy diagnostics"))
        copy.clicked.connect(self._copy)
        row = QHBoxLayout()
        row.addWidget(self.check_button)
        row.addWidget(copy)
        row.addStretch(1)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addLayout(row)
        column.addWidget(self.text, 1)
        column.addWidget(buttons)
