# SPDX-License-Identifier: GPL-2.0-or-later
"""A job of the engine in QGIS's own list of tasks, with its progress and its Cancel."""

from __future__ import annotations

from threading import Event

from qgis.core import QgsTask
from qgis.PyQt.QtCore import pyqtSignal

from .compat import quiet_task_flags


class TaskMirror(QgsTask):
    """Does nothing but wait until the job it stands for has ended."""

    cancel_asked = pyqtSignal()

    def __init__(self, title: str) -> None:
        super().__init__(title, quiet_task_flags())
        self._ended, self._well = Event(), False

    def run(self) -> bool:
        """Wait for the job's end; in a thread of QGIS."""
        self._ended.wait()
        return self._well

    def cancel(self) -> None:
        """Pass on that the user wants to stop."""
        super().cancel()
        self._ended.set()
        self.cancel_asked.emit()

    def show_progress(self, fraction: float) -> None:
        """Show how far the job is, 0 to 1."""
        self.setProgress(100.0 * fraction)

    def end(self, well: bool) -> None:
        """The job has ended."""
        self._well = well
        self._ended.set()
