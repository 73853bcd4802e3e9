"""The imagery under the tiles of an index, block by block, whichever way it is stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from cvgl_core.index import shard as shards
from cvgl_core.index.manifest import ShardRecord
from cvgl_core.index.picture import THUMBNAIL_STEP
from cvgl_core.types import UInt8Array

_KEPT = 8


class Pictures:
    """Opens pictures of shards; a few decoded ones are kept. For any number of threads.

    Args:
        folder: of all shards.
        fill_rgb: colour where there is no picture.
        array: returns an array of a shard by its key, checked.
        check: compares a file of a shard with its checksum once.
    """

    def __init__(
        self,
        folder: Path,
        fill_rgb: tuple[int, int, int],
        array: Callable[[ShardRecord, str], shards.AnyArray],
        check: Callable[[ShardRecord, str], None],
    ) -> None:
        self._folder = folder
        self._fill = np.array(fill_rgb, np.uint8)
        self._array = array
        self._check = check
        self._kept: dict[str, UInt8Array] = {}

    def whole(self, record: ShardRecord) -> UInt8Array:
        """Return the imagery of a shard ``[H, W, 3]``.

        Raises:
            IndexCorruptError: it is not as it was written.
        """
        if record.imagery_jpeg is None:
            return self._array(record, "imagery")
        pixels = self._kept.pop(record.name, None)
        if pixels is None:
            self._check(record, shards.PICTURE)
            pixels = shards.open_picture(self._folder, record)
            shown = np.unpackbits(self._array(record, "valid"), axis=1, count=record.width_px)
            pixels[shown == 0] = self._fill
        self._kept[record.name] = pixels
        for name in list(self._kept)[:-_KEPT]:
            self._kept.pop(name, None)
        return pixels

    def small(self, record: ShardRecord) -> UInt8Array:
        """Return the imagery of a shard with thumbnails at a quarter of the resolution.

        Raises:
            IndexCorruptError: it is not as it was written.
        """
        self._check(record, shards.THUMBNAILS)
        return shards.open_picture(self._folder, record, shards.THUMBNAILS)

    def every(self, record: ShardRecord, rows: slice, cols: slice) -> UInt8Array:
        """Return pixels of a shard's imagery; those of thumbnails where these are fine enough.

        Raises:
            IndexCorruptError: it is not as it was written.
        """
        if record.thumbnails is None or min(rows.step, cols.step) < THUMBNAIL_STEP:
            return self.whole(record)[rows, cols]
        down, across = (np.arange(part.start, part.stop, part.step) for part in (rows, cols))
        pixels: UInt8Array = self.small(record)[
            np.ix_(down // THUMBNAIL_STEP, across // THUMBNAIL_STEP)
        ]
        return pixels
