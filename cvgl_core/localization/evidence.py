"""What a report shows beside the result: places looked at closely, and base maps from the index."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from cvgl_core.errors import PhotoViewError
from cvgl_core.export.limits import ImagerySource
from cvgl_core.export.mapview import BaseMap
from cvgl_core.export.panel import axis_centred
from cvgl_core.export.report import MAX_CARDS, ReportInputs, map_windows
from cvgl_core.export.sight import ColumnMatch, Sight
from cvgl_core.geo import convergence_deg, from_lonlat, geodesic_distance_m
from cvgl_core.index.manifest import SourceRecord
from cvgl_core.localization.columns import column_matches
from cvgl_core.localization.ports import MatchEngine, PicturedIndex, TileManifest
from cvgl_core.photo import to_ground_view
from cvgl_core.types import (
    BoolArray,
    Bounds,
    Candidate,
    GroundSpec,
    GroundView,
    LocalizationResult,
    LonLat,
    Photo,
)

_MAX_MAP_PX = 1600
_MAX_AREA_M = 6000.0
_SIGHTS = 5
_ANOTHER_PLACE_M = 20.0
_REACH = 0.7
_WINDOW = 0.85
_STRIP_PX = 2048
_SAME_VIEW = 0.97


class SourcedManifest(TileManifest, Protocol):
    """What an index says of itself and of its imagery."""

    @property
    def sources(self) -> tuple[SourceRecord, ...]:
        """Rasters that it was cut from."""


class SourcedIndex(PicturedIndex, Protocol):
    """An index that also says where its imagery lies and comes from."""

    @property
    def manifest(self) -> SourcedManifest:
        """Facts."""

    def bounds(self) -> Bounds:
        """Return the rectangle of all tiles, grid metres."""

    def snapped(self, bounds: Bounds) -> Bounds:
        """Return a rectangle grown to whole pixels, grid metres."""


def report_inputs(
    result: LocalizationResult,
    photo: Photo,
    index: SourcedIndex,
    engine: MatchEngine | None = None,
    *,
    fov_deg: float | None = None,
    truth: LonLat | None = None,
    attribution: str = "",
) -> ReportInputs:
    """Collect the pictures of a report; no other file than the index is needed.

    Args:
        result: the answer for ``photo``.
        photo: as it was located.
        index: in which it was located.
        engine: that located it; without it nothing is said of what matched.
        fov_deg: field of view that was given, instead of what the file says.
        truth: the camera's true place, where known.
        attribution: who made the imagery.
    """
    tiles = np.array([c.tile_index for c in result.candidates[:MAX_CARDS]], dtype=np.int64)
    close, area = map_windows(result, _area(result, index))
    gsd_m = result.posterior.cell_m
    maps = [base_map(index, gsd_m, close, "Around the estimate")]
    if area.right_m - area.left_m > 1.2 * (close.right_m - close.left_m):
        maps.append(base_map(index, gsd_m, area, "The area that was searched"))
    return ReportInputs(
        result=result,
        photo_rgb=photo.rgb,
        strip=result.view
        if result.from_above
        else strip(photo, result.view, None if engine is None else engine.card.ground, fov_deg),
        tiles_rgb=index.tile_pixels(tiles),
        maps=tuple(maps),
        sights=() if result.from_above else sights(result, index, engine),
        sources=tuple(
            ImagerySource(s.name, s.acquired, s.gsd_m_per_px, s.fingerprint)
            for s in index.manifest.sources
        ),
        truth=truth,
        attribution=attribution,
    )


def sights(
    result: LocalizationResult, index: SourcedIndex, engine: MatchEngine | None
) -> tuple[Sight, ...]:
    """Return the estimate and the candidates that mean other places, each looked at closely."""
    chosen = places(result)
    crs = index.grid.crs
    matches: Sequence[ColumnMatch | None] = [None] * len(chosen)
    if engine is not None and all(heading_deg is not None for _, _, heading_deg in chosen):
        axes_deg = [
            (heading_deg or 0.0) - convergence_deg(crs, at.lon, at.lat)
            for _, at, heading_deg in chosen
        ]
        tiles = np.array([candidate.tile_index for candidate, _, _ in chosen], dtype=np.int64)
        matches = column_matches(engine, index, result.view, tiles, axes_deg)
    made = []
    for (candidate, at, heading_deg), match in zip(chosen, matches, strict=True):
        imagery, covered = _around(index, at)
        reach_m = _REACH * index.grid.tile_size_m
        made.append(Sight(candidate, at, heading_deg, imagery, covered, crs, reach_m, match))
    return tuple(made)


def places(result: LocalizationResult) -> list[tuple[Candidate, LonLat, float | None]]:
    """Return the first candidate at the estimate, and those that mean other places: camera, axis.

    Squares overlap, so several candidates may mean one place; it is named once.
    """
    estimate = result.estimate
    chosen: list[tuple[Candidate, LonLat, float | None]] = []
    for candidate in result.candidates:
        own = LonLat(candidate.lon, candidate.lat)
        at = own if chosen else LonLat(estimate.lon, estimate.lat)
        heading_deg = candidate.heading_deg if chosen else estimate.heading_deg
        if heading_deg is None:
            heading_deg = estimate.heading_deg if chosen else candidate.heading_deg
        others = [place for _, place, _ in chosen]
        if all(_away_m(at, other) > _ANOTHER_PLACE_M for other in others):
            chosen.append((candidate, at, heading_deg))
    return chosen[:_SIGHTS]


def strip(
    photo: Photo, view: GroundView, spec: GroundSpec | None, fov_deg: float | None
) -> GroundView:
    """Return the strip that the network saw, the optical axis in its middle, in finer pixels.

    Where the photo does not give the same view again, it is the network's own, enlarged.

    Args:
        photo: as it was located.
        view: what the network saw.
        spec: of the network's strips, None where that is not known.
        fov_deg: field of view that was given.
    """
    times = max(1, round(_STRIP_PX / view.rgb.shape[1]))
    own = axis_centred(view)
    large = np.repeat(np.repeat(own.rgb, times, axis=0), times, axis=1)
    coarse = GroundView(large, np.repeat(own.visible, times), None)
    if spec is None:
        return coarse
    silent = replace(photo, metadata=replace(photo.metadata, heading_deg=None))
    finer = replace(spec, height_px=spec.height_px * times, width_px=spec.width_px * times)
    try:
        fine = to_ground_view(silent, finer, None, fov_deg)
    except PhotoViewError:
        return coarse
    same = float((fine.visible == coarse.visible).mean()) > _SAME_VIEW
    return fine if same else coarse


def base_map(index: SourcedIndex, gsd_m: float, bounds: Bounds, title: str) -> BaseMap:
    """Return the imagery of a rectangle in grid metres, at most some 1600 px wide.

    Args:
        index: whose imagery has pixels of ``gsd_m``.
        gsd_m: the same as a cell of a posterior.
        bounds: the rectangle.
        title: of the map.
    """
    whole = index.snapped(bounds)
    side_px = max(whole.right_m - whole.left_m, whole.top_m - whole.bottom_m) / gsd_m
    step = max(1, math.ceil(side_px / _MAX_MAP_PX))
    rgb, _ = index.mosaic(whole, step)
    # The last column and row may reach beyond the rectangle by a part of a step.
    right_m = whole.left_m + rgb.shape[1] * step * gsd_m
    bottom_m = whole.top_m - rgb.shape[0] * step * gsd_m
    return BaseMap(rgb, Bounds(whole.left_m, bottom_m, right_m, whole.top_m), title)


def _around(index: SourcedIndex, at: LonLat) -> tuple[BaseMap, BoolArray]:
    """Return the imagery around a place, and which of its pixels show picture."""
    half_m = _WINDOW * index.grid.tile_size_m
    x_m, y_m = (float(value[0]) for value in from_lonlat(index.grid.crs, [at.lon], [at.lat]))
    bounds = index.snapped(Bounds(x_m - half_m, y_m - half_m, x_m + half_m, y_m + half_m))
    rgb, covered = index.mosaic(bounds)
    return BaseMap(rgb, bounds), covered


def _away_m(one: LonLat, other: LonLat) -> float:
    """Return the distance of two places."""
    return float(geodesic_distance_m(one.lon, one.lat, other.lon, other.lat))


def _area(result: LocalizationResult, index: SourcedIndex) -> Bounds:
    """Return what the index covers, no farther than some kilometres from the estimate."""
    whole, reach_m = index.bounds(), _MAX_AREA_M / 2
    crs = index.grid.crs
    x_m, y_m = from_lonlat(crs, [result.estimate.lon], [result.estimate.lat])
    return Bounds(
        max(whole.left_m, float(x_m[0]) - reach_m),
        max(whole.bottom_m, float(y_m[0]) - reach_m),
        min(whole.right_m, float(x_m[0]) + reach_m),
        min(whole.top_m, float(y_m[0]) + reach_m),
    )
