# SPDX-License-Identifier: GPL-2.0-or-later
"""What of the result is drawn on the map, and how strongly."""

from __future__ import annotations

from qgis.gui import QgsCollapsibleGroupBox, QgsOpacityWidget
from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QCheckBox, QGridLayout, QLabel, QSizePolicy, QWidget

from ..i18n import tr
from ..layers import KEYS, PhotoGroup, title

SWITCHES = ("candidates", "chosen", "heatmap", "contours", "regions", "reach")


class MapLayers(QgsCollapsibleGroupBox):
    """Opacity of the heatmap and a switch for each layer."""

    opacity_changed = pyqtSignal(float)
    switched = pyqtSignal(str, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTitle(tr("Map layers"))
        self.opacity = QgsOpacityWidget()
        self.opacity.opacityChanged.connect(self.opacity_changed)
        grid = QGridLayout(self)
        grid.addWidget(QLabel(tr("Likelihood")), 0, 0)
        grid.addWidget(self.opacity, 0, 1)
        self.switches = {}
        for place, key in enumerate(key for key in KEYS if key in SWITCHES):
            switch = QCheckBox(title(key))
            switch.toggled.connect(lambda on, key=key: self.switched.emit(key, on))
            grid.addWidget(switch, 1 + place // 2, place % 2)
            switch.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            self.switches[key] = switch
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        self.show_group(None)

    def show_group(self, group: PhotoGroup | None) -> None:
        """Show the state of a photo's layers; None while there are none."""
        self.setEnabled(group is not None)
        for key, switch in self.switches.items():
            switch.blockSignals(True)
            switch.setChecked(group is not None and group.is_visible(key))
            switch.blockSignals(False)
