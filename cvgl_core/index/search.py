"""Exact search: cosines with all descriptors, in single precision, ties in order of the index."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cvgl_core.types import BoolArray, Float32Array, IntArray

_CHUNK_ROWS = 4096


@dataclass(frozen=True)
class SearchResult:
    """The best tiles of each query, best first.

    Attributes:
        indices: positions in the index, ``[Q, k]``.
        scores: cosines, ``[Q, k]``.
    """

    indices: IntArray
    scores: Float32Array


def exact_search(
    gallery: NDArray[np.float16], queries: Float32Array, k: int, where: BoolArray | None = None
) -> SearchResult:
    """Return the ``k`` rows of ``gallery`` with the largest cosine to each query.

    Args:
        gallery: descriptors ``[N, D]``.
        queries: descriptors ``[Q, D]``; need not be normalised.
        k: how many; fewer come back when fewer rows are allowed.
        where: rows that may be found, ``[N]``; all if None.
    """
    count = len(gallery) if where is None else int(np.count_nonzero(where))
    k = max(0, min(k, count))
    wanted = _normalised(np.asarray(queries, np.float32))
    best_scores = np.full((len(wanted), k), -np.inf, np.float32)
    best = np.full((len(wanted), k), np.iinfo(np.int64).max, np.int64)
    # Always of full height: at a ragged edge BLAS adds in another order, which would untie equals.
    chunk = np.zeros((_CHUNK_ROWS, gallery.shape[1]), np.float32)
    for start in range(0, len(gallery) if k else 0, _CHUNK_ROWS):
        rows = gallery[start : start + _CHUNK_ROWS]
        chunk[: len(rows)] = _normalised(np.asarray(rows, np.float32))
        scores = (wanted @ chunk.T)[:, : len(rows)]
        if where is not None:
            scores[:, ~where[start : start + _CHUNK_ROWS]] = -np.inf
        for query, row in enumerate(scores):
            _merge(best[query], best_scores[query], row, start)
    return SearchResult(best, best_scores)


def _merge(best: IntArray, best_scores: Float32Array, scores: Float32Array, start: int) -> None:
    """Put the scores of rows ``start...`` that beat the k best so far among them, in place."""
    k = len(best)
    better = np.flatnonzero(scores > best_scores[-1])
    if len(better) > k:
        least = np.partition(scores[better], len(better) - k)[len(better) - k]
        better = better[scores[better] >= least]
    if not len(better):
        return
    all_scores = np.concatenate([best_scores, scores[better]])
    all_rows = np.concatenate([best, better + start])
    order = np.lexsort((all_rows, -all_scores))[:k]
    best_scores[:] = all_scores[order]
    best[:] = all_rows[order]


def _normalised(rows: Float32Array) -> Float32Array:
    """Return rows of unit length; a row of zeros stays zero."""
    norms = np.sqrt(np.einsum("nd,nd->n", rows, rows))
    unit: Float32Array = rows / np.maximum(norms, np.float32(1e-12))[:, None]
    return unit
