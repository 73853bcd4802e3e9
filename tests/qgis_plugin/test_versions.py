"""The plugin names only what this QGIS has, in the way that later ones have it, too."""

import ast
import enum
import importlib
import sys
from pathlib import Path

import pytest
import qgis.analysis
import qgis.core
import qgis.gui
import qgis.utils

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
MODULES = sorted((ROOT / "qgis_plugin").rglob("*.py"))


def names(path):
    from check_qt6 import dotted_names

    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("qgis"):
            importlib.import_module(node.module)
    return list(dotted_names(tree, "qgis"))


def is_enum_value(value):
    return isinstance(value, enum.Enum) or (
        isinstance(value, int) and type(value) not in (int, bool)
    )


def test_every_name_exists_and_every_enum_is_scoped():
    """QGIS 4 has ``Qgis.MessageLevel.Warning``, and no longer ``Qgis.Warning``."""
    seen, wrong = 0, []
    for path in MODULES:
        for (first, *rest), value, line in names(path):
            where = f"{path.relative_to(ROOT)}:{line}: {'.'.join((first, *rest))}"
            if not isinstance(value, type):
                continue
            seen += 1
            for depth, part in enumerate(rest):
                value = getattr(value, part, None)
                if value is None:
                    wrong.append(f"{where} does not exist")
                    break
                if is_enum_value(value):
                    if depth == 0:
                        wrong.append(f"{where} lacks the name of its enum")
                    break
                if not isinstance(value, type):
                    break
    assert wrong == []
    assert seen > 100


@pytest.mark.parametrize(
    ("source", "wrong"),
    [("Qgis.Warning", True), ("Qgis.MessageLevel.Warning", False), ("Qgis.MessageLevel", False)],
)
def test_the_check_tells_them_apart(source, wrong):
    value = qgis.core
    for part in source.split("."):
        value = getattr(value, part)
    assert (is_enum_value(value) and source.count(".") == 1) is wrong


def test_nothing_but_qgis_and_the_standard_library():
    allowed = {*sys.stdlib_module_names, "qgis", "processing"}
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                modules = [node.module]
            for module in modules:
                assert module.split(".")[0] in allowed, f"{path.name}: import {module}"
