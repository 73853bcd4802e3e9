"""Exact search: cosines with all descriptors, in single precision, ties in order of the index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cvgl_core.types import BoolArray, Float32Array, IntArray

_CHUNK_ROWS = 1024
_HALF_BITS = np.int32(-0x70002000)
_HALF_SCALE = np.float32(2.0**112)


@dataclass(frozen=True)
class SearchResult:
    """The best tiles of each query, best first.

    Attributes:
        indices: positions in the index, ``[Q, k]``.
        scores: cosines, ``[Q, k]``.
    """

    indices: IntArray
    scores: Float32Array


class Rows(Protocol):
    """Half-precision rows ``[N, D]``: an array, or the ``Descriptors`` of an index."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of rows and of numbers in each."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any) -> NDArray[np.float16]:
        """Return the rows of a slice or of positions."""


def exact_search(
    gallery: Rows, queries: Float32Array, k: int, where: BoolArray | None = None
) -> SearchResult:
    """Return the ``k`` rows of ``gallery`` with the largest cosine to each query.

    Args:
        gallery: descriptors ``[N, D]``.
        queries: descriptors ``[Q, D]``; need not be normalised.
        k: how many; fewer come back when fewer rows are allowed.
        where: rows that may be found, ``[N]``; all if None. No other row is read.
    """
    return search_rows(gallery, queries, k, None if where is None else np.flatnonzero(where))


def search_rows(
    gallery: Rows, queries: Float32Array, k: int, rows: IntArray | None = None
) -> SearchResult:
    """Return what ``exact_search`` does among some rows, given in ascending order; all if None."""
    count = gallery.shape[0] if rows is None else len(rows)
    k = max(0, min(k, count))
    wanted = unit_rows(queries)
    best_scores = np.full((len(wanted), k), -np.inf, np.float32)
    best = np.full((len(wanted), k), np.iinfo(np.int64).max, np.int64)
    # Always of full height: at a ragged edge BLAS adds in another order, which would untie equals.
    chunk = np.zeros((_CHUNK_ROWS, gallery.shape[1]), np.float32)
    for start in range(0, count if k else 0, _CHUNK_ROWS):
        stop = min(start + _CHUNK_ROWS, count)
        widen(gallery[start:stop] if rows is None else gallery[rows[start:stop]], chunk)
        scores = ((wanted @ chunk.T) / _lengths(chunk))[:, : stop - start]
        for query in np.flatnonzero((scores > best_scores[:, -1:]).any(axis=1)):
            _merge(best[query], best_scores[query], scores[query], start)
    return SearchResult(best if rows is None else rows[best], best_scores)


def unit_rows(rows: NDArray[np.floating[Any]]) -> Float32Array:
    """Return rows of unit length in single precision; a row of zeros stays zero."""
    single = np.asarray(rows, np.float32)
    unit: Float32Array = single / _lengths(single)[:, None]
    return unit


def widen(half: NDArray[np.float16], out: Float32Array) -> Float32Array:
    """Put half-precision rows into the first rows of ``out`` and return those, exactly the same.

    NumPy converts number by number. Here the bits are moved to where single precision has them, and
    a multiplication puts the exponent right: five times faster, and the search with it.
    """
    values = out[: len(half)]
    bits = values.view(np.int32)
    np.copyto(bits, half.view(np.int16))
    np.left_shift(bits, 13, out=bits)
    np.bitwise_and(bits, _HALF_BITS, out=bits)  # the sign was spread over three bits too many
    np.multiply(values, _HALF_SCALE, out=values)
    return values


def _lengths(rows: Float32Array) -> Float32Array:
    """Return the lengths of rows ``[N]``, nowhere zero."""
    lengths: Float32Array = np.maximum(
        np.sqrt(np.einsum("nd,nd->n", rows, rows)), np.float32(1e-12)
    )
    return lengths


def _merge(best: IntArray, best_scores: Float32Array, scores: Float32Array, start: int) -> None:
    """Put the scores of rows ``start...`` that beat the k best so far among them, in place."""
    k = len(best)
    better = np.flatnonzero(scores > best_scores[-1])
    if len(better) > k:
        least = np.partition(scores[better], len(better) - k)[len(better) - k]
        better = better[scores[better] >= least]
    all_scores = np.concatenate([best_scores, scores[better]])
    all_rows = np.concatenate([best, better + start])
    order = np.lexsort((all_rows, -all_scores))[:k]
    best_scores[:] = all_scores[order]
    best[:] = all_rows[order]
