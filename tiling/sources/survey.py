"""Many rasters as one coverage: what each is, in which order they win, and which cannot be used."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from cvgl_core.errors import (
    EmptyCoverageError,
    RasterError,
    RasterOpenError,
    SourceUnreachableError,
)
from cvgl_core.types import Progress, no_progress
from tiling.raster.info import RasterInfo, describe_raster, with_stretch
from tiling.sources.coverage import boxes_meet, may_touch
from tiling.sources.dates import name_date
from tiling.sources.places import Source
from tiling.sources.precedence import Precedence, in_order
from tiling.web.mapservice import Wanted, check_terms, describe_service
from tiling.web.services import Service

_LOG = logging.getLogger(__name__)
_THREADS = 4
_NAMED = 10


@dataclass(frozen=True)
class SurveySettings:
    """How sources are taken.

    Attributes:
        crs: of rasters that do not name their own.
        bands: one (grey) or three (red, green, blue), in place of those the files name.
        precedence: which of overlapping rasters is shown.
        strict: refuse everything when one raster cannot be used.
        date_in_name: how names of files hold the date; empty if they do not.
        stretch: values that become black and white in rasters of other types than 8 bits, the same
            in all; found out for each by itself if None.
        accepted: hosts whose terms the user has accepted.
        wanted: the area, and what is wanted of map services.
    """

    crs: str | None = None
    bands: tuple[int, ...] | None = None
    precedence: Precedence = Precedence.ORDER
    strict: bool = False
    date_in_name: str = ""
    stretch: tuple[float, float] | None = None
    accepted: tuple[str, ...] = ()
    wanted: Wanted = field(default_factory=Wanted)


@dataclass(frozen=True)
class Skipped:
    """A source that is left out, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Survey:
    """What there is to cut.

    Attributes:
        rasters: where they overlap, the first wins.
        skipped: sources that cannot be used.
    """

    rasters: tuple[RasterInfo, ...]
    skipped: tuple[Skipped, ...]


def take_survey(
    sources: Sequence[Source], settings: SurveySettings, progress: Progress = no_progress
) -> Survey:
    """Return what the sources are, from their headers; unusable ones are named and left out.

    A server that fails is no reason to leave a source out: it may work again in a minute.

    Raises:
        SourceUnreachableError: a server cannot be reached, or fails.
        RasterError: none can be used, or one cannot and ``strict`` is set.
        EmptyCoverageError: all lie outside the area asked for.
        SettingsError: an order by date is asked for and no raster has one, or the terms of a host
            are not accepted.
    """
    if not sources:
        raise EmptyCoverageError("no raster was given")
    check_terms([url for source in sources if (url := source.foreign_url)], settings.accepted)
    found: list[RasterInfo] = []
    skipped: list[Skipped] = []
    first: RasterError | None = None

    def look(source: Source) -> RasterInfo | RasterError | None:
        try:
            return _look(source, settings)
        except RasterError as error:
            if settings.strict or isinstance(error, SourceUnreachableError):
                raise
            return error

    pool = ThreadPoolExecutor(min(_THREADS, len(sources)), "survey")
    try:
        results = pool.map(look, sources)
        for number, (source, result) in enumerate(zip(sources, results, strict=True)):
            progress("reading headers", number, len(sources))
            if isinstance(result, RasterError):
                first = first or result
                skipped.append(Skipped(source.place.name, str(result)))
            elif result is not None:
                found.append(result)
    finally:
        pool.shutdown(cancel_futures=True)
    progress("reading headers", len(sources), len(sources))
    if not found:
        raise first or EmptyCoverageError(
            f"{sources[0].place}: lies wholly outside the area asked for with --aoi"
        )
    _warn_of(skipped, len(sources))
    return Survey(in_order(found, settings.precedence), tuple(skipped))


def _look(source: Source, settings: SurveySettings) -> RasterInfo | None:
    """Return what one source is, None if it lies outside the area asked for."""
    wanted = settings.wanted
    if source.problem:
        raise RasterOpenError(source.problem)
    if isinstance(source.place, Service):
        return describe_service(source.place, wanted)
    if wanted.area is not None and source.bbox is not None:
        if not boxes_meet(source.bbox, wanted.area.bounds, wanted.reach_m):
            return None
    info = describe_raster(source.place, crs=settings.crs, bands=settings.bands, stretch=False)
    if wanted.area is not None and not may_touch(info, wanted.area, wanted.reach_m):
        return None
    acquired = source.acquired
    if settings.date_in_name:
        acquired = name_date(source.place.name, settings.date_in_name)
    info = replace(info, acquired=acquired) if acquired else info
    if settings.stretch is None or info.dtype == "uint8":
        return with_stretch(info)
    return replace(info, stretch=(settings.stretch,) * len(info.bands))


def _warn_of(skipped: Sequence[Skipped], total: int) -> None:
    """Name in the log what is left out."""
    for one in skipped[:_NAMED]:
        _LOG.warning("left out: %s", one.reason)
    if skipped:
        more = f", {len(skipped) - _NAMED} of them not named here" if len(skipped) > _NAMED else ""
        _LOG.warning("%d of %d sources are left out%s", len(skipped), total, more)
