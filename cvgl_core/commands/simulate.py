"""``cvgl simulate``: cities that do not exist, with street photos whose truth is known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeVar

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
    look: Annotated[
        str, typer.Option(metavar="plain|foreign", help="Rules by which the city is drawn.")
    ] = "plain",
    as_json: AsJson = False,
    verbose: Verbose = 0,
) -> None:
    """Write ortho.tif, dsm.tif, photos/*.jpg and truth.geojson of a simulated city."""
    from cvgl_core.simulation import LOOKS, generate_city
    from cvgl_core.simulation.writer import write_city

    with progress_bar() as progress:
        made = generate_city(seed, size_m, gsd_m, osm, progress, _checked("--look", look, LOOKS))
        write_city(made, output, photos, progress=progress)
    if as_json:
        typer.echo(json.dumps({"folder": str(output), "seed": seed, "photos": photos}))
    else:
        typer.echo(f"{output}: ortho.tif, dsm.tif, truth.geojson and {photos} photos")


@app.command("benchmark")
def benchmark(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which benchmark: simcity-v1.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the cities.")
    ],
    part: Annotated[
        list[str] | None,
        typer.Option(metavar="PART", help="Only this part; may be repeated. Default: all parts."),
    ] = None,
    model: Annotated[
        str, typer.Option(metavar="NAME", help="Whose tile and view sizes to render.")
    ] = "unifygeo-lite0",
    processes: Annotated[
        int, typer.Option(min=1, metavar="N", help="Cities rendered at the same time.")
    ] = 1,
    as_json: AsJson = False,
    verbose: Verbose = 0,
) -> None:
    """Render the cities of a benchmark that DIR lacks; what was interrupted goes on."""
    from cvgl_core.data.simcity import NAME, PARTS, render_packs, simcity_specs
    from cvgl_core.models import create_model

    _checked("NAME", name, (NAME,))
    parts = [_checked("--part", one, PARTS) for one in dict.fromkeys(part or PARTS)]
    card = create_model(model).card()
    specs = [spec for one in parts for spec in simcity_specs(card, one)]
    with progress_bar() as progress:
        rendered = render_packs(specs, output, processes, progress)
    if as_json:
        facts = {"folder": str(output), "cities": [s.name for s in specs], "rendered": rendered}
        typer.echo(json.dumps(facts))
    else:
        typer.echo(f"{output}: {len(specs)} cities, {rendered} of them rendered now")


@app.command("university")
def university(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the data set.")
    ],
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Same seed, same bytes.")] = 0,
    places: Annotated[int, typer.Option(min=1, metavar="N", help="Buildings to train on.")] = 60,
    test_places: Annotated[
        int, typer.Option(min=1, metavar="N", help="Buildings of other cities to test on.")
    ] = 40,
    drone_views: Annotated[int, typer.Option(min=1, metavar="N", help="Of each place.")] = 54,
    street_views: Annotated[int, typer.Option(min=1, metavar="N", help="Of each place.")] = 4,
    image_px: Annotated[int, typer.Option(min=16, metavar="N", help="Side of all images.")] = 256,
    city_m: Annotated[float, typer.Option(metavar="M", help="Side of the cities.")] = 500.0,
    as_json: AsJson = False,
    verbose: Verbose = 0,
) -> None:
    """Write buildings seen from street, drones and space in the layout of University-1652."""
    from cvgl_core.simulation.university import UniversitySpec, write_university

    spec = UniversitySpec(
        seed, places, test_places, drone_views, street_views, image_px, city_m=city_m
    )
    with progress_bar() as progress:
        write_university(spec, output, progress)
    if as_json:
        typer.echo(json.dumps({"folder": str(output), "train": places, "test": test_places}))
    else:
        typer.echo(f"{output}: {places} places to train on, {test_places} to test on")


_Word = TypeVar("_Word", bound=str)


def _checked(option: str, word: str, known: Sequence[_Word]) -> _Word:
    """Return the known word that equals ``word``.

    Raises:
        typer.BadParameter: there is none.
    """
    for one in known:
        if one == word:
            return one
    raise typer.BadParameter(f"{option} is one of {', '.join(known)}, not {word!r}")
