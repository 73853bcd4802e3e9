"""Multi-scale k-reciprocal re-ranking (DyCL's MSRerank, after Zhong et al., CVPR 2017).

A query and an item are alike when their nearest neighbours are the same. At each scale the distance
is that of Jaccard between weighted sets of k-reciprocal neighbours, mixed with the original one.
The smallest scale orders the nearest, and each larger one only what lies beyond.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cvgl_core.types import BoolArray, Float32Array, IntArray

_CHUNK = 512


@dataclass(frozen=True)
class RerankSettings:
    """How far to look; the defaults are the published ones for DA-Campus (60 views a place).

    Attributes:
        scales: neighbours in which reciprocity is looked for, smallest first; each scale decides
            the order of so many, queries and items counted together, and one more.
        expansion: nearest neighbours whose sets are averaged into one's own.
        original: share of the original distance.
    """

    scales: tuple[int, ...] = (20, 62, 292)
    expansion: int = 6
    original: float = 0.3


def msrerank(
    queries: Float32Array, items: Float32Array, how: RerankSettings | None = None
) -> Float32Array:
    """Return new distances ``[Q, N]``: the smaller, the nearer.

    Several matrices of ``(Q + N)^2`` floats are kept, of 0.66 GB each for the 12,810 pictures of
    DA-Campus's test part: meant for data sets, not for the tiles of a country.

    Args:
        queries: L2-normalised descriptors ``[Q, D]``.
        items: L2-normalised descriptors ``[N, D]``.
        how: scales.
    """
    how = how or RerankSettings()
    count = len(queries)
    distance = _distances(np.concatenate([queries, items]))
    order = _nearest(distance, max(how.scales) + 1)
    found = np.empty((count, len(distance)), np.float32)
    settled = np.zeros(found.shape, bool)
    for step, scale in enumerate(how.scales):
        sets = _weighted_sets(distance, order, scale, how.expansion)
        mixed = _jaccard(sets, count) * (1.0 - how.original) + distance[:count] * how.original
        found = np.where(settled, found, mixed + step)
        nearest = np.argsort(found, axis=1, kind="stable")[:, : scale + 1]
        np.put_along_axis(settled, nearest, True, axis=1)
    return found[:, count:]


def _nearest(distance: Float32Array, count: int) -> IntArray:
    """Return the ``count`` nearest of each, nearest first ``[M, count]``."""
    blocks = (distance[start : start + _CHUNK] for start in range(0, len(distance), _CHUNK))
    orders = [np.argsort(block, axis=1, kind="stable")[:, :count].copy() for block in blocks]
    return np.concatenate(orders)


def _distances(descriptors: Float32Array) -> Float32Array:
    """Return squared cosine distances, each row divided by its largest ``[M, M]``."""
    distance = np.square(1.0 - descriptors @ descriptors.T, dtype=np.float32)
    np.fill_diagonal(distance, 0.0)  # rounding must not put anything before itself
    return np.asarray(distance / np.maximum(distance.max(axis=1, keepdims=True), 1e-12))


def _weighted_sets(
    distance: Float32Array, order: IntArray, scale: int, expansion: int
) -> Float32Array:
    """Return the weights of each one's expanded k-reciprocal neighbours ``[M, M]``; rows sum to 1.

    The neighbours of a reciprocal neighbour join, at half the scale, where two thirds of them are
    reciprocal neighbours already.
    """
    reciprocal = _reciprocal(order, scale)
    near = _reciprocal(order, round(scale / 2))
    weights = np.zeros(distance.shape, np.float32)
    for row, own in enumerate(reciprocal):
        candidates = near[own]
        shared = candidates[:, own].sum(axis=1)
        joining = 3 * shared > 2 * candidates.sum(axis=1)
        members = np.flatnonzero(own | candidates[joining].any(axis=0))
        weight = np.exp(-distance[row, members])
        weights[row, members] = weight / weight.sum()
    if expansion == 1:
        return weights
    nearest = order[:, :expansion]
    mean = np.zeros_like(weights)
    for neighbour in nearest.T:
        mean += weights[neighbour]
    return mean / np.float32(nearest.shape[1])


def _reciprocal(order: IntArray, count: int) -> BoolArray:
    """Tell which are among each other's nearest ``count``, themselves not counted ``[M, M]``."""
    near = np.zeros((len(order), len(order)), bool)
    np.put_along_axis(near, order[:, : count + 1], True, axis=1)
    return near & near.T


def _jaccard(sets: Float32Array, count: int) -> Float32Array:
    """Return distances between the first ``count`` weighted sets and all ``[count, M]``."""
    distance = np.empty((count, len(sets)), np.float32)
    by_member = np.ascontiguousarray(sets.T)
    for row in range(count):
        members = np.flatnonzero(sets[row])
        shared = np.minimum(sets[row, members][:, None], by_member[members]).sum(axis=0)
        distance[row] = 1.0 - shared / (2.0 - shared)
    return distance
