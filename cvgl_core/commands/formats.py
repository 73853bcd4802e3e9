"""The formats that results are written in; the door to each is opened only when it is needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cvgl_core.export.saved import Row


class Format(StrEnum):
    """A format to export to."""

    GEOJSON = "geojson"
    PARQUET = "parquet"
    GRID = "grid"
    KML = "kml"
    CSV = "csv"
    GPKG = "gpkg"


class Sidecars(StrEnum):
    """Where XMP sidecars go: to the results, or beside the photos."""

    RESULTS = "results"
    PHOTOS = "photos"


RESULTS = "results"
"""What files of a whole batch are called."""


def batch_file(to: Format) -> str:
    """Return the name of the file of a whole batch."""
    return f"{RESULTS}.grid.geojson" if to is Format.GRID else f"{RESULTS}.{to.value}"


def write_format(path: Path, to: Format, rows: Iterable[Row], cell_m: float | None = None) -> None:
    """Write results and failures to one file, in order; ``path`` is replaced when all are in.

    Args:
        path: the file.
        to: its format.
        rows: one for each photo.
        cell_m: side of the search grid's cells; a round one if None.

    Raises:
        ResultFileError: a result or a heatmap cannot be read.
        OutputError: the disk is full or the folder cannot be written.
    """
    if to is Format.GEOJSON:
        from cvgl_core.export.places import write_places

        write_places(path, rows)
    elif to is Format.PARQUET:
        from cvgl_core.export.places import write_parquet

        write_parquet(path, rows)
    elif to is Format.GRID:
        from cvgl_core.export.grid_file import write_grid

        write_grid(path, rows, cell_m)
    elif to is Format.KML:
        from cvgl_core.export.kml import write_kml

        write_kml(path, rows, cell_m)
    elif to is Format.CSV:
        from cvgl_core.export.csv_table import write_csv

        write_csv(path, rows)
    else:
        from cvgl_core.export.geopackage import write_geopackage

        write_geopackage(path, rows, cell_m)


class Counted:
    """Rows that are counted while they pass."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = rows
        self.results = self.failures = 0

    def __iter__(self) -> Iterator[Row]:
        from cvgl_core.types import Failure

        for row in self._rows:
            if isinstance(row, Failure):
                self.failures += 1
            else:
                self.results += 1
            yield row
