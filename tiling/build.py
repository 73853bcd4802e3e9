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
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cvgl_core import __version__
from cvgl_core.errors import EmptyCoverageError, WeightsError
from cvgl_core.geo import to_lonlat
from cvgl_core.index import (
    TILE_DTYPE,
    GridRecord,
    IndexWriter,
    Manifest,
    ShardData,
    ShardRecord,
    SourceRecord,
    map_record,
    reduce_maps,
    verify_folder,
)
from cvgl_core.types import Float32Array, ModelCard, Progress, no_progress
from tiling.cut import CutBlock, Cutter, tile_windows
from tiling.engines import TileDescriber
from tiling.plan import Block, CutSettings, Plan, make_plan
from tiling.raster import RasterInfo

_LOG = logging.getLogger(__name__)
BATCH_TILES = 32
"""Tiles described at once; part of what makes descriptors repeatable."""


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
        manifest = writer.commit(_manifest(plan, card, settings, shards))
    return BuildResult(manifest, job.written, len(shards) - job.written)


def fill_colour(card: ModelCard) -> tuple[int, int, int]:
    """Return the colour of pixels without picture: the mean of what the model was trained on."""
    red, green, blue = (round(min(max(value, 0.0), 1.0) * 255.0) for value in card.mean_rgb)
    return red, green, blue


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
                data = self._describe(cut, done)
                records[cut.block.name] = self._writer.write_shard(cut.block.name, data)
                self.written += 1
            done += len(cut.block.rows)
            self._progress("tiles", done, total)
        return [records[block.name] for block in self._plan.blocks if block.name in records]

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

    def _describe(self, cut: CutBlock, done: int) -> ShardData:
        """Return a block's shard: its tiles described in batches, always cut the same way.

        Args:
            cut: the block.
            done: tiles of blocks before it.
        """
        descriptors: list[Float32Array] = []
        maps: list[Float32Array] = []
        for start in range(0, len(cut.kept), BATCH_TILES):
            found = self._describe_batch(cut, cut.kept[start : start + BATCH_TILES])
            descriptors.append(found[0])
            maps.extend(found[1:])
            self._progress("tiles", done + start, self._plan.tile_count)
        table = np.zeros(len(cut.kept), TILE_DTYPE)
        table["row"], table["col"] = cut.block.rows[cut.kept], cut.block.cols[cut.kept]
        centres = self._plan.grid.centre(table["row"], table["col"])
        table["lon"], table["lat"] = to_lonlat(self._plan.grid.crs, *centres)
        table["valid_fraction"] = cut.valid_fraction
        top, left = cut.block.window_px[:2]
        reduced = reduce_maps(np.concatenate(maps)) if maps else None
        return ShardData(top, left, np.concatenate(descriptors), table, cut.rgb, cut.valid, reduced)

    def _describe_batch(self, cut: CutBlock, positions: np.ndarray) -> tuple[Float32Array, ...]:
        """Return the descriptors of some tiles of a block, and their maps if kept, checked."""
        describer, kept = self._describer, self._plan.maps
        tiles = tile_windows(cut, self._plan, positions)
        found = (
            (describer.describe_tiles(tiles),) if kept is None else describer.encode_tiles(tiles)
        )
        shapes = ((describer.card.descriptor_dim,), describer.map_shape)
        for array, shape in zip(found, shapes, strict=False):
            if array.shape != (len(positions), *shape) or not np.isfinite(array).all():
                raise WeightsError(
                    f"model {describer.card.name} gave descriptions that are not finite numbers "
                    f"of the shape {shape}; its weights are unusable"
                )
        return found


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


def _manifest(
    plan: Plan, card: ModelCard, settings: CutSettings, shards: Sequence[ShardRecord]
) -> Manifest:
    """Return what the index says about itself."""
    return Manifest(
        index_id=plan.index_id,
        version=1,
        software=f"cvgl {__version__}",
        grid=GridRecord(
            crs=plan.grid.crs, tile_size_m=plan.grid.tile_size_m, stride_m=plan.grid.stride_m
        ),
        model=card.name,
        weights_sha256=card.weights_sha256 or "",
        aerial_px=card.aerial_px,
        descriptor_dim=card.descriptor_dim,
        maps=plan.maps,
        fill_rgb=fill_colour(card),
        min_valid=settings.min_valid,
        area="" if settings.area is None else settings.area.envelope.wkt[:4000],
        sources=tuple(
            _source_record(raster, print_)
            for raster, print_ in zip(plan.rasters, plan.fingerprints, strict=True)
        ),
        shards=tuple(shards),
    )


def _source_record(raster: RasterInfo, print_: str) -> SourceRecord:
    """Return what an index stores about a raster: no path, so that it may move."""
    name = "".join(c if c.isprintable() else "?" for c in raster.path.name)
    return SourceRecord(
        name=name.encode("utf-8", "replace").decode(),
        file_bytes=sum(part.stat().st_size for part in raster.parts),
        fingerprint=print_,
        driver=raster.driver,
        crs=raster.crs if len(raster.crs) < 40 else " ".join(raster.crs[:200].split()),
        width_px=raster.width_px,
        height_px=raster.height_px,
        gsd_m_per_px=float(f"{raster.gsd_m_per_px:.6g}"),
        dtype=raster.dtype,
        bands=raster.bands,
        stretch=raster.stretch,
    )
