# SPDX-License-Identifier: GPL-2.0-or-later
"""Find where a street photo was taken: the plugin for QGIS."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qgis.gui import QgisInterface

    from .plugin import CvglPlugin


def classFactory(iface: QgisInterface) -> CvglPlugin:
    """Return the plugin; called by QGIS."""
    from .plugin import CvglPlugin

    return CvglPlugin(iface)
