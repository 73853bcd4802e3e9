"""Photos in one index or several: those of one zone are fused, those of other zones compete.

Indexes of one CRS whose tile sizes fit together are one gallery: their candidates are fused on one
lattice. Grids of other zones share no lattice with it, so the answer is given in the grid of the
gallery that explains the photos best. What the others hold keeps its probability; the answer's
regions and heatmap do not show it, and its provenance says how much it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cvgl_core.errors import SettingsError
from cvgl_core.geo.heading import HeadingPrior
from cvgl_core.index import Collection, Index, check_alike, galleries
from cvgl_core.localization.area import Area
from cvgl_core.localization.around import Around
from cvgl_core.localization.localizer import Localizer, Search
from cvgl_core.localization.ports import MatchEngine
from cvgl_core.localization.retrieve import Near
from cvgl_core.localization.settings import LocalizeSettings
from cvgl_core.localization.walk import (
    Compared,
    Gathered,
    Shot,
    compare_all,
    settle_all,
    told_beyond,
)
from cvgl_core.localization.weighing import shared_out
from cvgl_core.types import LocalizationResult, Photo, Progress, no_progress

_TINY = 1e-300


@dataclass(frozen=True)
class Located:
    """A result, and the index or indexes in which its tiles are numbered.

    A report looks closer with the network that located it and the field of view that was given.
    """

    result: LocalizationResult
    index: Index | Collection
    engine: MatchEngine | None = None
    fov_deg: float | None = None


class SeveralLocalizer:
    """Finds where photos were taken within the area of one index or several.

    Attributes:
        galleries: indexes that are searched as one each.
        localizers: of each gallery.
        engine: the network that made them all.
    """

    def __init__(
        self,
        indexes: Sequence[Index | Collection],
        engine: MatchEngine,
        settings: LocalizeSettings | None = None,
    ) -> None:
        """Pair indexes with the network that made them.

        Raises:
            WeightsMismatchError: another network made one of them, or in another precision.
        """
        self._named = len(indexes) > 1
        self.galleries = tuple(indexes)
        if self._named:
            members = [member for index in indexes for member in index.members]
            check_alike(members)
            self.galleries = tuple(galleries(members))
        self.localizers = tuple(Localizer(one, engine, settings) for one in self.galleries)
        self.engine = engine

    def localize(
        self,
        photo: Photo,
        *,
        heading_deg: float | None = None,
        search_heading: bool = False,
        fov_deg: float | None = None,
        near: Near | Area | None = None,
        heading_prior: HeadingPrior | None = None,
        around: Around | None = None,
        progress: Progress = no_progress,
    ) -> Located:
        """Find where a photo was taken; see ``Localizer.localize``.

        Args:
            photo: pixels and metadata.
            heading_deg: true azimuth of the optical axis.
            search_heading: search the heading whatever the file says.
            fov_deg: horizontal field of view, instead of what the file says.
            near: where alone to search.
            heading_prior: for the optical axis, where the heading is searched.
            around: a prior for the place; the result's ``priors`` say how much lies beyond it.
            progress: told of every stage.

        Raises:
            PhotoViewError: the field of view is neither known nor given, or impossible.
            SettingsError: no tile of any index lies near enough.
        """
        shots = self.shots(photo, heading_deg, search_heading, fov_deg, heading_prior, around)
        gathered = self.gather([shots], near, progress)
        return self.conclude(photo, gathered, gathered.photos[0], around, progress)

    def shots(
        self,
        photo: Photo,
        heading_deg: float | None = None,
        search_heading: bool = False,
        fov_deg: float | None = None,
        heading_prior: HeadingPrior | None = None,
        around: Around | None = None,
    ) -> tuple[Shot, ...]:
        """Return a photo as each gallery is asked of it: their norths differ.

        Raises:
            PhotoViewError: the field of view is neither known nor given, or impossible.
        """
        return tuple(
            Shot(one.view(photo, heading_deg, search_heading, fov_deg), heading_prior, around)
            for one in self.localizers
        )

    def gather(
        self,
        photos: Sequence[tuple[Shot, ...]],
        near: Near | Area | None = None,
        progress: Progress = no_progress,
    ) -> Gathered:
        """Return what was found of photos in the gallery that explains them best.

        Args:
            photos: the shots of each.
            near: where alone to search.
            progress: told of every stage.

        Raises:
            SettingsError: no tile of any index lies near enough.
        """
        compared: list[Compared] = []
        refused: list[SettingsError] = []
        for number, localizer in enumerate(self.localizers):
            try:
                own = [shots[number] for shots in photos]
                compared.append(compare_all(localizer, own, near, progress))
            except SettingsError as error:  # the place asked for lies in another index
                refused.append(error)
        if not compared:
            raise refused[0]
        area_m2 = sum(one.area_m2 for one in compared)
        found = [settle_all(one, area_m2, progress) for one in compared]
        if len(found) == 1:
            return found[0]
        odds = np.array([[_odds(search) for search in one.photos] for one in found])
        best = int(np.log(odds).sum(axis=1).argmax())
        outside = 1.0 / (1.0 + odds.sum(axis=0))
        rivals = 1.0 - outside * (1.0 + odds[best])
        searches = [
            replace(search, fused=shared_out(search.fused, float(none), float(others)))
            for search, none, others in zip(found[best].photos, outside, rivals, strict=True)
        ]
        return replace(found[best], photos=tuple(searches))

    def conclude(
        self,
        photo: Photo,
        gathered: Gathered,
        search: Search,
        around: Around | None = None,
        progress: Progress = no_progress,
    ) -> Located:
        """Return what is reported of one of the photos that were gathered."""
        localizer = gathered.localizer
        gallery = self.galleries[self.localizers.index(localizer)]
        result = localizer.conclude(photo, search, progress)
        if around is not None:
            beyond = told_beyond(localizer, around, search)
            result = replace(result, priors=(beyond,), exif_used=True)
        result = _with_names(result, gallery) if self._named else result
        return Located(result, gallery, self.engine)


def _odds(search: Search) -> float:
    """Return how many times more probable a photo is from a gallery than from nowhere in all."""
    shares = search.fused.shares
    return max(float(shares.tiles.sum()), _TINY) / max(shares.outside, _TINY)


def _with_names(result: LocalizationResult, gallery: Index | Collection) -> LocalizationResult:
    """Return a result that names the index of each candidate, and the best one's as its own."""
    members = [gallery.member_of(candidate.tile_index)[0] for candidate in result.candidates]
    first = members[0].manifest
    return replace(
        result,
        candidates=tuple(
            replace(candidate, index_id=member.manifest.index_id)
            for candidate, member in zip(result.candidates, members, strict=True)
        ),
        provenance=replace(result.provenance, index_id=first.index_id, index_version=first.version),
    )
