"""The command ``cvgl``.

Data goes to stdout; logs, progress and errors go to stderr. Exit codes: 0 done, 2 usage, 3 every
photo judged outside the area, 10 and more one per error class, 130 Ctrl-C.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from cvgl_core import __version__
from cvgl_core.commands import doctor, evaluate, export, locate, models, simulate, train
from cvgl_core.console import Verbose, run
from cvgl_core.worker import worker

app = typer.Typer(
    name="cvgl",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Find where a street photo was taken by matching it to overhead imagery.\n\n"
    "First make an index of the imagery: cvgl-tile build RASTER -o CITY.cvgl",
)
app.command("locate")(locate.locate)
app.command("export")(export.export)
app.command("models")(models.models)
app.command("doctor")(doctor.doctor)
app.command("train")(train.train)
app.command("evaluate")(evaluate.evaluate)
app.command("worker")(worker)
app.add_typer(simulate.app, name="simulate")


def _show_version(asked: bool) -> None:
    """Print the version and stop."""
    if asked:
        typer.echo(f"cvgl {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it.")
    ] = False,
    verbose: Verbose = 0,
) -> None:
    """Take note of what is common to all commands."""


def main() -> None:
    """Run the command and leave with its exit code."""
    sys.exit(run(app, "cvgl"))


if __name__ == "__main__":  # as torchrun starts it
    main()
