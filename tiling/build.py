"""From rasters to an index: plan, cut, describe, store; the same command again goes on.

A block is stored whole under a name that says what it was made from, so a build that is killed
loses only the blocks in hand, and the finished folder is the same, byte for byte, as if nothing
had happened, whoever did the blocks.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cvgl_core.errors import EmptyCoverageError, RasterOpenError, WeightsError
from cvgl_core.index import (
    IndexWriter,
    Manifest,
    PartRecord,
    ShardRecord,
    map_record,
    verify_folder,
)
from cvgl_core.types import Progress, no_progress
from tiling.crews.crew import Alone, Crew, Tally
from tiling.crews.line import Job
from tiling.crews.sharding import part_of
from tiling.engines import TileDescriber
from tiling.plan import Block, CutSettings, Plan, make_plan
from tiling.raster.info import RasterInfo
from tiling.record import manifest_of

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class BuildResult:
    """What a build did.

    Attributes:
        folder: of the index.
        manifest: of the finished index.
        blocks_written: blocks cut and described now.
        blocks_kept: blocks that were there already.
    """

    folder: Path
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
    shared_trunk: bool = False,
    part: PartRecord | None = None,
    crew: Crew | None = None,
    prints: tuple[str, ...] | None = None,
    progress: Progress = no_progress,
) -> BuildResult:
    """Cut rasters, describe the tiles and store them; go on where an earlier build stopped.

    Args:
        rasters: where they overlap, the first wins; later ones fill its holes.
        output: the index folder.
        describer: the model.
        settings: how to cut.
        maps: keep the tiles' detailed maps, so that re-ranking reads no image.
        shared_trunk: describe overlapping tiles together where the model can.
        part: only this part of the blocks; everything if None.
        crew: who does the blocks; this process if None.
        prints: fingerprints of the rasters, if they are known.
        progress: told ``("tiles", done, total)``.

    Raises:
        EmptyCoverageError: no tile fits, or none shows enough picture.
        RasterOpenError: a raster is gone, or nothing of them can be read.
        IndexLockedError: another process is building this index.
        OutputError: the disk is full or the folder cannot be written.
    """
    settings = settings or CutSettings()
    card = describer.card
    if not card.weights_sha256:
        raise WeightsError(f"model {card.name} has no stored weights that an index could name")
    kept = map_record(describer.map_shape) if maps else None
    trunk = describer.shared_trunk if shared_trunk else ""
    plan = make_plan(
        rasters, card, settings, progress, kept, describer.precision, trunk, describer.runtime,
        prints,
    )  # fmt: skip
    plan = plan if part is None else part_of(plan, part)
    needed_bytes = plan.stored_bytes(card.descriptor_dim)
    with IndexWriter(output, needed_bytes) as writer:
        finished = _finished(writer, plan, part)
        if finished is not None:
            progress("tiles", plan.tile_count, plan.tile_count)
            return BuildResult(output, finished, 0, len(finished.shards))
        _warn_of_space(output, needed_bytes)
        records, todo = _on_disk(writer, plan, card.descriptor_dim)
        tally = Tally(progress, _tiles(plan.blocks) - _tiles(todo), plan.tile_count)
        job = Job.of(plan, settings, card.weights_sha256, writer.shard_folder, needed_bytes)
        results = (crew or Alone(describer)).run(job, todo, tally)
        written = {name: result.record for name, result in results.items() if result.record}
        records |= written
        shards = [records[block.name] for block in plan.blocks if block.name in records]
        damaged = [one for found in results.values() if not found.record for one in found.damaged]
        damaged.sort(key=lambda one: (one.row, one.col, one.source))
        if damaged and not shards and part is None:
            raise RasterOpenError(
                f"{rasters[0].path}: no tile can be read ({damaged[0].source}: "
                f"{damaged[0].reason}); is the file complete?"
            )
        if not shards and part is None:
            raise EmptyCoverageError(
                f"{rasters[0].path}: no tile shows picture on {settings.min_valid:.0%} of its "
                "ground; the raster holds too much nodata, or lower --min-valid"
            )
        manifest = writer.commit(manifest_of(plan, card, settings, shards, damaged, part))
    return BuildResult(output, manifest, len(written), len(shards) - len(written))


def _on_disk(
    writer: IndexWriter, plan: Plan, dim: int
) -> tuple[dict[str, ShardRecord], list[Block]]:
    """Return the records of the shards that are there whole, and what is to be done, in order."""
    records: dict[str, ShardRecord] = {}
    todo: list[Block] = []
    for block in plan.blocks:
        record = writer.existing(block.name, dim, plan.maps)
        if record is None:
            todo.append(block)
        else:
            records[block.name] = record
    return records, sorted(todo, key=lambda block: block.turn)


def _tiles(blocks: Sequence[Block]) -> int:
    """Return how many tiles blocks have."""
    return sum(len(block.rows) for block in blocks)


def _finished(writer: IndexWriter, plan: Plan, part: PartRecord | None) -> Manifest | None:
    """Return the folder's manifest if it is this very index and every byte is as written."""
    previous = writer.previous
    if previous is None or (previous.index_id, previous.part) != (plan.index_id, part):
        return None
    problems = verify_folder(writer.folder)
    for problem in problems:
        _LOG.warning("%s", problem)
    return None if problems else previous


def _warn_of_space(output: Path, needed_bytes: int) -> None:
    """Say in the log when the disk looks too small."""
    free_bytes = shutil.disk_usage(output).free
    if needed_bytes > free_bytes:
        _LOG.warning(
            "%s: the index may need %.0f MB, %.0f MB are free",
            output,
            needed_bytes / 1e6,
            free_bytes / 1e6,
        )
