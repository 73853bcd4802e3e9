# SPDX-License-Identifier: GPL-2.0-or-later
"""What the algorithms have in common: name, icon, help, and how a run ends."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsProcessingAlgorithm, QgsProcessingException
from qgis.PyQt.QtCore import QUrl
from qgis.PyQt.QtGui import QIcon

from ..i18n import tr
from .engine_run import Finished

PLUGIN = Path(__file__).parents[1]


class CvglAlgorithm(QgsProcessingAlgorithm):
    """An algorithm that runs a command of the engine.

    Leaves define ``NAME``, ``title()``, ``about()``, ``initAlgorithm`` and ``processAlgorithm``.
    """

    NAME = ""

    def createInstance(self) -> CvglAlgorithm:
        """Return a fresh copy."""
        return type(self)()

    def name(self) -> str:
        """Return the name scripts use."""
        return self.NAME

    def displayName(self) -> str:
        """Return the name people read."""
        return self.title()

    def shortHelpString(self) -> str:
        """Return what the algorithm does."""
        return self.about()

    def helpUrl(self) -> str:
        """Return the help page, which lies beside the code."""
        return QUrl.fromLocalFile(str(PLUGIN / "help" / "index.html")).toString()

    def icon(self) -> QIcon:
        """Return the plugin's icon."""
        return QIcon(str(PLUGIN / "resources" / "icon.svg"))

    def title(self) -> str:
        """Return the name people read, in their language."""
        raise NotImplementedError

    def about(self) -> str:
        """Return what the algorithm does, in the user's language."""
        raise NotImplementedError

    def check(self, finished: Finished, judged: tuple[int, ...] = (0,)) -> None:
        """Stop the algorithm unless the command ended in a way that it can judge.

        Raises:
            QgsProcessingException: what the command said was wrong.
        """
        if finished.code not in judged:
            words = finished.error or tr("The engine stopped unexpectedly (code {code}).")
            raise QgsProcessingException(words.replace("{code}", str(finished.code)))
