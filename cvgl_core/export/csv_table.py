"""Results as a table: one row per photo, failures too, always the same columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from cvgl_core.export.rows import COLUMNS, row_values
from cvgl_core.export.saved import Row
from cvgl_core.fsio import write_bytes

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def write_csv(path: Path, rows: Iterable[Row]) -> None:
    """Write the table atomically: UTF-8, commas, one header line.

    A text that a spreadsheet would take for a formula gets an apostrophe before it. ``report`` is
    the page of a photo, seen from the table's folder.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """
    buffer = io.StringIO(newline="")
    table = csv.DictWriter(buffer, COLUMNS, lineterminator="\r\n")
    table.writeheader()
    for row in rows:
        values = row_values(path, row)
        table.writerow({name: _safe(value) for name, value in values.items()})
    write_bytes(path, buffer.getvalue().encode())


def _safe(value: object) -> object:
    """Return a text that no spreadsheet takes for a formula; numbers as they are."""
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return "'" + value
    return value
