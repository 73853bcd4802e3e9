"""Results as a table: one row per photo, failures too, always the same columns."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path

from cvgl_core.export.saved import SavedResult
from cvgl_core.fsio import write_bytes
from cvgl_core.types import Failure

ESTIMATE_COLUMNS = (
    "photo",
    "verdict",
    "confidence",
    "lat",
    "lon",
    "probability",
    "outside_probability",
    "radius_50_m",
    "radius_90_m",
    "heading_deg",
    "heading_std_deg",
    "coarsened_m",
    "analyst_confidence",
    "analyst_note",
    "exif_lat",
    "exif_lon",
    "exif_distance_m",
    "taken_at",
    "photo_sha256",
    "index_id",
    "index_version",
    "model",
    "weights_sha256",
    "software",
    "created_at",
)
COLUMNS = (*ESTIMATE_COLUMNS, "report", "error", "message")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def write_csv(path: Path, results: Sequence[SavedResult], failures: Sequence[Failure]) -> None:
    """Write the table atomically: UTF-8, commas, one header line.

    A text that a spreadsheet would take for a formula gets an apostrophe before it. ``report`` is
    the page of a photo, seen from the table's folder.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """
    buffer = io.StringIO(newline="")
    table = csv.DictWriter(buffer, COLUMNS, lineterminator="\r\n")
    table.writeheader()
    table.writerows(_cells(_row(path, result)) for result in results)
    table.writerows(
        _cells({"photo": one.item, "error": one.error, "message": one.message}) for one in failures
    )
    write_bytes(path, buffer.getvalue().encode())


def report_link(path: Path, result: SavedResult) -> str | None:
    """Return the page of a result as seen from the folder of the file ``path``."""
    if result.report is None:
        return None
    try:
        return Path(os.path.relpath(result.report, path.parent)).as_posix()
    except ValueError:  # another drive
        return result.report.resolve().as_posix()


def _row(path: Path, result: SavedResult) -> dict[str, object]:
    """Return the values of a result by column."""
    values: dict[str, object] = {name: result.estimate.get(name) for name in ESTIMATE_COLUMNS}
    return values | {"report": report_link(path, result)}


def _cells(values: dict[str, object]) -> dict[str, object]:
    """Return values fit for a spreadsheet; null becomes an empty cell."""
    return {name: _safe(value) for name, value in values.items()}


def _safe(value: object) -> object:
    """Return a text that no spreadsheet takes for a formula; numbers as they are."""
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return "'" + value
    return value
