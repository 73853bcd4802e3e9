"""From scored candidates and their heatmaps to one grid of probability.

All tiles of an index lie on one lattice: a tile pixel is a *cell*, and a tile's corner is a whole
number of cells away from the origin of the grid. Cell (row, col) covers ``x = col * cell_m`` to
``(col + 1) * cell_m`` and ``y = -row * cell_m`` down to ``-(row + 1) * cell_m`` in grid metres, so
rows grow southward. Heatmaps of overlapping tiles therefore add up without resampling.

The posterior is the mixture ``P(cell) = sum_t pi_t D_t(cell)``: ``D_t`` is the heatmap of tile
``t`` (UnifyGeo, section III-C) and ``pi`` the calibrated probability of the tiles and of "none of
them" (this project's extension; the paper keeps the arg-max of the winner).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cvgl_core.types import Calibration, Float32Array, FloatArray, IntArray, Posterior

BLOCK = 64
"""Side of a block of cells: only blocks that hold mass are stored."""

_NEGLIGIBLE = 1e-12
_WINDOW_MASS = 0.999


@dataclass(frozen=True)
class TileProbabilities:
    """Probability of each candidate tile ``[K]``, of "none of them", and of other grids; sum 1."""

    tiles: FloatArray
    outside: float
    rivals: float = 0.0


@dataclass(frozen=True)
class Cells:
    """Cells that hold mass: lattice row and column, and mass, ``[N]`` each."""

    rows: IntArray
    cols: IntArray
    mass: FloatArray


def tile_probabilities(scores: FloatArray, calibration: Calibration) -> TileProbabilities:
    """Return the softmax of ``scores / temperature`` and the logit of "outside".

    Args:
        scores: of the candidates after re-ranking, ``[K]``.
        calibration: fitted on held-out queries.
    """
    logits = np.append(scores / calibration.temperature, calibration.outside_logit)
    weights = np.exp(logits - logits.max())
    weights /= weights.sum()
    return TileProbabilities(weights[:-1], float(weights[-1]))


def heatmap_probability(log_heatmap: Float32Array) -> FloatArray:
    """Return the softmax over all cells of one tile's heatmap ``[p, p]``."""
    logits = log_heatmap.astype(np.float64)
    weights: FloatArray = np.exp(logits - logits.max())
    weights /= weights.sum()
    return weights


class MassField:
    """Probability mass on the lattice, stored in blocks so that far-apart tiles cost nothing."""

    def __init__(self, cell_m: float) -> None:
        self.cell_m = cell_m
        self._blocks: dict[tuple[int, int], FloatArray] = {}

    def add(self, row: int, col: int, mass: FloatArray) -> None:
        """Add an array of mass ``[h, w]`` whose first cell is (row, col)."""
        height, width = mass.shape
        for key, inside, cut in _overlaps(row, col, height, width):
            block = self._blocks.setdefault(key, np.zeros((BLOCK, BLOCK)))
            block[inside] += mass[cut]

    def window(self, row: int, col: int, height: int, width: int) -> FloatArray:
        """Return the mass of ``height`` by ``width`` cells from cell (row, col) on."""
        out = np.zeros((height, width))
        for key, inside, cut in _overlaps(row, col, height, width):
            block = self._blocks.get(key)
            if block is not None:
                out[cut] = block[inside]
        return out

    def total(self) -> float:
        """Return all the mass."""
        return float(sum(block.sum() for _, block in sorted(self._blocks.items())))

    def cells(self) -> Cells:
        """Return the cells that hold more than a negligible mass, by block, row and column."""
        parts = [
            (key[0] * BLOCK + rows, key[1] * BLOCK + cols, block[rows, cols])
            for key, block in sorted(self._blocks.items())
            for rows, cols in [np.nonzero(block > _NEGLIGIBLE)]
        ]
        if not parts:
            empty = np.zeros(0, dtype=np.int64)
            return Cells(empty, empty, np.zeros(0))
        rows, cols, mass = (np.concatenate(column) for column in zip(*parts, strict=True))
        return Cells(rows, cols, mass)


@dataclass(frozen=True)
class Vote:
    """One tile's say: lattice cell of its north-west corner, its probability, its heatmap."""

    row: int
    col: int
    probability: float
    log_heatmap: Float32Array


def fuse(votes: Sequence[Vote], cell_m: float, temperature: float = 1.0) -> MassField:
    """Add up the votes of all tiles: ``P(cell) = sum_t pi_t D_t(cell)``.

    The order of the votes makes no difference, to the last bit.

    Args:
        votes: of the candidates.
        cell_m: side of a cell.
        temperature: that the log-probabilities of heatmaps are divided by.
    """
    field = MassField(cell_m)
    for vote in sorted(votes, key=lambda vote: (vote.row, vote.col, vote.probability)):
        heatmap = heatmap_probability(vote.log_heatmap / np.float32(temperature))
        field.add(vote.row, vote.col, vote.probability * heatmap)
    return field


def smallest_set(mass: FloatArray, level: float) -> IntArray:
    """Return the indices of the fewest cells that hold ``level`` of all the mass, largest first."""
    order = np.argsort(-mass, kind="stable")
    held = np.cumsum(mass[order])
    if not len(held):
        return order
    count = int(np.searchsorted(held, level * held[-1] * (1 - 1e-12))) + 1
    return order[:count]


def to_posterior(
    field: MassField, crs: str, outside: float, centre: tuple[int, int], limit: int
) -> Posterior:
    """Return the part of ``field`` worth drawing as one array.

    It is the rectangle around the cells that hold 99.9 % of the mass; where that has a side of
    more than ``limit`` cells, the ``limit`` cells around the cell ``centre`` (row, col) instead.
    """
    cells = field.cells()
    kept = smallest_set(cells.mass, _WINDOW_MASS)
    row, height = _extent(cells.rows[kept], centre[0], limit)
    col, width = _extent(cells.cols[kept], centre[1], limit)
    return Posterior(
        probability=field.window(row, col, height, width).astype(np.float32),
        crs=crs,
        left_m=col * field.cell_m,
        top_m=-row * field.cell_m,
        cell_m=field.cell_m,
        outside_probability=outside,
    )


def _extent(places: IntArray, centre: int, limit: int) -> tuple[int, int]:
    """Return start and length of the range of ``places``, or of ``limit`` cells at ``centre``."""
    start, stop = (
        (int(places.min()), int(places.max()) + 1) if len(places) else (centre, centre + 1)
    )
    if stop - start <= limit:
        return start, stop - start
    return min(max(centre - limit // 2, start), stop - limit), limit


def _overlaps(
    row: int, col: int, height: int, width: int
) -> Iterator[tuple[tuple[int, int], tuple[slice, slice], tuple[slice, slice]]]:
    """Yield each block that a rectangle meets: its key, and the shared part of either."""
    for block_row in range(row // BLOCK, -(-(row + height) // BLOCK)):
        for block_col in range(col // BLOCK, -(-(col + width) // BLOCK)):
            top, bottom = _cut(row, height, block_row)
            left, right = _cut(col, width, block_col)
            inside = (
                slice(top - block_row * BLOCK, bottom - block_row * BLOCK),
                slice(left - block_col * BLOCK, right - block_col * BLOCK),
            )
            cut = (slice(top - row, bottom - row), slice(left - col, right - col))
            yield (block_row, block_col), inside, cut


def _cut(start: int, length: int, block: int) -> tuple[int, int]:
    """Return the lattice range shared by ``length`` cells from ``start`` and a block."""
    return max(start, block * BLOCK), min(start + length, (block + 1) * BLOCK)
