# SPDX-License-Identifier: GPL-2.0-or-later
"""The button "Check engine": a fresh process that says what is installed and what works."""

from __future__ import annotations

from qgis.PyQt.QtCore import QObject

from .finder import EngineCommand
from .process import Job


def check_engine(command: EngineCommand, parent: QObject | None = None) -> Job:
    """Run the command with ``--check``; the job's result is ``{ok, checks: [{name, ok, detail}]}``."""
    raise NotImplementedError
