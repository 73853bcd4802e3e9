"""``cvgl export``: results to the formats that others work with."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cvgl_core.commands.formats import Counted, Format, write_format
from cvgl_core.console import Verbose

if TYPE_CHECKING:
    from cvgl_core.export.saved import Row


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
            "--output",
            "-o",
            metavar="FILE",
            help="The file; for geojson the folder of the files, or one FILE.geojson of places.",
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
        typer.Option(min=1.0, metavar="METRES", help="Side of the search grid's cells."),
    ] = None,
    verbose: Verbose = 0,
) -> None:
    """Write results in another format, with what an analyst has added to them.

    geojson: a file NAME.geojson for each, or one with a row per photo; parquet: the same as
    GeoParquet; csv: the same as a table; kml: places, candidates and a search grid coloured by
    probability; gpkg: layers for each kind, the search grid too; grid: the search grid as GeoJSON.
    Photos that failed are rows in each.
    """
    from cvgl_core.errors import ResultFileError, SettingsError
    from cvgl_core.export.saved import read_saved, saved_files, write_saved

    files = [file for path in results for file in saved_files(path)]
    many = to is Format.GEOJSON and output.suffix.lower() != ".geojson"
    if many and _lies_among(output, [*results, *files]):
        raise SettingsError(f"{output}: lies among the results; name another folder")
    if output.resolve() in {file.resolve() for file in files}:
        raise SettingsError(f"{output}: is a result itself; name another file")
    found = read_saved(files)
    first = next(found, None)
    if first is None:
        raise ResultFileError(f"{results[0]}: holds neither a result nor a failure")
    rows = Counted(_coarse(row, coarsen) for row in chain([first], found))
    if many:
        write_saved(output, rows)
    else:
        write_format(output, to, rows, cell_m)
    typer.echo(f"{output}: {rows.results} results, {rows.failures} photos that failed")


def _coarse(row: Row, side_m: float | None) -> Row:
    """Return a row that tells no more than it may."""
    from cvgl_core.export.saved import SavedResult, coarsened

    return coarsened(row, side_m) if side_m is not None and isinstance(row, SavedResult) else row


def _lies_among(output: Path, inputs: list[Path]) -> bool:
    """Tell whether a folder is that of an input file, or lies in a folder that is an input."""
    target = output.resolve()
    return any(
        target.is_relative_to(path.resolve()) if path.is_dir() else target == path.resolve().parent
        for path in inputs
    )
