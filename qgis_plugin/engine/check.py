# SPDX-License-Identifier: GPL-2.0-or-later
"""The button "Check engine": a fresh process that says what is installed and what works."""

from __future__ import annotations

import json

from qgis.PyQt.QtCore import QObject

from ..i18n import tr
from .child import Child, later
from .finder import EngineCommand
from .job import Job

LIMIT_MS = 120_000


def check_engine(
    command: EngineCommand, parent: QObject | None = None, limit_ms: int = LIMIT_MS
) -> Job:
    """Run the command with ``--check``.

    The job's result is ``{ok, checks: [{name, ok, detail}]}``; it fails where no engine answers.
    """
    job = Job("check", "check", {}, parent)
    child = Child((*command.argv, "--check"), job)
    reports: list[dict] = []
    child.line.connect(lambda line: reports.extend(_reports(line)))
    child.ended.connect(lambda how: _end(job, child, reports, how))
    job.cancel_asked.connect(lambda: child.kill(tr("Stopped.")))
    late = tr("The engine did not answer within {} s.").format(limit_ms // 1000)
    later(job, limit_ms, lambda: child.kill(late))
    later(job, 0, child.start)
    return job


def _end(job: Job, child: Child, reports: list[dict], how: str) -> None:
    """Tell what the check found, or why there is nothing."""
    if reports:
        job.succeed(reports[-1])
        return
    last = child.errors[-1] if child.errors else ""
    job.fail("EngineFailed", f"{how} {last}".strip())


def _reports(line: bytes) -> list[dict]:
    """Return the report of a line, if it is one."""
    try:
        report = json.loads(line)
    except (ValueError, RecursionError):
        return []
    return [report] if isinstance(report, dict) and isinstance(report.get("checks"), list) else []
