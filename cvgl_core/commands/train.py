"""``cvgl train``: a network from simulated cities or a listed data set."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Annotated

import typer

from cvgl_core.console import AsJson, Verbose, progress_bar


def _list(asked: bool) -> None:
    """Print presets and rows, and stop."""
    if not asked:
        return
    from cvgl_core.training.config import about_preset, presets
    from cvgl_core.training.rows import ROWS

    typer.echo("Presets:")
    for name in presets():
        typer.echo(f"  {name:12} {about_preset(name)}")
    typer.echo("Rows, each over any preset (--row NAME):")
    for name, row in ROWS.items():
        typer.echo(f"  {name:12} {row.about}")
    raise typer.Exit


def train(
    config: Annotated[
        str, typer.Argument(metavar="CONFIG", help="Name of a preset, or a TOML file.")
    ],
    row: Annotated[
        str | None, typer.Option(metavar="NAME", help="Row of an ablation, over CONFIG.")
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Another value; repeatable."),
    ] = None,
    resume: Annotated[bool, typer.Option(help="Go on from the run's last checkpoint.")] = False,
    listing: Annotated[
        bool, typer.Option("--list", callback=_list, is_eager=True, help="List presets and rows.")
    ] = False,
    as_json: AsJson = False,
    verbose: Verbose = 0,
) -> None:
    """Train a network; checkpoints, figures and weights go to the run's folder.

    Pairs come from simulated cities, rendered on the fly, or from VIGOR, CVUSA or CVACT on disk;
    SkyLink's images of places from University-1652 or `cvgl simulate university`. A run that was
    interrupted goes on exactly with --resume.

    On several GPUs: torchrun --nproc-per-node N -m cvgl_core.cli train CONFIG
    """
    from cvgl_core.training.skylink_config import is_skylink

    if is_skylink(config):
        if row is not None:
            raise typer.BadParameter("--row is for UnifyGeo; change SkyLink's terms by --set")
        _train_skylink(config, changes or (), resume, as_json)
        return
    from cvgl_core.training.config import load_train_config
    from cvgl_core.training.loop import train as run_training

    settings = load_train_config(config, row, changes or ())
    with progress_bar() as progress:
        summary = run_training(settings, resume=resume, progress=progress)
    if os.environ.get("RANK", "0") != "0":
        return  # torchrun's other processes have nothing to add
    if as_json:
        facts = {
            "weights": str(summary.weights),
            "weights_sha256": summary.card.weights_sha256,
            "steps": summary.steps,
            "pairs": summary.pairs,
            "minutes": summary.minutes,
            "figures": summary.figures,
        }
        typer.echo(json.dumps(facts))
        return
    typer.echo(f"{summary.weights}: {summary.steps} steps in {summary.minutes:.0f} minutes")
    for name, value in summary.figures.items():
        typer.echo(f"  {name}: {value:.3f}")


def _train_skylink(config: str, changes: Sequence[str], resume: bool, as_json: bool) -> None:
    """Train on images of places from street, drones and space."""
    from cvgl_core.training.skylink import SkyLinkTrainer
    from cvgl_core.training.skylink_config import load_skylink_config

    settings = load_skylink_config(config, changes)
    with progress_bar() as progress:
        summary = SkyLinkTrainer(settings, progress).run(resume)
    if as_json:
        facts = {
            "weights": str(summary.weights),
            "weights_sha256": summary.weights_sha256,
            "steps": summary.steps,
            "places": summary.places,
            "minutes": summary.minutes,
            "figures": summary.figures,
        }
        typer.echo(json.dumps(facts))
        return
    typer.echo(f"{summary.weights}: {summary.steps} steps on {summary.places} places")
    for name, value in summary.figures.items():
        typer.echo(f"  {name}: {value:.3f}")
