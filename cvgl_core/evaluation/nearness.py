"""How near the wrong answers are: graded figures of a whole gallery, ranked by descriptors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cvgl_core.data.relevance import relevance_levels
from cvgl_core.evaluation.graded import graded_figures, recall_rate
from cvgl_core.evaluation.metrics import Interval, bootstrap
from cvgl_core.types import Float32Array, FloatArray, IntArray

_CHUNK_SCORES = 1 << 22

Distances = Callable[[IntArray, IntArray], FloatArray]
"""Metres between queries and items with the given numbers ``[n]``; infinite where unrelated."""


@dataclass(frozen=True)
class Ranking:
    """Queries and items that one network described, and what is known of them.

    Attributes:
        name: "views to tiles".
        queries: L2-normalised descriptors ``[Q, D]``.
        items: L2-normalised descriptors ``[N, D]``.
        place: of each query; queries of one place are not independent ``[Q]``.
        apart_m: distances.
        distance: new distances that replace the cosines, smaller is nearer ``[Q, N]``; or None.
    """

    name: str
    queries: Float32Array
    items: Float32Array
    place: IntArray
    apart_m: Distances
    distance: Float32Array | None = None

    def chunks(self) -> Iterator[tuple[Float32Array, FloatArray]]:
        """Yield scores, higher is better, and metres of some queries with all items ``[q, N]``."""
        count = len(self.items)
        step = max(1, _CHUNK_SCORES // count)
        for start in range(0, len(self.queries), step):
            part = np.arange(start, min(start + step, len(self.queries)))
            if self.distance is None:
                scores = self.queries[part] @ self.items.T
            else:
                scores = -self.distance[part]
            metres = self.apart_m(np.repeat(part, count), np.tile(np.arange(count), len(part)))
            yield scores, metres.reshape(len(part), count)


@dataclass(frozen=True)
class Nearness:
    """What was found.

    Attributes:
        name: of the ranking.
        queries, items: how many.
        levels_m: the limits of the levels, nearest first.
        values: figures of each query ``[Q]``, NaN where there is nothing to find; ``top-1 m`` is
            the distance of the first item.
        place: of each query ``[Q]``.
    """

    name: str
    queries: int
    items: int
    levels_m: tuple[float, ...]
    values: dict[str, FloatArray]
    place: IntArray

    def figures(self) -> dict[str, Interval]:
        """Return means over queries, bootstrapped over places, and percentiles of distance.

        The percentiles are bootstrapped over queries.
        """
        _, group = np.unique(self.place, return_inverse=True)
        figures: dict[str, Interval] = {}
        for name, values in self.values.items():
            if name == "top-1 m":
                continue
            some = ~np.isnan(values)
            sums = [np.bincount(group, np.where(some, values, 0.0)), np.bincount(group, some)]
            figures[name] = bootstrap(_mean, np.stack(sums, axis=1))
        for share in (50, 75, 90):
            figures[f"top-1 p{share} m"] = bootstrap(_percentile(share), self.values["top-1 m"])
        return figures


def measure_nearness(ranking: Ranking, levels_m: Sequence[float]) -> Nearness:
    """Rank all items for every query, and grade them by distance.

    Args:
        ranking: what was described.
        levels_m: limits of the levels of relevance, inclusive, in any order.
    """
    limits_m = tuple(sorted(levels_m))
    parts: list[dict[str, FloatArray]] = []
    for scores, metres in ranking.chunks():
        order = np.argsort(-scores, axis=1, kind="stable")
        ranked_m = np.take_along_axis(metres, order, axis=1)
        ranked = relevance_levels(ranked_m, limits_m)
        hits = ranked == len(limits_m)
        recalls = {f"R@{k}": recall_rate(hits, k) for k in (1, 5, 10)}
        nearest = {"top-1 m": ranked_m[:, 0]}
        parts.append(recalls | graded_figures(ranked, len(limits_m)) | nearest)
    values = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    counts = len(ranking.queries), len(ranking.items)
    return Nearness(ranking.name, *counts, limits_m, values, ranking.place)


def _mean(sums: FloatArray) -> float:
    whole = sums[:, 1].sum()
    return float(sums[:, 0].sum() / whole) if whole else float("nan")


def _percentile(share: float) -> Callable[[FloatArray], float]:
    def statistic(values: FloatArray) -> float:
        return float(np.percentile(values, share, method="nearest"))

    return statistic
