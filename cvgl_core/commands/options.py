"""Options that several commands share, and what they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from cvgl_core.localization import LocalizeSettings

Depth = Annotated[
    int,
    typer.Option(
        "--depth", "--rerank", min=1, metavar="N", help="Tiles to re-rank; the paper's is 5."
    ),
]
EstimateBy = Annotated[
    str,
    typer.Option(
        metavar="fused|unifygeo",
        help="The place: mode of all candidates' heatmaps, or the paper's arg-max.",
    ),
]
ModelChoice = Annotated[
    str | None,
    typer.Option(metavar="NAME|FILE", help="Default: the model that made the index."),
]
DeviceChoice = Annotated[str, typer.Option(metavar="auto|cpu|cuda", help="Where to compute.")]


def localize_settings(
    depth: int, estimate: str, *, all_matched: bool = False, **others: Any
) -> LocalizeSettings:
    """Return the settings that options ask for.

    Args:
        depth: tiles to re-rank.
        estimate: how to take the point.
        all_matched: fuse all tiles that were matched, however many.
        others: see ``LocalizeSettings``.

    Raises:
        typer.BadParameter: there is no such way to estimate.
        SettingsError: a number is out of bounds.
    """
    from cvgl_core.localization import EstimateMethod, LocalizeSettings

    if estimate not in tuple(EstimateMethod):
        raise typer.BadParameter(f"--estimate is 'fused' or 'unifygeo', not {estimate!r}")
    if all_matched:
        from cvgl_core.localization.walk import ALL_TILES

        others["fused_tiles"] = ALL_TILES
    return LocalizeSettings(depth=depth, estimate=EstimateMethod(estimate), **others)
