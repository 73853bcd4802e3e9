"""The search grid as GeoJSON: cells to share out among those who search, coloured by probability.

Colours are told twice: as properties that web maps read (simplestyle), and in a style ``NAME.qml``
beside the file that QGIS takes up by itself. ``searched``, ``searched_by`` and ``note`` are there
to be filled in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from cvgl_core.errors import ResultFileError
from cvgl_core.export.geojson import to_line
from cvgl_core.export.qgis_style import cells_qml
from cvgl_core.export.saved import Row, SavedResult
from cvgl_core.export.search_grid import SHADES, read_search_grid, shade_of
from cvgl_core.fsio import atomic_path, write_bytes
from cvgl_core.geo import geometry
from cvgl_core.types import Failure


def write_grid(path: Path, rows: Iterable[Row], cell_m: float | None = None) -> None:
    """Write the cells of every photo atomically, the likeliest first; one photo after the other.

    A photo that failed, or has no heatmap beside its result, is a row without a shape that says so.

    Raises:
        ResultFileError: a heatmap cannot be read.
        OutputError: the disk is full or the folder cannot be written.
    """
    write_bytes(path.with_suffix(".qml"), cells_qml().encode())
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as stream:
        stream.write('{"type":"FeatureCollection","features":[')
        separator = "\n"
        for row in rows:
            for feature in _features(row, cell_m):
                stream.write(separator + to_line(feature))
                separator = ",\n"
        stream.write("\n]}\n")


def cell_rows(result: SavedResult, cell_m: float | None) -> Iterator[dict[str, Any]]:
    """Yield the properties and, as ``polygons``, the outline of each cell of a photo."""
    if result.heatmap is None:
        return
    cells = read_search_grid(result.heatmap, cell_m)
    for cell in cells:
        yield {
            "photo": result.estimate["photo"],
            "result": result.name,
            "verdict": result.estimate["verdict"],
            "rank": cell.rank,
            "probability": round(cell.probability, 6),
            "shade": shade_of(cell.probability, cells[0].probability) + 1,
            "searched": False,
            "searched_by": None,
            "note": None,
            "polygons": cell.polygons,
        }


def _features(row: Row, cell_m: float | None) -> Iterator[dict[str, object]]:
    """Yield the features of a photo."""
    if isinstance(row, Failure):
        said = {"photo": row.item, "status": "failed", "error": row.error, "message": row.message}
        yield {"type": "Feature", "geometry": None, "properties": said}
        return
    if row.heatmap is None:
        said = {"photo": row.estimate["photo"], "status": "failed"}
        said["error"] = ResultFileError.__name__
        said["message"] = f"{row.name}: has no heatmap beside it; locate the photo with -o DIR"
        yield {"type": "Feature", "geometry": None, "properties": said}
    for values in cell_rows(row, cell_m):
        polygons = values.pop("polygons")
        shade = SHADES[values["shade"] - 1]
        values |= {"status": "done", "fill": shade.colour, "fill-opacity": shade.opacity}
        values |= {"stroke": shade.colour, "stroke-width": 1}
        yield {"type": "Feature", "geometry": geometry(polygons), "properties": values}
