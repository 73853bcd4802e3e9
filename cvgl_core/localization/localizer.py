"""From a photo to a place: the whole path, one stage a line."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cvgl_core.errors import WeightsMismatchError
from cvgl_core.geo.heading import HeadingPrior
from cvgl_core.localization.area import Area
from cvgl_core.localization.estimate import arg_max, fused_mode, mass_near
from cvgl_core.localization.kinds import ChosenCalibration, calibration_for, kind_of
from cvgl_core.localization.lattice import Lattice
from cvgl_core.localization.ports import MatchEngine, TileIndex
from cvgl_core.localization.posterior import fuse, tile_probabilities
from cvgl_core.localization.rerank import (
    RankedTile,
    decode,
    heatmaps,
    ranked_by_presence,
    rerank,
)
from cvgl_core.localization.result import Context, Fused, make_result
from cvgl_core.localization.retrieve import (
    Near,
    Retrieved,
    ViewQuery,
    compare,
    describe,
    tiles_allowed,
)
from cvgl_core.localization.settings import EstimateMethod, LocalizeSettings
from cvgl_core.photo import to_ground_view
from cvgl_core.types import (
    BoolArray,
    Calibration,
    Float32Array,
    GroundView,
    LocalizationResult,
    Photo,
    Progress,
    no_progress,
)

log = logging.getLogger(__name__)

LEAST_SAY = 0.1
"""A tile is not named first if it holds less near the place than this share of the best one."""


@dataclass(frozen=True)
class Ranking:
    """Candidates of one photo as the detailed match ranks them, best first.

    Attributes:
        view: what the network saw.
        query: what it asked.
        ranked: candidates.
        where: tiles that the prior for the place leaves ``[N]``, None for all.
        chosen: the calibration for such queries.
        decoded: logits of the camera on tiles that were decoded so far, by tile.
        area_m2: that was searched.
    """

    view: GroundView
    query: ViewQuery
    ranked: Sequence[RankedTile]
    where: BoolArray | None
    chosen: ChosenCalibration
    decoded: Mapping[int, Float32Array]
    area_m2: float


@dataclass(frozen=True)
class Search:
    """One photo's way through the stages: what the network saw, asked and found."""

    view: GroundView
    query: ViewQuery
    fused: Fused
    chosen: ChosenCalibration


class Localizer:
    """Finds where photos were taken within the area of one index; reusable, keeps no state.

    ``convergence_deg`` is the azimuth of its grid's north in the middle of the area.
    """

    def __init__(
        self, index: TileIndex, engine: MatchEngine, settings: LocalizeSettings | None = None
    ) -> None:
        """Pair an index with the network that made it.

        Raises:
            WeightsMismatchError: another network made it: its descriptors mean something else.
        """
        _check_weights(index, engine)
        card = engine.card
        if card.calibration is None:
            log.warning(
                "%s was not calibrated: its probabilities are a guess, so nothing is called strong",
                card.name,
            )
        self.index = index
        self.engine = engine
        self.settings = settings or LocalizeSettings()
        self._context = Context(index, card, self.settings)
        self._lattice = Lattice(index, card)
        self.convergence_deg = self._lattice.convergence_deg()

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
    ) -> LocalizationResult:
        """Find where a photo was taken.

        Args:
            photo: pixels and metadata; its EXIF position is compared with the answer, never used.
            heading_deg: true azimuth of the optical axis (of a panorama's middle); by default what
                the file says, and if that is nothing the heading is searched.
            search_heading: search the heading whatever the file says.
            fov_deg: horizontal field of view, instead of what the file says.
            near: a prior for the place.
            heading_prior: for the true azimuth of the optical axis, where the heading is searched.
            progress: told of every stage: describing, searching, matching, decoding, fusing.

        Raises:
            PhotoViewError: the field of view is neither known nor given, or impossible.
            SettingsError: no tile lies near enough.
        """
        view = self.view(photo, heading_deg, search_heading, fov_deg)
        search = self.search(view, near, progress, heading_prior=heading_prior)
        return self.conclude(photo, search, progress)

    def search(
        self,
        view: GroundView,
        near: Near | Area | None = None,
        progress: Progress = no_progress,
        *,
        heading_prior: HeadingPrior | None = None,
    ) -> Search:
        """Retrieve, re-rank, decode and fuse for a view that grid north is known of, or not.

        Raises:
            SettingsError: no tile lies near enough.
        """
        ranking = self.rank(view, near, progress, heading_prior=heading_prior)
        return self.settle(ranking, progress)

    def rank(
        self,
        view: GroundView,
        near: Near | Area | None = None,
        progress: Progress = no_progress,
        *,
        heading_prior: HeadingPrior | None = None,
    ) -> Ranking:
        """Retrieve and re-rank.

        Raises:
            SettingsError: no tile lies near enough.
        """
        chosen = calibration_for(self.engine.card, kind_of(view, heading_prior))
        query = describe(self.engine, view, self._of_centre(heading_prior, view), progress)
        progress("searching", 0, 1)
        where = tiles_allowed(self.index, near, self.settings.taken)
        depth = max(self.settings.depth, self.settings.top_k)
        retrieved = self._lattice.retrieve(query, depth, where)
        ranked = self._rerank(query, retrieved, chosen.calibration, progress)
        area_m2 = self._lattice.area_m2(where)
        ranking = Ranking(view, query, ranked, where, chosen, {}, area_m2)
        return self._decoded(ranking, progress)

    def widen(
        self, ranking: Ranking, tiles: Iterable[int], progress: Progress = no_progress
    ) -> Ranking:
        """Match more tiles than were retrieved, such as those of other photos of the same walk."""
        known = {candidate.tile for candidate in ranking.ranked}
        more = np.array(sorted(set(tiles) - known), dtype=np.int64)
        if not len(more):
            return ranking
        compared = Retrieved(more, compare(self.index, ranking.query, more))
        matched = [
            replace(tile, retrieval_rank=len(known) + tile.retrieval_rank)
            for tile in self._rerank(ranking.query, compared, ranking.chosen.calibration, progress)
        ]
        return self._decoded(replace(ranking, ranked=[*ranking.ranked, *matched]), progress)

    def settle(
        self, ranking: Ranking, progress: Progress = no_progress, area_m2: float | None = None
    ) -> Search:
        """Decode and fuse the best of the candidates.

        Args:
            ranking: the candidates.
            progress: told of every stage.
            area_m2: of all that was searched, if other galleries were, too.
        """
        calibration = ranking.chosen.calibration.among(area_m2 or ranking.area_m2)
        ranking = replace(ranking, chosen=replace(ranking.chosen, calibration=calibration))
        ranked = ranking.ranked[: max(self.settings.fused_tiles, self.settings.top_k)]
        decoded = dict(ranking.decoded)
        fused = self._fuse(ranking, ranked, decoded, progress)
        tile = self._other_middle(fused, ranking.where)
        if tile is not None:
            ranked = self._with_first(ranking, ranked, tile, decoded, progress)
            again = self._fuse(ranking, ranked, decoded, progress)
            if self._first_speaks(again):
                fused = replace(again, moved_from=fused.ranked[0].tile)
        return Search(ranking.view, ranking.query, fused, ranking.chosen)

    def conclude(
        self, photo: Photo, search: Search, progress: Progress = no_progress
    ) -> LocalizationResult:
        """Return what is reported of a photo after its search."""
        return make_result(
            self._context, photo, search.view, search.query, search.fused, search.chosen, progress
        )

    def view(
        self,
        photo: Photo,
        heading_deg: float | None = None,
        search: bool = False,
        fov_deg: float | None = None,
    ) -> GroundView:
        """Return the photo as the network sees it, grid north in the centre column if known."""
        true_deg = None if search else heading_deg
        if true_deg is None and not search:
            true_deg = photo.metadata.heading_deg
        grid_deg = None if true_deg is None else true_deg - self.convergence_deg
        # What the file says of the heading was considered above; it must not be used again.
        silent = replace(photo, metadata=replace(photo.metadata, heading_deg=None))
        card = self.engine.card
        return to_ground_view(silent, card.ground, grid_deg, fov_deg, card.fill_rgb)

    def _other_middle(self, fused: Fused, where: BoolArray | None) -> int | None:
        """Return the tile in whose middle the place lies, if it is to be looked at again."""
        settings = self.settings
        if not settings.recentre or settings.estimate is EstimateMethod.UNIFYGEO:
            return None
        found = self._lattice.in_the_middle(fused.place, fused.ranked[0].tile)
        if not len(found) or fused.ranked[0].tile in found:
            return None
        return int(found[0]) if where is None or where[found[0]] else None

    def _first_speaks(self, fused: Fused) -> bool:
        """Tell whether the tile named first shows the place and is not far weaker than another."""
        near_m = self.settings.near_estimate_m
        held = mass_near(fused.votes[0], fused.field.cell_m, fused.place, near_m, fused.temperature)
        return held >= LEAST_SAY * float(fused.shares.tiles.max())

    def _of_centre(self, prior: HeadingPrior | None, view: GroundView) -> HeadingPrior | None:
        """Return a prior for the optical axis as one for the centre column, from grid north."""
        if prior is None:
            return None
        return prior.turned(-self.convergence_deg - view.centre_heading_offset_deg)

    def _with_first(
        self,
        ranking: Ranking,
        ranked: Sequence[RankedTile],
        tile: int,
        decoded: dict[int, Float32Array],
        progress: Progress,
    ) -> list[RankedTile]:
        """Return the candidates with ``tile`` before all others, matched now if it was not."""
        first = [other for other in ranked if other.tile == tile]
        if not first:
            tiles = np.array([tile], dtype=np.int64)
            query, calibration = ranking.query, ranking.chosen.calibration
            alone = Retrieved(tiles, compare(self.index, query, tiles))
            (matched,) = self._rerank(query, alone, calibration, progress)
            first = [replace(matched, retrieval_rank=len(ranked) + 1)]
            ranked = self._present(ranking, [*ranked, *first], first, decoded, progress)
            first = [other for other in ranked if other.tile == tile]
        return first + [other for other in ranked if other.tile != tile]

    def _decoded(self, ranking: Ranking, progress: Progress) -> Ranking:
        """Decode the best candidates, as far as they were not, and rank all of them again."""
        decoded = dict(ranking.decoded)
        closer = sorted(ranking.ranked, key=lambda tile: (-tile.matched_score, tile.retrieval_rank))
        closer = closer[: self.settings.decoded_tiles]
        ranked = self._present(ranking, ranking.ranked, closer, decoded, progress)
        return replace(ranking, ranked=ranked, decoded=decoded)

    def _present(
        self,
        ranking: Ranking,
        ranked: Sequence[RankedTile],
        closer: Sequence[RankedTile],
        decoded: dict[int, Float32Array],
        progress: Progress,
    ) -> Sequence[RankedTile]:
        """Return candidates ranked by presence, too; those of ``closer`` are decoded for it."""
        weight = ranking.chosen.calibration.presence_weight
        if not weight:
            return sorted(ranked, key=lambda tile: (-tile.score, tile.retrieval_rank))
        self._decode(ranking.query, closer, decoded, progress)
        return ranked_by_presence(ranked, decoded, weight)

    def _decode(
        self,
        query: ViewQuery,
        tiles: Sequence[RankedTile],
        decoded: dict[int, Float32Array],
        progress: Progress,
    ) -> None:
        """Decode tiles that were not yet, and add them."""
        decode(self.engine, self.index, query, tiles, decoded, self.settings.batch_tiles, progress)

    def _rerank(
        self, query: ViewQuery, retrieved: Retrieved, calibration: Calibration, progress: Progress
    ) -> list[RankedTile]:
        """Return the retrieved tiles as the detailed match ranks them."""
        batch = self.settings.batch_tiles
        ranked = rerank(self.engine, self.index, query, retrieved, batch, progress, calibration)
        return self._lattice.weighed(ranked, calibration.temperature)

    def _fuse(
        self,
        ranking: Ranking,
        ranked: Sequence[RankedTile],
        decoded: dict[int, Float32Array],
        progress: Progress,
    ) -> Fused:
        """Return the posterior of the candidates and the place it speaks for.

        A tile that is not named and next to impossible is not decoded: its mass is spread evenly.
        """
        settings = self.settings
        calibration = ranking.chosen.calibration
        scores = np.array([tile.score for tile in ranked], dtype=np.float64)
        shares = tile_probabilities(scores, calibration)
        wanted = [
            tile
            for place, (tile, share) in enumerate(zip(ranked, shares.tiles, strict=True))
            if place < settings.top_k or share >= settings.decode_probability
        ]
        self._decode(ranking.query, wanted, decoded, progress)
        progress("fusing", 0, 1)
        maps = heatmaps(ranked, decoded, self.engine.card.aerial_px)
        votes = [
            self._lattice.vote(tile.tile, float(share), heatmap)
            for tile, share, heatmap in zip(ranked, shares.tiles, maps, strict=True)
        ]
        temperature = calibration.heatmap_temperature
        field = fuse(votes, self._lattice.cell_m, temperature)
        if settings.estimate is EstimateMethod.UNIFYGEO:
            place = arg_max(votes[0], field.cell_m)
        else:
            place = fused_mode(field, votes, settings.smoothing_m)
        return Fused(ranked, votes, shares, field, place, temperature=temperature)


def _check_weights(index: TileIndex, engine: MatchEngine) -> None:
    """Refuse to compare descriptors of different weights.

    Raises:
        WeightsMismatchError: the hashes differ.
    """
    made_by, asked = index.manifest.weights_sha256, engine.card.weights_sha256
    if made_by != asked:
        raise WeightsMismatchError(
            f"the index was made by the weights {(made_by or 'none')[:12]} of "
            f"{index.manifest.model}, not by {(asked or 'none')[:12]} of {engine.card.name}; use "
            "those weights (--model FILE) or build the index again with these"
        )
