"""The order of shards: along a Hilbert curve, so that neighbours on the ground lie together."""

from __future__ import annotations

import re
from collections.abc import Iterable

from cvgl_core.index.manifest import ShardRecord

_BITS = 25
_PLACE = re.compile(r"^r(-?\d+)c(-?\d+)-")


def along_curve(records: Iterable[ShardRecord]) -> tuple[ShardRecord, ...]:
    """Return shards in the order that an index lists them.

    It follows from their names alone, so parts that are put together come in the same order as
    what was made at once.
    """
    return tuple(sorted(records, key=lambda record: (hilbert(*place(record.name)), record.name)))


def place(name: str) -> tuple[int, int]:
    """Return row and column of the block that a shard is named after."""
    found = _PLACE.match(name)
    if found is None:
        raise ValueError(f"{name!r} is no name of a shard")
    return int(found[1]), int(found[2])


def hilbert(row: int, col: int) -> int:
    """Return how far along the curve a block lies; both numbers are within ±2^24.

    Steps from one distance to the next lead to one of the four neighbours.
    """
    side = 1 << _BITS
    x, y = col + side // 2, row + side // 2
    distance, half = 0, side >> 1
    while half:
        right, lower = bool(x & half), bool(y & half)
        distance += half * half * ((3 * right) ^ lower)
        if not lower:
            if right:
                x, y = side - 1 - x, side - 1 - y
            x, y = y, x
        half >>= 1
    return distance
