"""What an index says it was made of: grid, model, rasters, shards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cvgl_core import __version__
from cvgl_core.errors import NoIndexError
from cvgl_core.index import (
    DamagedRecord,
    GridRecord,
    Manifest,
    PartRecord,
    ShardRecord,
    SkippedRecord,
    SourceRecord,
    along_curve,
    read_manifest,
)
from cvgl_core.types import ModelCard
from tiling.plan import CutSettings, Plan
from tiling.raster.facts import storable_text
from tiling.raster.info import RasterInfo
from tiling.sources.fingerprint import file_bytes


def manifest_of(
    plan: Plan,
    card: ModelCard,
    settings: CutSettings,
    shards: Sequence[ShardRecord],
    damaged: Sequence[DamagedRecord] = (),
    part: PartRecord | None = None,
) -> Manifest:
    """Return what the index says about itself, or about the part of it that was made.

    Args:
        plan: what was cut.
        card: of the model.
        settings: how it was cut.
        shards: what was made.
        damaged: tiles of blocks without a shard that could not be read.
        part: which part of the blocks this is, None for all.
    """
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
        precision=plan.precision,
        runtime=plan.runtime,
        shared_trunk=bool(plan.shared_trunk),
        maps=plan.maps,
        fill_rgb=card.fill_rgb,
        min_valid=settings.min_valid,
        area="" if settings.area is None else settings.area.envelope.wkt[:4000],
        sources=tuple(
            _source_record(raster, print_)
            for raster, print_ in zip(plan.rasters, plan.fingerprints, strict=True)
        ),
        skipped=tuple(
            SkippedRecord(name=storable_text(one.name), reason=storable_text(one.reason))
            for one in settings.skipped
        ),
        shards=along_curve(shards),
        damaged=tuple(damaged),
        part=part,
    )


def previous_manifest(folder: Path) -> Manifest | None:
    """Return what the index in a folder says about itself, None if there is none yet.

    Raises:
        IndexCorruptError: what is there is damaged.
        IndexVersionError: it is of a format that is not read.
    """
    try:
        return read_manifest(folder)
    except NoIndexError:
        return None


def _source_record(raster: RasterInfo, print_: str) -> SourceRecord:
    """Return what an index stores about a raster: no path, so that it may move."""
    return SourceRecord(
        name=storable_text(raster.path.name),
        file_bytes=file_bytes(raster),
        fingerprint=print_,
        driver=raster.driver,
        crs=raster.crs if len(raster.crs) < 40 else " ".join(raster.crs[:200].split()),
        width_px=raster.width_px,
        height_px=raster.height_px,
        gsd_m_per_px=float(f"{raster.gsd_m_per_px:.6g}"),
        dtype=raster.dtype,
        bands=raster.bands,
        stretch=raster.stretch,
        acquired=raster.acquired,
    )
