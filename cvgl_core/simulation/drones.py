"""Drone flights over a simulated city, and what their cameras see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from cvgl_core.simulation.render import StreetRenderer
from cvgl_core.simulation.scene import Cameras, GroundScene
from cvgl_core.types import Float32Array, FloatArray, UInt8Array

_OVERSAMPLING = 2
_CLEARANCE_M = 8.0
_CLEARANCE_REACH_M = 3.0
_STRAIGHT_DOWN_DEG = -90.0


@dataclass(frozen=True)
class Flight:
    """Cameras in the order they were used, ``[N]`` each (city frame, above the street).

    Attributes:
        cameras: places.
        heading_deg: azimuth of the optical axis; at nadir, of the picture's upper edge.
        pitch_deg: of the optical axis above the horizon; -90 looks straight down.
    """

    cameras: Cameras
    heading_deg: Float32Array
    pitch_deg: Float32Array

    def __len__(self) -> int:
        return len(self.heading_deg)


def spiral_flight(
    scene: GroundScene,
    x_m: float,
    y_m: float,
    aim_m: float,
    views: int = 54,
    rounds: int = 3,
    heights_m: tuple[float, float] = (150.0, 70.0),
    first_deg: float = 0.0,
) -> Flight:
    """Circle a point while coming down, always looking at it, as University-1652 was recorded.

    The data set's tour makes three rounds from 256 m down to 121.5 m with 54 pictures; the default
    is lower, because simulated cities are small. The camera is as far from the point in plan as it
    is high above it, so that it looks down by 45 degrees; over tall roofs it flies higher.

    Args:
        scene: whose roofs are kept clear of.
        x_m: of the point.
        y_m: of the point.
        aim_m: height of the point above the street.
        views: pictures, evenly spaced along the way.
        rounds: full circles.
        heights_m: of the first and the last picture, above the street.
        first_deg: azimuth from the point to the first camera.
    """
    height = np.linspace(*heights_m, views)
    turn = np.radians(first_deg + np.arange(views) * 360.0 * rounds / views)
    radius = height - aim_m
    east, south = np.sin(turn), -np.cos(turn)
    x, y = x_m + radius * east, y_m + radius * south
    height = np.maximum(height, _surface_near(scene, x, y) + _CLEARANCE_M)
    pitch = -np.degrees(np.arctan2(height - aim_m, radius))
    heading = np.degrees(turn) + 180.0
    return Flight(_cameras(x, y, height), _f32(heading % 360.0), _f32(pitch))


def nadir_flight(
    scene: GroundScene, x_m: float, y_m: float, heights_m: FloatArray, heading_deg: float = 0.0
) -> Flight:
    """Look straight down on a point from several heights above the street.

    A height below the surface is raised to 8 m above it.

    Args:
        scene: whose roofs are kept clear of.
        x_m: of the point.
        y_m: of the point.
        heights_m: of the pictures ``[N]``.
        heading_deg: azimuth of the pictures' upper edge.
    """
    x, y = np.full(len(heights_m), x_m), np.full(len(heights_m), y_m)
    height = np.maximum(heights_m, _surface_near(scene, x, y) + _CLEARANCE_M)
    shape = len(heights_m)
    down = np.full(shape, _STRAIGHT_DOWN_DEG)
    return Flight(_cameras(x, y, height), _f32(np.full(shape, heading_deg)), _f32(down))


def photograph(
    renderer: StreetRenderer, flight: Flight, fov_deg: float, side_px: int, seed: int
) -> UInt8Array:
    """Render square pictures of a flight, each averaged from 2 x 2 rays a pixel.

    Args:
        renderer: of the scene, made with ``DRONE_SIGHT``.
        flight: the cameras.
        fov_deg: horizontal and vertical field of view.
        side_px: of each picture.
        seed: of exposure, clouds and noise.

    Returns:
        uint8 ``[N, side_px, side_px, 3]``.
    """
    pictures = []
    for index in range(len(flight)):
        part = slice(index, index + 1)
        places = flight.cameras
        fine = renderer.perspective(
            Cameras(places.x_m[part], places.y_m[part], places.height_m[part]),
            flight.heading_deg[part],
            fov_deg,
            float(flight.pitch_deg[index]),
            side_px * _OVERSAMPLING,
            side_px * _OVERSAMPLING,
            seed + index,
        )
        mean = functional.avg_pool2d(fine.permute(0, 3, 1, 2).float(), _OVERSAMPLING)
        pictures.append(mean.permute(0, 2, 3, 1).add(0.5).to(torch.uint8).cpu().numpy())
    empty = np.empty((0, side_px, side_px, 3), np.uint8)
    return np.concatenate([empty, *pictures])


def _surface_near(scene: GroundScene, x_m: FloatArray, y_m: FloatArray) -> FloatArray:
    """Return the highest surface within 3 m of places, 0 outside the rasters ``[N]``."""
    reach = _CLEARANCE_REACH_M
    steps = np.linspace(-reach, reach, 5)
    gsd = scene.gsd_m_per_px
    rows, cols = scene.height_m.shape
    highest = np.zeros(len(x_m))
    for down in steps:
        for right in steps:
            col, row = ((x_m + right) / gsd).astype(int), ((y_m + down) / gsd).astype(int)
            inside = (col >= 0) & (col < cols) & (row >= 0) & (row < rows)
            height = scene.height_m[row.clip(0, rows - 1), col.clip(0, cols - 1)]
            highest = np.maximum(highest, np.where(inside, height, 0.0))
    return highest


def _cameras(x_m: FloatArray, y_m: FloatArray, height_m: FloatArray) -> Cameras:
    return Cameras(_f32(x_m), _f32(y_m), _f32(height_m))


def _f32(values: FloatArray) -> Float32Array:
    return np.ascontiguousarray(values, dtype=np.float32)
