# SPDX-License-Identifier: GPL-2.0-or-later
"""What the plugin remembers between sessions: every key, with its default, in one place."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsApplication, QgsSettings

MAX_RECENT = 8
_PREFIX = "cvgl/"


def engine_command() -> str:
    """Return how the engine is started; empty: found by itself."""
    return _text("engine_command", "")


def set_engine_command(command: str) -> None:
    """Remember how the engine is started."""
    QgsSettings().setValue(_PREFIX + "engine_command", command.strip())


def results_folder() -> Path:
    """Return the folder that results are written under."""
    default = Path(QgsApplication.qgisSettingsDirPath()) / "cvgl" / "results"
    return Path(_text("results_folder", "") or default)


def set_results_folder(folder: str | Path) -> None:
    """Remember the folder for results; empty: in the profile of QGIS."""
    QgsSettings().setValue(_PREFIX + "results_folder", str(folder).strip())


def recent_indexes() -> list[str]:
    """Return the paths of the indexes opened lately, newest first."""
    stored = QgsSettings().value(_PREFIX + "recent_indexes", [])
    stored = [stored] if isinstance(stored, str) else (stored or [])
    return [str(path) for path in stored if path]


def remember_index(path: str | Path) -> None:
    """Put an index first among the recent ones."""
    rest = [other for other in recent_indexes() if other != str(path)]
    QgsSettings().setValue(_PREFIX + "recent_indexes", [str(path), *rest][:MAX_RECENT])


def forget_index(path: str | Path) -> None:
    """Take an index off the recent ones."""
    rest = [other for other in recent_indexes() if other != str(path)]
    QgsSettings().setValue(_PREFIX + "recent_indexes", rest)


def last_folder(purpose: str) -> str:
    """Return the folder last used for a purpose ("photo", "index", "case", "export")."""
    return _text(f"folder_{purpose}", str(Path.home()))


def remember_folder(purpose: str, path: str | Path) -> None:
    """Remember the folder of a chosen file."""
    QgsSettings().setValue(_PREFIX + f"folder_{purpose}", str(Path(path).parent))


def _text(key: str, default: str) -> str:
    """Return a setting as text."""
    return str(QgsSettings().value(_PREFIX + key, default) or default)
