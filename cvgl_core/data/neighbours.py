"""Nearest places on the globe, without a full matrix of distances."""

from __future__ import annotations

from cvgl_core.types import FloatArray, IntArray


def nearest_places(lonlat_deg: FloatArray, count: int, chunk: int = 1024) -> IntArray:
    """Return for each place the ``count`` nearest other places, nearest first, ``[N, count]``.

    Args:
        lonlat_deg: places in degrees ``[N, 2]``.
        count: neighbours wanted, less than N.
        chunk: rows compared at a time; memory is ``chunk`` times N.
    """
    raise NotImplementedError
