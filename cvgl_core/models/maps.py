"""Matching a described view with stored maps: the detailed match without an image."""

from __future__ import annotations

import numpy as np

from cvgl_core.errors import WeightsMismatchError
from cvgl_core.index import ReducedMaps
from cvgl_core.types import Float32Array

_CHUNK_TILES = 256
_NORM_FLOOR = 1e-3


def match_maps(
    columns0: Float32Array, weights: Float32Array | None, maps: ReducedMaps
) -> Float32Array:
    """Return about the largest level-0 cosine of each tile with each turned view ``[K, R]``.

    Turned views are projected as the maps were.

    Args:
        columns0: level-0 descriptors of the turned views ``[R, n * d]``, column-major.
        weights: of their columns ``[R, n]``, see ``features.weighted_cosine_norm``; or None.
        maps: of ``K`` tiles.

    Raises:
        WeightsMismatchError: the maps were made of another number of channels.
    """
    if len(maps.basis) != columns0.shape[1]:
        raise WeightsMismatchError(
            f"the index holds detailed maps of {len(maps.basis)} channels, the photo's descriptor "
            f"has {columns0.shape[1]}; build the index again with this model"
        )
    queries = (columns0 @ maps.basis).T
    count, height, width, kept = maps.codes.shape
    best = np.empty((count, len(columns0)), np.float32)
    for start in range(0, count, _CHUNK_TILES):
        codes = maps.codes[start : start + _CHUNK_TILES].astype(np.float32).reshape(-1, kept)
        cosines = codes @ queries
        if weights is not None:
            cosines /= seen_norm(codes, maps.basis, weights)
        best[start : start + _CHUNK_TILES] = cosines.reshape(-1, height * width, len(columns0)).max(
            axis=1
        )
    return best


def seen_norm(codes: Float32Array, basis: Float32Array, weights: Float32Array) -> Float32Array:
    """Return the norm of each position's seen part, restored from its code ``[P, R]``.

    The whole has unit length, of which the kept channels hold nearly all.
    """
    restored = codes @ basis.T
    energy = np.square(restored).reshape(len(codes), weights.shape[1], -1).sum(axis=2)
    energy /= np.maximum(energy.sum(axis=1, keepdims=True), _NORM_FLOOR**2)
    norm: Float32Array = np.sqrt(np.maximum(energy @ weights.T, np.float32(_NORM_FLOOR**2)))
    return norm
