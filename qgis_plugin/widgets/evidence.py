# SPDX-License-Identifier: GPL-2.0-or-later
"""The evidence: photo and tile side by side, turned the same way, with azimuths on both.

A direction pointed at in the photo is drawn as a ray on the tile, and what it says is told.
"""

from __future__ import annotations

from qgis.gui import QgsCollapsibleGroupBox
from qgis.PyQt.QtCore import QSize, Qt
from qgis.PyQt.QtGui import QPixmap
from qgis.PyQt.QtWidgets import QCheckBox, QGridLayout, QLabel, QWidget

from ..directions import directions_of
from ..i18n import tr
from ..result import Result
from ..sight import tile_frame
from ..words import direction, heading
from .photo_panel import PhotoPanel
from .tile_panel import TilePanel

WIDE = 2.2


class EvidenceView(QgsCollapsibleGroupBox):
    """Both panels, a switch for what is up, and the candidate in words."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTitle(tr("Evidence"))
        self.photo_panel, self.tile_panel = PhotoPanel(), TilePanel()
        self.label = QLabel()
        self.label.setWordWrap(True)
        self.label.setToolTip(
            tr("Bars below the photo, and the ring on the tile: what each direction says for this "
               "place (blue) or against it (orange), in hundredths of the score. The dark marks "
               "are the mean of the other places.")
        )  # fmt: skip
        self.up_check = QCheckBox(tr("Heading up"))
        self.up_check.setChecked(True)
        self.up_check.setToolTip(
            tr("Turn the tile so that the photo looks upwards; else north is up")
        )
        self.up_check.toggled.connect(self.tile_panel.set_heading_up)
        self.photo_panel.pointed.connect(self.tile_panel.show_ray)
        self.photo_panel.pointed.connect(self._tell)
        self._title, self._directions = "", None
        self._grid = QGridLayout(self)
        self._grid.setColumnStretch(0, 3)
        self._grid.setColumnStretch(1, 2)
        self._lay_out(wide=False)
        self.clear()

    def clear(self) -> None:
        """Show nothing."""
        self.photo_panel.show_photo(QPixmap(), None, None)
        self.tile_panel.show_tile(QPixmap(), None, None, None)
        self._title, self._directions = "", None
        self._tell(None)
        self.setEnabled(False)

    def show_candidate(self, result: Result, rank: int, fov_deg: float | None) -> None:
        """Show the photo of a result beside one of its candidates."""
        self.setEnabled(True)
        heading_deg = result.heading_deg(rank)
        ring = result.ring(rank)
        place = None if ring is None else tile_frame(ring, result.spot(rank))
        photo = QPixmap(str(result.photo))
        told = directions_of(result.evidence, rank)
        self._lay_out(wide=photo.width() > WIDE * photo.height() > 0)
        self.photo_panel.show_photo(photo, heading_deg, fov_deg, told)
        tile = QPixmap(str(result.tile(rank)))
        self.tile_panel.show_tile(tile, place, heading_deg, fov_deg, told)
        self.up_check.setEnabled(heading_deg is not None)
        self._title, self._directions = f"#{rank} · {heading(heading_deg)}", told
        self._tell(None)

    def _tell(self, azimuth_deg: float | None) -> None:
        """Say what the direction pointed at says, or else which candidate is shown."""
        if self._directions is None:
            self.label.setText(self._title)
            return
        # Always two lines, so that nothing moves while the pointer does.
        said = "" if azimuth_deg is None else direction(self._directions, azimuth_deg)
        self.label.setText(f"{self._title}\n{said}")

    def _lay_out(self, wide: bool) -> None:
        """Put photo and tile side by side, or a wide photo above."""
        line = self.fontMetrics().height()
        for widget in (self.photo_panel, self.tile_panel, self.label, self.up_check):
            self._grid.removeWidget(widget)
        self.photo_panel.setMinimumSize(QSize(120, (9 if wide else 12) * line))
        self.tile_panel.setMinimumSize(QSize(120, 10 * line))
        if wide:
            self._grid.addWidget(self.photo_panel, 0, 0, 1, 2)
            self._grid.addWidget(self.tile_panel, 1, 1, 2, 1)
            self._grid.addWidget(self.label, 1, 0, Qt.AlignmentFlag.AlignBottom)
            self._grid.addWidget(self.up_check, 2, 0, Qt.AlignmentFlag.AlignTop)
        else:
            self._grid.addWidget(self.photo_panel, 0, 0)
            self._grid.addWidget(self.tile_panel, 0, 1)
            self._grid.addWidget(self.label, 1, 0)
            self._grid.addWidget(self.up_check, 1, 1, Qt.AlignmentFlag.AlignRight)
