"""Check, without QGIS 4, that the plugin runs on Qt 6.

    python tools/check_qt6.py        # in an environment with PyQt6

Two checks of ``qgis_plugin``: every dotted name that starts at something of ``qgis.PyQt`` exists in
PyQt6 (``Qt.AlignLeft`` does not, ``Qt.AlignmentFlag.AlignLeft`` does); and every module imports
under PyQt6, with stand-ins for the rest of ``qgis``. What the names of QGIS itself are is checked
where there is QGIS: ``tests/qgis_plugin/test_versions.py``.
"""

from __future__ import annotations

import ast
import importlib
import os
import pkgutil
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PLUGIN = ROOT / "qgis_plugin"
OLDEST_PYTHON = (3, 9)  # of QGIS 3.22 on Windows
QT_MODULES = ("QtCore", "QtGui", "QtWidgets", "QtNetwork", "QtXml", "QtSvg", "QtTest", "uic")
COMPAT = "qgis_plugin/compat.py"
"""May name what only older versions have."""

QT5_ONLY = {"exec_", "midButton"}


class _StandIn(type):
    """A class that has every attribute: in place of the classes and enums of QGIS."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _StandIn(name, (), {"__init__": lambda *_args, **_kwargs: None})

    def __or__(cls, other: object) -> Any:
        return cls


class _StandInModule(types.ModuleType):
    """A module that has every class; widgets are widgets, so that they can be derived from."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        made = _StandIn(name, (), {"__init__": lambda *_args, **_kwargs: None})
        setattr(self, name, made)
        return made


def install_stand_ins() -> None:
    """Make ``qgis`` importable: ``qgis.PyQt`` is PyQt6, the rest are stand-ins."""
    from PyQt6 import QtGui, QtWidgets

    for name in ("QAction", "QActionGroup", "QShortcut", "QUndoCommand", "QUndoStack"):
        setattr(QtWidgets, name, getattr(QtGui, name))  # where qgis.PyQt has them in both
    for name in ("qgis", "qgis.core", "qgis.gui", "qgis.utils", "qgis.analysis", "processing"):
        sys.modules[name] = _StandInModule(name)
    sys.modules["qgis.gui"].QgsDockWidget = type(  # type: ignore[attr-defined]
        "QgsDockWidget", (QtWidgets.QDockWidget,), {}
    )
    pyqt = types.ModuleType("qgis.PyQt")
    sys.modules["qgis.PyQt"] = pyqt
    sys.modules["qgis"].PyQt = pyqt  # type: ignore[attr-defined]
    for name in QT_MODULES:
        try:
            module = importlib.import_module(f"PyQt6.{name}")
        except ImportError:
            continue
        sys.modules[f"qgis.PyQt.{name}"] = module
        setattr(pyqt, name, module)


def static_problems(source: str, name: str) -> list[str]:
    """Return what Qt 6 or an older Python would not take in a module, with its line."""
    tree = ast.parse(source, feature_version=OLDEST_PYTHON)
    found = [
        f"{name}:{node.lineno}: {node.attr} is gone in Qt 6"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in QT5_ONLY and name != COMPAT
    ]
    for chain, value, line in dotted_names(tree, "qgis.PyQt"):
        if missing := _missing(value, chain[1:]):
            dotted = ".".join((chain[0], *missing))
            found.append(f"{name}:{line}: {dotted} does not exist in PyQt6")
    return found


def dotted_names(tree: ast.Module, package: str) -> Iterator[tuple[tuple[str, ...], Any, int]]:
    """Yield each dotted name that starts at something imported from ``package``, at its longest.

    As its parts, such as ``("Qt", "Key", "Key_A")``, what the first of them is bound to in the
    package as it is loaded here, and the line.
    """
    bound = {
        alias.asname or alias.name: getattr(sys.modules[node.module], alias.name, None)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(package)
        for alias in node.names
        if node.module is not None
    }
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or id(node) in inner:
            continue
        parts, value = [node.attr], node.value
        while isinstance(value, ast.Attribute):
            parts.append(value.attr)
            value = value.value
        if isinstance(value, ast.Name) and value.id in bound:
            yield (value.id, *reversed(parts)), bound[value.id], node.lineno


def _missing(value: Any, rest: tuple[str, ...]) -> tuple[str, ...]:
    """Return the shortest part of a dotted name that does not exist, or nothing."""
    if value is None:
        return ("(the import itself)",)
    for count, part in enumerate(rest, start=1):
        if not hasattr(value, part):
            return rest[:count]
        value = getattr(value, part)
    return ()


def import_problems() -> list[str]:
    """Return what stops a module of the plugin from being imported."""
    sys.path.insert(0, str(ROOT))
    found = []
    package = importlib.import_module(PLUGIN.name)
    for module in pkgutil.walk_packages(package.__path__, f"{PLUGIN.name}."):
        try:
            importlib.import_module(module.name)
        except Exception as error:
            found.append(f"{module.name}: {type(error).__name__}: {error}")
    return found


def main() -> int:
    """Run the checks; exit code 1 if one fails."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    try:
        from PyQt6 import QtWidgets  # noqa: F401
    except ImportError as error:
        sys.stdout.write(f"SKIPPED: the check for Qt 6; PyQt6 does not start here ({error})\n")
        return 0
    install_stand_ins()
    found = []
    modules = sorted(PLUGIN.rglob("*.py"))
    for path in modules:
        found += static_problems(path.read_text("utf-8"), path.relative_to(ROOT).as_posix())
    found += import_problems()
    for problem in found:
        sys.stderr.write(f"{problem}\n")
    if not found:
        sys.stdout.write(f"{PLUGIN.name}: {len(modules)} modules are ready for Qt 6\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
