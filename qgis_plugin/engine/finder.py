# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the engine is: a setting, CVGL_PYTHON, ~/.cvgl/venv or ``cvgl`` on PATH."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EngineCommand:
    """How to start the worker.

    Attributes:
        argv: program and arguments, no shell.
        origin: words for people: "settings", "CVGL_PYTHON", "~/.cvgl/venv", "PATH".
    """

    argv: tuple[str, ...]
    origin: str


class EngineNotFound(Exception):
    """No engine was found, or the setting does not lead to one; the message says what to do."""


def find_engine(setting: str = "") -> EngineCommand:
    """Return the command of the worker.

    Args:
        setting: what the user set: empty (find it), a Python or a folder of a virtual environment,
            or a whole command such as ``ssh host cvgl worker`` (split like a shell does).

    Raises:
        EngineNotFound: there is none.
    """
    raise NotImplementedError
