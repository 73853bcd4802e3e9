"""Where the right tile stands among all tiles, without a score of every query for every tile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cvgl_core.types import Float32Array, IntArray

_CHUNK_ROWS = 4096


@dataclass(frozen=True)
class Ranks:
    """Ranks of the right tiles, from 0.

    Attributes:
        rank: how many tiles come before the right one ``[Q]``.
        rank_of_others: the same without its semi-positives ``[Q]``.
    """

    rank: IntArray
    rank_of_others: IntArray


def ranks(
    gallery: NDArray[np.floating],
    queries: Float32Array,
    positive: IntArray,
    semi_positive: IntArray,
) -> Ranks:
    """Rank by cosine; among equals the tile with the lower number comes first.

    Args:
        gallery: descriptors ``[N, D]``; normalised here, as 16 bits leave them not quite.
        queries: L2-normalised descriptors ``[Q, D]``.
        positive: the right tile of each query ``[Q]``.
        semi_positive: tiles near it ``[Q, 3]``, -1 where there is none.
    """
    query = np.arange(len(queries))
    own = np.empty(len(queries), np.float32)
    for start, scores in _chunks(gallery, queries):
        here = (positive >= start) & (positive < start + scores.shape[1])
        own[here] = scores[query[here], positive[here] - start]
    before = np.zeros(len(queries), np.int64)
    before_near = np.zeros(len(queries), np.int64)
    for start, scores in _chunks(gallery, queries):
        numbers = np.arange(start, start + scores.shape[1])
        ties = (scores == own[:, None]) & (numbers < positive[:, None])
        ahead = (scores > own[:, None]) | ties
        before += ahead.sum(axis=1)
        for column in semi_positive.T:
            here = (column >= start) & (column < start + scores.shape[1])
            before_near[here] += ahead[query[here], column[here] - start]
    return Ranks(before, before - before_near)


def rank_after(
    scores: Float32Array, candidates: IntArray, positive: IntArray, rank: IntArray, depth: int
) -> IntArray:
    """Return the rank of the right tiles after the first ``depth`` candidates were re-ranked.

    Among equals the better retrieved comes first; beyond the depth a rank is as retrieved.

    Args:
        scores: of the candidates after matching ``[Q, K]``.
        candidates: best retrieved first ``[Q, K]``.
        positive: the right tile of each query ``[Q]``.
        rank: of the right tile as retrieved ``[Q]``.
        depth: how many candidates are re-ranked.
    """
    hit = candidates[:, :depth] == positive[:, None]
    found = hit.any(axis=1)
    place = hit.argmax(axis=1)
    own = np.take_along_axis(scores, place[:, None], axis=1)
    earlier = np.arange(hit.shape[1])[None] < place[:, None]
    first = scores[:, :depth]
    ahead = ((first > own) | ((first == own) & earlier)).sum(axis=1)
    return np.asarray(np.where(found, ahead, np.maximum(rank, hit.shape[1])))


def _chunks(
    gallery: NDArray[np.floating], queries: Float32Array
) -> Iterator[tuple[int, Float32Array]]:
    """Yield the first row and the cosines ``[Q, n]`` of each part of the gallery."""
    # Always of full height: at a ragged edge BLAS adds in another order, which would untie equals.
    chunk = np.zeros((_CHUNK_ROWS, gallery.shape[1]), np.float32)
    for start in range(0, len(gallery), _CHUNK_ROWS):
        rows = gallery[start : start + _CHUNK_ROWS]
        chunk[: len(rows)] = rows
        chunk /= np.maximum(np.linalg.norm(chunk, axis=1, keepdims=True), 1e-12)
        yield start, (queries @ chunk.T)[:, : len(rows)]
