# SPDX-License-Identifier: GPL-2.0-or-later
"""The engine: one warm child process, talked to on the main thread without ever blocking it."""

from __future__ import annotations

from qgis.PyQt.QtCore import QObject, pyqtSignal

from .finder import EngineCommand

STOPPED, STARTING, READY, BUSY, SILENT, RESTARTING, FAILED = (
    "stopped",
    "starting",
    "ready",
    "busy",
    "silent",
    "restarting",
    "failed",
)


class Job(QObject):
    """One request. Exactly one of ``finished``, ``failed``, ``cancelled`` is emitted, once.

    Signals are never emitted from inside ``Engine.request``, so connecting after it is safe.
    """

    progress = pyqtSignal(float, str)  # 0..1, words for people
    finished = pyqtSignal(dict)  # the result, see cvgl_core/protocol.py
    failed = pyqtSignal(str, str)  # class ("PhotoOpenError", "EngineStopped", ...), message
    cancelled = pyqtSignal()

    id: str
    method: str
    done: bool

    def cancel(self) -> None:
        """Ask to stop; ``cancelled`` follows, at the latest after a grace time."""
        raise NotImplementedError


class Engine(QObject):
    """Starts, watches, restarts and ends the worker; answers requests as ``Job``s.

    States: stopped, starting (hello not seen or torch loading), ready (idle), busy, silent (no
    sign of life while busy), restarting (after a crash, with a growing pause), failed (gave up, or
    wrong version: ``restart`` tries again). The text is one sentence for people.
    """

    state_changed = pyqtSignal(str, str)  # state, text
    log = pyqtSignal(str)  # a line the worker wrote to stderr

    state: str  # one of the constants above
    text: str  # last text of state_changed
    facts: dict  # what `ready` said: engine, device, threads, models, offline; empty before

    def __init__(self, command: EngineCommand, parent: QObject | None = None) -> None:
        """Keep the command; nothing is started before ``start`` or the first ``request``."""
        raise NotImplementedError

    def start(self) -> None:
        """Start the worker if it is not running; returns at once."""
        raise NotImplementedError

    def stop(self) -> None:
        """End the worker: close its stdin, kill it after a grace time; jobs fail. For unload()."""
        raise NotImplementedError

    def restart(self, command: EngineCommand | None = None) -> None:
        """Stop at once and start again, with another command if given; clears the back-off."""
        raise NotImplementedError

    def request(self, method: str, params: dict) -> Job:
        """Send a request (starting the worker if need be); requests wait until it is ready."""
        raise NotImplementedError

    def diagnostics(self) -> str:
        """Return text to copy: command, origin, state, facts, last exit, last log lines."""
        raise NotImplementedError
