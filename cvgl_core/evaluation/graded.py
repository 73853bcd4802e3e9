"""Figures of rankings whose items are more or less right (HAPPIER, ECCV 2022; DyCL).

All take the levels of relevance in the order of the ranking, ``[Q, N]``, best first and 0 for what
is irrelevant, and return a value per query: NaN where a query has nothing to find, so that means
over queries are ``nanmean``. Whole rankings: the authors' code drops the last item.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cvgl_core.types import BoolArray, FloatArray

Levels = NDArray[np.integer]


def by_score(scores: NDArray[np.floating], levels: Levels) -> Levels:
    """Return each query's levels in the order of its scores; among equals the first comes first.

    Args:
        scores: of queries with items ``[Q, N]``, higher is better.
        levels: of relevance ``[Q, N]``.
    """
    order = np.argsort(-scores, axis=1, kind="stable")
    return np.asarray(np.take_along_axis(levels, order, axis=1))


def ndcg(ranked: Levels) -> FloatArray:
    """Normalised discounted cumulative gain, gains ``2^level - 1``, ideal over the whole list."""
    discount = 1.0 / np.log2(np.arange(2, ranked.shape[1] + 2))
    gain, best = (np.exp2(levels.astype(np.float64)) - 1.0 for levels in (ranked, _ideal(ranked)))
    return _share((gain * discount).sum(axis=1), (best * discount).sum(axis=1))


def hierarchical_ap(ranked: Levels, highest: int, alpha: float = 1.0) -> FloatArray:
    """H-AP: average precision in which an item counts its relevance.

    Relevance is ``(level / highest)^alpha / (the query's items of that level)``.
    """
    relevance, sums = _relevances(ranked, highest, alpha)
    ranks = np.arange(1, ranked.shape[1] + 1)
    return _share((sums / ranks).sum(axis=1), relevance.sum(axis=1))


def hierarchical_ap_at_r(ranked: Levels, highest: int, alpha: float = 1.0) -> FloatArray:
    """H-AP over the first R ranks, R the number of items of the highest level.

    Divided by what the ideal order gathers in them, so that 1 is perfect.
    """
    count = (ranked == highest).sum(axis=1)
    ranks = np.arange(1, ranked.shape[1] + 1)
    first = ranks[None, :] <= count[:, None]
    _, sums = _relevances(ranked, highest, alpha)
    _, ideal = _relevances(_ideal(ranked), highest, alpha)
    return _share((first * sums / ranks).sum(axis=1), (first * ideal / ranks).sum(axis=1))


def asi(ranked: Levels) -> FloatArray:
    """Average set intersection: over depths 1 to R, the share of levels shared with the ideal.

    R is the number of relevant items; what is shared is the intersection as multisets of levels.
    """
    ideal = _ideal(ranked)
    shared = np.zeros(ranked.shape)
    for level in range(1, int(ranked.max(initial=0)) + 1):
        shared += np.minimum((ranked == level).cumsum(axis=1), (ideal == level).cumsum(axis=1))
    depth = np.arange(1, ranked.shape[1] + 1)
    return _share((shared / depth * (ideal > 0)).sum(axis=1), (ideal > 0).sum(axis=1))


def average_precision(hits: BoolArray) -> FloatArray:
    """AP of binary relevance in the order of the ranking ``[Q, N]``."""
    return _precision(hits, np.ones_like(hits))


def map_at_r(hits: BoolArray) -> FloatArray:
    """AP over the first R ranks alone, R the number of relevant items."""
    return _precision(hits, np.arange(hits.shape[1])[None, :] < hits.sum(axis=1)[:, None])


def precision_at_1(hits: BoolArray) -> FloatArray:
    """Whether the first item is relevant; NaN where none is."""
    return recall_rate(hits, 1)


def recall_rate(hits: BoolArray, k: int) -> FloatArray:
    """Whether any of the first ``k`` is relevant; NaN where none is."""
    found = hits[:, :k].any(axis=1)
    return np.where(hits.any(axis=1), found.astype(np.float64), np.nan)


def level_ap(ranked: Levels, level: int) -> FloatArray:
    """AP of the items of one level; those of higher levels are taken out of the ranking."""
    kept, hits = ranked <= level, ranked == level
    rank = np.maximum(kept.cumsum(axis=1), 1)
    return _share((hits.cumsum(axis=1) * hits / rank).sum(axis=1), hits.sum(axis=1))


def graded_figures(ranked: Levels, highest: int) -> dict[str, FloatArray]:
    """Return all figures of each query; a binary one for each level, "at least so near".

    Args:
        ranked: levels in the order of the ranking ``[Q, N]``.
        highest: the highest level there is.
    """
    figures = {
        "NDCG": ndcg(ranked),
        "H-AP": hierarchical_ap(ranked, highest),
        "H-AP@R": hierarchical_ap_at_r(ranked, highest),
        "ASI": asi(ranked),
    }
    for level in range(highest, 0, -1):
        hits = ranked >= level
        figures |= {
            f"AP level {level}": average_precision(hits),
            f"P@1 level {level}": precision_at_1(hits),
            f"mAP@R level {level}": map_at_r(hits),
            f"AP only level {level}": level_ap(ranked, level),
        }
    return figures


def _ideal(ranked: Levels) -> Levels:
    """Return the same levels, highest first."""
    return np.asarray(np.sort(ranked, axis=1)[:, ::-1])


def _relevances(ranked: Levels, highest: int, alpha: float) -> tuple[FloatArray, FloatArray]:
    """Return relevances, and at each rank the sum over ranks up to it of the smaller of both."""
    relevance = np.zeros(ranked.shape)
    worth = np.zeros((highest, len(ranked), 1))
    for level in range(1, highest + 1):
        own = ranked == level
        worth[level - 1] = (level / highest) ** alpha / np.maximum(own.sum(axis=1), 1)[:, None]
        relevance[own] = np.broadcast_to(worth[level - 1], ranked.shape)[own]
    sums = np.zeros(ranked.shape)
    for level in range(1, highest + 1):
        before = (ranked == level).cumsum(axis=1)
        sums += before * np.minimum(relevance, worth[level - 1])
    return relevance, sums


def _precision(hits: BoolArray, counted: BoolArray) -> FloatArray:
    ranks = np.arange(1, hits.shape[1] + 1)
    return _share((hits.cumsum(axis=1) * hits * counted / ranks).sum(axis=1), hits.sum(axis=1))


def _share(part: FloatArray, whole: NDArray[np.number]) -> FloatArray:
    """Return ``part / whole``, NaN where the whole is zero."""
    some = whole > 0
    return np.where(some, part / np.where(some, whole, 1), np.nan)
