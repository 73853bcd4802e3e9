# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the engine is: a setting, CVGL_PYTHON, ~/.cvgl/venv or ``cvgl`` on PATH."""

from __future__ import annotations

import os
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from ..i18n import tr

WORKER = ("-m", "cvgl_core.worker")
VARIABLE = "CVGL_PYTHON"
OWN_FOLDER = Path(".cvgl") / "venv"


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
    if setting.strip():
        return EngineCommand(_from_setting(setting.strip()), tr("settings"))
    named = os.environ.get(VARIABLE, "")
    if named:
        return EngineCommand(_from_variable(named), VARIABLE)
    own = _python_in(Path.home() / OWN_FOLDER)
    if own is not None:
        return EngineCommand((str(own), *WORKER), "~/.cvgl/venv")
    program = shutil.which("cvgl")
    if program is not None:
        return EngineCommand((program, "worker"), "PATH")
    raise EngineNotFound(
        tr(
            "The engine was not found. Install it with: python3 -m venv ~/.cvgl/venv, then "
            "~/.cvgl/venv/bin/pip install cvgl; or name its Python in the settings."
        )
    )


def _from_setting(setting: str) -> tuple[str, ...]:
    """Return the command that a setting means.

    Raises:
        EngineNotFound: it leads nowhere.
    """
    path = Path(setting).expanduser()
    if path.exists():
        return _from_path(path)
    try:
        words = shlex.split(setting, posix=os.name != "nt")
    except ValueError as error:
        raise EngineNotFound(
            tr("The engine's command in the settings cannot be read: {}").format(error)
        ) from error
    program = shutil.which(str(Path(words[0].strip('"')).expanduser()))
    if program is None:
        raise EngineNotFound(
            tr("The engine in the settings does not exist: {}. Correct it there.").format(setting)
        )
    if len(words) == 1:
        return _from_path(Path(program))
    return (program, *(word.strip('"') if os.name == "nt" else word for word in words[1:]))


def _from_variable(value: str) -> tuple[str, ...]:
    """Return the command of a Python that the environment names.

    Raises:
        EngineNotFound: it is not there.
    """
    path = Path(value).expanduser()
    if not path.exists():
        raise EngineNotFound(tr("CVGL_PYTHON names {}, which does not exist.").format(value))
    return _from_path(path)


def _from_path(path: Path) -> tuple[str, ...]:
    """Return the command of a folder of a virtual environment, a Python, cvgl or another program.

    Raises:
        EngineNotFound: the folder holds no Python.
    """
    if path.is_dir():
        python = _python_in(path)
        if python is None:
            raise EngineNotFound(
                tr("{} holds no Python; name the folder of a virtual environment.").format(path)
            )
        return (str(python), *WORKER)
    name = path.stem.lower()
    if name.startswith(("python", "pypy")):
        return (str(path), *WORKER)
    return (str(path), "worker") if name == "cvgl" else (str(path),)


def _python_in(folder: Path) -> Path | None:
    """Return the Python of a virtual environment; its links are not followed, they make it one."""
    for name in ("bin/python", "bin/python3", "Scripts/python.exe", "python.exe"):
        if (folder / name).is_file():
            return folder / name
    return None
