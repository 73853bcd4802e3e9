"""Photos located together: each is searched where any of them points, then all are combined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cvgl_core.localization.area import Area
from cvgl_core.localization.localizer import Localizer, Search
from cvgl_core.localization.motion import Step
from cvgl_core.localization.retrieve import Near
from cvgl_core.localization.together import CORRELATION, Weighing, combine
from cvgl_core.types import GroundView, Progress, no_progress

ALL_TILES = 100_000
"""``LocalizeSettings.fused_tiles`` of a localizer for walks: every tile that was matched counts."""


@dataclass(frozen=True)
class Gathered:
    """Photos that were all searched among the same tiles, each by itself.

    Attributes:
        photos: in the order they were taken.
        area_m2: of all that was searched.
    """

    photos: tuple[Search, ...]
    area_m2: float


def gather(
    localizer: Localizer,
    views: Sequence[GroundView],
    near: Near | Area | None = None,
    progress: Progress = no_progress,
) -> Gathered:
    """Search every view where any of them points.

    Args:
        localizer: whose settings fuse all that was matched, see ``ALL_TILES``.
        views: of the photos.
        near: a prior for the place of them all.
        progress: told of every stage.

    Raises:
        SettingsError: no tile lies near enough.
    """
    rankings = [localizer.rank(view, near, progress) for view in views]
    tiles = {candidate.tile for ranking in rankings for candidate in ranking.ranked}
    widened = [localizer.widen(ranking, tiles, progress) for ranking in rankings]
    where, index = rankings[0].where, localizer.index
    searched = len(index.rows) if where is None else int(where.sum())
    return Gathered(
        tuple(localizer.settle(ranking, progress=progress) for ranking in widened),
        searched * index.grid.stride_m**2,
    )


def join(
    localizer: Localizer,
    gathered: Gathered,
    steps: Sequence[Step],
    correlation: float = CORRELATION,
) -> tuple[Search, ...]:
    """Return what is known of each photo, given all of them.

    Args:
        localizer: that gathered them.
        gathered: the photos, each by itself ``[n]``.
        steps: between one and the next ``[n - 1]``.
        correlation: of what the photos say, 0 if they were independent.
    """
    weighing = Weighing(gathered.area_m2, localizer.settings.smoothing_m, correlation)
    joint = combine([search.fused for search in gathered.photos], steps, weighing)
    return tuple(
        replace(search, fused=fused) for search, fused in zip(gathered.photos, joint, strict=True)
    )
