# SPDX-License-Identifier: GPL-2.0-or-later
"""Work done in short steps on the main thread: the window answers between any two."""

from __future__ import annotations

from collections.abc import Iterator

from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal


class Steps(QObject):
    """Runs a generator of None; what it yields in the end, if not None, comes with ``done``."""

    done = pyqtSignal(object)
    failed = pyqtSignal(object)

    def __init__(self, generator: Iterator[object], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._generator = generator
        QTimer.singleShot(0, self._step)

    def stop(self) -> None:
        """Do no further step, and tell nothing."""
        self._generator = None

    def _step(self) -> None:
        """Do one step, and ask for the next."""
        if self._generator is None:
            return
        try:
            value = next(self._generator)
        except Exception as error:  # whatever it is, it is told, not lost in an event handler
            self._generator = None
            self.failed.emit(error)
            return
        if value is None:
            QTimer.singleShot(0, self._step)
            return
        self._generator = None
        self.done.emit(value)
