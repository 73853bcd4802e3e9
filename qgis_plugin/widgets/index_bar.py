# SPDX-License-Identifier: GPL-2.0-or-later
"""Choosing an index: the recent ones, another one, and what is known of it."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from .. import settings
from ..i18n import tr
from ..result import Json
from ..words import index_facts, index_title


class IndexBar(QWidget):
    """A box of recent indexes with buttons to open another and to read about the open one."""

    chosen = pyqtSignal(str)
    info_asked = pyqtSignal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._info = None
        self.box = QComboBox()
        self.box.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.box.setMinimumContentsLength(12)
        self.box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.box.setAccessibleName(tr("Index"))
        self.box.activated.connect(self._activated)
        self.open_button = _button("mActionFileOpen.svg", tr("Open another index..."))
        self.open_button.clicked.connect(self._browse)
        self.info_button = _button("mActionPropertiesWidget.svg", tr("About this index"))
        self.info_button.clicked.connect(self._tell)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for widget in (self.box, self.open_button, self.info_button):
            row.addWidget(widget)
        self.refresh()

    def path(self) -> str:
        """Return the path of the open index, empty before one is open."""
        return self._info["path"] if self._info else ""

    def refresh(self, current: str = "") -> None:
        """List the recent indexes anew, with the current one shown."""
        self.box.clear()
        recent = settings.recent_indexes()
        for path in recent:
            self.box.addItem(Path(path).name, path)
            self.box.setItemData(self.box.count() - 1, path, Qt.ItemDataRole.ToolTipRole)
        if current not in recent:
            self.box.insertItem(0, tr("Choose an index (a .cvgl folder)"), "")
        self.box.setCurrentIndex(max(0, self.box.findData(current)))
        self.info_button.setEnabled(self._info is not None)

    def show_opening(self, path: str) -> None:
        """Show that an index is being opened."""
        self._info = None
        self.refresh(path)
        self.box.setItemText(
            self.box.currentIndex(), tr("{name}: opening...").format(name=Path(path).name)
        )

    def show_index(self, path: str, info: Json) -> None:
        """Show the open index; `info` as the engine answers."""
        self._info = dict(info, path=path)
        settings.remember_index(path)
        self.refresh(path)
        self.box.setItemText(self.box.currentIndex(), index_title(info))
        self.box.setToolTip(index_facts(self._info))

    def show_failure(self) -> None:
        """Show that no index is open."""
        self._info = None
        self.refresh()
        self.box.setToolTip("")

    def _activated(self, position: int) -> None:
        """Open the index that was picked."""
        path = self.box.itemData(position)
        if path:
            self.chosen.emit(path)
        else:
            self._browse()

    def _browse(self) -> None:
        """Let the user pick an index folder."""
        folder = QFileDialog.getExistingDirectory(
            self, tr("Open an index (a .cvgl folder)"), settings.last_folder("index")
        )
        if folder:
            settings.remember_folder("index", folder)
            self.chosen.emit(folder)

    def _tell(self) -> None:
        """Ask for the facts to be shown."""
        if self._info:
            self.info_asked.emit(self._info["name"], index_facts(self._info))


def _button(icon: str, tip: str) -> QToolButton:
    """Return a small button with an icon of QGIS."""
    button = QToolButton()
    button.setIcon(QgsApplication.getThemeIcon("/" + icon))
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.setAutoRaise(True)
    return button
