"""One photo in several indexes: those of one zone are fused, those of other zones compete.

Indexes of one CRS whose tile sizes fit together are one gallery: their candidates are fused on one
lattice. Grids of other zones share no lattice with it, so the answer is given in the grid of the
best candidate. Candidates of the others keep their probability; the answer's regions and heatmap do
not show it, and its provenance says how much it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cvgl_core.errors import SettingsError
from cvgl_core.geo.heading import HeadingPrior
from cvgl_core.index import Collection, Index, check_alike, galleries
from cvgl_core.localization.area import Area
from cvgl_core.localization.localizer import Localizer, Ranking
from cvgl_core.localization.ports import MatchEngine
from cvgl_core.localization.retrieve import Near
from cvgl_core.localization.settings import LocalizeSettings
from cvgl_core.types import LocalizationResult, Photo, Progress, no_progress


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
    """Finds where photos were taken within the area of several indexes."""

    def __init__(
        self,
        indexes: Sequence[Index],
        engine: MatchEngine,
        settings: LocalizeSettings | None = None,
    ) -> None:
        """Pair indexes with the network that made them.

        Raises:
            WeightsMismatchError: another network made one of them, or in another precision.
        """
        check_alike(indexes)
        self._galleries = galleries(indexes)
        self._localizers = [Localizer(one, engine, settings) for one in self._galleries]
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
        progress: Progress = no_progress,
    ) -> Located:
        """Find where a photo was taken; see ``Localizer.localize``.

        Raises:
            PhotoViewError: the field of view is neither known nor given, or impossible.
            SettingsError: no tile of any index lies near enough.
        """
        rankings: dict[int, Ranking] = {}
        refused: list[SettingsError] = []
        for number, localizer in enumerate(self._localizers):
            view = localizer.view(photo, heading_deg, search_heading, fov_deg)
            try:
                rankings[number] = localizer.rank(view, near, progress, heading_prior=heading_prior)
            except SettingsError as error:  # the place asked for lies in another index
                refused.append(error)
        if not rankings:
            raise refused[0]
        best = max(rankings, key=lambda number: rankings[number].ranked[0].score)
        rivals = [
            tile.score
            for number, ranking in rankings.items()
            if number != best
            for tile in ranking.ranked
        ]
        localizer, gallery = self._localizers[best], self._galleries[best]
        search = localizer.settle(rankings[best], rivals, progress)
        return Located(_named(localizer.conclude(photo, search, progress), gallery), gallery)


def _named(result: LocalizationResult, gallery: Index | Collection) -> LocalizationResult:
    """Return a result that names the index of each candidate, and the best one's as its own."""
    members = [
        gallery.member_of(candidate.tile_index)[0] if isinstance(gallery, Collection) else gallery
        for candidate in result.candidates
    ]
    first = members[0].manifest
    return replace(
        result,
        candidates=tuple(
            replace(candidate, index_id=member.manifest.index_id)
            for candidate, member in zip(result.candidates, members, strict=True)
        ),
        provenance=replace(result.provenance, index_id=first.index_id, index_version=first.version),
    )
