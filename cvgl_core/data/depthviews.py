"""A place's 3D scene as pictures of depth: what the drone branch is aligned with in training."""

from __future__ import annotations

import numpy as np

from cvgl_core.types import Float32Array

ELEVATION_DEG = 45.0
SCALES = (1.0, 0.7, 0.5)
"""Parts of the cloud that are shown, from that of the highest drones to that of the lowest."""


def scene_views(
    xyz_m: Float32Array, views: int, side_px: int, scales: tuple[float, ...] = SCALES
) -> Float32Array:
    """Draw a point cloud from around and from above, at several scales.

    Parallel rays; the view point circles the cloud's middle at 45 degrees above the horizon, the
    last view looks straight down with north up, so that its depth is height. Sizes are relative to
    the cloud, so that clouds without a scale (from structure from motion) do as well.

    Args:
        xyz_m: east, north, up from the middle of the ground ``[N, 3]``; any unit.
        views: pictures of each scale, at least 2.
        side_px: of each picture.
        scales: shares of the cloud's half extent in plan that are shown.

    Returns:
        Nearness ``[scales, views, side_px, side_px]`` in 0..1; 0 where there is no point.
    """
    half = float(np.abs(xyz_m[:, :2]).max())
    turns = [(k * 360.0 / (views - 1), ELEVATION_DEG) for k in range(views - 1)]
    return np.stack(
        [
            np.stack(
                [_view(xyz_m, half * scale, turn, side_px) for turn in (*turns, (180.0, 90.0))]
            )
            for scale in scales
        ]
    )


def _view(
    xyz_m: Float32Array, radius_m: float, turn_deg: tuple[float, float], side_px: int
) -> Float32Array:
    """Return nearness as seen from an azimuth and an elevation ``[side_px, side_px]``."""
    azimuth, elevation = np.radians(turn_deg)
    back = np.array([np.sin(azimuth), np.cos(azimuth)])
    toward = np.array([*(back * np.cos(elevation)), np.sin(elevation)])
    right = np.array([-np.cos(azimuth), np.sin(azimuth), 0.0])
    up = np.array([*(-back * np.sin(elevation)), np.cos(elevation)])
    across, rise, near = (xyz_m @ axis / radius_m for axis in (right, up, toward))
    col, row = (np.floor((part + 1.0) / 2.0 * side_px) for part in (across, -rise))
    seen = (col >= 0) & (col < side_px) & (row >= 0) & (row < side_px)
    value = np.clip((near[seen] + 1.0) / 2.0, 1.0 / 255.0, 1.0).astype(np.float32)
    picture = np.zeros((side_px, side_px), np.float32)
    np.maximum.at(picture, (row[seen].astype(int), col[seen].astype(int)), value)
    return picture
