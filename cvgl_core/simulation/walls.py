"""Walls: straight planes recovered from the rasters, with what is known of their facades."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cvgl_core.simulation.scene import GroundScene, Look
from cvgl_core.types import BoolArray, Float32Array

STEP_M = 0.35
"""A rise of more than this between neighbouring pixels is a wall, in metres."""

_PLANE_GAP_M = 0.45
_NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))


@dataclass(frozen=True)
class WallMap:
    """Which wall a raster pixel belongs to, and the walls' planes and facades.

    Attributes:
        wall: 0 none, else row of the tables + 1, int32 ``[H * W]``.
        planes: per wall: normal east, normal south, offset of the plane along the normal in
            metres, 1 when the plane is known (0 inside a roof), ``[4, walls]``.
        facades: per wall, in the order of ``Facade``, ``[fields, walls]``.
        look: rules by which the facades are drawn.
    """

    wall: Tensor
    planes: Tensor
    facades: Tensor
    look: Look


@dataclass(frozen=True)
class WallHits:
    """Rays that meet a wall; one entry per pixel, ``[n]`` each, city frame, metres.

    Attributes:
        row: of the wall tables.
        along_m: coordinate along the wall from the building's own point.
        z_m: height above the street.
        cos_incidence: between ray (in plan) and wall normal, 0..1.
        range_m: slant distance.
    """

    row: Tensor
    along_m: Tensor
    z_m: Tensor
    cos_incidence: Tensor
    range_m: Tensor


class Facade:
    """Rows of ``WallMap.facades``."""

    KIND, HEIGHT, RED, GREEN, BLUE, FLOOR, PITCH, WIDTH, TALL = range(9)
    STYLE_0, STYLE_1, STYLE_2, X, Y, NUMBER, LIGHT = range(9, 16)


def make_walls(scene: GroundScene, device: str) -> WallMap:
    """Find the straight walls of a scene: pixels of one building on one line share a plane."""
    edge = _wall_pixels(scene)
    row, col = np.nonzero(edge)
    building = scene.building[row, col].astype(np.int64)
    azimuth = scene.wall_azimuth[row, col].astype(np.int64)
    angle = azimuth * (2 * np.pi / 256)
    gsd = scene.gsd_m_per_px
    offset = ((col + 0.5) * np.sin(angle) - (row + 0.5) * np.cos(angle)) * gsd + 0.5 * gsd
    order = np.lexsort((offset, azimuth, building))
    group = building[order] * 256 + azimuth[order]
    far = np.diff(offset[order]) > _PLANE_GAP_M
    starts = np.concatenate([[True], (np.diff(group) != 0) | far])[: len(order)]
    label = np.cumsum(starts) - 1
    first = np.flatnonzero(starts)
    count = np.bincount(label, minlength=len(first)) if len(first) else np.zeros(0)
    plane = np.bincount(label, offset[order], len(first)) / np.maximum(count, 1)
    wall = scene.building.astype(np.int32)  # a building's own row, where no plane is known
    wall[wall > 0] += len(first)
    for down, right in product((-1, 0, 1), repeat=2):  # the foot of a wall knows the wall too
        at = (
            (row[order] + down).clip(0, wall.shape[0] - 1),
            (col[order] + right).clip(0, wall.shape[1] - 1),
        )
        wall[at] = np.where(wall[at] > 0, wall[at], label + 1)
    wall[row[order], col[order]] = label + 1
    own = np.arange(len(scene.buildings.kind))
    which = np.concatenate([building[order][first] - 1, own])
    turn = np.concatenate([angle[order][first], np.zeros(len(own))])
    known = np.concatenate([np.ones(len(first)), np.zeros(len(own))])
    planes = np.stack(
        [np.sin(turn), -np.cos(turn), np.concatenate([plane, np.zeros(len(own))]), known]
    )
    return WallMap(
        wall=torch.from_numpy(wall.ravel()).to(device),
        planes=torch.from_numpy(planes.astype(np.float32)).to(device),
        facades=torch.from_numpy(_facade_table(scene, which, turn)).to(device),
        look=scene.look,
    )


def _wall_pixels(scene: GroundScene) -> BoolArray:
    """Mark the building pixels that stand at the top of a step."""
    height = scene.height_m
    edge = np.zeros(height.shape, dtype=bool)
    rows, cols = height.shape
    for down, right in _NEIGHBOURS:
        here = slice(0, rows - down), slice(max(0, -right), cols - max(0, right))
        there = slice(down, rows), slice(max(0, right), cols + min(0, right))
        step = height[there] - height[here]
        edge[there] |= step > STEP_M
        edge[here] |= step < -STEP_M
    edge &= scene.building > 0
    return edge


def _facade_table(
    scene: GroundScene, which: NDArray[np.int64], angle: NDArray[np.float64]
) -> Float32Array:
    """Return the buildings' attributes per wall, with the daylight on it, ``[fields, walls]``."""
    table = scene.buildings
    rgb = table.wall_rgb.astype(np.float32)
    away = angle - math.radians(scene.sun_azimuth_deg)
    flat = math.cos(math.radians(scene.sun_elevation_deg))
    light = 0.60 + 0.44 * np.maximum(0.0, np.cos(away)) * flat + 0.06 * np.cos(angle - 2.0)
    rows = [
        table.kind[which],
        table.height_m[which],
        *(rgb[which, band] for band in range(3)),
        table.floor_height_m[which],
        table.window_pitch_m[which],
        table.window_width[which],
        table.window_height[which],
        *(table.style[which, band] for band in range(3)),
        table.x_m[which],
        table.y_m[which],
        which % 4096,
        light,
    ]
    return np.stack([np.asarray(row, dtype=np.float32) for row in rows])
