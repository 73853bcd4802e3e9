"""A block from pixels to what is stored of it: descriptors, maps and the table of its tiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cvgl_core.errors import WeightsError
from cvgl_core.geo import to_lonlat
from cvgl_core.index import TILE_DTYPE, ShardData, reduce_maps
from cvgl_core.types import Float32Array, IntArray
from tiling.cut import CutBlock, tile_windows
from tiling.engines import TileDescriber
from tiling.plan import Plan


@dataclass(frozen=True)
class Described:
    """What the network says of the tiles of a block.

    Attributes:
        descriptors: ``[K, D]``.
        maps: detailed maps ``[K, C, h, w]``, if they are kept.
    """

    descriptors: Float32Array
    maps: Float32Array | None


def describe_block(
    cut: CutBlock, plan: Plan, describer: TileDescriber, told: Callable[[int], None]
) -> Described:
    """Describe the tiles of a block in batches, always cut the same way, or all together.

    Args:
        cut: the block, with at least one tile.
        plan: what it belongs to.
        describer: the model.
        told: called after each batch with the number of tiles described so far.

    Raises:
        WeightsError: the model gives no finite numbers.
    """
    if plan.shared_trunk:
        both = describer.encode_mosaic(cut.rgb, _corners_px(cut, plan))
        _check(both, describer, len(cut.kept))
        told(len(cut.kept))
        return Described(both[0], None if plan.maps is None else both[1])
    descriptors: list[Float32Array] = []
    maps: list[Float32Array] = []
    for start in range(0, len(cut.kept), describer.batch_tiles):
        positions = cut.kept[start : start + describer.batch_tiles]
        found = _describe_batch(cut, plan, describer, positions)
        descriptors.append(found[0])
        maps.extend(found[1:])
        told(start + len(positions))
    return Described(np.concatenate(descriptors), np.concatenate(maps) if maps else None)


def shard_data(cut: CutBlock, plan: Plan, described: Described) -> ShardData:
    """Return all that is stored of a block."""
    table = np.zeros(len(cut.kept), TILE_DTYPE)
    table["row"], table["col"] = cut.block.rows[cut.kept], cut.block.cols[cut.kept]
    centres = plan.grid.centre(table["row"], table["col"])
    table["lon"], table["lat"] = to_lonlat(plan.grid.crs, *centres)
    table["valid_fraction"] = cut.valid_fraction
    top, left = cut.block.window_px[:2]
    reduced = None if described.maps is None else reduce_maps(described.maps)
    return ShardData(
        top_px=top,
        left_px=left,
        descriptors=described.descriptors,
        tiles=table,
        imagery=cut.rgb,
        valid=cut.valid,
        maps=reduced,
        damaged=cut.damaged,
        jpeg=plan.jpeg,
        acquired=cut.acquired,
        thumbnails=plan.thumbnails,
    )


def _corners_px(cut: CutBlock, plan: Plan) -> IntArray:
    """Return top and left of a block's tiles within its imagery ``[K, 2]``."""
    lattice = np.stack([cut.block.rows, cut.block.cols], axis=1)[cut.kept]
    corners_px: IntArray = lattice * plan.stride_px - np.array(cut.block.window_px[:2])
    return corners_px


def _describe_batch(
    cut: CutBlock, plan: Plan, describer: TileDescriber, positions: IntArray
) -> tuple[Float32Array, ...]:
    """Return the descriptors of some tiles of a block, and their maps if kept, checked."""
    tiles = tile_windows(cut, plan, positions)
    found = (
        (describer.describe_tiles(tiles),) if plan.maps is None else describer.encode_tiles(tiles)
    )
    _check(found, describer, len(positions))
    return found


def _check(found: tuple[Float32Array, ...], describer: TileDescriber, count: int) -> None:
    """Raise WeightsError unless a model gave finite numbers of the right shape."""
    shapes = ((describer.card.descriptor_dim,), describer.map_shape)
    for array, shape in zip(found, shapes, strict=False):
        if array.shape != (count, *shape) or not np.isfinite(array).all():
            raise WeightsError(
                f"model {describer.card.name} gave descriptions that are not finite numbers "
                f"of the shape {shape}; its weights are unusable"
            )
