# SPDX-License-Identifier: GPL-2.0-or-later
"""What the analyst knows beyond the photo: heading, field of view, and where to search."""

from __future__ import annotations

from qgis.core import QgsMapLayerProxyModel, QgsVectorLayer
from qgis.gui import QgsCollapsibleGroupBox, QgsMapLayerComboBox
from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QComboBox, QDoubleSpinBox, QGridLayout, QLabel, QWidget

from ..area import CANVAS, LAYER, WHOLE
from ..i18n import tr
from ..result import Json
from ..words import lonlat, value_of

NARROW = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
FROM_FILE, BY_HAND, UNKNOWN = "file", "hand", "unknown"
UNUSED, PROBABLY, ONLY = "unused", "probably", "only"


class PhotoOptions(QgsCollapsibleGroupBox):
    """A form; what is left as it is comes from the photo's file."""

    position_use_changed = pyqtSignal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTitle(tr("Search options"))
        self._position = None
        self.heading_box = _choices(
            (tr("from the photo, if any"), FROM_FILE),
            (tr("set by hand"), BY_HAND),
            (tr("unknown"), UNKNOWN),
        )
        self.heading_spin = _degrees(0.0, 359.9, tr("Heading of the middle of the photo"))
        self.heading_spin.setWrapping(True)
        self.heading_std_spin = _degrees(
            0.0, 180.0, tr("How well the heading is known: one standard deviation")
        )
        self.heading_std_spin.setPrefix("± ")
        self.heading_std_spin.setSpecialValueText(tr("exact"))
        self.fov_box = _choices((tr("from the photo"), FROM_FILE), (tr("set by hand"), BY_HAND))
        self.fov_spin = _degrees(5.0, 360.0, tr("Horizontal field of view of the photo"))
        self.fov_spin.setValue(70.0)
        self.near_box = _choices(
            (tr("not used"), UNUSED),
            (tr("probably within"), PROBABLY),
            (tr("search only within"), ONLY),
        )
        self.near_spin = QDoubleSpinBox()
        self.near_spin.setRange(10.0, 9_999.0)
        self.near_spin.setDecimals(0)
        self.near_spin.setSuffix(" m")
        self.near_spin.setValue(500.0)
        self.area_box = _choices(
            (tr("whole index"), WHOLE),
            (tr("what the map shows"), CANVAS),
            (tr("polygons of"), LAYER),
        )
        self.layer_box = QgsMapLayerComboBox()
        self.layer_box.setSizeAdjustPolicy(NARROW)
        self.layer_box.setMinimumContentsLength(3)
        self.layer_box.setFilters(QgsMapLayerProxyModel.Filter.PolygonLayer)
        self._lay_out()
        self.heading_box.currentIndexChanged.connect(self._enable)
        self.fov_box.currentIndexChanged.connect(self._enable)
        self.area_box.currentIndexChanged.connect(self._enable)
        self.near_box.currentIndexChanged.connect(self._enable)
        self.show_photo(None)

    def show_photo(self, photo: Json | None) -> None:
        """Start anew for a photo; `photo` as `describe_photo` answers, None without one."""
        lon = None if photo is None else value_of(photo, "exif_lon")
        self._position = None if lon is None else (lon, value_of(photo, "exif_lat"))
        self.near_box.setToolTip(lonlat(*self._position) if self._position else "")
        for box in (self.near_box, self.heading_box, self.fov_box):
            box.setCurrentIndex(0)
        self.heading_std_spin.setValue(0.0)
        if photo is not None:
            self.heading_spin.setValue(value_of(photo, "heading_deg") or 0.0)
            self.fov_spin.setValue(value_of(photo, "fov_deg") or self.fov_spin.value())
        self._enable()

    def ask_field_of_view(self) -> None:
        """Open the form at the field of view, which the file does not tell."""
        self.setCollapsed(False)
        self.fov_box.setCurrentIndex(self.fov_box.findData(BY_HAND))
        self.fov_spin.setFocus()
        self.fov_spin.selectAll()

    def heading(self) -> float | str | None:
        """Return what the engine takes as heading: degrees, None (from the file) or "unknown"."""
        choice = self.heading_box.currentData()
        return {FROM_FILE: None, BY_HAND: self.heading_spin.value(), UNKNOWN: "unknown"}[choice]

    def heading_std(self) -> float | None:
        """Return the standard deviation of the heading in degrees, None for an exact one."""
        if self.heading_box.currentData() == UNKNOWN:
            return None
        return self.heading_std_spin.value() or None

    def field_of_view(self) -> float | None:
        """Return the field of view set by hand in degrees, else None."""
        return self.fov_spin.value() if self.fov_box.currentData() == BY_HAND else None

    def near(self) -> list[float] | None:
        """Return `[lon, lat, radius_m]` if only near the photo's position is searched, or None."""
        return [*self._position, self.near_spin.value()] if self._used() == ONLY else None

    def exif_radius(self) -> float | None:
        """Return how far off the photo's position may be, None if it is not used like that."""
        return self.near_spin.value() if self._used() == PROBABLY else None

    def area(self) -> str:
        """Return which area is searched: WHOLE, CANVAS or LAYER; near a place, nothing else."""
        return WHOLE if self.near() is not None else self.area_box.currentData()

    def area_layer(self) -> QgsVectorLayer | None:
        """Return the layer whose polygons are searched."""
        return self.layer_box.currentLayer()

    def _used(self) -> str:
        """Return how the photo's position is used."""
        return UNUSED if self._position is None else self.near_box.currentData()

    def _enable(self) -> None:
        """Enable what the choices ask for."""
        self.heading_std_spin.setEnabled(self.heading_box.currentData() != UNKNOWN)
        self.heading_spin.setEnabled(self.heading_box.currentData() == BY_HAND)
        self.fov_spin.setEnabled(self.fov_box.currentData() == BY_HAND)
        self.near_box.setEnabled(self._position is not None)
        self.near_spin.setEnabled(self._used() != UNUSED)
        self.area_box.setEnabled(self.near() is None)
        self.layer_box.setEnabled(self.area() == LAYER)
        self.position_use_changed.emit(self._used() != UNUSED)

    def _lay_out(self) -> None:
        """Put the form together."""
        grid = QGridLayout(self)
        grid.setColumnStretch(1, 3)
        grid.setColumnStretch(2, 2)
        rows = (
            (tr("Heading"), self.heading_box, self.heading_spin),
            (tr("give or take"), self.heading_std_spin, None),
            (tr("Field of view"), self.fov_box, self.fov_spin),
            (tr("EXIF GPS"), self.near_box, self.near_spin),
            (tr("Area"), self.area_box, self.layer_box),
        )
        for row, (name, choice, value) in enumerate(rows):
            label = QLabel(name)
            label.setBuddy(choice)
            grid.addWidget(label, row, 0)
            grid.addWidget(choice, row, 1)
            if value is not None:
                grid.addWidget(value, row, 2)


def _choices(*pairs: tuple[str, str]) -> QComboBox:
    """Return a box of words, each with its value."""
    box = QComboBox()
    box.setSizeAdjustPolicy(NARROW)
    box.setMinimumContentsLength(6)
    for text, value in pairs:
        box.addItem(text, value)
    return box


def _degrees(low_deg: float, high_deg: float, name: str) -> QDoubleSpinBox:
    """Return a field for an angle."""
    spin = QDoubleSpinBox()
    spin.setRange(low_deg, high_deg)
    spin.setDecimals(1)
    spin.setSuffix("°")
    spin.setToolTip(name)
    spin.setAccessibleName(name)
    return spin
