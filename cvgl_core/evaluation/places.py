"""Figures of retrieval by place, where several images of the gallery are right (University-1652).

As ``evaluate_gpu.py`` of the data set computes them: a query counts at k when any right image is
among the first k; AP averages, over the right images, the precision at each and just before it
(trapezoid). A query without any right image in the gallery counts as a failure in every figure,
because that script leaves it out of the sums but not of the number of queries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cvgl_core.evaluation.metrics import Interval, bootstrap
from cvgl_core.types import Float32Array, FloatArray, IntArray

_CHUNK_SCORES = 1 << 24
NEVER = np.iinfo(np.int64).max
"""Rank of a query without a right image."""


@dataclass(frozen=True)
class PlaceRanks:
    """How each query did.

    Attributes:
        best: how many images come before the first right one ``[Q]``; ``NEVER`` if none is right.
        average_precision: 0 if none is right ``[Q]``.
        place: of each query ``[Q]``.
        gallery_size: images searched.
    """

    best: IntArray
    average_precision: FloatArray
    place: IntArray
    gallery_size: int

    @property
    def without_match(self) -> int:
        """Queries that no image of the gallery could answer."""
        return int((self.best == NEVER).sum())

    def figures(self) -> dict[str, Interval]:
        """Return R@1, 5, 10, R@1% and AP with 95 % intervals.

        Bootstrapped over places, for the photos of one building are no independent queries. R@1%
        takes ``round(.01 N) + 1`` images, as the script does.
        """
        one_percent = round(self.gallery_size * 0.01) + 1
        depths = {"r@1": 1, "r@5": 5, "r@10": 10, "r@1%": one_percent}
        values = {name: (self.best < k).astype(float) for name, k in depths.items()}
        values["ap"] = self.average_precision
        _, group = np.unique(self.place, return_inverse=True)
        count = np.bincount(group)
        return {
            name: bootstrap(_mean, np.stack([np.bincount(group, value), count], axis=1))
            for name, value in values.items()
        }


def _mean(sums: FloatArray) -> float:
    return float(sums[:, 0].sum() / sums[:, 1].sum())


def place_ranks(
    queries: Float32Array, gallery: Float32Array, query_place: IntArray, gallery_place: IntArray
) -> PlaceRanks:
    """Rank the gallery by cosine for every query; among equals the lower number comes first.

    Args:
        queries: L2-normalised ``[Q, D]``.
        gallery: L2-normalised ``[N, D]``.
        query_place: ``[Q]``.
        gallery_place: ``[N]``.
    """
    best = np.full(len(queries), NEVER)
    precision = np.zeros(len(queries))
    step = max(1, _CHUNK_SCORES // len(gallery))
    for start in range(0, len(queries), step):
        part = slice(start, start + step)
        order = best_of(queries[part], gallery)
        right = gallery_place[order] == query_place[part, None]
        best[part] = np.where(right.any(axis=1), right.argmax(axis=1), NEVER)
        precision[part] = average_precision(right)
    return PlaceRanks(best, precision, query_place, len(gallery))


def best_of(queries: Float32Array, gallery: Float32Array, count: int | None = None) -> IntArray:
    """Return the images of the gallery by falling cosine for each query ``[Q, count]``."""
    order = np.argsort(-(queries @ gallery.T), axis=1, kind="stable")
    return order if count is None else order[:, :count]


def average_precision(right: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> FloatArray:
    """Return the trapezoid AP of rankings: is the image at each rank right? ``[Q, N]`` to ``[Q]``.

    For the i-th right image (from 0) at rank r (from 0) the precision is ``(i + 1) / (r + 1)``, and
    just before it ``i / r``, or 1 at r = 0; AP is the mean of both over the right images, 0 if
    there are none.
    """
    query, rank = np.nonzero(right)
    found = right.cumsum(axis=1)[query, rank]
    before = np.where(rank > 0, (found - 1) / np.maximum(rank, 1), 1.0)
    total = np.bincount(query, (found / (rank + 1) + before) / 2, minlength=len(right))
    return np.asarray(total / np.maximum(right.sum(axis=1), 1))
