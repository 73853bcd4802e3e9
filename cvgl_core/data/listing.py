"""The text files and folders of a data set: lines with their numbers, names on disk, skips."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from pathlib import Path

from cvgl_core.errors import DatasetError
from cvgl_core.types import Failure

MAX_LIST_BYTES = 200_000_000


def read_lines(path: Path) -> list[tuple[str, str]]:
    """Return the lines that hold something, each as ``file:line`` and text.

    Raises:
        DatasetError: the file is missing, empty, huge or not text.
    """
    try:
        if path.stat().st_size > MAX_LIST_BYTES:
            raise DatasetError(f"{path}: larger than any list of a data set; check the file")
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise DatasetError(
            f"{path}: no such file; check the folder's layout (docs/datasets.md)"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(
            f"{path}: cannot be read as text ({error}); download it again"
        ) from error
    lines = [
        (f"{path}:{number}", line.strip())
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip()
    ]
    if not lines:
        raise DatasetError(f"{path}: empty; download it again")
    return lines


def names_in(folder: Path) -> frozenset[str]:
    """Return the names in a folder.

    Raises:
        DatasetError: there is no such folder.
    """
    try:
        return frozenset(entry.name for entry in folder.iterdir())
    except OSError as error:
        raise DatasetError(
            f"{folder}: no such folder; check the data set's layout (docs/datasets.md)"
        ) from error


def skip(listed: str, reason: str) -> Failure:
    """Return the record of a row that is left out."""
    return Failure(listed, DatasetError.__name__, f"{listed}: {reason}", DatasetError.exit_code)


def require_rows(rows: Collection[object], skipped: Collection[Failure], path: Path) -> None:
    """Refuse a list of which nothing is left.

    Raises:
        DatasetError: ``rows`` is empty; says why the first row was left out.
    """
    if not rows:
        first = next(iter(skipped), None)
        reason = f"; the first: {first.message}" if first else ""
        raise DatasetError(f"{path}: none of its rows can be used{reason}")


class Files:
    """Tells which files named by a list are on disk, reading each folder once.

    Names that lead out of the root are never on disk.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._names = cache(self._listed)

    def has(self, relative: str) -> bool:
        """Tell whether a file, named relative to the root with forward slashes, exists."""
        path = Path(relative)
        if path.is_absolute() or ".." in path.parts:
            return False
        return path.name in self._names(path.parent)

    def _listed(self, folder: Path) -> frozenset[str]:
        try:
            return frozenset(entry.name for entry in (self._root / folder).iterdir())
        except OSError:
            return frozenset()
