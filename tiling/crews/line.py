"""A line of work over blocks, in one process: cut ahead, describe, store behind.

Cutting, describing and storing have threads of their own, so that the network never waits for a
disk. Blocks do not depend on one another; only a few are in memory at a time.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue

from cvgl_core.errors import WeightsError
from cvgl_core.index import DamagedRecord, ShardRecord
from cvgl_core.index.shard import write_shard
from tiling.cut import CutBlock, Cutter
from tiling.describe import Described, describe_block, shard_data
from tiling.engines import TileDescriber
from tiling.plan import Block, CutSettings, Plan


@dataclass(frozen=True)
class Job:
    """What is done to every block of a build; light, so that it can be sent to other processes.

    Attributes:
        plan: what the blocks belong to; its own list of blocks is empty.
        min_valid: share of a tile that must show picture.
        weights_sha256: of the model that the plan was made for.
        shard_folder: where shards are written.
        index_bytes: about what the whole index takes.
    """

    plan: Plan
    min_valid: float
    weights_sha256: str
    shard_folder: Path
    index_bytes: int = 0

    @staticmethod
    def of(
        plan: Plan, settings: CutSettings, sha256: str, shard_folder: Path, index_bytes: int = 0
    ) -> Job:
        """Return the job of a plan."""
        bare = replace(plan, blocks=())
        return Job(bare, settings.min_valid, sha256, shard_folder.absolute(), index_bytes)


@dataclass(frozen=True)
class BlockResult:
    """What became of a block.

    Attributes:
        name: of the block.
        record: its shard, None if no tile shows enough picture.
        damaged: tiles that could not be read whole.
    """

    name: str
    record: ShardRecord | None
    damaged: tuple[DamagedRecord, ...] = ()


class Line:
    """The line of one process.

    Args:
        job: what is done to every block.
        describer: the model.
        told: called with a block's name and the number of its tiles described so far.
        done: called with each result, by another thread.
        readers: threads that cut ahead of the network.
    """

    def __init__(
        self,
        job: Job,
        describer: TileDescriber,
        told: Callable[[str, int], None],
        done: Callable[[BlockResult], None],
        readers: int = 1,
    ) -> None:
        if describer.card.weights_sha256 != job.weights_sha256:
            raise WeightsError(
                f"model {describer.card.name}: its weights are not those the build began with; "
                "use the same file of weights everywhere"
            )
        if describer.precision != job.plan.precision:
            raise WeightsError(
                f"model {describer.card.name}: it was loaded in {describer.precision}, "
                f"the build began in {job.plan.precision}"
            )
        if describer.runtime != job.plan.runtime:
            raise WeightsError(
                f"model {describer.card.name}: {describer.runtime} runs it here, the build began "
                f"with {job.plan.runtime}; install the same everywhere, or give --runtime torch"
            )
        if job.plan.shared_trunk not in ("", describer.shared_trunk):
            raise WeightsError(
                f"model {describer.card.name}: what lets its tiles share a trunk is not what the "
                "build began with; use the same files everywhere"
            )
        self._job = job
        self._describer = describer
        self._told = told
        self._done = done
        self._readers = readers
        self._cuts: SimpleQueue[CutBlock | None] = SimpleQueue()
        self._room = threading.Semaphore(2 * readers)
        self._turn = threading.Lock()
        self._stopped = False

    @property
    def stopped(self) -> bool:
        """Whether something failed, so that no further block is wanted."""
        return self._stopped

    def run(self, blocks: Iterable[Block]) -> None:
        """Do all blocks; they are taken one by one, when there is room for another.

        Raises:
            RasterOpenError: a raster is gone.
            WeightsError: the model gives no finite numbers.
            OutputError: the disk is full or the folder cannot be written.
        """
        source = iter(blocks)
        stored: deque[Future[None]] = deque()
        with (
            Cutter(self._job.plan, self._job.min_valid, self._describer.card.fill_rgb) as cutter,
            ThreadPoolExecutor(self._readers, thread_name_prefix="cut") as readers,
            ThreadPoolExecutor(1, thread_name_prefix="store") as store,
        ):
            try:
                reading = [readers.submit(self._read, cutter, source) for _ in range(self._readers)]
                for cut in self._arriving():
                    described = self._describe(cut)
                    while len(stored) > 1:
                        stored.popleft().result()
                    stored.append(store.submit(self._store, cut, described))
                for future in (*reading, *stored):
                    future.result()
            finally:
                self._stopped = True
                for _ in range(self._readers):
                    self._room.release()

    def _arriving(self) -> Iterator[CutBlock]:
        """Yield what the readers have cut, until the last of them ends or one fails."""
        for _ in range(self._readers):
            while (cut := self._cuts.get()) is not None:
                yield cut
                self._room.release()

    def _read(self, cutter: Cutter, source: Iterator[Block]) -> None:
        """Cut blocks for as long as there are any; the work of one thread."""
        try:
            while (block := self._next(source)) is not None:
                self._cuts.put(cutter.cut(block))
        except BaseException:
            self._stopped = True
            raise
        finally:
            self._cuts.put(None)

    def _next(self, source: Iterator[Block]) -> Block | None:
        """Return the next block when there is room for it; None at the end."""
        self._room.acquire()
        with self._turn:
            return None if self._stopped else next(source, None)

    def _describe(self, cut: CutBlock) -> Described | None:
        """Return what the network says of a block's tiles; None without any."""
        if not len(cut.kept):
            return None
        name = cut.block.name
        return describe_block(
            cut, self._job.plan, self._describer, lambda tiles: self._told(name, tiles)
        )

    def _store(self, cut: CutBlock, described: Described | None) -> None:
        """Write a block's shard and tell of it; the work of one thread."""
        name, record = cut.block.name, None
        if described is not None:
            data = shard_data(cut, self._job.plan, described)
            record = write_shard(self._job.shard_folder, name, data, self._job.index_bytes)
        self._done(BlockResult(name, record, cut.damaged))
