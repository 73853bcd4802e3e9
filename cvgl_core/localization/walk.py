"""Photos located together: each is searched where any of them points, then all are combined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cvgl_core.errors import SettingsError
from cvgl_core.geo import from_lonlat
from cvgl_core.geo.heading import HeadingPrior
from cvgl_core.localization.area import Area
from cvgl_core.localization.around import Around
from cvgl_core.localization.estimate import Place, distances
from cvgl_core.localization.localizer import Localizer, Ranking, Search
from cvgl_core.localization.motion import Step
from cvgl_core.localization.retrieve import Near, retrieve, tiles_near
from cvgl_core.localization.together import CORRELATION, Said, Weighing, combine
from cvgl_core.localization.weighing import weighed
from cvgl_core.types import GroundView, Progress, no_progress

ALL_TILES = 100_000
"""``LocalizeSettings.fused_tiles`` of a localizer for walks: every tile that was matched counts."""


@dataclass(frozen=True)
class Shot:
    """A view, and what is known of it beside.

    Attributes:
        view: of the photo.
        heading: prior for the true azimuth of its optical axis, where that is searched.
        around: prior for its place.
    """

    view: GroundView
    heading: HeadingPrior | None = None
    around: Around | None = None


@dataclass(frozen=True)
class Compared:
    """Photos that were all compared with the same tiles of one gallery, each by itself.

    Attributes:
        localizer: of the gallery.
        shots: the photos, in the order they were taken.
        rankings: of each.
        area_m2: that was searched.
    """

    localizer: Localizer
    shots: Sequence[Shot]
    rankings: Sequence[Ranking]
    area_m2: float


@dataclass(frozen=True)
class Gathered:
    """What was found of them, each by itself.

    Attributes:
        localizer: of the gallery.
        photos: in the order they were taken.
        area_m2: of all that was searched, in other galleries, too.
    """

    localizer: Localizer
    photos: tuple[Search, ...]
    area_m2: float


def gather(
    localizer: Localizer,
    shots: Sequence[Shot],
    near: Near | Area | None = None,
    progress: Progress = no_progress,
) -> Gathered:
    """Search every photo where any of them, or its prior, points.

    Args:
        localizer: whose settings fuse all that was matched, see ``ALL_TILES``.
        shots: the photos.
        near: where to search for them all.
        progress: told of every stage.

    Raises:
        SettingsError: no tile lies near enough.
    """
    compared = compare_all(localizer, shots, near, progress)
    return settle_all(compared, compared.area_m2, progress)


def compare_all(
    localizer: Localizer,
    shots: Sequence[Shot],
    near: Near | Area | None = None,
    progress: Progress = no_progress,
) -> Compared:
    """Rank for every photo the tiles that any of them, or its prior, points at; see ``gather``.

    Raises:
        SettingsError: no tile lies near enough.
    """
    rankings = [localizer.rank(s.view, near, progress, heading_prior=s.heading) for s in shots]
    tiles = {candidate.tile for ranking in rankings for candidate in ranking.ranked}
    for shot, ranking in zip(shots, rankings, strict=True):
        tiles |= _around(localizer, shot.around, ranking)
    widened = [localizer.widen(ranking, tiles, progress) for ranking in rankings]
    return Compared(localizer, shots, widened, rankings[0].area_m2)


def settle_all(compared: Compared, area_m2: float, progress: Progress = no_progress) -> Gathered:
    """Return the posteriors of photos, under the priors for their places.

    Args:
        compared: the photos.
        area_m2: of all that was searched, in other galleries, too.
        progress: told of every stage.
    """
    localizer = compared.localizer
    searches = (localizer.settle(ranking, progress, area_m2) for ranking in compared.rankings)
    photos = tuple(
        _weighed(localizer, shot.around, search, area_m2)
        for shot, search in zip(compared.shots, searches, strict=True)
    )
    return Gathered(localizer, photos, area_m2)


def join(
    gathered: Gathered, steps: Sequence[Step], correlation: float = CORRELATION
) -> tuple[Search, ...]:
    """Return what is known of each photo, given all of them.

    Args:
        gathered: the photos, each by itself ``[n]``.
        steps: between one and the next ``[n - 1]``.
        correlation: of what the photos say, 0 if they were independent.
    """
    localizer, grid = gathered.localizer, gathered.localizer.index.grid
    overlap = (grid.tile_size_m / grid.stride_m) ** 2
    weighing = Weighing(
        gathered.area_m2, localizer.settings.smoothing_m, overlap, correlation=correlation
    )
    says = [Said(search.fused, search.chosen.fits) for search in gathered.photos]
    return tuple(
        replace(search, fused=fused)
        for search, fused in zip(gathered.photos, combine(says, steps, weighing), strict=True)
    )


def _around(localizer: Localizer, around: Around | None, ranking: Ranking) -> set[int]:
    """Return the tiles that are most like the photo where a prior says it is."""
    if around is None:
        return set()
    index = localizer.index
    try:
        where = tiles_near(index, around.near())
    except SettingsError:  # none there: the prior then speaks against all of the area
        return set()
    if ranking.where is not None:
        where &= ranking.where
    if not where.any():
        return set()
    return set(retrieve(index, ranking.query, localizer.settings.depth, where).tiles.tolist())


def _weighed(localizer: Localizer, around: Around | None, search: Search, area_m2: float) -> Search:
    """Return what was found under a prior for the place."""
    if around is None:
        return search
    cell_m = search.fused.field.cell_m
    weights = around.weights(localizer.index.grid.crs, cell_m, area_m2)
    return replace(search, fused=weighed(search.fused, weights, localizer.settings.smoothing_m))


def told_beyond(localizer: Localizer, around: Around, search: Search) -> str:
    """Return in words how much of the probability lies beyond a prior's circle."""
    field = search.fused.field
    x_m, y_m = from_lonlat(localizer.index.grid.crs, [around.lon], [around.lat])
    cells = field.cells()
    away_m = distances(cells, field.cell_m, Place(float(x_m[0]), float(y_m[0])))
    beyond = float(cells.mass[away_m > around.radius_m].sum())
    return (
        f"{beyond:.0%} of the probability lies in the area beyond {around.radius_m:g} m of that "
        f"position, {search.fused.shares.outside:.0%} outside the area"
    )
