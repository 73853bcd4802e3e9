"""Walls: straight planes recovered from the rasters, and the facades drawn on them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cvgl_core.simulation.scene import GroundScene
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
    """

    wall: Tensor
    planes: Tensor
    facades: Tensor


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


def hash01(*numbers: Tensor) -> Tensor:
    """Return pseudo-random numbers in [0, 1) that depend on integer-valued tensors only."""
    mixed = torch.zeros_like(numbers[0], dtype=torch.int32)
    for number in numbers:
        mixed = (mixed ^ (number.to(torch.int32) + 1013)) * 1540483477
        mixed = mixed ^ ((mixed >> 15) & 0x1FFFF)
    return (mixed & 0xFFFF).float() * (1.0 / 65536.0)


def _band(value: Tensor, low: Tensor | float, high: Tensor | float, blur: Tensor) -> Tensor:
    """Return how much of a pixel of size ``blur`` around ``value`` lies in [low, high]."""
    inside = torch.minimum(value - low, high - value)
    return (inside / blur + 0.5).clamp_(0.0, 1.0)


@dataclass(frozen=True)
class _Face:
    """Where on its facade each pixel lies; everything ``[n]``."""

    fields: Tensor
    window: Tensor
    floor: Tensor
    across: Tensor
    up: Tensor
    blur_across: Tensor
    blur_up: Tensor
    top: Tensor
    z_m: Tensor
    along_m: Tensor


def _place(hits: WallHits, fields: Tensor, pixel_rad: float) -> _Face:
    """Work out floor, window and position within them, with the pixel's footprint."""
    pitch, storey = fields[Facade.PITCH], fields[Facade.FLOOR]
    u, v = hits.along_m / pitch + 0.37, hits.z_m.clamp(min=0.0) / storey
    window, floor = u.floor(), v.floor()
    foot = hits.range_m * pixel_rad
    return _Face(
        fields=fields,
        window=window,
        floor=floor,
        across=u - window,
        up=v - floor,
        blur_across=foot / (hits.cos_incidence.clamp(min=0.12) * pitch) + 1e-3,
        blur_up=foot / storey + 1e-3,
        top=((fields[Facade.HEIGHT] - 0.5) / storey).floor(),
        z_m=hits.z_m,
        along_m=hits.along_m,
    )


def _blend(colour: Tensor, share: Tensor, target: Tensor) -> Tensor:
    """Mix ``target`` (``[3, n]`` or ``[3, 1]``) into ``colour`` by ``share`` ``[n]``."""
    return colour + share * (target - colour)


def _window_share(face: _Face) -> tuple[Tensor, Tensor]:
    """Return how much of each pixel is glass, and how much is glass or frame."""
    fields = face.fields
    half, tall = fields[Facade.WIDTH] * 0.5, fields[Facade.TALL]
    ribbon = (fields[Facade.KIND] == 2) & (fields[Facade.STYLE_0] < 0.55)
    low = torch.where(ribbon, 0.22, 0.28)
    high = torch.where(ribbon, 0.42 + tall, 0.28 + tall).clamp(max=0.95)
    half = torch.where(ribbon, 0.47, half)
    side = (face.across - 0.5).abs()
    exists = (face.floor < face.top).float()
    glass = ((half - side) / face.blur_across + 0.5).clamp_(0.0, 1.0)
    glass = glass * _band(face.up, low, high, face.blur_up) * exists
    wide = 0.10 / fields[Facade.PITCH]
    frame = ((half + wide - side) / face.blur_across + 0.5).clamp_(0.0, 1.0)
    tall_frame = 0.10 / fields[Facade.FLOOR]
    frame = frame * _band(face.up, low - tall_frame, high + tall_frame, face.blur_up) * exists
    return glass, frame


def _glass(face: _Face) -> Tensor:
    """Return the colour of window panes: dark rooms, curtains, the sky's reflection."""
    tint = hash01(face.window, face.floor, face.fields[Facade.NUMBER])
    dark = 52.0 + 62.0 * tint + 26.0 * face.up
    curtain = (tint > 0.80).float() * 55.0
    return torch.stack([dark * 0.92 + curtain, dark + curtain, dark * 1.14 + curtain * 0.8])


def _behind_door(face: _Face) -> Tensor:
    """Tell where a window would collide with the door of a house."""
    fields = face.fields
    door = (fields[Facade.STYLE_2] - 0.5) * 4.0
    middle = (face.window + 0.5 - 0.37) * fields[Facade.PITCH]
    reach = 0.75 + 0.5 * fields[Facade.WIDTH] * fields[Facade.PITCH]
    return ((middle - door).abs() < reach) & (face.floor == 0)


def _ground_floor(face: _Face, colour: Tensor) -> Tensor:
    """Draw shop fronts under towers and mid-rises, and the doors of houses."""
    fields = face.fields
    kind = fields[Facade.KIND]
    shop = ((kind == 1) | (kind == 2)) & (fields[Facade.STYLE_1] < 0.65) & (face.floor == 0)
    unit = (face.along_m / (2.2 * fields[Facade.PITCH])).floor()
    part = face.along_m / (2.2 * fields[Facade.PITCH]) - unit
    draw = hash01(unit, fields[Facade.NUMBER])
    pane = _band(part, 0.05, 0.95, face.blur_across / 2.2) * _band(
        face.up, 0.10, 0.70, face.blur_up
    )
    sign = _band(face.up, 0.74, 0.92, face.blur_up) * _band(
        part, 0.03, 0.97, face.blur_across / 2.2
    )
    level = 46.0 + 50.0 * draw + 30.0 * face.up
    colour = _blend(colour, shop.float(), colour * 0.9)
    colour = _blend(colour, pane * shop, torch.stack([level, level * 1.04, level * 1.12]))
    other = hash01(unit + 57, fields[Facade.NUMBER])
    paint = torch.stack([70 + 140 * draw, 70 + 120 * other, 190 - 120 * draw])
    colour = _blend(colour, sign * shop, paint)
    metres = face.blur_across * fields[Facade.PITCH]
    door = _band(face.along_m - (fields[Facade.STYLE_2] - 0.5) * 4.0, -0.55, 0.55, metres)
    door = door * _band(face.z_m, -1.0, 2.1, face.blur_up * fields[Facade.FLOOR]) * (kind == 0)
    wood = torch.stack(
        [60 + 90 * fields[Facade.STYLE_0], 50 + 60 * fields[Facade.STYLE_1], 55 + 0 * draw]
    )
    return _blend(colour, door, wood)


def _structure(face: _Face, colour: Tensor) -> Tensor:
    """Draw plinth, string courses, cornice and the corrugation of sheds."""
    fields = face.fields
    kind = fields[Facade.KIND]
    metres = face.blur_up * fields[Facade.FLOOR]
    cornice = _band(face.z_m, fields[Facade.HEIGHT] - 0.7, fields[Facade.HEIGHT] + 9.0, metres)
    course = _band(face.up, 0.0, 0.06, face.blur_up) * (face.floor > 0) * (kind > 0)
    plinth = _band(face.z_m, -2.0, 0.45, metres)
    rib = 0.07 * torch.sin(face.along_m * (2 * math.pi / 0.77))
    rib = rib * (1.0 - face.blur_across * fields[Facade.PITCH] / 0.5).clamp(0.0, 1.0)
    factor = 1.0 + 0.14 * cornice * (kind == 1) - 0.17 * course * (fields[Facade.STYLE_2] < 0.5)
    factor = factor - 0.16 * plinth + rib * (kind == 3)
    return colour * factor


def facade_colours(walls: WallMap, hits: WallHits, pixel_rad: float) -> Tensor:
    """Colour wall pixels, float32 ``[3, n]`` in 0..255, daylight included.

    Args:
        walls: of the scene.
        hits: the pixels.
        pixel_rad: angular size of a pixel, for anti-aliasing.
    """
    fields = walls.facades.index_select(1, hits.row)
    face = _place(hits, fields, pixel_rad)
    colour = _structure(face, fields[Facade.RED : Facade.BLUE + 1])
    glass, frame = _window_share(face)
    shop = (fields[Facade.KIND] > 0) & (fields[Facade.KIND] < 3)
    upper = ~(shop & (fields[Facade.STYLE_1] < 0.65) & (face.floor == 0))
    trim = torch.where(fields[Facade.STYLE_2] > 0.4, 226.0, 96.0)
    upper = upper & ~((fields[Facade.KIND] == 0) & _behind_door(face))
    colour = _blend(colour, frame * upper, trim.expand_as(colour))
    colour = _blend(colour, glass * upper, _glass(face))
    colour = _ground_floor(face, colour)
    near_ground = 0.86 + 0.14 * (hits.z_m * 0.7).clamp(0.0, 1.0)
    return colour * (fields[Facade.LIGHT] * near_ground)
