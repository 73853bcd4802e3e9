# SPDX-License-Identifier: GPL-2.0-or-later
"""One request to the engine, as those who asked see it."""

from __future__ import annotations

from qgis.PyQt.QtCore import QObject, pyqtSignal


class Job(QObject):
    """One request. Exactly one of ``finished``, ``failed``, ``cancelled`` is emitted, once.

    Signals are never emitted from inside ``Engine.request``, so connecting after it is safe.

    Attributes:
        id: of the request.
        method: that was asked for.
        params: that it was asked with.
        stage: last one that was told, one word of ``cvgl_core/protocol.py``; set before
            ``progress`` is emitted.
        done: whether the last signal was emitted.
        cancelling: whether ``cancel`` was called.
    """

    progress = pyqtSignal(float, str)  # 0..1, words for people
    finished = pyqtSignal(dict)  # the result, see cvgl_core/protocol.py
    failed = pyqtSignal(str, str)  # class ("PhotoOpenError", "EngineStopped", ...), message
    cancelled = pyqtSignal()
    cancel_asked = pyqtSignal()  # for the engine

    def __init__(self, id: str, method: str, params: dict, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.id, self.method, self.params = id, method, params
        self.stage = ""
        self.done = self.cancelling = False

    def cancel(self) -> None:
        """Ask to stop; ``cancelled`` follows within a tenth of a second."""
        if not (self.done or self.cancelling):
            self.cancelling = True
            self.cancel_asked.emit()

    def tell(self, fraction: float, text: str, stage: str) -> None:
        """Pass on progress; for the engine."""
        if not (self.done or self.cancelling):
            self.stage = stage
            self.progress.emit(fraction, text)

    def succeed(self, result: dict) -> None:
        """End with a result; for the engine."""
        if self._end():
            self.finished.emit(result)

    def fail(self, error: str, message: str) -> None:
        """End with an error; for the engine."""
        if self._end():
            if self.cancelling:
                self.cancelled.emit()
            else:
                self.failed.emit(error, message)

    def give_up(self) -> None:
        """End as asked; for the engine."""
        if self._end():
            self.cancelled.emit()

    def _end(self) -> bool:
        """Take note of the end; tells whether it is the first."""
        first, self.done = not self.done, True
        return first
