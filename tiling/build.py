"""From rasters to an index: plan, cut, describe, store; the same command again goes on.

Blocks are read ahead by threads while the network describes the one before. A block is stored
whole under a name that says what it was made from, so a build that is killed loses only the block
in hand, and the finished folder is the same, byte for byte, as if nothing had happened.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from cvgl_core.errors import EmptyCoverageError, WeightsError
from cvgl_core.index import IndexWriter, Manifest, ShardRecord, map_record, verify_folder
from cvgl_core.types import ModelCard, Progress, no_progress
from tiling.cut import CutBlock, Cutter, fill_colour
from tiling.describe import describe_block
from tiling.engines import TileDescriber
from tiling.plan import Block, CutSettings, Plan, make_plan
from tiling.raster import RasterInfo
from tiling.record import manifest_of

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class BuildResult:
    """What a build did.

    Attributes:
        manifest: of the finished index.
        blocks_written: blocks cut and described now.
        blocks_kept: blocks that were there already.
    """

    manifest: Manifest
    blocks_written: int
    blocks_kept: int


def build_index(
    rasters: Sequence[RasterInfo],
    output: Path,
    describer: TileDescriber,
    settings: CutSettings | None = None,
    *,
    maps: bool = True,
    workers: int = 1,
    progress: Progress = no_progress,
) -> BuildResult:
    """Cut rasters, describe the tiles and store them; go on where an earlier build stopped.

    Args:
        rasters: where they overlap, the first wins; later ones fill its holes.
        output: the index folder.
        describer: the model.
        settings: how to cut.
        maps: keep the tiles' detailed maps, so that re-ranking reads no image.
        workers: threads that read ahead of the network.
        progress: told ``("tiles", done, total)``.

    Raises:
        EmptyCoverageError: no tile fits, or none shows enough picture.
        IndexLockedError: another process is building this index.
        OutputError: the disk is full or the folder cannot be written.
    """
    settings = settings or CutSettings()
    card = describer.card
    if not card.weights_sha256:
        raise WeightsError(f"model {card.name} has no stored weights that an index could name")
    kept = map_record(describer.map_shape) if maps else None
    plan = make_plan(rasters, card, settings, progress, kept)
    with IndexWriter(output) as writer:
        finished = _finished(writer, plan)
        if finished is not None:
            progress("tiles", plan.tile_count, plan.tile_count)
            return BuildResult(finished, 0, len(finished.shards))
        _warn_of_space(output, plan, card)
        job = _Job(plan, settings, describer, writer, workers, progress)
        shards = job.run()
        if not shards:
            raise EmptyCoverageError(
                f"{rasters[0].path}: no tile shows picture on {settings.min_valid:.0%} of its "
                "ground; the raster holds too much nodata, or lower --min-valid"
            )
        manifest = writer.commit(manifest_of(plan, card, settings, shards))
    return BuildResult(manifest, job.written, len(shards) - job.written)


class _Job:
    """One run over the blocks of a plan."""

    def __init__(
        self,
        plan: Plan,
        settings: CutSettings,
        describer: TileDescriber,
        writer: IndexWriter,
        workers: int,
        progress: Progress,
    ) -> None:
        self._plan = plan
        self._settings = settings
        self._describer = describer
        self._writer = writer
        self._workers = max(1, workers)
        self._progress = progress
        self.written = 0

    def run(self) -> list[ShardRecord]:
        """Return the records of all blocks that hold a tile, in order."""
        dim = self._describer.card.descriptor_dim
        records: dict[str, ShardRecord] = {}
        todo: list[Block] = []
        for block in self._plan.blocks:
            record = self._writer.existing(block.name, dim, self._plan.maps)
            if record is None:
                todo.append(block)
            else:
                records[block.name] = record
        total = self._plan.tile_count
        done = total - sum(len(block.rows) for block in todo)
        self._progress("tiles", done, total)
        for cut in self._cuts(todo):
            if len(cut.kept):
                data = describe_block(cut, self._plan, self._describer, self._told(done, total))
                records[cut.block.name] = self._writer.write_shard(cut.block.name, data)
                self.written += 1
            done += len(cut.block.rows)
            self._progress("tiles", done, total)
        return [records[block.name] for block in self._plan.blocks if block.name in records]

    def _told(self, done: int, total: int) -> Callable[[int], None]:
        """Return what tells of tiles of a block when ``done`` are in blocks before it."""
        return lambda described: self._progress("tiles", done + described, total)

    def _cuts(self, blocks: Sequence[Block]) -> Iterator[CutBlock]:
        """Yield the pixels of blocks in order, read ahead by threads; a few at a time in memory."""
        local = threading.local()
        fill = fill_colour(self._describer.card)
        with ExitStack() as stack:
            pool = ThreadPoolExecutor(self._workers, thread_name_prefix="cut")

            def cut(block: Block) -> CutBlock:
                if not hasattr(local, "cutter"):
                    cutter = Cutter(self._plan, self._settings.min_valid, fill)
                    local.cutter = stack.enter_context(cutter)
                result: CutBlock = local.cutter.cut(block)
                return result

            ahead: deque[Future[CutBlock]] = deque()
            try:
                for block in blocks:
                    ahead.append(pool.submit(cut, block))
                    if len(ahead) > self._workers:
                        yield ahead.popleft().result()
                while ahead:
                    yield ahead.popleft().result()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)


def _finished(writer: IndexWriter, plan: Plan) -> Manifest | None:
    """Return the folder's manifest if it is this very index and every byte is as written."""
    previous = writer.previous
    if previous is None or previous.index_id != plan.index_id:
        return None
    problems = verify_folder(writer.folder)
    for problem in problems:
        _LOG.warning("%s", problem)
    return None if problems else previous


def _warn_of_space(output: Path, plan: Plan, card: ModelCard) -> None:
    """Say in the log when the disk looks too small."""
    needed, free = plan.stored_bytes(card.descriptor_dim), shutil.disk_usage(output).free
    if needed > free:
        _LOG.warning(
            "%s: the index may need %.0f MB, %.0f MB are free", output, needed / 1e6, free / 1e6
        )
