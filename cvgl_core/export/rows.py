"""A photo as one flat row: the columns that every table has, and failures as rows of their own.

``status`` is ``done`` or ``failed``; of a photo that failed ``error`` is the class of the error and
``message`` says what happened and what to do. ``result`` names the files of a photo, ``group`` is
what a table of photos said that it belongs to.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cvgl_core.export.saved import Row, SavedResult
from cvgl_core.types import Failure

TEXT, NUMBER, WHOLE = "string", "Float64", "Int64"
"""Types of columns, as pandas names them; all hold nulls."""

ESTIMATE_COLUMNS = {
    "photo": TEXT,
    "verdict": TEXT,
    "confidence": TEXT,
    "lat": NUMBER,
    "lon": NUMBER,
    "probability": NUMBER,
    "outside_probability": NUMBER,
    "radius_50_m": NUMBER,
    "radius_90_m": NUMBER,
    "heading_deg": NUMBER,
    "heading_std_deg": NUMBER,
    "coarsened_m": NUMBER,
    "analyst_confidence": TEXT,
    "analyst_note": TEXT,
    "exif_lat": NUMBER,
    "exif_lon": NUMBER,
    "exif_distance_m": NUMBER,
    "taken_at": TEXT,
    "photo_sha256": TEXT,
    "index_id": TEXT,
    "index_version": WHOLE,
    "model": TEXT,
    "weights_sha256": TEXT,
    "software": TEXT,
    "created_at": TEXT,
}
COLUMNS = ESTIMATE_COLUMNS | dict.fromkeys(
    ("report", "status", "error", "message", "result", "group"), TEXT
)


def row_values(path: Path, row: Row) -> dict[str, object]:
    """Return the values of a photo by column, null where it has none.

    Args:
        path: the file that is written; ``report`` is seen from its folder.
        row: the photo.
    """
    values: dict[str, object] = dict.fromkeys(COLUMNS)
    if isinstance(row, Failure):
        said = {"photo": row.item, "error": row.error, "message": row.message}
        return values | said | {"status": "failed"}
    values |= {name: row.estimate.get(name) for name in ESTIMATE_COLUMNS}
    group = row.collection["provenance"].get("settings", {}).get("group")
    page = report_link(path, row)
    return values | {"report": page, "status": "done", "result": row.name, "group": group}


def report_link(path: Path, result: SavedResult) -> str | None:
    """Return the page of a result as seen from the folder of the file ``path``."""
    if result.report is None:
        return None
    try:
        return Path(os.path.relpath(result.report, path.parent)).as_posix()
    except ValueError:  # another drive
        return result.report.resolve().as_posix()


def columns_of(values: Sequence[Mapping[str, object]], kinds: Mapping[str, str]) -> dict[str, Any]:
    """Return rows as pandas arrays by column; their types never depend on the values."""
    import pandas

    return {
        name: pandas.array([row.get(name) for row in values], dtype=kind)
        for name, kind in kinds.items()
    }
