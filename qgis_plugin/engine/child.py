# SPDX-License-Identifier: GPL-2.0-or-later
"""One life of the worker's process: lines in, lines out, an end that is always told."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from qgis.PyQt.QtCore import (
    QCoreApplication,
    QObject,
    QProcess,
    QProcessEnvironment,
    QTimer,
    pyqtSignal,
)

from ..i18n import tr
from .environment import scrubbed_environment
from .messages import BadMessage, LineBuffer

GRACE_MS = 1500
KEPT_LINES = 200
_SAID_LINES, _SAID_EVERY_MS = 20, 50


class Child(QObject):
    """A process that speaks lines. After ``ended`` nothing more comes."""

    line = pyqtSignal(bytes)  # of stdout
    said = pyqtSignal(str)  # a line of stderr; of a flood only some
    ended = pyqtSignal(str)  # how, one sentence

    def __init__(self, argv: tuple[str, ...], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.errors: deque[str] = deque(maxlen=KEPT_LINES)
        self._argv, self._over, self._why = argv, False, ""
        self._out, self._error_rest = LineBuffer(), b""
        self._unsaid: deque[str] = deque(maxlen=_SAID_LINES)
        # Not a child of this object: it may outlive it by its grace time.
        self._process = QProcess(QCoreApplication.instance())
        self._process.setProcessEnvironment(_environment())
        self._process.readyReadStandardOutput.connect(self._read_out)
        self._process.readyReadStandardError.connect(self._read_errors)
        self._process.errorOccurred.connect(self._on_error)
        self._process.finished.connect(self._on_finished)

    def start(self) -> None:
        """Start the process; what goes wrong is told by ``ended``."""
        self._process.start(self._argv[0], list(self._argv[1:]))

    def write(self, data: bytes) -> None:
        """Send a line."""
        self._process.write(data)

    def kill(self, why: str) -> None:
        """End the process at once; ``ended`` tells why."""
        if not self._over:
            self._why = self._why or why
            self._process.kill()

    def leave(self) -> None:
        """Let the process end by itself, kill it after a grace time, and tell nothing any more."""
        self._over = True
        process = self._process
        if process.state() == QProcess.ProcessState.NotRunning:
            process.deleteLater()
            return
        for signal, slot in (
            (process.readyReadStandardOutput, self._read_out),
            (process.readyReadStandardError, self._read_errors),
            (process.errorOccurred, self._on_error),
            (process.finished, self._on_finished),
        ):
            signal.disconnect(slot)
        process.readyReadStandardOutput.connect(process.readAllStandardOutput)
        process.readyReadStandardError.connect(process.readAllStandardError)
        process.finished.connect(process.deleteLater)
        process.closeWriteChannel()
        later(process, GRACE_MS, process.kill)

    def _read_out(self) -> None:
        """Pass on whole lines."""
        data = bytes(self._process.readAllStandardOutput())
        if self._over or self._why:
            return
        try:
            lines = self._out.feed(data)
        except BadMessage as error:
            self.kill(tr("The engine sent nonsense ({}).").format(error))
            return
        for line in lines:
            if self._over or self._why:
                return
            self.line.emit(line)

    def _read_errors(self) -> None:
        """Keep the last lines of stderr, and pass on as many as a reader can take in."""
        data = self._error_rest + bytes(self._process.readAllStandardError())
        *lines, rest = data[-65536:].split(b"\n")
        self._error_rest = rest[-4096:]
        decoded = (line.decode("utf-8", "replace").rstrip() for line in lines[-KEPT_LINES:])
        texts = [text for text in decoded if text]
        if texts and not self._unsaid:
            later(self, _SAID_EVERY_MS, self._say)
        self.errors.extend(texts)
        self._unsaid.extend(texts)

    def _say(self) -> None:
        """Pass on the last lines of stderr since the last time."""
        while self._unsaid and not self._over:
            self.said.emit(self._unsaid.popleft())

    def _on_error(self, error: QProcess.ProcessError) -> None:
        """A process that never started has no other end."""
        if error == QProcess.ProcessError.FailedToStart:
            program, reason = self._argv[0], self._process.errorString()
            self._end(tr("The engine cannot be started: {} ({}).").format(program, reason))

    def _on_finished(self, code: int, status: QProcess.ExitStatus) -> None:
        """Say how the process ended."""
        self._read_out()
        self._read_errors()
        self._say()
        if self._why:
            how = self._why
        elif status == QProcess.ExitStatus.CrashExit:
            how = tr("The engine was killed or crashed (signal {}).").format(code)
        else:
            how = tr("The engine ended with exit code {}.").format(code)
        self._end(how)

    def _end(self, how: str) -> None:
        """Tell the end, once."""
        if not self._over:
            self._over = True
            self._process.deleteLater()
            self.ended.emit(how)


def _environment() -> QProcessEnvironment:
    """Return the environment of the engine."""
    environment = QProcessEnvironment()
    for name, value in scrubbed_environment().items():
        environment.insert(name, value)
    return environment


def later(owner: QObject, wait_ms: int, slot: Callable[[], None]) -> QTimer:
    """Call ``slot`` once after a while, unless ``owner`` is deleted before."""
    timer = QTimer(owner)
    timer.setSingleShot(True)
    timer.timeout.connect(slot)
    timer.timeout.connect(timer.deleteLater)
    timer.start(wait_ms)
    return timer
