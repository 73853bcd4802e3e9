"""The field's figures, from plain arrays (definitions: VIGOR, CVPR 2021; UnifyGeo IV-B)."""

from __future__ import annotations

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


def one_percent(gallery_size: int) -> int:
    """Return the ``k`` of R@1%: a hundredth of the gallery, rounded up."""
    return max(1, -(-gallery_size // 100))


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


def expected_calibration_error(
    probabilities: FloatArray, correct: BoolArray, bins: int = 10
) -> float:
    """Return the mean gap between stated probability and share correct, weighted by bin size."""
    if len(probabilities) == 0:
        return float("nan")
    index = np.minimum((probabilities * bins).astype(int), bins - 1)
    gap = 0.0
    for bin_index in np.unique(index):
        chosen = index == bin_index
        gap += float(abs(probabilities[chosen].mean() - correct[chosen].mean()) * chosen.mean())
    return gap
