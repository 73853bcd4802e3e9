"""The photos of a batch: what the user named as files, folders, patterns, lists and tables.

A list is a text file with a path a line, or a table ``*.csv`` with a row per photo. A table has a
header line; its separator is a comma, a semicolon or a tab. Columns, all but the first optional:

* ``photo``: path; relative ones start at the folder of the list, as in lists of ``cvgl-tile``.
* ``heading_deg``: where the camera looked, clockwise from true north, or ``unknown``.
* ``heading_std_deg``: how sure the heading is, of the row or of the file: a standard deviation.
* ``fov_deg``: horizontal field of view; ``pitch_deg``: how far the camera looked up.
* ``lon``, ``lat``, ``radius_m``: search only within this circle; all three or none.
* ``group``: what the photo belongs to; passed on to the results.

An empty cell leaves to the options and the file what the photo is taken for. Other columns are left
out, with a warning.
"""

from __future__ import annotations

import csv
import glob
import io
import logging
import math
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cvgl_core.errors import SettingsError
from cvgl_core.localization import Near

log = logging.getLogger(__name__)

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".heic", ".heif")
OWN_FILES, OWN_FOLDERS = (".heatmap.tif", ".photo.jpg"), ".tiles"
"""What this program writes beside results: no photos."""
COLUMNS = (
    "photo",
    "heading_deg",
    "heading_std_deg",
    "fov_deg",
    "pitch_deg",
    "lon",
    "lat",
    "radius_m",
    "group",
)
UNKNOWN = "unknown"

_BOUNDS = {
    "heading_deg": (-360.0, 360.0),
    "heading_std_deg": (0.1, 180.0),
    "fov_deg": (1.0, 360.0),
    "pitch_deg": (-90.0, 90.0),
    "lon": (-180.0, 180.0),
    "lat": (-90.0, 90.0),
    "radius_m": (0.1, 2e7),
}
_MAX_LIST_BYTES = 64 << 20
_MOST_SAID = 5


@dataclass(frozen=True)
class Stated:
    """What is stated of one photo alone; None where the options of all hold."""

    heading_deg: float | None = None
    search_heading: bool = False
    heading_std_deg: float | None = None
    fov_deg: float | None = None
    pitch_deg: float | None = None
    near: Near | None = None
    group: str | None = None


@dataclass(frozen=True)
class PhotoInput:
    """A photo to locate."""

    path: Path
    stated: Stated = Stated()


def named_photos(names: Sequence[Path], listed: Path | None = None) -> tuple[PhotoInput, ...]:
    """Return the photos that ``names`` and then the list name, in order.

    A name is a file, a folder (all photos in it and below, by name) or a pattern such as
    ``walk/*.jpg``. What holds no photo stands for itself, so that reading it says what is wrong.

    Raises:
        SettingsError: the list cannot be read, or rows of a table are wrong.
    """
    found = [PhotoInput(path) for name in names for path in _expand(str(name), Path())]
    if listed is not None:
        found += _table(listed) if listed.suffix.lower() == ".csv" else _lines(listed)
    return tuple(found)


def output_names(photos: Sequence[Path], reserved: Collection[str] = ()) -> list[str]:
    """Return a file name without suffix for each photo, all different even if case is ignored.

    The first photo of a name keeps it; the next ones become ``NAME-2``, ``NAME-3``, ... So does
    one whose name is ``reserved`` for other files.
    """
    taken = {path.stem.casefold() for path in photos}
    given = {name.casefold() for name in reserved}
    names: list[str] = []
    for path in photos:
        name, number = path.stem, 1
        while name.casefold() in given or (number > 1 and name.casefold() in taken):
            number += 1
            name = f"{path.stem}-{number}"
        given.add(name.casefold())
        names.append(name)
    return names


def _expand(text: str, base: Path) -> Iterator[Path]:
    """Yield what one name stands for; relative paths start at ``base``."""
    path = base / text
    found: list[Path] = []
    if path.is_dir():
        found = _in_folder(path)
    elif glob.has_magic(text) and not path.exists():
        fitting = sorted(glob.glob(text, root_dir=base, recursive=True))  # noqa: PTH207
        found = [base / name for name in fitting if (base / name).is_file()]
    yield from found or [path]


def _in_folder(folder: Path) -> list[Path]:
    """Return the photos in a folder and below, hidden files and this program's own left out."""
    return [path for path in sorted(folder.rglob("*")) if _is_photo(path, folder)]


def _is_photo(path: Path, folder: Path) -> bool:
    """Tell by its name whether a file in a folder is a photo."""
    parts = path.relative_to(folder).parts
    hidden = any(part.startswith(".") for part in parts)
    own = path.name.endswith(OWN_FILES) or any(part.endswith(OWN_FOLDERS) for part in parts)
    return path.suffix.lower() in PHOTO_SUFFIXES and not (hidden or own) and path.is_file()


def _lines(listed: Path) -> list[PhotoInput]:
    """Return what the lines of a text file, or of stdin, name."""
    wanted = [line for line in _text(listed).splitlines() if line.strip()]
    base = Path() if str(listed) == "-" else listed.parent
    return [PhotoInput(path) for line in wanted for path in _expand(line, base)]


def _text(listed: Path) -> str:
    """Return a list as text.

    Raises:
        SettingsError: it cannot be read.
    """
    try:
        if str(listed) == "-":
            return sys.stdin.read()
        if listed.stat().st_size > _MAX_LIST_BYTES:
            raise SettingsError(f"--list {listed}: is too large for a list of photos")
        return listed.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"--list {listed}: cannot be read as text ({error}); write paths in UTF-8, one a line,"
            " or a table *.csv"
        ) from error


def _table(listed: Path) -> list[PhotoInput]:
    """Return what the rows of a table name and state.

    Raises:
        SettingsError: it has no column ``photo``, or rows are wrong: each is named by its line.
    """
    text = _text(listed)
    first = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text), delimiter=max(",;\t", key=first.count), strict=True)
    found: list[PhotoInput] = []
    wrong: list[str] = []
    try:
        columns = [name.strip() for name in reader.fieldnames or ()]
        if "photo" not in columns:
            raise SettingsError(f"--list {listed}: line 1 names no column 'photo'")
        others = [name for name in columns if name not in COLUMNS]
        if others:
            log.warning("%s: columns that are not used: %s", listed, ", ".join(others)[:200])
        reader.fieldnames = columns
        for row in reader:
            try:
                path, stated = _row(row)
                found += [PhotoInput(one, stated) for one in _expand(path, listed.parent)]
            except ValueError as error:
                wrong.append(f"line {reader.line_num}: {error}")
    except csv.Error as error:
        wrong.append(f"line {reader.line_num}: {error}")
    if wrong:
        more = f"; and {len(wrong) - _MOST_SAID} more" if len(wrong) > _MOST_SAID else ""
        raise SettingsError(f"--list {listed}: {'; '.join(wrong[:_MOST_SAID])}{more}")
    return found


def _row(row: Mapping[str | None, str | list[str] | None]) -> tuple[str, Stated]:
    """Return the path of a row and what it states; raises ``ValueError`` where it is wrong."""
    if None in row:
        raise ValueError("has more cells than there are columns")
    cells = {name: value.strip() for name, value in row.items() if name and isinstance(value, str)}
    if not cells.get("photo"):
        raise ValueError("photo is empty")
    search = cells.get("heading_deg", "").lower() == UNKNOWN
    given = {
        name: _number(name, text)
        for name, text in cells.items()
        if name in _BOUNDS and text and not (search and name == "heading_deg")
    }
    circle = [given.get(name) for name in ("lon", "lat", "radius_m")]
    near = None
    if any(value is not None for value in circle):
        if None in circle:
            raise ValueError("lon, lat and radius_m belong together")
        near = Near(given["lon"], given["lat"], given["radius_m"])
    if search and "heading_std_deg" in given:
        raise ValueError("heading_std_deg is given of a heading that is unknown")
    heading_deg = given.get("heading_deg")
    return cells["photo"], Stated(
        heading_deg=None if heading_deg is None else heading_deg % 360.0,
        search_heading=search,
        heading_std_deg=given.get("heading_std_deg"),
        fov_deg=given.get("fov_deg"),
        pitch_deg=given.get("pitch_deg"),
        near=near,
        group=cells.get("group") or None,
    )


def _number(name: str, text: str) -> float:
    """Return the number of a cell; raises ``ValueError`` if it is none or out of bounds."""
    low, high = _BOUNDS[name]
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        also = " or 'unknown'" if name == "heading_deg" else ""
        raise ValueError(f"{name} is {text[:40]!r}, not a number within {low:g} to {high:g}{also}")
    return value
