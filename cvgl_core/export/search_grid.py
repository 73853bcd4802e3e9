"""The posterior as a search grid: square cells to look through, the likeliest first.

This is how people share out an area to search by hand: cells of a round size in a metric CRS, each
with the probability that the camera stands in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from rasterio.errors import RasterioError

from cvgl_core.errors import ResultFileError
from cvgl_core.export.geojson import DECIMALS
from cvgl_core.geo import cut_antimeridian, to_lonlat
from cvgl_core.geo.footprint import Ring

ROUND_SIDES_M = tuple(digit * 10.0**power for power in range(1, 6) for digit in (1, 2, 5))
MOST_ACROSS = 40
LEAST_PROBABILITY = 0.001


@dataclass(frozen=True)
class Shade:
    """A colour of cells: ``#rrggbb``, and how much of it covers the map."""

    colour: str
    opacity: float


SHADES = (
    Shade("#3b528b", 0.25),
    Shade("#218c90", 0.44),
    Shade("#5ec962", 0.56),
    Shade("#fde725", 0.69),
    Shade("#ff5d5d", 0.75),
)
"""Of probability relative to the likeliest, weak to strong."""


def shade_of(probability: float, peak: float) -> int:
    """Return which of ``SHADES`` shows a probability.

    The square root keeps second places visible.
    """
    share = math.sqrt(max(probability, 0.0) / peak) if peak > 0.0 else 0.0
    return min(int(share * len(SHADES)), len(SHADES) - 1)


@dataclass(frozen=True)
class SearchCell:
    """A square of ground.

    Attributes:
        rank: 1 for the likeliest.
        probability: that the camera stands in it.
        polygons: its outline in degrees; two where the antimeridian cuts it.
    """

    rank: int
    probability: float
    polygons: tuple[tuple[Ring, ...], ...]


def read_search_grid(heatmap: Path, cell_m: float | None = None) -> tuple[SearchCell, ...]:
    """Return the cells of a heatmap that hold at least ``LEAST_PROBABILITY``, by rank.

    Args:
        heatmap: GeoTIFF of probability per pixel in a metric CRS, as ``write_heatmap`` makes it.
        cell_m: side of a cell; a round one, at most ``MOST_ACROSS`` of them across, if None.

    Raises:
        ResultFileError: the file is missing, damaged, or says not where it lies.
    """
    try:
        with rasterio.open(heatmap) as dataset:
            if dataset.crs is None or not dataset.crs.is_projected:
                raise ResultFileError(f"{heatmap}: has no CRS in metres; locate the photo again")
            crs = dataset.crs.to_wkt()
            across_m = max(
                dataset.width * dataset.transform.a, dataset.height * -dataset.transform.e
            )
            side_m = cell_m or _round_side_m(across_m)
            cells = _sums(dataset, side_m)
    except RasterioError as error:
        raise ResultFileError(f"{heatmap}: cannot be read ({error})") from error
    ranked = sorted(cells.items(), key=lambda item: (-item[1], item[0]))
    return tuple(
        SearchCell(rank, probability, _outline(crs, column * side_m, row * side_m, side_m))
        for rank, ((row, column), probability) in enumerate(ranked, start=1)
        if probability >= LEAST_PROBABILITY
    )


def _round_side_m(across_m: float) -> float:
    """Return the smallest round side that needs no more than ``MOST_ACROSS`` cells."""
    fitting = (side for side in ROUND_SIDES_M if across_m <= MOST_ACROSS * side)
    return next(fitting, ROUND_SIDES_M[-1])


def _sums(dataset: rasterio.DatasetReader, side_m: float) -> dict[tuple[int, int], float]:
    """Return the probability in each cell by row and column, counted from the CRS's origin."""
    total: dict[tuple[int, int], float] = {}
    for _, window in dataset.block_windows(1):
        values = dataset.read(1, window=window)
        v, u = np.nonzero(values > 0.0)
        x_m = dataset.transform.c + (u + window.col_off + 0.5) * dataset.transform.a
        y_m = dataset.transform.f + (v + window.row_off + 0.5) * dataset.transform.e
        keys = np.floor(np.stack([y_m, x_m], axis=-1) / side_m).astype(np.int64)
        cells, place = np.unique(keys, axis=0, return_inverse=True)
        sums = np.bincount(place.ravel(), values[v, u].astype(np.float64), len(cells))
        for (row, column), mass in zip(cells.tolist(), sums.tolist(), strict=True):
            total[row, column] = total.get((row, column), 0.0) + mass
    return total


def _outline(
    crs: str, left_m: float, bottom_m: float, side_m: float
) -> tuple[tuple[Ring, ...], ...]:
    """Return the outline of a cell in degrees."""
    x_m = left_m + side_m * np.array([0.0, 1.0, 1.0, 0.0, 0.0])
    y_m = bottom_m + side_m * np.array([0.0, 0.0, 1.0, 1.0, 0.0])
    return tuple(
        tuple(
            tuple((round(lon, DECIMALS), round(lat, DECIMALS)) for lon, lat in ring) for ring in one
        )
        for one in cut_antimeridian(np.stack(to_lonlat(crs, x_m, y_m), axis=-1))
    )
