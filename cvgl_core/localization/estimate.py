"""One point from the posterior, and how far to trust it; all in grid metres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cvgl_core.localization.posterior import Cells, MassField, Vote, heatmap_probability
from cvgl_core.types import FloatArray

_REACH = 3.0
_TIE = 1e-9
_OUTER_RING = 1 << 16
"""All that is farther counts as one ring, whatever the extent of the field."""


@dataclass(frozen=True)
class Place:
    """A point in grid metres."""

    x_m: float
    y_m: float


def fused_mode(field: MassField, votes: Sequence[Vote], smoothing_m: float) -> Place:
    """Return the mode of the posterior smoothed by a Gaussian of ``smoothing_m``.

    The best cell is refined by a parabola through its neighbours. Smoothing is done tile by tile,
    most massive first, and stops when no tile that is left can hold a higher value.
    """
    kernel = gaussian_kernel(smoothing_m / field.cell_m)
    margin = len(kernel) // 2 + 1
    peak = float(kernel.max()) ** 2
    masses = [float(_window(field, vote, margin).sum()) for vote in votes]
    best_value, best = -1.0, (0.0, 0.0)
    for index in sorted(range(len(votes)), key=lambda i: (-masses[i], votes[i].row, votes[i].col)):
        if masses[index] * peak <= best_value:
            break
        vote = votes[index]
        smooth = smooth_window(_window(field, vote, margin), kernel)
        # The outer ring lacks neighbours on one side; one cell of it is kept for the parabola.
        row, col = np.unravel_index(int(smooth[1:-1, 1:-1].argmax()), np.array(smooth.shape) - 2)
        value = float(smooth[row + 1, col + 1])
        if value > best_value * (1 + _TIE):
            best_value = value
            d_row, d_col = _parabola_peak(smooth[row : row + 3, col : col + 3])
            best = (vote.row + row + d_row + 0.5, vote.col + col + d_col + 0.5)
    return Place(best[1] * field.cell_m, -best[0] * field.cell_m)


def arg_max(vote: Vote, cell_m: float) -> Place:
    """Return the centre of the most probable cell of one tile: the paper's answer."""
    row, col = np.unravel_index(int(vote.log_heatmap.argmax()), vote.log_heatmap.shape)
    return Place((vote.col + int(col) + 0.5) * cell_m, -(vote.row + int(row) + 0.5) * cell_m)


def distances(cells: Cells, cell_m: float, place: Place) -> FloatArray:
    """Return the distance in metres from ``place`` to the centre of every cell, ``[N]``."""
    x_m = (cells.cols + 0.5) * cell_m
    y_m = -(cells.rows + 0.5) * cell_m
    away: FloatArray = np.hypot(x_m - place.x_m, y_m - place.y_m)
    return away


def mass_within(mass: FloatArray, away_m: FloatArray, radius_m: float) -> float:
    """Return the mass of the cells no farther than ``radius_m``."""
    return float(mass[away_m <= radius_m].sum())


def mass_near(
    vote: Vote, cell_m: float, place: Place, radius_m: float, temperature: float = 1.0
) -> float:
    """Return how much of a tile's mass lies no farther than ``radius_m`` from a place.

    ``temperature`` is what the vote's log-probabilities are divided by, as for the field.
    """
    heatmap = heatmap_probability(vote.log_heatmap / np.float32(temperature))
    rows, cols = np.divmod(np.arange(heatmap.size), heatmap.shape[1])
    cells = Cells(rows + vote.row, cols + vote.col, heatmap.ravel())
    near = mass_within(cells.mass, distances(cells, cell_m, place), radius_m)
    return vote.probability * near


def radius_holding(mass: FloatArray, away_m: FloatArray, level: float, cell_m: float) -> float:
    """Return the smallest radius in metres that holds ``level``; at least half a cell.

    Cells are counted into rings a cell wide first, so that only those of one ring are sorted.
    """
    if not len(mass):
        return cell_m / 2
    ring = np.minimum(away_m / cell_m, _OUTER_RING).astype(np.int64)
    held = np.cumsum(np.bincount(ring, mass))
    wanted = level * held[-1] * (1 - 1e-12)
    last = int(np.searchsorted(held, wanted))
    there = np.flatnonzero(ring == last)
    there = there[np.argsort(away_m[there], kind="stable")]
    before = held[last - 1] if last else 0.0
    index = int(np.searchsorted(before + np.cumsum(mass[there]), wanted))
    return max(float(away_m[there[min(index, len(there) - 1)]]), cell_m / 2)


def gaussian_kernel(sigma_cells: float) -> FloatArray:
    """Return a normalised Gaussian of odd length that reaches three standard deviations."""
    half = int(np.ceil(_REACH * sigma_cells))
    offsets = np.arange(-half, half + 1)
    weights = np.exp(-0.5 * (offsets / max(sigma_cells, 1e-6)) ** 2)
    kernel: FloatArray = weights / weights.sum()
    return kernel


def smooth_window(window: FloatArray, kernel: FloatArray) -> FloatArray:
    """Convolve ``window [h, w]`` with ``kernel`` along both axes, where the kernel fits inside."""
    rows = window.shape[0] - len(kernel) + 1
    cols = window.shape[1] - len(kernel) + 1
    down = sum(
        (weight * window[i : i + rows] for i, weight in enumerate(kernel)),
        start=np.zeros((rows, window.shape[1])),
    )
    return sum(
        (weight * down[:, i : i + cols] for i, weight in enumerate(kernel)),
        start=np.zeros((rows, cols)),
    )


def vertex(three: FloatArray) -> float:
    """Return the vertex of the parabola through values at -1, 0 and 1."""
    before, here, after = (float(value) for value in three)
    bend = before - 2 * here + after
    if bend >= 0:
        return 0.0
    return float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5))


def _window(field: MassField, vote: Vote, margin: int) -> FloatArray:
    """Return the mass of a tile's cells and ``margin`` cells around them."""
    height, width = vote.log_heatmap.shape
    return field.window(
        vote.row - margin, vote.col - margin, height + 2 * margin, width + 2 * margin
    )


def _parabola_peak(patch: FloatArray) -> tuple[float, float]:
    """Return where a 3 by 3 patch peaks, from its centre, within half a cell on each axis."""
    logs = np.log(np.maximum(patch, 1e-300))
    return vertex(logs[:, 1]), vertex(logs[1, :])
