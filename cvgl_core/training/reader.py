"""Makes batches of listed pairs ahead of the network, and replaces what cannot be read."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from cvgl_core.data.pairs import PairBatch
from cvgl_core.data.pairset import PairImages
from cvgl_core.errors import DatasetError
from cvgl_core.types import IntArray, UInt8Array

log = logging.getLogger(__name__)

Pixels = tuple[UInt8Array, UInt8Array]
"""A view ``[h, w, 3]`` and its tile ``[p, p, 3]``."""

Finish = Callable[[IntArray, list[Pixels], tuple[int, ...]], PairBatch]
"""Makes a batch of pairs, their pixels and the place in the plan."""

_Jobs = list[tuple[int, Future[Pixels]]]
_Made = tuple[IntArray, PairBatch]

_AHEAD = 3
_FINISHERS = 2
_FEW = 8
_TRIES = 64


@dataclass(frozen=True)
class ReadRules:
    """How images are read.

    Attributes:
        threads: that read at the same time.
        unreadable_limit: share of the pairs that may be unreadable; a few always may.
        seed: of the choice of replacements.
    """

    threads: int = 8
    unreadable_limit: float = 0.03
    seed: int = 0


class PairReader:
    """Threads that read one process's part of planned batches, and others that finish batches.

    Attributes:
        unreadable: pairs that could not be read so far.
    """

    def __init__(self, images: PairImages, rules: ReadRules, finish: Finish) -> None:
        self.unreadable: set[int] = set()
        self._images = images
        self._pairs = images.pairs
        self._rules = rules
        self._finish = finish
        self._readers: ThreadPoolExecutor | None = None
        self._finishers: ThreadPoolExecutor | None = None
        self._made: Iterator[Future[_Made]] = iter(())

    def open(self, stack: ExitStack) -> None:
        """Start the threads; ``stack`` ends them without waiting for what nobody needs."""
        self._readers = ThreadPoolExecutor(self._rules.threads)
        self._finishers = ThreadPoolExecutor(_FINISHERS)
        for pool in (self._readers, self._finishers):
            stack.callback(pool.shutdown, wait=False, cancel_futures=True)

    def start(self, plan: IntArray, part: slice, epoch: int, first: int) -> None:
        """Begin with the ``part`` of each batch of a plan ``[n, size]``, at batch ``first``."""
        self._made = self._ahead(plan, part, epoch, first)

    def next(self) -> _Made:
        """Return the pairs of the part of the next batch, and the batch.

        A pair that cannot be read is replaced by one on a tile that is not in the batch. Which one
        depends on the place in the plan alone, so that a resumed run draws the same.

        Raises:
            DatasetError: more than a few pairs cannot be read; names the last.
        """
        return next(self._made).result()

    def _ahead(
        self, plan: IntArray, part: slice, epoch: int, first: int
    ) -> Iterator[Future[_Made]]:
        assert self._readers and self._finishers, "open() comes first"
        waiting: deque[Future[_Made]] = deque()
        for number in range(first, len(plan)):
            own = plan[number, part].tolist()
            jobs = [(pair, self._readers.submit(self._read, pair)) for pair in own]
            waiting.append(self._finishers.submit(self._make, plan[number], jobs, (epoch, number)))
            if len(waiting) > _AHEAD:
                yield waiting.popleft()
        yield from waiting

    def _make(self, batch: IntArray, jobs: _Jobs, place: tuple[int, ...]) -> _Made:
        found = [self._readable(pair, job, batch, place) for pair, job in jobs]
        pairs = np.array([pair for pair, _ in found], dtype=np.int64)
        return pairs, self._finish(pairs, [pixels for _, pixels in found], place)

    def _read(self, pair: int) -> Pixels:
        return self._images.view(pair), self._images.tile(int(self._pairs.positive[pair]))

    def _readable(
        self, pair: int, job: Future[Pixels], batch: IntArray, place: tuple[int, ...]
    ) -> tuple[int, Pixels]:
        try:
            return pair, job.result()
        except DatasetError as error:
            self._note(pair, error)
        taken = set(self._pairs.positive[batch].tolist())
        rng = np.random.default_rng([self._rules.seed, *place, pair])
        count = len(self._pairs.positive)
        for other in rng.permutation(count)[:_TRIES].tolist():
            if int(self._pairs.positive[other]) in taken:
                continue
            try:
                return other, self._read(other)
            except DatasetError as error:
                self._note(other, error)
        raise DatasetError(f"{self._pairs.name}: found no pair to read in place of number {pair}")

    def _note(self, pair: int, error: DatasetError) -> None:
        """Count a pair that cannot be read; stop when they are more than a few."""
        if pair not in self.unreadable:
            log.warning("pair left out: %s", error)
        self.unreadable.add(pair)
        allowed = max(_FEW, self._rules.unreadable_limit * len(self._pairs.positive))
        if len(self.unreadable) > allowed:
            raise DatasetError(
                f"{len(self.unreadable)} pairs of {self._pairs.name} cannot be read, more than "
                f"pairs.unreadable_limit allows; the last: {error}"
            ) from error
