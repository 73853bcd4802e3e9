"""``cvgl export``: results to the formats that others work with."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cvgl_core.console import Verbose

if TYPE_CHECKING:
    from cvgl_core.export.saved import SavedBatch


class Format(StrEnum):
    """A format to export to."""

    GEOJSON = "geojson"
    KML = "kml"
    CSV = "csv"
    GPKG = "gpkg"


def export(
    results: Annotated[
        list[Path],
        typer.Argument(
            metavar="RESULT...",
            help="Files NAME.geojson of cvgl locate, folders of them, or what --json printed.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The file; for geojson the folder of the files."
        ),
    ],
    to: Annotated[Format, typer.Option("--format", help="The format to write.")],
    coarsen: Annotated[
        float | None,
        typer.Option(
            min=1.0,
            metavar="METRES",
            help="Tell places no closer than squares of this side, and leave out what tells more.",
        ),
    ] = None,
    cell_m: Annotated[
        float | None,
        typer.Option(min=1.0, metavar="METRES", help="KML: side of the search grid's cells."),
    ] = None,
    verbose: Verbose = 0,
) -> None:
    """Write results in another format, with what an analyst has added to them.

    geojson: a file NAME.geojson for each; kml: places, candidates and a search grid coloured by
    probability; csv: a row per photo, failures too; gpkg: layers for each kind.
    """
    from cvgl_core.errors import ResultFileError, SettingsError
    from cvgl_core.export.saved import SavedBatch, coarsened, read_saved, saved_files

    files = [file for path in results for file in saved_files(path)]
    if to is Format.GEOJSON and _lies_among(output, [*results, *files]):
        raise SettingsError(f"{output}: lies among the results; name another folder")
    batch = read_saved(files)
    if not batch.results and not batch.failures:
        raise ResultFileError(f"{results[0]}: holds neither a result nor a failure")
    if coarsen is not None:
        blurred = tuple(coarsened(result, coarsen) for result in batch.results)
        batch = SavedBatch(blurred, batch.failures)
    _write(batch, to, output, cell_m)
    typer.echo(f"{output}: {len(batch.results)} results, {len(batch.failures)} photos that failed")


def _lies_among(output: Path, inputs: list[Path]) -> bool:
    """Tell whether a folder is that of an input file, or lies in a folder that is an input."""
    target = output.resolve()
    return any(
        target.is_relative_to(path.resolve()) if path.is_dir() else target == path.resolve().parent
        for path in inputs
    )


def _write(batch: SavedBatch, to: Format, output: Path, cell_m: float | None) -> None:
    """Write a batch; the doors to formats are opened only when they are needed."""
    if to is Format.GEOJSON:
        from cvgl_core.export.saved import write_saved

        write_saved(output, batch.results)
    elif to is Format.KML:
        from cvgl_core.export.kml import write_kml

        write_kml(output, batch.results, batch.failures, cell_m)
    elif to is Format.CSV:
        from cvgl_core.export.csv_table import write_csv

        write_csv(output, batch.results, batch.failures)
    else:
        from cvgl_core.export.geopackage import write_geopackage

        write_geopackage(output, batch.results, batch.failures)
