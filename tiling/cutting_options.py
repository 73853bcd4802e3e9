"""Options of ``cvgl-tile`` that say how tiles are cut, and what of their imagery is kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cvgl_core.errors import SettingsError
from tiling.sources.options import surveyed

if TYPE_CHECKING:
    from cvgl_core.types import ModelCard, Progress
    from tiling.plan import CutSettings
    from tiling.raster.info import RasterInfo
    from tiling.sources.places import Source
    from tiling.sources.survey import SurveySettings

Aoi = Annotated[
    str | None,
    typer.Option(metavar="FILE|W,S,E,N", help="Only this area: degrees, or a file of polygons."),
]
TileSize = Annotated[
    str | None,
    typer.Option(
        metavar="M[,M...]",
        help="Side of a tile on the ground; the model's (72) if not given. Several, such as "
        "36,72,144, make an index of all these sizes.",
    ),
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
Thumbnails = Annotated[
    bool | None,
    typer.Option(
        help="Keep small pictures of the tiles, too. If not given: as the index began, else not."
    ),
]


@dataclass(frozen=True)
class Cutting:
    """How to cut: the settings of the smallest tiles, and all sizes; none for the model's."""

    settings: CutSettings
    sizes_m: tuple[float, ...]

    def surveyed(
        self,
        sources: tuple[Source, ...],
        taking: SurveySettings,
        card: ModelCard,
        progress: Progress,
    ) -> tuple[tuple[RasterInfo, ...], tuple[CutSettings, ...]]:
        """Return what sources are, and the settings of every size."""
        largest_m = max(self.sizes_m, default=0.0)
        rasters, settings = surveyed(sources, taking, self.settings, card, progress, largest_m)
        if not self.sizes_m:
            return rasters, (settings,)
        return rasters, tuple(replace(settings, tile_size_m=size) for size in self.sizes_m)


def cutting(
    aoi: str | None,
    tile_size_m: str | None,
    overlap: float,
    min_valid: float,
    crs: str | None,
    imagery: str | None,
    output: Path | None = None,
    thumbnails: bool | None = None,
) -> Cutting:
    """Return how to cut, from options; what is not given, as the index in ``output`` began.

    Raises:
        SettingsError: an option is not known, or there is no such area.
    """
    from cvgl_core.geo.area import read_area
    from cvgl_core.index import member_folders
    from tiling.plan import CutSettings
    from tiling.record import previous_manifest

    began = () if output is None else member_folders(output)

    if imagery not in (None, "raw", "jpeg"):
        raise SettingsError(f"--imagery {imagery}: is not known; use raw or jpeg")
    there = previous_manifest(began[0]) if began else None
    held = () if there is None else there.shards
    jpeg = any(shard.imagery_jpeg for shard in held) if imagery is None else imagery == "jpeg"
    if thumbnails is None:
        thumbnails = any(shard.thumbnails for shard in held)
    area = None if aoi is None else read_area(aoi)
    sizes = _sizes(tile_size_m)
    if not sizes and len(began) > 1:
        sizes = tuple(float(folder.name[:-1]) for folder in began)
    smallest = sizes[0] if sizes else None
    settings = CutSettings(
        smallest, overlap, min_valid, area, crs, jpeg=jpeg, thumbnails=thumbnails
    )
    return Cutting(settings, sizes)


def _sizes(text: str | None) -> tuple[float, ...]:
    """Return the tile sizes that an option names, smallest first; none if it is not given."""
    from cvgl_core.index import check_sizes

    if text is None:
        return ()
    try:
        return check_sizes([float(part) for part in text.split(",")])
    except ValueError as error:
        raise SettingsError(f"--tile-size-m {text!r}: metres such as 72 or 36,72,144") from error
