"""One build of tiles of several sizes: the rasters are surveyed once, each size is an index."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cvgl_core.index import claim_sizes, write_sizes
from cvgl_core.types import Progress, no_progress
from tiling.build import BuildResult, build_index
from tiling.engines import TileDescriber
from tiling.plan import CutSettings
from tiling.raster.info import RasterInfo
from tiling.sources.fingerprint import fingerprint


def build_sizes(
    rasters: Sequence[RasterInfo],
    output: Path,
    describer: TileDescriber,
    each: Sequence[CutSettings],
    *,
    progress: Progress = no_progress,
    **options: Any,
) -> tuple[BuildResult, ...]:
    """Build an index for every size, and the folder that holds them all; see ``build_index``.

    Until all sizes are whole the folder holds what it held before, or no finished index.

    Args:
        rasters: where they overlap, the first wins.
        output: the index folder.
        describer: the model.
        each: how to cut, for every size; a plain index is made of one.
        progress: told ``("tiles", done, total)`` of each size.
        options: of ``build_index``.
    """
    if len(each) == 1:
        alone = build_index(rasters, output, describer, each[0], progress=progress, **options)
        return (alone,)
    folders = claim_sizes(output, [size.tile_size_m or 0.0 for size in each])
    prints = tuple(fingerprint(raster, progress) for raster in rasters)
    results = [
        build_index(
            rasters, folder, describer, settings, progress=progress, prints=prints, **options
        )
        for settings, folder in zip(each, folders, strict=True)
    ]
    write_sizes(output, folders)
    return tuple(results)
