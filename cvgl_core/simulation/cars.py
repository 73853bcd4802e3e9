"""Cars: found in the height raster, taken out of it, and drawn as bodies with cabin and wheels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cvgl_core.simulation.bodies import Columns, Painted, Rays, list_columns, list_pixels
from cvgl_core.simulation.scene import GroundScene
from cvgl_core.types import BoolArray, Float32Array, FloatArray, UInt8Array

_LOWEST_M = 0.25
_CABIN_M = 1.2
_LENGTH_M = (3.0, 6.5)
_WIDTH_M = (1.3, 2.6)
_HEIGHT_M = (1.0, 2.3)
_FILL = (0.82, 1.2)
_ROAD_RGB = (92, 92, 95)
_BODY_M = 0.88
_VAN_M = 1.8
_FAR = 1e9


@dataclass(frozen=True)
class Cars:
    """Cars of a scene, ``[C]`` each, city frame.

    Attributes:
        x, y: centre, metres.
        axis_e, axis_s: unit vector from tail to nose.
        length, width, roof: metres; a roof above 1.8 m makes a van.
        rgb: paint, ``[3, C]``.
        light: 0 shadow .. 1 sun.
        sun: direction to the sun, east, south, up.
    """

    x: Tensor
    y: Tensor
    axis_e: Tensor
    axis_s: Tensor
    length: Tensor
    width: Tensor
    roof: Tensor
    rgb: Tensor
    light: Tensor
    sun: tuple[float, float, float]


@dataclass(frozen=True)
class CarFinding:
    """Cars of a scene and the rasters without them (road with a contact shadow instead)."""

    cars: Cars
    height_m: Float32Array
    albedo: UInt8Array


def find_cars(scene: GroundScene, device: str) -> CarFinding:
    """Find the car-sized solids that belong to no building.

    Position, direction and size come from the moments of the pixels around each cabin.
    """
    mask = (scene.height_m > _LOWEST_M) & (scene.building == 0)
    cabins = np.where(mask & (scene.height_m > _CABIN_M), 0, 255).astype(np.uint8)
    _, nearest = cv2.distanceTransformWithLabels(
        cabins, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_CCOMP
    )  # every pixel belongs to the nearest cabin, so cars that touch stay apart
    labels: NDArray[np.int32] = nearest.astype(np.int32)
    count = int(labels.max()) + 1
    row, col = np.nonzero(mask)
    label = labels[row, col]
    table, is_car = _measure(scene, label, row, col, count)
    on_car = is_car[label]
    row, col = row[on_car], col[on_car]
    height = scene.height_m.astype(np.float32).copy()
    height[row, col] = 0.0
    shadow = np.zeros(mask.shape, np.uint8)
    shadow[row, col] = 255
    albedo = _road_below(scene.albedo, shadow, row, col)
    columns = [torch.from_numpy(part.astype(np.float32)).to(device) for part in table]
    azimuth, elevation = map(math.radians, (scene.sun_azimuth_deg, scene.sun_elevation_deg))
    flat = math.cos(elevation)
    x, y, axis_e, axis_s, length, width, roof = columns[:7]
    cars = Cars(
        x=x,
        y=y,
        axis_e=axis_e,
        axis_s=axis_s,
        length=length,
        width=width,
        roof=roof.clamp(1.35, 2.2),
        rgb=torch.stack(columns[7:10]),
        light=columns[10],
        sun=(flat * math.sin(azimuth), -flat * math.cos(azimuth), math.sin(elevation)),
    )
    return CarFinding(cars, height, albedo)


def _measure(
    scene: GroundScene,
    label: NDArray[np.int32],
    row: NDArray[np.int64],
    col: NDArray[np.int64],
    count: int,
) -> tuple[list[FloatArray], BoolArray]:
    """Return per car x, y, axis, size, colour, light; and which labels are cars."""
    gsd = scene.gsd_m_per_px
    height = scene.height_m[row, col].astype(np.float64)

    def total(weight: NDArray[np.floating[Any]]) -> FloatArray:
        return np.asarray(np.bincount(label, weight, count), dtype=np.float64)

    pixels = np.maximum(np.bincount(label, minlength=count), 1).astype(np.float64)
    x, y = (col + 0.5) * gsd, (row + 0.5) * gsd
    mean_x, mean_y = total(x) / pixels, total(y) / pixels
    dx, dy = x - mean_x[label], y - mean_y[label]
    xx, yy, xy = total(dx * dx) / pixels, total(dy * dy) / pixels, total(dx * dy) / pixels
    root = np.sqrt(0.25 * (xx - yy) ** 2 + xy**2)
    length = np.sqrt(12 * (0.5 * (xx + yy) + root))
    width = np.sqrt(12 * np.maximum(0.5 * (xx + yy) - root, 1e-6))
    turn = 0.5 * np.arctan2(2 * xy, xx - yy)
    tallest = np.zeros(count)
    np.maximum.at(tallest, label, height)
    fill = pixels * gsd**2 / np.maximum(length * width, 1e-6)
    good = np.ones(count, dtype=bool)
    for value, (low, high) in (
        (length, _LENGTH_M),
        (width, _WIDTH_M),
        (tallest, _HEIGHT_M),
        (fill, _FILL),
    ):
        good &= (value >= low) & (value <= high)
    good &= np.bincount(label, minlength=count) > 0
    paint = (height < _CABIN_M).astype(np.float64)
    share = np.maximum(total(paint), 1.0)
    rgb = [total(paint * scene.albedo[row, col, band]) / share for band in range(3)]
    light = total(scene.light[row, col].astype(np.float64)) / pixels / 255.0
    nose = np.where((mean_x * 7 + mean_y * 3) % 2 < 1, 1.0, -1.0)
    table = [
        mean_x,
        mean_y,
        nose * np.cos(turn),
        nose * np.sin(turn),
        length,
        width,
        tallest,
        *rgb,
        light,
    ]
    return [part[good] for part in table], good


def _road_below(
    albedo: UInt8Array, shadow: UInt8Array, row: NDArray[np.int64], col: NDArray[np.int64]
) -> UInt8Array:
    """Replace cars by road with a soft contact shadow."""
    road = albedo.copy()
    road[row, col] = _ROAD_RGB
    soft = cv2.GaussianBlur(shadow, (0, 0), 1.4)
    at = np.nonzero(soft > 4)
    factor = 1.0 - (0.68 / 255.0) * soft[at].astype(np.float32)
    road[at] = (road[at] * factor[:, None]).astype(np.uint8)
    return road


@dataclass(frozen=True)
class _Local:
    """Rays in the frame of their car: position and direction along, across and up, ``[n]``."""

    u: Tensor
    v: Tensor
    z: Tensor
    du: Tensor
    dv: Tensor
    dz: Tensor


@dataclass(frozen=True)
class _Box:
    """A box with sloped sides: half sizes at its foot ``low`` that shrink by ``lean`` per metre."""

    centre: Tensor | float
    half_u: Tensor
    half_v: Tensor
    lean_u: Tensor | float
    lean_v: Tensor | float
    low: float
    high: Tensor | float


@dataclass(frozen=True)
class _Entry:
    """Where rays enter a box: horizontal distance (or 1e9) and face: 0 end, 1 side, 2 top."""

    distance: Tensor
    face: Tensor


def _enter(ray: _Local, box: _Box) -> _Entry:
    """Clip rays by the slabs of a box."""
    start = torch.zeros_like(ray.u)
    end = torch.full_like(ray.u, _FAR)
    face = torch.full_like(ray.u, 2, dtype=torch.int32)
    slabs = (
        (0, ray.u - box.centre, ray.du, box.half_u, box.lean_u),
        (1, ray.v, ray.dv, box.half_v, box.lean_v),
        (2, ray.z - 0.5 * (box.low + box.high), ray.dz, 0.5 * (box.high - box.low), None),
    )
    for number, position, speed, half, lean in slabs:
        for sign in (-1.0, 1.0):
            gap, rate = half - sign * position, sign * speed
            if lean is not None:  # sign * p + lean * (z - low) <= half
                gap, rate = gap - lean * (ray.z - box.low), rate + lean * ray.dz
            rate = torch.where(rate.abs() < 1e-6, 1e-6, rate)
            meets = gap / rate
            entering = (rate < 0) & (meets > start)
            start = torch.where(entering, meets, start)
            face = torch.where(entering, number, face)
            end = torch.where(rate > 0, torch.minimum(end, meets), end)
    return _Entry(torch.where((start < end) & (start > 0.05), start, _FAR), face)


def paint_cars(cars: Cars, rays: Rays, depth: Tensor, reach_m: float) -> list[Painted]:
    """Return the pixels that may show a car, nearer than ``depth`` (metres).

    Cars farther than ``reach_m`` from the camera are left out.
    """
    radius = 0.5 * torch.hypot(cars.length, cars.width)
    columns = list_columns(cars.x, cars.y, radius, rays, reach_m)
    reach, roof = radius[columns.body], cars.roof.index_select(0, columns.body)
    near = (columns.along - reach).clamp(min=0.2)
    eye = rays.height.index_select(0, columns.camera)
    highest = (roof - eye) / torch.where(eye > roof, columns.along + reach, near)
    pixels = list_pixels(rays, columns, highest, -eye / near, depth, near)
    listed = columns.take(pixels.owner)
    ray = _to_car(cars, rays, listed, pixels.slope)
    length, width = (
        cars.length.index_select(0, listed.body),
        cars.width.index_select(0, listed.body),
    )
    hull = _enter(ray, _Box(0.0, 0.5 * length, 0.5 * width, 0.0, 0.03, 0.0, _BODY_M))
    cabin = _enter(ray, _cabin(length, width, cars.roof.index_select(0, listed.body)))
    distance = torch.minimum(hull.distance, cabin.distance)
    seen = (distance < 0.5 * _FAR) & (distance < depth.index_select(0, pixels.pixel))
    keep = torch.nonzero(seen).squeeze(1)
    on_cabin = (cabin.distance < hull.distance)[keep]
    face = torch.where(on_cabin, cabin.face[keep], hull.face[keep])
    distance = distance[keep]
    ray = _Local(*(getattr(ray, name)[keep] for name in ("u", "v", "z", "du", "dv", "dz")))
    colour = _body_colours(cars, listed.body[keep], ray, distance, face, on_cabin)
    return [Painted(pixels.pixel[keep], distance, colour)]


def _cabin(length: Tensor, width: Tensor, roof: Tensor) -> _Box:
    """Return the glazed upper part: a saloon's, or a van's that reaches almost to the ends."""
    van, rise = roof > _VAN_M, roof - _BODY_M
    return _Box(
        centre=torch.where(van, -0.06, -0.04) * length,
        half_u=torch.where(van, 0.43, 0.30) * length,
        half_v=0.48 * width,
        lean_u=torch.where(van, 0.05, 0.11) * length / rise,
        lean_v=torch.where(van, 0.04, 0.08) * width / rise,
        low=_BODY_M,
        high=roof,
    )


def _to_car(cars: Cars, rays: Rays, columns: Columns, slope: Tensor) -> _Local:
    """Turn rays into the frames of their cars."""
    axis_e, axis_s = (
        cars.axis_e.index_select(0, columns.body),
        cars.axis_s.index_select(0, columns.body),
    )
    east = rays.x.index_select(0, columns.camera) - cars.x.index_select(0, columns.body)
    south = rays.y.index_select(0, columns.camera) - cars.y.index_select(0, columns.body)
    return _Local(
        u=east * axis_e + south * axis_s,
        v=south * axis_e - east * axis_s,
        z=rays.height.index_select(0, columns.camera),
        du=columns.east * axis_e + columns.south * axis_s,
        dv=columns.south * axis_e - columns.east * axis_s,
        dz=slope,
    )


def _body_colours(
    cars: Cars, car: Tensor, ray: _Local, distance: Tensor, face: Tensor, on_cabin: Tensor
) -> Tensor:
    """Colour points of cars: paint, glass, lights, wheels; ``[3, n]``."""
    u, v, z = (ray.u + distance * ray.du, ray.v + distance * ray.dv, ray.z + distance * ray.dz)
    length, width, roof = (
        cars.length.index_select(0, car),
        cars.width.index_select(0, car),
        cars.roof.index_select(0, car),
    )
    axis_e, axis_s = cars.axis_e.index_select(0, car), cars.axis_s.index_select(0, car)
    sun_u = cars.sun[0] * axis_e + cars.sun[1] * axis_s
    sun_v = cars.sun[1] * axis_e - cars.sun[0] * axis_s
    facing = torch.where(face == 0, sun_u * u.sign(), sun_v * v.sign()).clamp(min=0.0)
    facing = torch.where(face == 2, cars.sun[2], facing)
    shade = (
        0.50 + 0.12 * (face == 2) + 0.48 * facing * (0.25 + 0.75 * cars.light.index_select(0, car))
    )
    colour = cars.rgb.index_select(1, car) * shade
    end, side = face == 0, face == 1
    pillar = (u + 0.06 * length).abs() < 0.05
    glazed = on_cabin & (z < roof - 0.07) & (z > _BODY_M + 0.04)
    open_side = side & ~pillar & ((roof < _VAN_M) | (u > 0.12 * length))
    window = glazed & ((end & ((roof < _VAN_M) | (u > 0))) | open_side)
    colour = _fill(colour, window, 40.0 + 50.0 * (z - _BODY_M), (0.95, 1.03, 1.15))
    wheel = ((u.abs() - 0.31 * length) ** 2 + (z - 0.33) ** 2).sqrt()
    lower = ~on_cabin & side
    colour = _fill(colour, ~on_cabin & (z < 0.22), torch.full_like(u, 26.0), (1.0, 1.0, 1.0))
    colour = _fill(colour, lower & (wheel < 0.33), torch.full_like(u, 30.0), (1.0, 1.0, 1.02))
    colour = _fill(colour, lower & (wheel < 0.18), torch.full_like(u, 120.0), (1.0, 1.0, 1.02))
    lamp = ~on_cabin & end & (v.abs() > 0.29 * width) & (z > 0.55) & (z < 0.72)
    bright = torch.full_like(u, 215.0)
    colour = _fill(colour, lamp & (u > 0), bright, (1.0, 1.0, 0.93))
    return _fill(colour, lamp & (u < 0), bright, (0.72, 0.12, 0.1))


def _fill(colour: Tensor, where: Tensor, level: Tensor, tint: tuple[float, float, float]) -> Tensor:
    """Paint a part of the points with a grey level times a tint."""
    return torch.where(where, level * level.new_tensor(tint)[:, None], colour)
