"""The options of ``cvgl-tile`` that say which imagery is taken, and how."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cvgl_core.errors import SettingsError
from tiling.sources.precedence import Precedence

if TYPE_CHECKING:
    from cvgl_core.types import ModelCard, Progress
    from tiling.plan import CutSettings
    from tiling.raster.info import RasterInfo
    from tiling.sources.places import Source
    from tiling.sources.survey import SurveySettings

Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE...",
        help="Overhead images: files, folders, patterns such as 'ortho/*.tif', @list.txt, STAC "
        "items, GeoTIFFs at https://, map services (https://.../{z}/{x}/{y}, wmts:URL, wms:URL).",
        show_default=False,
    ),
]
SourceCrs = Annotated[
    str | None, typer.Option(help="CRS of rasters that do not name theirs, such as EPSG:25832.")
]
Order = Annotated[
    Precedence, typer.Option("--precedence", help="Which of overlapping images is shown.")
]
DateInName = Annotated[
    str, typer.Option(metavar="YYYYMMDD", help="How file names hold the date, for newest.")
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Refuse all when one source cannot be used.")
]
Asset = Annotated[
    str, typer.Option(metavar="KEY|ROLE", help="Asset of STAC items, if not 'visual'.")
]
Zoom = Annotated[
    int | None, typer.Option(help="Level of XYZ and WMTS tiles; the one that suits if not given.")
]
Terms = Annotated[
    list[str] | None,
    typer.Option(metavar="HOST", help="You may use what this host sends; for map services."),
]
TileCache = Annotated[
    Path | None, typer.Option(help="Folder that keeps fetched tiles; ~/.cache/cvgl if not given.")
]
Stretch = Annotated[
    str | None,
    typer.Option(
        metavar="LOW,HIGH",
        help="Values that become black and white in other images than 8 bits; each image's own "
        "2nd and 98th percentile if not given.",
    ),
]
Bands = Annotated[str | None, typer.Option(metavar="R,G,B", help="Bands to show, from 1.")]


def taking_of(
    source_crs: str | None,
    bands: str | None,
    order: Precedence,
    date_in_name: str,
    strict: bool,
    stretch: str | None,
    accepted: list[str] | None,
    zoom: int | None,
    cache: Path | None,
) -> SurveySettings:
    """Return how sources are taken, from options."""
    from tiling.sources.survey import SurveySettings
    from tiling.web.mapservice import Wanted

    try:
        chosen = None if bands is None else tuple(int(band) for band in bands.split(","))
    except ValueError as error:
        raise SettingsError(f"--bands {bands!r}: numbers such as 3,2,1 are wanted") from error
    wanted = Wanted(zoom=zoom, cache=cache)
    return SurveySettings(
        crs=source_crs,
        bands=chosen,
        precedence=order,
        strict=strict,
        date_in_name=date_in_name,
        stretch=None if stretch is None else _limits(stretch),
        accepted=tuple(accepted or ()),
        wanted=wanted,
    )


def _limits(text: str) -> tuple[float, float]:
    """Return the values of an option that become black and white."""
    try:
        low, high = (float(value) for value in text.split(","))
    except ValueError:
        low = high = 0.0
    if not -math.inf < low < high < math.inf:
        raise SettingsError(f"--stretch {text!r}: two numbers LOW,HIGH such as 0,3000 are wanted")
    return low, high


def listed_sources(sources: list[str], asset: str) -> tuple[Source, ...]:
    """Return the places that sources name; whatever is missing is found before a network loads."""
    from tiling.sources.listing import list_sources

    return list_sources(sources, asset)


def surveyed(
    sources: tuple[Source, ...],
    taking: SurveySettings,
    settings: CutSettings,
    card: ModelCard,
    progress: Progress,
    largest_m: float = 0.0,
) -> tuple[tuple[RasterInfo, ...], CutSettings]:
    """Return what the sources are, and the settings with what had to be left out.

    Args:
        sources: places.
        taking: how sources are taken.
        settings: how the smallest tiles are cut.
        card: of the model.
        progress: told of sources looked at.
        largest_m: side of the largest tiles, where there are several sizes.
    """
    from tiling.sources.survey import take_survey

    size_m = settings.tile_size_m or card.tile_size_m
    gsd, reach_m = size_m / card.aerial_px, max(size_m, largest_m)
    wanted = replace(taking.wanted, area=settings.area, gsd_m_per_px=gsd, reach_m=reach_m)
    found = take_survey(sources, replace(taking, wanted=wanted), progress)
    return found.rasters, replace(settings, skipped=found.skipped)
