# SPDX-License-Identifier: GPL-2.0-or-later
"""The engine as the dock sees it: always there to ask, even where none is installed yet."""

from __future__ import annotations

from collections.abc import Callable

from qgis.core import Qgis, QgsApplication
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from . import settings
from .engine.check import check_engine
from .engine.finder import EngineNotFound, find_engine
from .engine.process import FAILED, STOPPED, Engine, Job
from .i18n import tr
from .result import Json

LOG_TAB = "CVGL"
MARKS = {True: "ok  ", False: "FAIL"}  # a fact that is neither right nor wrong has none


class NoJob(QObject):
    """Stands for a request that cannot be made: fails, once, as a `Job` does."""

    progress = pyqtSignal(float, str)
    finished = pyqtSignal(dict)
    failed = pyqtSignal(str, str)
    cancelled = pyqtSignal()

    def __init__(self, message: str, parent: QObject | None) -> None:
        super().__init__(parent)
        self.done = False
        QTimer.singleShot(0, lambda: self._fail(message))

    def cancel(self) -> None:
        """Nothing runs."""
        self.done = True

    def _fail(self, message: str) -> None:
        """Tell why."""
        if not self.done:
            self.done = True
            self.failed.emit("EngineNotFound", message)


class Station(QObject):
    """Finds the engine by the settings, starts it when first needed, passes on its state."""

    state_changed = pyqtSignal(str, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine, self._missing = None, ""

    def start(self) -> bool:
        """Start the engine if it is not running; tell whether there is one."""
        if self._engine is None:
            self._find()
        if self._engine is not None:
            self._engine.start()
        return self._engine is not None

    def request(self, method: str, params: Json) -> Job | NoJob:
        """Ask the engine; see `Engine.request`."""
        if not self.start():
            return NoJob(self._missing, self)
        return self._engine.request(method, params)

    def renew(self) -> None:
        """Start again with the engine that the settings name now."""
        if self._engine is None:
            self.start()
            return
        try:
            self._engine.restart(find_engine(settings.engine_command()))
        except EngineNotFound as error:
            self.stop()
            self._engine, self._missing = None, str(error)
            self.state_changed.emit(FAILED, str(error))

    def check(self, command: str, show: Callable[[bool, list[str]], None], parent: QObject) -> None:
        """Check the engine that a command leads to; `show` is told whether it works, and lines."""
        try:
            job = check_engine(find_engine(command), parent)
        except EngineNotFound as error:
            show(False, [str(error)])
            return
        job.finished.connect(lambda found: show(found["ok"], check_lines(found)))
        job.failed.connect(lambda _error, message: show(False, [message]))

    def stop(self) -> None:
        """End the engine."""
        if self._engine is not None:
            self._engine.stop()

    def diagnostics(self) -> str:
        """Return text to copy for a report of a fault."""
        versions = f"QGIS {Qgis.QGIS_VERSION}, {QgsApplication.osName()}"
        engine = self._missing if self._engine is None else self._engine.diagnostics()
        return f"{versions}\n{engine or tr('Engine not started')}"

    def _find(self) -> None:
        """Look for the engine."""
        try:
            self._engine = Engine(find_engine(settings.engine_command()), self)
        except EngineNotFound as error:
            self._missing = str(error)
            self.state_changed.emit(FAILED, self._missing)
            return
        self._engine.state_changed.connect(self.state_changed)
        self._engine.log.connect(_log)
        self.state_changed.emit(STOPPED, tr("Engine not started"))


def check_lines(found: Json) -> list[str]:
    """Return what a check found, one line each."""
    return [
        "{} {}: {}".format(MARKS.get(check["ok"], "    "), check["name"], check["detail"])
        for check in found["checks"]
    ]


def _log(line: str) -> None:
    """Keep a line of the engine in QGIS's log."""
    QgsApplication.messageLog().logMessage(line, LOG_TAB, Qgis.MessageLevel.Info, False)
