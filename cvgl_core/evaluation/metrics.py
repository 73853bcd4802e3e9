"""The field's figures, from plain arrays (definitions: VIGOR, CVPR 2021; UnifyGeo IV-B)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cvgl_core.types import BoolArray, FloatArray, IntArray


def rank_of(scores: NDArray[np.floating], truth: IntArray) -> IntArray:
    """Return how many entries of each row score above the true one, or tie before it.

    Ties are broken by position, so that ranks do not depend on the sorting algorithm.

    Args:
        scores: ``[Q, N]``, higher is better.
        truth: column of the right entry in each row, ``[Q]``.
    """
    own = scores[np.arange(len(truth)), truth][:, None]
    before = np.arange(scores.shape[1])[None, :] < truth[:, None]
    return np.asarray(((scores > own) | ((scores == own) & before)).sum(axis=1), dtype=np.int64)


def recall_at(ranks: IntArray, k: int) -> float:
    """Return the share of queries whose right entry is among the first ``k``; nan if none."""
    return float(np.mean(ranks < k)) if len(ranks) else float("nan")


def one_percent_vigor(gallery_size: int) -> int:
    """Return the ``k`` of R@1% as VIGOR's script takes it: ``int(.01 N) + 1``."""
    return int(0.01 * gallery_size) + 1


def one_percent_sample4geo(gallery_size: int) -> int:
    """Return the ``k`` of R@1% as Sample4Geo takes it: ``N // 100``, 0 below a hundred tiles."""
    return gallery_size // 100


def within(errors_m: FloatArray, limit_m: float) -> float:
    """Return the share of errors up to ``limit_m``; nan if there are none."""
    return float(np.mean(errors_m <= limit_m)) if len(errors_m) else float("nan")


def covering(offsets: FloatArray, half_m: float) -> BoolArray:
    """Return whether the offset from a tile's centre lies in its inner square of half side.

    Args:
        offsets: metres east and north (or south) of the centre, ``[..., 2]``.
        half_m: half the side of the square: a quarter of a tile's side for the central quarter.
    """
    return np.asarray(np.abs(offsets).max(axis=-1) <= half_m)


def error_thresholds_m(least_m: float = 0.25, most_m: float = 1000.0) -> FloatArray:
    """Return the thresholds ``1.1^(i/5)`` of VIGOR's script, on either side of 1 m."""
    step = np.log(1.1) / 5
    first, last = np.ceil(np.log(least_m) / step), np.floor(np.log(most_m) / step)
    return np.asarray(1.1 ** (np.arange(first, last + 1) / 5))


@dataclass(frozen=True)
class Reliability:
    """Stated probabilities against what came true, in bins of equal width that hold anything.

    Attributes:
        stated: mean probability of each bin ``[B]``.
        came_true: share that came true ``[B]``.
        count: how many ``[B]``.
    """

    stated: FloatArray
    came_true: FloatArray
    count: IntArray

    @property
    def error(self) -> float:
        """Mean gap weighted by bin size: the expected calibration error (ECE); nan if empty."""
        if not self.count.sum():
            return float("nan")
        return float(np.average(np.abs(self.stated - self.came_true), weights=self.count))


def reliability(probabilities: FloatArray, correct: BoolArray, bins: int = 10) -> Reliability:
    """Return the reliability curve (Guo et al., ICML 2017, with equal-width bins)."""
    index = np.minimum((probabilities * bins).astype(int), bins - 1)
    count = np.bincount(index, minlength=bins)
    filled = count > 0
    stated = np.bincount(index, probabilities, bins)[filled] / count[filled]
    came_true = np.bincount(index, correct, bins)[filled] / count[filled]
    return Reliability(stated, came_true, count[filled])


def expected_calibration_error(
    probabilities: FloatArray, correct: BoolArray, bins: int = 10
) -> float:
    """Return the mean gap between stated probability and share correct, weighted by bin size."""
    return reliability(probabilities, correct, bins).error


@dataclass(frozen=True)
class Interval:
    """A figure and the 95 % interval of its bootstrap."""

    value: float
    low: float
    high: float


def bootstrap(
    statistic: Callable[[FloatArray], float], values: FloatArray, rounds: int = 1000, seed: int = 0
) -> Interval:
    """Return a statistic of per-query values with its percentile interval.

    Args:
        statistic: of values ``[n]``, such as a mean or a median.
        values: one for each query ``[Q]``, or a row for each ``[Q, C]``.
        rounds: how often as many queries are drawn with replacement.
        seed: of the draws; the same for all figures, so that their intervals compare. A draw whose
            statistic is not a number (a ratio to nothing) is left out.
    """
    if not len(values):
        return Interval(float("nan"), float("nan"), float("nan"))
    rng = np.random.default_rng(seed)
    size = len(values)
    drawn = np.array([statistic(values[rng.integers(0, size, size)]) for _ in range(rounds)])
    drawn = drawn[~np.isnan(drawn)]
    if not len(drawn):
        return Interval(statistic(values), float("nan"), float("nan"))
    low, high = np.percentile(drawn, [2.5, 97.5], method="nearest")
    return Interval(statistic(values), float(low), float(high))
