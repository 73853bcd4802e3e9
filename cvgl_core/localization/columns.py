"""What each direction of a photo adds to its match with a place.

The level-0 descriptor of a view is a row of azimuth columns, and its cosine with a position of a
tile's map is a sum over channels. The sum over the channels of one column is what that direction
adds: the split is exact. Columns that the view does not show add nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cvgl_core.export.sight import ColumnMatch
from cvgl_core.geo import convergence_deg, to_lonlat
from cvgl_core.index import ReducedMaps, reduce_maps
from cvgl_core.localization.ports import MatchEngine, TileIndex
from cvgl_core.models.maps import seen_norm
from cvgl_core.types import Float32Array, GroundView, IntArray, LonLat


def column_matches(
    engine: MatchEngine,
    index: TileIndex,
    view: GroundView,
    tiles: IntArray,
    axes_deg: Sequence[float],
) -> list[ColumnMatch]:
    """Return how the directions of a view fit each tile.

    Args:
        engine: that matched the view.
        index: the tiles' own.
        view: as it was matched.
        tiles: to look at ``[K]``.
        axes_deg: azimuth of the optical axis at each tile, from grid north; not looked at where the
            view knows its own.
    """
    stored = list(tile_maps(engine, index, tiles))
    matches = []
    for place, axis_deg in enumerate(axes_deg):
        centre_deg = view.centre_azimuth_deg
        if centre_deg is None:
            centre_deg = axis_deg - view.centre_heading_offset_deg
        shift_px = round(centre_deg / 360.0 * view.rgb.shape[1])
        columns, weights = column_descriptors(engine, view, shift_px)
        order = np.concatenate([places for places, _ in stored]).argsort()
        parts = np.concatenate([column_parts(columns, weights, maps) for _, maps in stored])[order]
        visible = np.roll(view.visible, shift_px).reshape(len(columns), -1)
        best = np.unravel_index(parts[place].sum(axis=0).argmax(), parts.shape[2:])
        at = _position(index, int(tiles[place]), best, parts.shape[2:])
        matches.append(
            ColumnMatch(
                first_deg=-180.0 + convergence_deg(index.grid.crs, at.lon, at.lat),
                here=parts[place][:, best[0], best[1]].astype(np.float64),
                usual=parts.mean(axis=(0, 2, 3), dtype=np.float64),
                seen=np.asarray(visible.any(axis=1), np.bool_),
                best=at,
            )
        )
    return matches


def column_descriptors(
    engine: MatchEngine, view: GroundView, shift_px: int
) -> tuple[Float32Array, Float32Array | None]:
    """Return each column's part of the level-0 descriptor of a turned view, and their weights.

    The parts ``[n, C]`` are zero outside of their column; weights ``[n]`` are None for a full
    circle. The picture is turned before it is described, as it is when headings are searched.
    """
    count = engine.card.ground_columns
    turned = replace(
        view, rgb=np.roll(view.rgb, shift_px, axis=1), visible=np.roll(view.visible, shift_px)
    )
    features = engine.describe_view(turned)
    (level0,), weights = features.columns_at(0, [0]), features.weights_at([0])
    own = np.arange(len(level0)) // (len(level0) // count) == np.arange(count)[:, None]
    split: Float32Array = np.where(own, level0, np.float32(0))
    return split, None if weights is None else weights[0]


def column_parts(
    columns: Float32Array, weights: Float32Array | None, maps: ReducedMaps
) -> Float32Array:
    """Return what columns ``[n, C]`` add to the cosine at every position, ``[N, n, h, w]``."""
    codes = maps.codes.astype(np.float32)
    added = codes @ (columns @ maps.basis).T
    if weights is not None:
        flat = codes.reshape(-1, codes.shape[-1])
        added /= seen_norm(flat, maps.basis, weights[None]).reshape(*codes.shape[:3], 1)
    return np.moveaxis(added, -1, 1)


def tile_maps(
    engine: MatchEngine, index: TileIndex, tiles: IntArray
) -> Iterator[tuple[NDArray[np.intp], ReducedMaps]]:
    """Yield positions in ``tiles`` and their maps: the stored ones, or made now."""
    if index.has_maps:
        yield from index.tile_maps(tiles)
        return
    _, maps = engine.encode_tiles(index.tile_pixels(tiles))
    yield np.arange(len(tiles)), reduce_maps(maps, maps.shape[1])


def _position(
    index: TileIndex, tile: int, cell: tuple[np.intp, ...], shape: tuple[int, ...]
) -> LonLat:
    """Return the middle of a cell of a tile's map."""
    grid = index.member_of(tile)[0].grid
    size_m = grid.tile_size_m
    x_m, y_m = grid.centre(index.rows[tile], index.cols[tile])
    right_m = ((float(cell[1]) + 0.5) / shape[1] - 0.5) * size_m
    down_m = ((float(cell[0]) + 0.5) / shape[0] - 0.5) * size_m
    lon, lat = to_lonlat(index.grid.crs, [float(x_m) + right_m], [float(y_m) - down_m])
    return LonLat(float(lon[0]), float(lat[0]))
