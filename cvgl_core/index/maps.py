"""Detailed maps of tiles, small enough to keep: re-ranking from them reads no image.

The level-0 map of a tile (``[C, h, w]``, what ``max M^0`` of UnifyGeo, Eq. 4, is taken over) is
projected onto the few directions that hold most of its energy and rounded to 8 bits. The
directions belong to the shard: they are found from its own tiles, so they fit them best, a shard
is complete by itself, and neither going on with a build nor adding tiles changes one that is
there. Sums run over whole numbers that doubles hold exactly, so that the bytes do not depend on
the order of adding: not on threads, not on the machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cvgl_core.index.manifest import MapRecord
from cvgl_core.types import Float32Array, FloatArray

KEPT_CHANNELS = 64
"""Directions that are kept: 4 KB for a map of 8 x 8 positions."""

_MAP_UNIT = 2.0**-10
_BASIS_UNIT = 2.0**-14
_GRAM_LARGEST = 2.0**24
_SAMPLE = 4096
_ITERATIONS = 6
_LOST = 1e-4


@dataclass(frozen=True)
class ReducedMaps:
    """Maps of tiles that share a basis.

    The cosine of a ground descriptor ``[C]`` with a position is ``(descriptor @ basis) @ code``.

    Attributes:
        codes: int8 ``[N, h, w, d]``.
        basis: the directions, each times the step of its codes, float32 ``[C, d]``.
    """

    codes: NDArray[np.int8]
    basis: Float32Array


def map_record(shape: tuple[int, int, int]) -> MapRecord:
    """Return what a manifest says of maps of ``shape`` (channels, height, width)."""
    channels, height, width = shape
    kept = min(KEPT_CHANNELS, channels)
    return MapRecord(channels=channels, kept_channels=kept, height=height, width=width)


def reduce_maps(maps: Float32Array, kept: int = KEPT_CHANNELS) -> ReducedMaps:
    """Reduce maps ``[N, C, h, w]``, L2-normalised over channels, to ``kept`` channels of 8 bits."""
    count, channels, height, width = maps.shape
    every = max(1, count * height * width // _SAMPLE)
    sample = np.concatenate([_whole(tile) for tile in maps[::every]])
    directions = _principal(sample.T @ sample, min(kept, channels))
    # Tile by tile: what is computed on stays in the processor's cache.
    reduced = np.concatenate([_whole(tile) @ directions for tile in maps])
    steps = np.maximum(np.abs(reduced).max(axis=0, initial=0.0) / 127.0, 1.0)
    codes = np.rint(reduced / steps).astype(np.int8)
    basis = directions * _BASIS_UNIT * (steps * _BASIS_UNIT * _MAP_UNIT)
    return ReducedMaps(codes.reshape(count, height, width, -1), basis.astype(np.float32))


def _whole(tile: Float32Array) -> FloatArray:
    """Return a map ``[C, h, w]`` as positions ``[h * w, C]`` in whole ``_MAP_UNIT``."""
    scaled: FloatArray = np.rint(tile.reshape(len(tile), -1).T / np.float32(_MAP_UNIT))
    return scaled.astype(np.float64)


def _principal(gram: FloatArray, kept: int) -> FloatArray:
    """Return about the first eigenvectors ``[C, kept]``, in whole multiples of ``_BASIS_UNIT``.

    Orthogonal iteration from fixed directions. It is not the eigen-solver of a library because
    those round differently with the number of threads.

    Args:
        gram: second moments ``[C, C]``, whole numbers.
        kept: how many.
    """
    gram = np.rint(gram * (_GRAM_LARGEST / max(np.abs(gram).max(initial=0.0), 1.0)))
    largest = round(1 / _BASIS_UNIT)
    start = np.random.default_rng(0).integers(-largest, largest, (len(gram), kept))
    directions: FloatArray = start.astype(np.float64)
    for _ in range(_ITERATIONS):
        directions = np.rint(_orthonormal(gram @ directions) / _BASIS_UNIT)
    return directions


def _orthonormal(columns: FloatArray) -> FloatArray:
    """Gram-Schmidt, twice for each column; a column that the ones before explain becomes zero."""
    unit: FloatArray = np.zeros(columns.shape[::-1])  # a row for each column: sums run along memory
    for place, column in enumerate(np.ascontiguousarray(columns.T)):
        rest, before = column, unit[:place]
        length = np.sqrt((rest * rest).sum())
        for _ in range(2):
            # Sums of products instead of a matrix product: one thread, one order of adding.
            rest = rest - (before * (before * rest).sum(axis=1)[:, None]).sum(axis=0)
        left = np.sqrt((rest * rest).sum())
        if left > _LOST * length:
            unit[place] = rest / left
    return unit.T
