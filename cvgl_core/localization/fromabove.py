"""Photos from above: their ground, laid out as a map, is looked for in the imagery of an index.

Headings are tried every few degrees: around the one that the file states, for gimbals drift by some
ten; all around where it states none, or where nothing clear is found. Descriptors name the tiles of
a large index to look at. There the correlation of edges and colours ranks tiles; the best is looked
at again for what gimbals and barometers get wrong; local features say the last metre. The answer is
the point of the ground under the camera.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cvgl_core.errors import SettingsError
from cvgl_core.geo import wrapped
from cvgl_core.geo.heading import Hypotheses
from cvgl_core.localization.area import Area
from cvgl_core.localization.estimate import Place, fused_mode
from cvgl_core.localization.groundsearch import GroundSearch, Match, Noise, Turned
from cvgl_core.localization.kinds import ChosenCalibration
from cvgl_core.localization.lattice import Lattice
from cvgl_core.localization.localfeatures import (
    GroundImagery,
    Matcher,
    Refinement,
    match_sift,
    refine,
)
from cvgl_core.localization.ports import MatchEngine, PicturedIndex
from cvgl_core.localization.posterior import (
    TileProbabilities,
    Vote,
    fuse,
    tile_probabilities,
)
from cvgl_core.localization.rerank import RankedTile
from cvgl_core.localization.result import Context, Fused, make_result
from cvgl_core.localization.retrieve import Near, Query, compare, retrieve, tiles_allowed
from cvgl_core.localization.settings import LocalizeSettings
from cvgl_core.photo.overhead import GroundPicture, Overhead, overhead_of, rectified
from cvgl_core.types import (
    BoolArray,
    Bounds,
    Calibration,
    Float32Array,
    FloatArray,
    GroundView,
    IntArray,
    LocalizationResult,
    Photo,
    Progress,
    no_progress,
)

STEP_DEG = 5.0
DRIFT_DEG = 20.0
"""A stated heading may be so wrong: one of two real drones was off by 12 degrees."""

EXHAUSTIVE_TILES = 600
"""An index of up to so many tiles is looked through without asking descriptors."""

CLEAR = 8.0
"""A stated heading with a score like this is believed; below it, all headings are tried."""

CALIBRATION = Calibration(
    temperature=0.5,
    outside_logit=13.0,
    heatmap_temperature=1.3,
    fitted_on="photos of one simulated city; those of real drones score lower",
)
"""Scores are standard deviations of noise, so they mean the same whatever the weights. Real photos
were too few to fit these numbers to: nothing is called strong or not in the area by them."""

_ROLLS = 72
_NOT_SEARCHED = -1e9
_ASTRAY = math.log(0.05)
_LARGEST_M = 270.0
_CLOSER_DEG = (-2.5, 0.0, 2.5)
_CLOSER_HEIGHTS = (0.88, 0.94, 1.0, 1.06)
_SHOWN_PX = 256
_AROUND_M = 15.0
_REFINED_STD_M = 1.5


@dataclass(frozen=True)
class _Found:
    """A photo's camera, what was asked of the index, and its tiles, best first."""

    view: Overhead
    query: Query
    matches: list[Match]
    noise: Noise

    @property
    def grid_deg(self) -> float:
        """Azimuth of ahead from grid north under which the best tile was found."""
        return float(self.query.turns.azimuths_deg[self.matches[0].turned.roll])


class OverheadLocalizer:
    """Finds where photos from above were taken within the area of one index; keeps no state.

    ``convergence_deg`` is the azimuth of its grid's north in the middle of the area. Inside,
    headings count from there (``grid_deg``).
    """

    def __init__(
        self,
        index: PicturedIndex,
        engine: MatchEngine,
        settings: LocalizeSettings | None = None,
        match: Matcher | None = match_sift,
    ) -> None:
        """Pair an index with the network that made it, which the caller has checked.

        Args:
            index: to search.
            engine: whose weights described it.
            settings: how.
            match: names points alike for the last metre; without it nothing is refined.
        """
        self.index = index
        self.engine = engine
        self.settings = settings or LocalizeSettings()
        self._match = match
        self._context = Context(index, engine.card, self.settings)
        self._lattice = Lattice(index, engine.card)
        self._search = GroundSearch(index, self._lattice.cell_m)
        self.convergence_deg = self._lattice.convergence_deg()

    def localize(
        self,
        photo: Photo,
        *,
        heading_deg: float | None = None,
        search_heading: bool = False,
        fov_deg: float | None = None,
        height_m: float | None = None,
        near: Near | Area | None = None,
        progress: Progress = no_progress,
    ) -> LocalizationResult:
        """Find the point of the ground above which a photo was taken.

        Args:
            photo: pixels and metadata; its EXIF position is compared with the answer, never used.
            heading_deg: true azimuth of the optical axis (straight down: of the upper edge); by
                default what the file says, and if that is nothing all headings are tried.
            search_heading: try all headings whatever the file says.
            fov_deg: horizontal field of view, instead of what the file says.
            height_m: above the ground, instead of what the file says.
            near: a prior for the place.
            progress: told of the stages describing, searching, matching, fusing.

        Raises:
            PhotoViewError: it is not known how the camera looked down, or it did not.
            SettingsError: no tile lies near enough.
        """
        view = overhead_of(photo, fov_deg, height_m)
        true_deg = view.heading_deg if heading_deg is None else heading_deg
        grid_deg = None if search_heading or true_deg is None else true_deg - self.convergence_deg
        found = self.search(photo, view, grid_deg, near, progress)
        turned = list(self._closer(photo, found))
        closer = self._search.closer(found.matches[0], turned, found.noise)
        fused, refinement = self._refined(photo, found, self._fuse(found, closer))
        shown = self._picture(photo, view, self._lattice.cell_m, _SHOWN_PX, found.grid_deg)
        whole = GroundView(shown.rgb, np.ones(shown.rgb.shape[1], np.bool_), None)
        chosen = ChosenCalibration(CALIBRATION, fits=False)
        result = make_result(self._context, photo, whole, found.query, fused, chosen, progress)
        return _told(result, view, refinement)

    def search(
        self,
        photo: Photo,
        view: Overhead,
        grid_deg: float | None,
        near: Near | Area | None = None,
        progress: Progress = no_progress,
    ) -> _Found:
        """Return the tiles looked at, best first.

        Args:
            photo: pixels.
            view: its camera.
            grid_deg: azimuth of ahead from grid north, None where it is not known.
            near: a prior for the place.
            progress: told of every stage.

        Raises:
            SettingsError: no tile lies near enough.
        """
        where = tiles_allowed(self.index, near, self.settings.taken)
        found = self._look(photo, view, _turns(grid_deg), where, progress)
        if grid_deg is None or found.matches[0].score >= CLEAR:
            return found
        return self._look(photo, view, _turns(grid_deg, all_around=True), where, progress)

    def _look(
        self,
        photo: Photo,
        view: Overhead,
        turns: Hypotheses,
        where: BoolArray | None,
        progress: Progress,
    ) -> _Found:
        """Return what is found under the headings that are searched."""
        progress("describing", 0, 1)
        query = Query(turns, self._descriptors(photo, view, turns))
        turned = list(self._turned(photo, view, turns))
        progress("searching", 0, 1)
        tiles = self._shortlist(query, where)
        matches, noise = self._search.matches(turned, tiles, _ROLLS, progress)
        return _Found(view, query, matches, noise)

    def _picture(
        self, photo: Photo, view: Overhead, gsd_m: float, most_px: int, grid_deg: float
    ) -> GroundPicture:
        """Return the photo's ground under a heading, grid north up."""
        return rectified(photo, view, gsd_m, most_px, self.engine.card.fill_rgb, grid_deg)

    def _coarse(self, photo: Photo, view: Overhead, grid_deg: float) -> GroundPicture:
        """Return it in the coarse cells that are searched."""
        gsd_m = self._search.gsd_m
        return self._picture(photo, view, gsd_m, round(_LARGEST_M / gsd_m), grid_deg)

    def _descriptors(self, photo: Photo, view: Overhead, turns: Hypotheses) -> Float32Array:
        """Return descriptors of the middle of the ground under each heading that is searched."""
        card = self.engine.card
        rows = np.zeros((_ROLLS, card.descriptor_dim), np.float32)
        side = card.aerial_px
        numbers = np.flatnonzero(turns.searched)
        tiles = np.empty((len(numbers), side, side, 3), np.uint8)
        tiles[:] = np.array(card.fill_rgb, np.uint8)
        for tile, grid_deg in zip(tiles, turns.azimuths_deg[numbers].tolist(), strict=True):
            picture = self._picture(photo, view, self._lattice.cell_m, side, grid_deg)
            start, size = (side - len(picture.rgb)) // 2, len(picture.rgb)
            tile[start : start + size, start : start + size] = picture.rgb
        rows[numbers] = self.engine.encode_tiles(tiles)[0]
        return rows

    def _turned(self, photo: Photo, view: Overhead, turns: Hypotheses) -> Iterator[Turned]:
        """Yield the photo's ground under each heading that is searched."""
        for roll in np.flatnonzero(turns.searched).tolist():
            picture = self._coarse(photo, view, float(turns.azimuths_deg[roll]))
            bonus = CALIBRATION.temperature * float(turns.log_weights[roll])
            yield Turned.of(roll, picture, bonus)

    def _closer(self, photo: Photo, found: _Found) -> Iterator[Turned]:
        """Yield the photo's ground under headings and heights near those of the best match."""
        roll = found.matches[0].turned.roll
        for share in _CLOSER_HEIGHTS:
            view = replace(found.view, height_m=share * found.view.height_m)
            for away_deg in _CLOSER_DEG:
                yield Turned.of(roll, self._coarse(photo, view, found.grid_deg + away_deg))

    def _shortlist(self, query: Query, where: BoolArray | None) -> IntArray:
        """Return the tiles to look at, all of the smallest size; SettingsError if none is left."""
        index = self.index
        alike = np.array([member.grid == index.grid for member in index.members])
        allowed = np.repeat(alike, [len(member.rows) for member in index.members])
        if where is not None:
            allowed &= where
        if not allowed.any():
            raise SettingsError(
                "a photo from above is looked for in the smallest tiles of an index; none of them"
                " lies where the search is limited to"
            )
        if allowed.sum() <= EXHAUSTIVE_TILES:
            return np.flatnonzero(allowed)
        return retrieve(index, query, self.settings.depth, allowed).tiles

    def _fuse(self, found: _Found, closer: Match) -> Fused:
        """Return the posterior, and the place it speaks for.

        Args:
            found: the tiles.
            closer: the best one, looked at again.
        """
        kept = found.matches[: max(self.settings.fused_tiles, self.settings.top_k)]
        cosines = compare(self.index, found.query, np.array([match.tile for match in kept]))
        order = np.argsort(np.argsort(-cosines.max(axis=1), kind="stable"), kind="stable")
        ranked = [
            RankedTile(
                tile=match.tile,
                retrieval_rank=int(order[place]) + 1,
                retrieval_score=float(cosines[place, match.turned.roll]),
                match_score=match.score,
                roll=match.turned.roll,
                roll_scores=match.roll_scores,
            )
            for place, match in enumerate(kept)
        ]
        shares = tile_probabilities(np.array([match.score for match in kept]), CALIBRATION)
        votes = [
            self._search.vote(match, float(share))
            for match, share in zip([closer, *kept[1:]], shares.tiles, strict=True)
        ]
        return self._fused(ranked, votes, shares)

    def _fused(
        self, ranked: Sequence[RankedTile], votes: Sequence[Vote], shares: TileProbabilities
    ) -> Fused:
        """Return candidates with the posterior of their votes."""
        temperature = CALIBRATION.heatmap_temperature
        field = fuse(votes, self._lattice.cell_m, temperature)
        place = fused_mode(field, votes, self.settings.smoothing_m)
        return Fused(ranked, votes, shares, field, place, temperature=temperature)

    def _refined(
        self, photo: Photo, found: _Found, fused: Fused
    ) -> tuple[Fused, Refinement | None]:
        """Return the posterior with its best tile's place by local features, if they tell it."""
        if self._match is None:
            return fused, None
        cell_m, at = self._lattice.cell_m, fused.place
        most_px = round(_LARGEST_M / cell_m)
        picture = self._picture(photo, found.view, cell_m, most_px, found.grid_deg)
        u_px, v_px = picture.camera_uv_px
        left_m = at.x_m - u_px * cell_m - _AROUND_M
        top_m = at.y_m + v_px * cell_m + _AROUND_M
        side_m = len(picture.rgb) * cell_m + 2 * _AROUND_M
        bounds = Bounds(left_m, top_m - side_m, left_m + side_m, top_m)
        rgb, valid = self.index.mosaic(bounds)
        left_px, top_px = math.floor(left_m / cell_m), math.floor(-top_m / cell_m)
        imagery = GroundImagery(rgb, valid, left_px * cell_m, -top_px * cell_m)
        refinement = refine(picture, imagery, at, self._match)
        if refinement is None:
            return fused, None
        first = _normal(fused.votes[0], refinement.place, cell_m)
        return self._fused(fused.ranked, [first, *fused.votes[1:]], fused.shares), refinement


def _turns(grid_deg: float | None, all_around: bool = False) -> Hypotheses:
    """Return all headings: those near a stated one searched, or all, if need be.

    A stated heading may be plain wrong, as where a picture was turned after it was taken.
    """
    base_deg = 0.0 if grid_deg is None else grid_deg
    away_deg = wrapped(np.arange(_ROLLS, dtype=np.float64) * STEP_DEG)
    weights: FloatArray = np.zeros(_ROLLS)
    if grid_deg is not None:
        weights[np.abs(away_deg) > DRIFT_DEG] = _ASTRAY if all_around else _NOT_SEARCHED
    return Hypotheses((base_deg + away_deg) % 360.0, weights)


def _normal(vote: Vote, place: Place, cell_m: float) -> Vote:
    """Return a vote for a place, of as many cells as another; to be divided by the temperature."""
    side = len(vote.log_heatmap)
    col, row = place.x_m / cell_m, -place.y_m / cell_m
    left, top = math.floor(col) - side // 2, math.floor(row) - side // 2
    cells = np.arange(side) + 0.5
    away_m = np.hypot(cells[None] + left - col, cells[:, None] + top - row) * cell_m
    log = -0.5 * (away_m / _REFINED_STD_M) ** 2 * CALIBRATION.heatmap_temperature
    return Vote(top, left, vote.probability, log.astype(np.float32))


def _told(
    result: LocalizationResult, view: Overhead, refinement: Refinement | None
) -> LocalizationResult:
    """Return a result that says what was taken to be known, and what made it more exact."""
    line = (
        f"photo from above: looking down by {-view.camera.pitch_deg:.1f} degrees from"
        f" {view.height_m:.1f} m above level ground"
    )
    settings = result.provenance.settings | {
        "height_m": f"{view.height_m:.6g}",
        "refined": "no" if refinement is None else str(refinement),
    }
    provenance = replace(result.provenance, settings=settings)
    return replace(result, priors=(line, *result.priors), provenance=provenance, from_above=True)
