"""Hold the plugin's zip against the rules of the QGIS plugin repository.

    python tools/check_plugin_zip.py dist/cvgl-0.1.0.zip

The rules are those of the repository's own validator (qgis/QGIS-Plugins-Website,
``qgis-app/plugins/validator.py``): size, one top folder that Python can import, files that must be
there, files that must not, and the keys of ``metadata.txt``.
"""

from __future__ import annotations

import configparser
import re
import sys
import zipfile
from pathlib import Path, PurePosixPath

LIMIT_BYTES = 25_000_000
IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]+")
REQUIRED_FILES = ("__init__.py", "metadata.txt", "LICENSE")
REQUIRED_KEYS = (
    "name",
    "description",
    "about",
    "version",
    "qgisMinimumVersion",
    "author",
    "email",
    "tracker",
    "repository",
)
LINKS = ("homepage", "tracker", "repository")
BINARIES = {".exe", ".dll", ".so", ".bat", ".sh", ".dylib", ".pyd", ".msi", ".cmd", ".ps1"}
UNWANTED = {"__pycache__", ".git", "__MACOSX", ".DS_Store"}


def problems(path: Path) -> list[str]:
    """Return what is wrong with a zip, in words; nothing if the repository would take it."""
    found = []
    if path.stat().st_size > LIMIT_BYTES:
        found.append(f"{path.stat().st_size} bytes: more than {LIMIT_BYTES}")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        damaged = archive.testzip()
        if damaged is not None:
            found.append(f"{damaged}: damaged")
        found += [f"{name}: {fault}" for name in names if (fault := _name_fault(name))]
        tops = {PurePosixPath(name).parts[0] for name in names}
        if len(tops) != 1:
            return [*found, f"one top folder is wanted, not {', '.join(sorted(tops)) or 'none'}"]
        top = tops.pop()
        if not IDENTIFIER.fullmatch(top):
            found.append(f"{top}: Python cannot import a folder of this name")
        missing = [name for name in REQUIRED_FILES if f"{top}/{name}" not in names]
        found += [f"{top}/{name}: missing" for name in missing]
        if "metadata.txt" not in missing:
            metadata = archive.read(f"{top}/metadata.txt").decode("utf-8")
            found += metadata_problems(metadata, {name.removeprefix(f"{top}/") for name in names})
    return found


def metadata_problems(text: str, files: set[str]) -> list[str]:
    """Return what is wrong with ``metadata.txt``.

    Args:
        text: of the file.
        files: of the plugin, relative to its folder; the icon must be one of them.
    """
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # keys keep their case
    try:
        parser.read_string(text)
        values = dict(parser["general"])
    except (configparser.Error, KeyError) as error:
        return [f"metadata.txt: {error}"]
    found = [f"metadata.txt: {key} is missing" for key in REQUIRED_KEYS if not values.get(key)]
    found += [
        f"metadata.txt: {key} is no web address: {values[key]}"
        for key in LINKS
        if values.get(key) and not values[key].startswith("https://")
    ]
    if "supportsQt6" in values:
        found.append("metadata.txt: supportsQt6 is deprecated; qgisMaximumVersion says it")
    if not re.fullmatch(r"\d+\.\d+(\.\d+)?", values.get("version", "")):
        found.append(f"metadata.txt: version {values.get('version')!r} is not like 1.2.3")
    if "@" not in values.get("email", ""):
        found.append("metadata.txt: email is no address")
    if values.get("icon") not in files:
        found.append(f"metadata.txt: icon {values.get('icon')!r} is not a file of the plugin")
    return found


def _name_fault(name: str) -> str | None:
    """Return what is wrong with the name of a file in a zip."""
    path = PurePosixPath(name)
    if "\\" in name or path.is_absolute() or ".." in path.parts:
        return "leads out of the folder, or is not written with slashes"
    if UNWANTED & set(path.parts) or path.suffix == ".pyc":
        return "does not belong into a plugin"
    return "programs and scripts are not taken" if path.suffix.lower() in BINARIES else None


def main() -> int:
    """Check the zips named on the command line; exit code 1 if one has a problem."""
    code = 0
    for argument in sys.argv[1:]:
        found = problems(Path(argument))
        for problem in found:
            sys.stderr.write(f"{argument}: {problem}\n")
        code = code or int(bool(found))
        if not found:
            sys.stdout.write(f"{argument}: fit for the QGIS plugin repository\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
