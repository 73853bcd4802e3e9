"""What a report shows beside the result: candidates and base maps, from the index itself."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from cvgl_core.export.mapview import BaseMap
from cvgl_core.export.report import MAX_CARDS, ReportInputs, map_windows
from cvgl_core.geo import from_lonlat
from cvgl_core.localization.ports import TileIndex
from cvgl_core.types import (
    BoolArray,
    Bounds,
    LocalizationResult,
    LonLat,
    Photo,
    UInt8Array,
)

_MAX_MAP_PX = 1600
_MAX_AREA_M = 6000.0


class PicturedIndex(TileIndex, Protocol):
    """An index that shows its imagery; see ``cvgl_core.index.Index``."""

    def bounds(self) -> Bounds:
        """Return the rectangle of all tiles, grid metres."""

    def snapped(self, bounds: Bounds) -> Bounds:
        """Return a rectangle grown to whole pixels, grid metres."""

    def mosaic(self, bounds: Bounds, step: int = 1) -> tuple[UInt8Array, BoolArray]:
        """Return every ``step``-th pixel of a rectangle, and which show picture."""


def report_inputs(
    result: LocalizationResult,
    photo: Photo,
    index: PicturedIndex,
    truth: LonLat | None = None,
    attribution: str = "",
) -> ReportInputs:
    """Collect the pictures of a report; no other file than the index is needed.

    Args:
        result: the answer for ``photo``.
        photo: as it was located.
        index: in which it was located.
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
        tiles_rgb=index.tile_pixels(tiles),
        maps=tuple(maps),
        truth=truth,
        attribution=attribution,
    )


def base_map(index: PicturedIndex, gsd_m: float, bounds: Bounds, title: str) -> BaseMap:
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


def _area(result: LocalizationResult, index: PicturedIndex) -> Bounds:
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
