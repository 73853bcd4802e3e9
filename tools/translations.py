"""Keep the plugin's translations in step with its sources.

    python tools/translations.py           # new texts into the .ts files, and the .qm files anew
    python tools/translations.py --check   # is all of it in step?

The first needs ``pyside6-lrelease`` (PySide6-Essentials), the second PyQt6. A text is whatever
literal ``tr()`` gets, whether ``qgis_plugin.i18n.tr`` or a class's own. A .ts file is edited by
hand or in Qt Linguist; texts without a translation stay English in QGIS.
"""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from string import Formatter

ROOT = Path(__file__).parents[1]
PLUGIN = ROOT / "qgis_plugin"
FOLDER = PLUGIN / "i18n"
CONTEXT = "CVGL"


def source_texts() -> dict[str, str]:
    """Return every text of the plugin and the first place that uses it.

    Raises:
        ValueError: a call of ``tr`` has an argument that is no literal: it could not be translated.
    """
    found: dict[str, str] = {}
    for path in sorted(PLUGIN.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or _name(node.func) != "tr":
                continue
            where = f"{path.relative_to(ROOT).as_posix()}:{node.lineno}"
            text = node.args[0] if len(node.args) == 1 else None
            if not isinstance(text, ast.Constant) or not isinstance(text.value, str):
                raise ValueError(
                    f"{where}: tr() takes one literal; use .format() on what it returns"
                )
            found.setdefault(text.value, where)
    return found


def read_ts(path: Path) -> dict[str, str]:
    """Return translations by text; an empty one is not done yet."""
    root = ET.parse(path).getroot()  # noqa: S314 - a file of this repository
    pairs = (
        (m.findtext("source", ""), m.findtext("translation") or "") for m in root.iter("message")
    )
    return dict(pairs)


def write_ts(path: Path, language: str, translations: dict[str, str]) -> None:
    """Write translations in Qt's format, in the order of the texts."""
    root = ET.Element("TS", version="2.1", language=language, sourcelanguage="en")
    context = ET.SubElement(root, "context")
    ET.SubElement(context, "name").text = CONTEXT
    for text in sorted(translations):
        message = ET.SubElement(context, "message")
        ET.SubElement(message, "source").text = text
        done = ET.SubElement(message, "translation")
        if translations[text]:
            done.text = translations[text]
        else:
            done.set("type", "unfinished")
    ET.indent(root, " ")
    body = ET.tostring(root, encoding="unicode")
    path.write_text(f'<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n{body}\n', "utf-8")


def update() -> int:
    """Take new texts into every .ts file, drop those no longer used, and build the .qm files."""
    texts = source_texts()
    lrelease = shutil.which("pyside6-lrelease") or shutil.which("lrelease")
    for path in sorted(FOLDER.glob("*.ts")):
        known = read_ts(path)
        merged = {text: known.get(text, "") for text in texts}
        write_ts(path, path.stem.removeprefix("cvgl_"), merged)
        done = sum(map(bool, merged.values()))
        sys.stdout.write(f"{path.name}: {done} of {len(merged)} translated\n")
        if lrelease is not None:
            command = [lrelease, "-silent", str(path), "-qm", str(path.with_suffix(".qm"))]
            subprocess.run(command, check=True)  # noqa: S603
    if lrelease is None:
        sys.stderr.write("pip install PySide6-Essentials to build the .qm files, then run again\n")
    return int(lrelease is None)


def check() -> int:
    """Say which translations are wrong, or not in the .qm file; new texts are no fault."""
    try:
        from PyQt6.QtCore import QTranslator
    except ImportError as error:
        sys.stdout.write(f"SKIPPED: the translations; PyQt6 does not start here ({error})\n")
        return 0
    texts = source_texts()
    problems = []
    for path in sorted(FOLDER.glob("*.ts")):
        known = read_ts(path)
        new = len(set(texts) - set(known))
        if new:
            sys.stdout.write(f"{path.name}: {new} texts are new; run tools/translations.py\n")
        compiled = QTranslator()
        compiled.load(str(path.with_suffix(".qm")))
        for text, done in known.items():
            if done and compiled.translate(CONTEXT.encode(), text.encode()) != done:
                problems.append(f"{path.stem}.qm does not say {done!r}")
            if done and _fields(done) != _fields(text):
                problems.append(f"{path.name}: {done!r} has other {{fields}} than {text!r}")
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    if problems:
        sys.stderr.write("run: python tools/translations.py (with PySide6-Essentials installed)\n")
    return int(bool(problems))


def _fields(text: str) -> set[str]:
    """Return the replacement fields of a text."""
    return {field for _, field, _, _ in Formatter().parse(text) if field is not None}


def _name(function: ast.expr) -> str | None:
    """Return the last part of the name of what is called."""
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else None


if __name__ == "__main__":
    sys.exit(check() if "--check" in sys.argv[1:] else update())
