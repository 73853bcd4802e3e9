"""Memory of large arrays, used again: fresh memory costs a system as much as decoding costs us."""

from __future__ import annotations

import math
import weakref

import numpy as np

from cvgl_core.types import UInt8Array

_SPARE = 4


class Buffers:
    """Lends arrays; when nothing refers to one any more, its memory is lent again.

    For any number of threads.
    """

    def __init__(self) -> None:
        self._spare: list[memoryview] = []

    def lend(self, shape: tuple[int, ...]) -> UInt8Array:
        """Return an array with anything in it."""
        size = math.prod(shape)
        try:
            memory = self._spare.pop()
        except IndexError:
            memory = np.empty(size, np.uint8).data
        if not size <= len(memory) <= 2 * size:
            memory = np.empty(size, np.uint8).data
        # Every view of the array refers to this one, not to the memory below it.
        flat: UInt8Array = np.frombuffer(memory, np.uint8, size)
        weakref.finalize(flat, self._take_back, memory).atexit = False
        return flat.reshape(shape)

    def clear(self) -> None:
        """Give up the memory that is not lent."""
        self._spare.clear()

    def _take_back(self, memory: memoryview) -> None:
        if len(self._spare) < _SPARE:
            self._spare.append(memory)
