"""Descriptors of all tiles: they stay in the files of their shards and are read when needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cvgl_core.index.search import Rows

Half = NDArray[np.float16]


class Descriptors:
    """Rows of half-precision numbers in several parts, read as one array ``[N, D]``.

    Only the parts that are asked for are opened, each once: an index of millions of tiles is
    searched by its codes and then needs the few hundred rows that they name.
    """

    def __init__(self, counts: Sequence[int], dim: int, load: Callable[[int], Rows]) -> None:
        """Line up parts.

        Args:
            counts: rows of each part.
            dim: numbers of a row.
            load: returns a part by its position, mapped from its file.
        """
        self._offsets = np.cumsum([0, *counts])
        self._load = load
        self._parts: dict[int, Rows] = {}
        self.shape = (int(self._offsets[-1]), dim)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | ArrayLike) -> Half:
        """Return rows by position ``[n, D]``, or of a slice without a step; ``[:]`` is all."""
        if isinstance(rows, slice):
            return self._run(*rows.indices(len(self))[:2])
        wanted = np.atleast_1d(np.asarray(rows, np.int64))
        found: Half = np.empty((len(wanted), self.shape[1]), np.float16)
        part_of = np.searchsorted(self._offsets, wanted, side="right") - 1
        order = np.argsort(part_of, kind="stable")
        starts = np.flatnonzero(np.diff(part_of[order], prepend=-1)).tolist()
        for start, stop in pairwise([*starts, len(order)]):
            here = order[start:stop]
            number = int(part_of[here[0]])
            found[here] = self._part(number)[wanted[here] - self._offsets[number]]
        return found

    def _run(self, start: int, stop: int) -> Half:
        """Return the rows ``start ... stop - 1``; without a copy if they lie in one part."""
        if stop <= start:
            return np.empty((0, self.shape[1]), np.float16)
        first = int(np.searchsorted(self._offsets, start, side="right")) - 1
        last = int(np.searchsorted(self._offsets, stop, side="left"))
        pieces = [
            self._part(number)[max(0, start - offset) : stop - offset]
            for number, offset in zip(
                range(first, last), self._offsets[first:last].tolist(), strict=True
            )
        ]
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def _part(self, number: int) -> Rows:
        """Return a part, opened once."""
        if number not in self._parts:
            self._parts[number] = self._load(number)
        return self._parts[number]
