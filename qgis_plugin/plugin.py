# SPDX-License-Identifier: GPL-2.0-or-later
"""What QGIS loads: an action that shows the dock, and the Processing provider."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsApplication
from qgis.gui import QgisInterface
from qgis.PyQt.QtCore import QCoreApplication, Qt, QUrl
from qgis.PyQt.QtGui import QDesktopServices, QIcon
from qgis.PyQt.QtWidgets import QAction

from .dock import CvglDock
from .i18n import install_translator, tr
from .processing.provider import CvglProvider

ICON = Path(__file__).parent / "resources" / "icon.svg"
HELP = QUrl.fromLocalFile(str(Path(__file__).parent / "help" / "index.html"))
MENU = "CVGL"


class CvglPlugin:
    """Everything that `initGui` adds, `unload` takes away."""

    def __init__(self, iface: QgisInterface) -> None:
        self._iface = iface
        self._translator = install_translator()
        self._provider = self._action = self._help = self.dock = None

    def initProcessing(self) -> None:
        """Add the algorithms; also called by qgis_process, where there is no window."""
        self._provider = CvglProvider()
        QgsApplication.processingRegistry().addProvider(self._provider)

    def initGui(self) -> None:
        """Add the button, the menu entry and the dock."""
        self.initProcessing()
        window = self._iface.mainWindow()
        self._action = QAction(QIcon(str(ICON)), tr("Locate a street photo"), window)
        self._action.setObjectName("cvglShowDock")
        self._action.setCheckable(True)
        self.dock = CvglDock(self._iface, window)
        self.dock.setToggleVisibilityAction(self._action)
        self._iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.dock)
        self.dock.setUserVisible(False)
        self._iface.addToolBarIcon(self._action)
        self._help = QAction(tr("Help"), window)
        self._help.triggered.connect(lambda: QDesktopServices.openUrl(HELP))
        for action in (self._action, self._help):
            self._iface.addPluginToMenu(MENU, action)

    def unload(self) -> None:
        """Take everything away again; no process stays."""
        if self._provider is not None:
            QgsApplication.processingRegistry().removeProvider(self._provider)
            self._provider = None
        if self.dock is not None:
            self.dock.close_down()
            for action in (self._action, self._help):
                self._iface.removePluginMenu(MENU, action)
                action.deleteLater()
            self._iface.removeToolBarIcon(self._action)
            self._iface.removeDockWidget(self.dock)
            self.dock.deleteLater()
            self.dock = self._action = self._help = None
        if self._translator is not None:
            QCoreApplication.removeTranslator(self._translator)
            self._translator = None
