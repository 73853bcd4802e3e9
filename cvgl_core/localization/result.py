"""From the posterior to what is reported: every figure is taken from the one field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from cvgl_core import __version__
from cvgl_core.geo import convergence_deg, geodesic_distance_m, tile_rings, to_lonlat
from cvgl_core.localization.estimate import (
    Place,
    arg_max,
    distances,
    mass_near,
    mass_within,
    radius_holding,
)
from cvgl_core.localization.heading import Heading, search_heading
from cvgl_core.localization.kinds import ChosenCalibration
from cvgl_core.localization.ports import TileIndex
from cvgl_core.localization.posterior import (
    Cells,
    MassField,
    TileProbabilities,
    Vote,
    to_posterior,
)
from cvgl_core.localization.region import LEVELS, credible_region
from cvgl_core.localization.rerank import RankedTile
from cvgl_core.localization.retrieve import Query
from cvgl_core.localization.settings import LocalizeSettings
from cvgl_core.localization.verdict import judge
from cvgl_core.types import (
    Calibration,
    Candidate,
    CredibleRegion,
    Estimate,
    GroundView,
    LocalizationResult,
    LonLat,
    ModelCard,
    Photo,
    Progress,
    Provenance,
    no_progress,
)


@dataclass(frozen=True)
class Fused:
    """The posterior of one photo and what it was made from; places in grid metres.

    Attributes:
        ranked: candidates, best first.
        votes: of the same candidates.
        shares: their probabilities and that of "none of them".
        field: the posterior.
        place: the estimate.
        moved_from: the tile that was first before re-centring named another, None if none was.
        temperature: that the votes' log-probabilities were divided by to make the field.
    """

    ranked: Sequence[RankedTile]
    votes: Sequence[Vote]
    shares: TileProbabilities
    field: MassField
    place: Place
    moved_from: int | None = None
    temperature: float = 1.0


@dataclass(frozen=True)
class Context:
    """What all photos of a search share."""

    index: TileIndex
    card: ModelCard
    settings: LocalizeSettings

    def lonlat(self, place: Place) -> LonLat:
        """Return a place in degrees."""
        lon, lat = to_lonlat(self.index.grid.crs, [place.x_m], [place.y_m])
        return LonLat(float(lon[0]), float(lat[0]))

    def true_deg(self, grid_deg: float, at: LonLat) -> float:
        """Return a grid azimuth counted from true north at a place, 0 to 360."""
        return (grid_deg + convergence_deg(self.index.grid.crs, at.lon, at.lat)) % 360.0


def make_result(
    context: Context,
    photo: Photo,
    view: GroundView,
    query: Query,
    fused: Fused,
    chosen: ChosenCalibration,
    progress: Progress = no_progress,
) -> LocalizationResult:
    """Put together all that is reported of one photo.

    Args:
        context: index, network and settings.
        photo: the query.
        view: as the network saw it.
        query: as it was asked.
        fused: what was found.
        chosen: the calibration of its probabilities.
        progress: told of the regions.
    """
    crs, settings, steps = context.index.grid.crs, context.settings, len(LEVELS) + 3
    progress("fusing", 1, steps)
    cell_m, cells = fused.field.cell_m, fused.field.cells()
    heading = _heading(context, view, query, fused, chosen.calibration)
    estimate = _estimate(context, heading, fused, cells, chosen.fits)
    regions: list[CredibleRegion] = []
    for done, level in enumerate(LEVELS, start=2):
        progress("fusing", done, steps)
        regions.append(credible_region(cells, level, crs, cell_m, settings.region_cells))
    progress("fusing", steps - 1, steps)
    centre = (int(np.floor(-fused.place.y_m / cell_m)), int(np.floor(fused.place.x_m / cell_m)))
    return LocalizationResult(
        metadata=photo.metadata,
        view=view,
        estimate=estimate,
        candidates=tuple(
            _candidate(context, position, view, query, fused)
            for position in range(min(settings.top_k, len(fused.ranked)))
        ),
        regions=tuple(regions),
        posterior=to_posterior(
            fused.field, crs, fused.shares.outside, centre, settings.window_cells
        ),
        provenance=_provenance(context, photo, fused, chosen),
        exif_distance_m=_exif_distance_m(photo, estimate),
    )


def _estimate(
    context: Context, heading: Heading | None, fused: Fused, cells: Cells, calibrated: bool
) -> Estimate:
    """Return the point, its figures and the verdict."""
    settings, cell_m = context.settings, fused.field.cell_m
    away_m = distances(cells, cell_m, fused.place)
    probability = mass_within(cells.mass, away_m, settings.near_estimate_m)
    judgement = judge(probability, fused.shares.outside, settings, calibrated)
    at = context.lonlat(fused.place)
    return Estimate(
        lon=at.lon,
        lat=at.lat,
        probability=probability,
        radius_50_m=radius_holding(cells.mass, away_m, 0.5, cell_m),
        radius_90_m=radius_holding(cells.mass, away_m, 0.9, cell_m),
        heading_deg=None if heading is None else context.true_deg(heading.heading_deg, at),
        heading_std_deg=None if heading is None else heading.std_deg,
        verdict=judgement.verdict,
        confidence=judgement.confidence,
    )


def _heading(
    context: Context, view: GroundView, query: Query, fused: Fused, calibration: Calibration
) -> Heading | None:
    """Return the grid azimuth of the optical axis: the one given, or the one found."""
    if view.centre_azimuth_deg is not None:
        return Heading(view.centre_azimuth_deg + view.centre_heading_offset_deg, None)
    near_m = context.settings.near_estimate_m
    cell_m, temperature = fused.field.cell_m, fused.temperature
    weights = np.array(
        [mass_near(vote, cell_m, fused.place, near_m, temperature) for vote in fused.votes]
    )
    if not weights.sum() > 0:
        return None
    scores = [tile.roll_scores for tile in fused.ranked]
    found = search_heading(scores, weights, calibration.temperature, query.turns.azimuths_deg)
    return Heading(found.heading_deg + view.centre_heading_offset_deg, found.std_deg)


def _candidate(
    context: Context, position: int, view: GroundView, query: Query, fused: Fused
) -> Candidate:
    """Return one tile as it is reported; its place is the arg-max of its own heatmap."""
    tile, vote, index = fused.ranked[position], fused.votes[position], context.index
    at = context.lonlat(arg_max(vote, fused.field.cell_m))
    heading_deg = None
    if view.centre_azimuth_deg is None:
        turned_deg = query.turns.azimuths_deg[tile.roll] + view.centre_heading_offset_deg
        heading_deg = context.true_deg(float(turned_deg), at)
    grid = index.member_of(tile.tile)[0].grid
    ring = tile_rings(grid, index.rows[tile.tile], index.cols[tile.tile])[0]
    return Candidate(
        rank=position + 1,
        retrieval_rank=tile.retrieval_rank,
        tile_index=tile.tile,
        tile_id=index.tile_id(tile.tile),
        score=tile.score,
        retrieval_score=tile.retrieval_score,
        match_score=tile.match_score,
        presence_score=tile.presence_score,
        probability=vote.probability,
        lon=at.lon,
        lat=at.lat,
        heading_deg=heading_deg,
        polygon=tuple(LonLat(float(lon), float(lat)) for lon, lat in ring),
        tile_size_m=None if len(index.members) == 1 else grid.tile_size_m,
    )


def _provenance(
    context: Context, photo: Photo, fused: Fused, chosen: ChosenCalibration
) -> Provenance:
    """Return what made the result."""
    manifest, calibration = context.index.manifest, chosen.calibration
    settings = context.settings.as_text()
    settings["temperature"] = f"{calibration.temperature:.6g}"
    settings["outside_logit"] = f"{calibration.outside_logit:.6g}"
    settings["match_weight"] = f"{calibration.match_weight:.6g}"
    settings["presence_weight"] = f"{calibration.presence_weight:.6g}"
    moved = fused.moved_from
    settings["recentred_from"] = "nothing" if moved is None else context.index.tile_id(moved)
    if fused.shares.rivals > 0:
        settings["other_grids_probability"] = f"{fused.shares.rivals:.6g}"
    settings["calibrated_on"] = calibration.fitted_on or "nothing"
    settings["calibrated_for_such_photos"] = "yes" if chosen.fits else "no"
    return Provenance(
        photo=photo.path.name,
        photo_sha256=photo.sha256,
        index_id=manifest.index_id,
        index_version=manifest.version,
        model=context.card.name,
        weights_sha256=context.card.weights_sha256 or "",
        software=f"cvgl {__version__}",
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        settings=settings,
    )


def _exif_distance_m(photo: Photo, estimate: Estimate) -> float | None:
    """Return how far the estimate lies from where the file says that it was taken."""
    lon, lat = photo.metadata.exif_lon, photo.metadata.exif_lat
    if lon is None or lat is None:
        return None
    return float(geodesic_distance_m(lon, lat, estimate.lon, estimate.lat))
