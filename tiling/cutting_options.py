"""Options of ``cvgl-tile`` that say how tiles are cut, and what of their imagery is kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cvgl_core.errors import SettingsError

if TYPE_CHECKING:
    from tiling.plan import CutSettings

Aoi = Annotated[
    str | None,
    typer.Option(metavar="FILE|W,S,E,N", help="Only this area: degrees, or a file of polygons."),
]
TileSize = Annotated[
    float | None,
    typer.Option(help="Side of a tile on the ground; the model's (72) if not given."),
]
Overlap = Annotated[float, typer.Option(help="Share that neighbouring tiles have in common.")]
MinValid = Annotated[float, typer.Option(help="Share of a tile that must show picture.")]
GridCrs = Annotated[
    str | None, typer.Option("--crs", help="Metric CRS of the grid; the UTM zone if not given.")
]
Imagery = Annotated[
    str | None,
    typer.Option(
        metavar="raw|jpeg",
        help="How the imagery under the tiles is kept; jpeg makes an index about a third as large. "
        "If not given: as the index began, else raw.",
    ),
]


def cut_settings(
    aoi: str | None,
    tile_size_m: float | None,
    overlap: float,
    min_valid: float,
    crs: str | None,
    imagery: str | None,
    output: Path | None = None,
) -> CutSettings:
    """Return how to cut, from options; what is not given, as the index in ``output`` began.

    Raises:
        SettingsError: an option is not known, or there is no such area.
    """
    from cvgl_core.geo.area import read_area
    from tiling.plan import CutSettings
    from tiling.record import previous_manifest

    if imagery not in (None, "raw", "jpeg"):
        raise SettingsError(f"--imagery {imagery}: is not known; use raw or jpeg")
    jpeg = imagery == "jpeg"
    if imagery is None and output is not None:
        there = previous_manifest(output)
        jpeg = there is not None and any(shard.imagery_jpeg for shard in there.shards)
    area = None if aoi is None else read_area(aoi)
    return CutSettings(tile_size_m, overlap, min_valid, area, crs, jpeg=jpeg)
