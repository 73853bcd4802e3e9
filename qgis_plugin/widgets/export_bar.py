# SPDX-License-Identifier: GPL-2.0-or-later
"""Taking the finding away: as files, as a report, as a case; and opening a case."""

from __future__ import annotations

import shutil
from pathlib import Path

from qgis.PyQt.QtCore import QUrl, pyqtSignal
from qgis.PyQt.QtGui import QDesktopServices
from qgis.PyQt.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QPushButton, QWidget

from .. import settings
from ..compat import add_action_to
from ..i18n import tr
from ..result import Result


class ExportBar(QWidget):
    """Buttons; what needs more than a copy is asked of the dock."""

    told = pyqtSignal(str)
    failed = pyqtSignal(str)
    save_case_asked = pyqtSignal(str)
    open_case_asked = pyqtSignal(str)
    other_formats_asked = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._result = None
        menu = QMenu(self)
        self._actions = [
            add_action_to(menu, tr("GeoJSON..."), self._export_geojson),
            add_action_to(menu, tr("Other formats..."), self.other_formats_asked.emit),
        ]
        self.export_button = QPushButton(tr("Export"))
        self.export_button.setMenu(menu)
        self.report_button = QPushButton(tr("Report"))
        self.report_button.setToolTip(tr("Open the report: one page with everything, to pass on"))
        self.report_button.clicked.connect(self._open_report)
        cases = QMenu(self)
        self._save_action = add_action_to(cases, tr("Save the case..."), self._save_case)
        add_action_to(cases, tr("Open a case..."), self._open_case)
        self.case_button = QPushButton(tr("Case"))
        self.case_button.setMenu(cases)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for button in (self.export_button, self.report_button, self.case_button):
            row.addWidget(button)
        self.show_result(None)

    def show_result(self, result: Result | None) -> None:
        """Offer what can be done with a result, or with none."""
        self._result = result
        self.export_button.setEnabled(result is not None)
        self.report_button.setEnabled(result is not None and result.report.is_file())
        self._save_action.setEnabled(result is not None)

    def export_geojson(self, path: str) -> None:
        """Write the finding to a GeoJSON file."""
        try:
            shutil.copyfile(self._result.path, path)
        except OSError as error:
            self.failed.emit(
                tr("{path} cannot be written ({reason}): choose another folder.").format(
                    path=path, reason=error.strerror or error
                )
            )
            return
        self.told.emit(tr("Written: {path}").format(path=path))

    def _export_geojson(self) -> None:
        """Let the user pick a file and write it."""
        name = str(Path(settings.last_folder("export")) / self._result.path.name)
        path, _ = QFileDialog.getSaveFileName(
            self, tr("Export the finding"), name, "GeoJSON (*.geojson)"
        )
        if path:
            settings.remember_folder("export", path)
            self.export_geojson(path)

    def _open_report(self) -> None:
        """Open the report in the browser."""
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._result.report)))

    def _save_case(self) -> None:
        """Let the user pick a place for the case."""
        name = str(Path(settings.last_folder("case")) / f"{self._result.path.stem}-case")
        folder, _ = QFileDialog.getSaveFileName(self, tr("Save the case: name of its folder"), name)
        if folder:
            settings.remember_folder("case", folder)
            self.save_case_asked.emit(folder)

    def _open_case(self) -> None:
        """Let the user pick a case."""
        path, _ = QFileDialog.getOpenFileName(
            self, tr("Open a case"), settings.last_folder("case"), "GeoPackage (*.gpkg)"
        )
        if path:
            settings.remember_folder("case", path)
            self.open_case_asked.emit(path)
