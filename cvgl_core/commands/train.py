"""``cvgl train``: a network from simulated cities."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from cvgl_core.console import AsJson, Verbose, progress_bar


def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.toml", help="What to train, and how.")],
    resume: Annotated[bool, typer.Option(help="Go on from the run's last checkpoint.")] = False,
    as_json: AsJson = False,
    verbose: Verbose = 0,
) -> None:
    """Train a network on pairs rendered on the fly; checkpoints and weights go to the run's folder.

    A run that was interrupted goes on with --resume.
    """
    from cvgl_core.training.config import load_train_config
    from cvgl_core.training.loop import train as run_training

    settings = load_train_config(config)
    with progress_bar() as progress:
        summary = run_training(settings, resume=resume, progress=progress)
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
