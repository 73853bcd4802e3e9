"""``cvgl models``: which networks there are, and which come with weights."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from cvgl_core.console import AsJson, Verbose


@dataclass(frozen=True)
class ModelFacts:
    """A registered network; sizes in pixels."""

    name: str
    parameters: int
    bundled: bool
    tile_size_m: float
    aerial_px: int
    ground_height_px: int
    ground_width_px: int
    weights_sha256: str | None
    licence: str
    calibrated: bool


def models(
    show: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Show the card of one model.")
    ] = None,
    as_json: AsJson = False,
    verbose: Verbose = 0,
) -> None:
    """List the networks; those that are bundled can be used as they are."""
    facts = [model_facts(name) for name in _names(show)]
    if as_json:
        typer.echo(json.dumps([asdict(fact) for fact in facts], indent=2))
        return
    for fact in facts:
        weights = f"weights {fact.weights_sha256[:12]}" if fact.weights_sha256 else "no weights"
        typer.echo(
            f"{fact.name}  {fact.parameters / 1e6:.1f} M parameters  "
            f"tiles of {fact.tile_size_m:g} m, {fact.aerial_px} px  "
            f"views of {fact.ground_width_px} x {fact.ground_height_px} px  {weights}"
        )
    if show is not None:
        for line in card_lines(show):
            typer.echo(f"  {line}")


def model_facts(name: str) -> ModelFacts:
    """Return what is known of a network without running it.

    Raises:
        UnknownModelError: no network has that name.
        WeightsError: its bundled weights are damaged.
    """
    import torch

    from cvgl_core.models import bundled_path, create_model, load_weights

    path = bundled_path(name)
    if path is not None:
        card = load_weights(path)[1]
    else:
        # Only its shape is wanted: no memory is filled.
        with torch.device("meta"):
            card = create_model(name).card()
    return ModelFacts(
        name=name,
        parameters=card.parameters,
        bundled=path is not None,
        tile_size_m=card.tile_size_m,
        aerial_px=card.aerial_px,
        ground_height_px=card.ground.height_px,
        ground_width_px=card.ground.width_px,
        weights_sha256=card.weights_sha256,
        licence=card.licence,
        calibrated=card.calibration is not None,
    )


def card_lines(name: str) -> list[str]:
    """Return what the card of bundled weights says of their training."""
    from cvgl_core.models import bundled_path, load_weights

    path = bundled_path(name)
    if path is None:
        return ["comes without trained weights: train them with cvgl train"]
    card = load_weights(path)[1]
    lines = [f"{key}: {value}" for key, value in card.training.items()]
    if card.calibration is not None:
        lines.append(f"calibrated on: {card.calibration.fitted_on}")
    return [f"file: {path}", *lines]


def _names(asked: str | None) -> list[str]:
    """Return the names to show."""
    from cvgl_core.models import list_models, model_config

    return list_models() if asked is None else [model_config(asked).name]
