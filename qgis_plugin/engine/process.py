# SPDX-License-Identifier: GPL-2.0-or-later
"""The engine: one warm child process, talked to on the main thread without ever blocking it."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Callable
from dataclasses import dataclass

from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from ..i18n import tr
from .child import Child, later
from .finder import EngineCommand
from .job import Job
from .messages import VERSION, BadMessage, Event, encode_request, parse_event, same_major

__all__ = ["BUSY", "FAILED", "READY", "RESTARTING", "SILENT", "STARTING", "STOPPED"]
__all__ += ["Engine", "Job", "Limits"]

STOPPED, STARTING, READY, BUSY = "stopped", "starting", "ready", "busy"
SILENT, RESTARTING, FAILED = "silent", "restarting", "failed"


@dataclass(frozen=True)
class Limits:
    """How long the engine may take, milliseconds, and how often it may crash.

    Attributes:
        slow_start_ms: from then on the state says that the start takes long.
        start_ms: from then on a start has failed.
        silence_ms: a busy engine that says nothing for so long is called silent.
        cancelled_ms: a job counts as cancelled from then on, though the engine may still be at a
            step that cannot be interrupted.
        cancel_ms: an engine that does not end a cancelled job is killed.
        pauses_ms: before each restart in a row; after the last one it is left alone.
    """

    slow_start_ms: int = 15_000
    start_ms: int = 180_000
    silence_ms: int = 30_000
    cancelled_ms: int = 80
    cancel_ms: int = 5_000
    pauses_ms: tuple[int, ...] = (500, 1_000, 2_000, 4_000, 8_000)


class Engine(QObject):
    """Starts, watches, restarts and ends the worker; answers requests as ``Job``s.

    States: stopped, starting (until it can compute), ready (idle), busy, silent (no sign of life
    while busy), restarting (after a crash, with a growing pause), failed (gave up, or wrong
    version: ``restart`` tries again). The text is one sentence for people.

    Attributes:
        state: one of the constants of this module.
        text: the last text of ``state_changed``.
        facts: what ``ready`` said: engine, device, threads, models, offline; empty before.
        command: how the worker is started.
    """

    state_changed = pyqtSignal(str, str)  # state, text
    log = pyqtSignal(str)  # a line the worker wrote to stderr

    def __init__(
        self, command: EngineCommand, parent: QObject | None = None, limits: Limits | None = None
    ) -> None:
        """Keep the command; nothing is started before ``start`` or the first ``request``."""
        super().__init__(parent)
        self.command, self.limits = command, limits or Limits()
        self.state, self.text, self.facts = STOPPED, tr("Engine not started"), {}
        self._child: Child | None = None
        self._jobs: dict[str, Job] = {}  # all that are not done, in order
        self._sent: set[str] = set()
        self._greeted, self._crashes, self._last_end = False, 0, ""
        self._last_lines: list[str] = []
        self._numbers = itertools.count(1)
        self._start_timer = self._timer(self._launch)
        self._slow_timer = self._timer(self._on_slow_start)
        self._late_timer = self._timer(self._on_late_start)
        self._silence_timer = self._timer(self._on_silence)

    def start(self) -> None:
        """Start the worker if it is not running; returns at once."""
        if self._child is None and not self._start_timer.isActive() and self.state != FAILED:
            self._start_timer.start(0)

    def stop(self) -> None:
        """End the worker: close its stdin, kill it after a grace time; jobs fail. For unload()."""
        self._drop()
        self._fail_jobs("EngineStopped", tr("The engine was stopped."))
        self._set_state(STOPPED, tr("Engine not started"))

    def restart(self, command: EngineCommand | None = None) -> None:
        """Stop at once and start again, with another command if given; clears the back-off."""
        self._drop()
        self._fail_jobs("EngineStopped", tr("The engine was started again."))
        self.command = command or self.command
        self._crashes = 0
        self._set_state(STARTING, tr("Starting the engine..."))
        self._start_timer.start(0)

    def request(self, method: str, params: dict) -> Job:
        """Send a request (starting the worker if need be); requests wait until it is ready."""
        job = Job(str(next(self._numbers)), method, params, self)
        job.cancel_asked.connect(lambda: self._cancel(job))
        self._jobs[job.id] = job
        if self.state == FAILED:
            later(self, 0, lambda: self._finish(job, "EngineFailed", self.text))
        elif self.facts:
            self._send(job)
        else:
            self.start()
        return job

    def diagnostics(self) -> str:
        """Return text to copy: command, origin, state, facts, last end, last lines of stderr."""
        lines = [
            f"command: {shlex.join(self.command.argv)} ({self.command.origin})",
            f"state: {self.state}: {self.text}",
            f"protocol of the plugin: {VERSION}",
            *(f"{name}: {value}" for name, value in self.facts.items() if name != "event"),
        ]
        if self._last_end:
            lines.append(f"last end: {self._last_end}")
        lines += self._last_lines if self._child is None else self._child.errors
        return "\n".join(lines)

    def _timer(self, slot: Callable[[], None]) -> QTimer:
        """Return a timer that rings once."""
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.timeout.connect(slot)
        return timer

    def _launch(self) -> None:
        """Start a process."""
        self._greeted = False
        self._child = Child(self.command.argv, self)
        self._child.line.connect(self._on_line)
        self._child.said.connect(self.log)
        self._child.ended.connect(self._on_ended)
        self._set_state(STARTING, tr("Starting the engine..."))
        self._slow_timer.start(self.limits.slow_start_ms)
        self._late_timer.start(self.limits.start_ms)
        self._child.start()

    def _drop(self) -> None:
        """Forget the process, which ends by itself."""
        for timer in (self._start_timer, self._slow_timer, self._late_timer, self._silence_timer):
            timer.stop()
        self.facts = {}
        self._sent.clear()
        if self._child is not None:
            self._last_lines = list(self._child.errors)
            self._child.leave()
            self._child.deleteLater()
            self._child = None

    def _send(self, job: Job) -> None:
        """Write a request."""
        try:
            data = encode_request(job.id, job.method, job.params)
        except (TypeError, ValueError) as error:
            message = tr("The request cannot be sent: {}").format(error)
            later(self, 0, lambda: self._finish(job, "ProtocolError", message))
            return
        self._sent.add(job.id)
        self._child.write(data)
        self._show_load()

    def _on_line(self, line: bytes) -> None:
        """Take an event."""
        try:
            event = parse_event(line)
        except BadMessage as error:
            # Something printed, for example by a login shell: worth a line, not an end.
            self.log.emit(tr("The engine sent a line that is no message: {}").format(error))
            return
        if self._sent:
            self._silence_timer.start(self.limits.silence_ms)
            if self.state == SILENT:
                self._show_load()
        if event.kind in ("hello", "ready"):
            self._on_greeting(event)
        elif event.id in self._jobs:
            self._on_job_event(self._jobs[event.id], event)
        elif event.kind == "error" and event.id is None:
            self._on_error(event)

    def _on_greeting(self, event: Event) -> None:
        """Check the version; send what waits once the engine is ready."""
        self._greeted = True
        spoken = event.fields["protocol"]
        if not same_major(spoken):
            self._give_up(
                tr(
                    "The engine cvgl {} speaks protocol {}, this plugin {}: install matching "
                    "versions of both."
                ).format(event.fields["engine"], spoken, VERSION)
            )
        elif event.kind == "hello":
            self._set_state(STARTING, tr("Loading the engine..."))
        else:
            self._slow_timer.stop()
            self._late_timer.stop()
            self.facts = event.fields
            for job in list(self._jobs.values()):
                self._send(job)
            self._show_load()

    def _on_job_event(self, job: Job, event: Event) -> None:
        """Pass on what belongs to a request."""
        if event.kind == "progress":
            job.tell(event.fields["fraction"], event.fields["text"], event.fields["stage"])
        elif event.kind == "result":
            self._crashes = 0
            self._finish(job, result=event.fields["result"])
        elif event.kind == "error":
            self._finish(job, event.fields["error"], event.fields["message"])
        elif event.kind == "cancelled":
            self._finish(job)

    def _on_error(self, event: Event) -> None:
        """An error of no request: fatal while loading, a line for the log later."""
        message = event.fields["message"]
        if self.facts:
            self.log.emit(message)
        else:
            self._give_up(tr("The engine cannot be loaded: {}").format(message))

    def _finish(
        self, job: Job, error: str = "", message: str = "", result: dict | None = None
    ) -> None:
        """End a job: with a result, an error, or as it was asked to."""
        self._jobs.pop(job.id, None)
        self._sent.discard(job.id)
        self._show_load()
        if result is not None:
            job.succeed(result)
        elif error:
            job.fail(error, message)
        else:
            job.give_up()
        job.deleteLater()

    def _fail_jobs(self, error: str, message: str) -> None:
        """End all jobs with an error."""
        for job in list(self._jobs.values()):
            self._finish(job, error, message)

    def _cancel(self, job: Job) -> None:
        """Ask the worker to end a job; kill it if it does not."""
        if job.id not in self._sent:
            later(self, 0, lambda: self._finish(job))
            return
        self._child.write(encode_request(f"cancel-{job.id}", "cancel", {"id": job.id}))
        later(self, self.limits.cancelled_ms, job.give_up)
        later(self, self.limits.cancel_ms, lambda: self._on_late_cancel(job.id))

    def _on_late_cancel(self, name: str) -> None:
        """The worker did not end a job: start it again, and ask again for the others."""
        job = self._jobs.get(name)
        if job is None or self._child is None:
            return
        self._drop()
        self._finish(job)
        self._set_state(RESTARTING, tr("The engine did not stop; starting it again..."))
        self._start_timer.start(0)

    def _on_ended(self, how: str) -> None:
        """The process is gone: say so, and start it again unless that is no use."""
        last = self._child.errors[-1] if self._child.errors else ""
        greeted, crashes = self._greeted, self._crashes
        self._last_end = " ".join([how, last]).strip()
        self._drop()
        if not greeted:
            self._give_up(self._last_end)
            return
        if crashes >= len(self.limits.pauses_ms):
            self._give_up(tr("{} It ended {} times in a row.").format(how, crashes + 1))
            return
        self._crashes += 1
        self._set_state(RESTARTING, tr("{} Starting it again...").format(how))
        self._start_timer.start(self.limits.pauses_ms[crashes])
        self._fail_jobs("EngineStopped", how)

    def _give_up(self, text: str) -> None:
        """Leave the engine alone until it is restarted."""
        self._drop()
        self._set_state(FAILED, text)
        self._fail_jobs("EngineFailed", text)

    def _on_slow_start(self) -> None:
        """Say that the start takes long."""
        self._set_state(
            STARTING, tr("The engine is still starting; the first start after a change takes long.")
        )

    def _on_late_start(self) -> None:
        """A start that takes for ever has failed."""
        seconds = self.limits.start_ms // 1000
        self._give_up(tr("The engine did not start within {} s.").format(seconds))

    def _on_silence(self) -> None:
        """Say that a busy engine gives no sign of life."""
        if self._sent:
            seconds = self.limits.silence_ms // 1000
            self._set_state(
                SILENT, tr("No sign of life for {} s; wait, cancel or restart.").format(seconds)
            )

    def _show_load(self) -> None:
        """Show whether a running engine has something to do."""
        if not self.facts:
            return
        if self._sent:
            if not self._silence_timer.isActive():
                self._silence_timer.start(self.limits.silence_ms)
            self._set_state(BUSY, tr("Engine at work"))
            return
        self._silence_timer.stop()
        device = self.facts["device"].upper()
        self._set_state(READY, tr("Engine ready, {}, offline").format(device))

    def _set_state(self, state: str, text: str) -> None:
        """Tell a state that is new."""
        if (state, text) != (self.state, self.text):
            self.state, self.text = state, text
            self.state_changed.emit(state, text)
