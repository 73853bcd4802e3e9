"""Readers of many rasters, of which only so many are open at once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tiling.raster.reader import RasterReader
from tiling.raster.webreader import WebReader

Reader = RasterReader | WebReader
MOST_OPEN = 64
"""Each takes two descriptors for every thread that has used it; systems grant 1024 to a process."""


@dataclass
class _Open:
    """A reader, and how many threads have it on loan."""

    reader: Reader
    lent: int = 0


class OpenReaders:
    """Readers by number, opened when first asked for; for any number of threads.

    Beyond a number of them, those asked for longest ago are closed.

    Args:
        make: returns the reader of a number, not yet open.
        most: this many stay open, and those that are on loan.
    """

    def __init__(self, make: Callable[[int], Reader], most: int = MOST_OPEN) -> None:
        self._make = make
        self._most = most
        self._lock = threading.Lock()
        self._open: OrderedDict[int, _Open] = OrderedDict()

    @contextmanager
    def lent(self, number: int) -> Iterator[Reader]:
        """Lend a reader, open.

        Raises:
            RasterOpenError: the raster cannot be opened.
        """
        with self._lock:
            one = self._open.get(number)
            if one is None:
                one = _Open(self._make(number).__enter__())
                self._open[number] = one
            self._open.move_to_end(number)
            one.lent += 1
            self._close_some()
        try:
            yield one.reader
        finally:
            with self._lock:
                one.lent -= 1

    def close(self) -> None:
        """Close all; none may be on loan."""
        while self._open:
            self._open.popitem()[1].reader.__exit__(None, None, None)

    def _close_some(self) -> None:
        """Close those asked for longest ago that nobody has."""
        spare = [number for number, one in self._open.items() if not one.lent]
        for number in spare[: max(0, len(self._open) - self._most)]:
            self._open.pop(number).reader.__exit__(None, None, None)
