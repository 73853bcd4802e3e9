# SPDX-License-Identifier: GPL-2.0-or-later
"""The algorithms under "CVGL" in the Processing toolbox."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from ..i18n import tr
from .build_index import BuildIndex
from .export_findings import ExportFindings
from .locate_photos import LocatePhotos


class CvglProvider(QgsProcessingProvider):
    """Registers the algorithms; ``plugin.initProcessing`` adds it to QGIS's registry."""

    def id(self) -> str:
        """Return the name before the colon, as in ``cvgl:locatephotos``."""
        return "cvgl"

    def name(self) -> str:
        """Return the name people read."""
        return "CVGL"

    def longName(self) -> str:
        """Return the name with what it is for."""
        return tr("CVGL: where photos were taken")

    def icon(self) -> QIcon:
        """Return the plugin's icon."""
        return QIcon(str(Path(__file__).parents[1] / "resources" / "icon.svg"))

    def loadAlgorithms(self) -> None:
        """Register the algorithms."""
        for algorithm in (BuildIndex, LocatePhotos, ExportFindings):
            self.addAlgorithm(algorithm())
