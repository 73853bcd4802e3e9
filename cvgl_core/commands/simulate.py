"""``cvgl simulate``: cities that do not exist, with street photos whose truth is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from cvgl_core.console import AsJson, Verbose, progress_bar

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Make a city that does not exist, and street photos with exact truth.",
)


@app.callback()
def options(verbose: Verbose = 0) -> None:
    """Take note of what is common to all kinds of simulation."""


@app.command("city")
def city(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the files.")
    ],
    seed: Annotated[
        int, typer.Option(min=0, metavar="N", help="The city's name: same seed, same bytes.")
    ] = 0,
    size_m: Annotated[float, typer.Option(metavar="M", help="Side of the city.")] = 1200.0,
    gsd_m: Annotated[float, typer.Option(metavar="M", help="Ground metres per pixel.")] = 0.25,
    photos: Annotated[int, typer.Option(min=0, metavar="N", help="Street photos to take.")] = 20,
    osm: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Streets and buildings from OpenStreetMap.")
    ] = None,
    as_json: AsJson = False,
    verbose: Verbose = 0,
) -> None:
    """Write ortho.tif, dsm.tif, photos/*.jpg and truth.geojson of a simulated city."""
    from cvgl_core.simulation import generate_city
    from cvgl_core.simulation.writer import write_city

    with progress_bar() as progress:
        made = generate_city(seed, size_m, gsd_m, osm, progress)
        write_city(made, output, photos, progress=progress)
    if as_json:
        typer.echo(json.dumps({"folder": str(output), "seed": seed, "photos": photos}))
    else:
        typer.echo(f"{output}: ortho.tif, dsm.tif, truth.geojson and {photos} photos")
