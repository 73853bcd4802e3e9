"""Matching a described view with stored maps: the detailed match without an image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cvgl_core.errors import WeightsMismatchError
from cvgl_core.index import ReducedMaps
from cvgl_core.types import Float32Array

_CHUNK_TILES = 256


def match_maps(
    columns0: Float32Array, column_count: int, maps: ReducedMaps, rolls: Sequence[int]
) -> Float32Array:
    """Return about the largest level-0 cosine of each tile at each roll ``[K, R]``.

    The view is turned as by ``GroundFeatures.rolled``; turned views are projected as the maps were.

    Args:
        columns0: level-0 descriptor of the view ``[C]``, column-major.
        column_count: its azimuth columns.
        maps: of ``K`` tiles.
        rolls: headings to try, in columns.

    Raises:
        WeightsMismatchError: the maps were made of another number of channels.
    """
    if len(maps.basis) != len(columns0):
        raise WeightsMismatchError(
            f"the index holds detailed maps of {len(maps.basis)} channels, the photo's descriptor "
            f"has {len(columns0)}; build the index again with this model"
        )
    width = len(columns0) // column_count
    turned = np.stack([np.roll(columns0, roll * width) for roll in rolls])
    queries = (turned @ maps.basis).T
    count, height, columns, kept = maps.codes.shape
    best = np.empty((count, len(rolls)), np.float32)
    for start in range(0, count, _CHUNK_TILES):
        codes = maps.codes[start : start + _CHUNK_TILES].astype(np.float32)
        cosines = codes.reshape(-1, kept) @ queries
        best[start : start + len(codes)] = cosines.reshape(
            len(codes), height * columns, len(rolls)
        ).max(axis=1)
    return best
