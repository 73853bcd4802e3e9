"""Distances of places on tiles to the camera, in metres on the ground."""

from __future__ import annotations

import numpy as np

from cvgl_core.evaluation.evalset import EvalSet
from cvgl_core.types import Float32Array, FloatArray, IntArray


def errors_m(
    data: EvalSet, view: int, tiles: IntArray, at_px: FloatArray, side_px: int
) -> FloatArray:
    """Return the distance of places to a camera ``[n]``; infinite in another city.

    Args:
        data: tiles and views.
        view: whose camera.
        tiles: that the places are counted from ``[n]``.
        at_px: rows and columns from the tiles' north-west corners ``[n, 2]``, continuous.
        side_px: of the tiles.
    """
    camera_m = data.offset_m(np.full(len(tiles), view), tiles)
    south, east = ((at_px / side_px - 0.5) * data.tile_side_m[tiles][:, None]).T
    return np.asarray(np.hypot(east - camera_m[:, 0], -south - camera_m[:, 1]))


def arg_max_errors_m(
    data: EvalSet, view: int, tiles: IntArray, heatmaps: Float32Array
) -> FloatArray:
    """Return the distance of each tile's most probable pixel to a camera ``[n]``.

    Args:
        data: tiles and views.
        view: whose camera.
        tiles: numbers ``[n]``.
        heatmaps: of the tiles ``[n, p, p]``.
    """
    side_px = heatmaps.shape[-1]
    row, col = np.divmod(heatmaps.reshape(len(tiles), -1).argmax(axis=1), side_px)
    return errors_m(data, view, tiles, np.stack([row, col], axis=1) + 0.5, side_px)
