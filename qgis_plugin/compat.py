# SPDX-License-Identifier: GPL-2.0-or-later
"""What differs between the versions of Qt and QGIS, in one place."""

from __future__ import annotations

from collections.abc import Callable

from qgis.core import QgsTask
from qgis.PyQt.QtCore import QPoint
from qgis.PyQt.QtGui import QMouseEvent
from qgis.PyQt.QtWidgets import QAction, QMenu


def quiet_task_flags() -> QgsTask.Flag:
    """Return the flags of a task that can be cancelled and tells its end itself (from 3.26)."""
    silent = getattr(QgsTask.Flag, "Silent", None)
    return QgsTask.Flag.CanCancel if silent is None else QgsTask.Flag.CanCancel | silent


def event_point(event: QMouseEvent) -> QPoint:
    """Return where a mouse or drop event happened, in the widget's pixels."""
    return event.position().toPoint() if hasattr(event, "position") else event.pos()


def add_action_to(menu: QMenu, text: str, slot: Callable[[], object]) -> QAction:
    """Add an entry to a menu and return it."""
    action = menu.addAction(text)
    action.triggered.connect(lambda _checked=False: slot())
    return action
