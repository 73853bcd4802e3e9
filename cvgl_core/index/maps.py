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
_BASIS_UNIT = 2.0**-13  # a position has unit length, so sums of products stay below 2**24
_SAMPLE_UNIT = 2.0**-7
_SAMPLE = 4096
_EXACT_POSITIONS = 1024  # of which sums of products stay up to 2**24
_GRAM_LARGEST = 2.0**24
_COLUMN_LARGEST = 2.0**20
_GROUP_TILES = 4  # what is computed on stays in the processor's cache
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
    directions = _principal(_moments(_whole(maps[::every], _SAMPLE_UNIT)), min(kept, channels))
    reduced = np.empty((count * height * width, directions.shape[1]), np.float32)
    step = _GROUP_TILES * height * width
    for group, start in enumerate(range(0, len(reduced), step)):
        tiles = maps[group * _GROUP_TILES : (group + 1) * _GROUP_TILES]
        np.matmul(_whole(tiles, _MAP_UNIT), directions, out=reduced[start : start + step])
    largest = np.maximum(reduced.max(axis=0, initial=0.0), -reduced.min(axis=0, initial=0.0))
    steps = np.maximum(largest / np.float32(127.0), np.float32(1.0))
    reduced /= steps
    codes = np.rint(reduced, out=reduced).astype(np.int8)
    basis = directions * _BASIS_UNIT * (steps.astype(np.float64) * _BASIS_UNIT * _MAP_UNIT)
    return ReducedMaps(codes.reshape(count, height, width, -1), basis.astype(np.float32))


def _whole(maps: Float32Array, unit: float) -> Float32Array:
    """Return maps ``[N, C, h, w]`` as positions ``[N * h * w, C]``, in whole units."""
    positions = np.moveaxis(maps, 1, -1).reshape(-1, maps.shape[1])
    scaled: Float32Array = positions * np.float32(1.0 / unit)
    return np.rint(scaled, out=scaled)


def _moments(positions: Float32Array) -> FloatArray:
    """Return the second moments ``[C, C]`` of whole numbers ``[P, C]``."""
    gram: FloatArray = np.zeros((positions.shape[1],) * 2)
    for start in range(0, len(positions), _EXACT_POSITIONS):
        some = positions[start : start + _EXACT_POSITIONS]
        gram += some.T @ some
    return gram


def _principal(gram: FloatArray, kept: int) -> Float32Array:
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
    return directions.astype(np.float32)


def _orthonormal(columns: FloatArray) -> FloatArray:
    """Gram-Schmidt; a column that the ones before explain becomes zero.

    Inner products are sums over whole numbers. Eliminating them, as Cholesky does, from a table
    that has the columns beside them leaves the columns orthogonal: no further sums are needed.
    """
    scale = _COLUMN_LARGEST / np.maximum(np.abs(columns).max(axis=0, initial=0.0), 1.0)
    whole = np.rint(columns * scale).T
    count = len(whole)
    table = np.concatenate([whole @ whole.T, whole], axis=1)
    squares = table.diagonal().copy()
    for place, row in enumerate(table):
        square = row[place]
        if square <= _LOST**2 * squares[place]:
            row[:] = 0.0
            continue
        below = table[place + 1 :, place:]
        below -= (below[:, :1] / square) * row[place:]
        row /= np.sqrt(square)
    return np.ascontiguousarray(table[:, count:].T)
