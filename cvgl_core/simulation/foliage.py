"""Trees: ellipsoid crowns, their outline broken by leaf noise, on upright trunks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cvgl_core.simulation.bodies import Columns, Painted, Rays, list_columns, list_pixels
from cvgl_core.simulation.scene import GroundScene, Look
from cvgl_core.simulation.sky import periodic_noise

_ROUGH = 0.34
_SWELL = 1.13
_VOLUME = 64
_VOXELS_PER_M = 9.0
# wavelength in voxels, roughness and weight of coarse and fine leaf noise
_LEAVES: dict[Look, tuple[tuple[float, float, float], ...]] = {
    "plain": ((20.0, 1.5, 0.34), (4.0, 1.0, 0.30)),
    "foreign": ((9.0, 1.2, 0.30), (3.0, 0.8, 0.44)),
}
_BARK_RGB = (92.0, 78.0, 64.0)


@dataclass(frozen=True)
class Crowns:
    """Trees of a scene as tensors ``[T]`` (city frame, metres) and a volume of leaf noise."""

    x: Tensor
    y: Tensor
    radius: Tensor
    centre: Tensor
    vertical: Tensor
    rgb: Tensor
    noise: Tensor
    sun: tuple[float, float, float]


def make_crowns(scene: GroundScene, device: str) -> Crowns:
    """Move a scene's trees to a device."""
    trees = scene.trees

    def column(values: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)).to(device)

    rng = np.random.default_rng(20260)
    coarse, fine = (
        weight * periodic_noise((_VOLUME,) * 3, rng, wavelength, roughness)
        for wavelength, roughness, weight in _LEAVES[scene.look]
    )
    noise = np.clip(coarse + fine, -0.8, 1.0)
    azimuth, elevation = map(math.radians, (scene.sun_azimuth_deg, scene.sun_elevation_deg))
    flat = math.cos(elevation)
    return Crowns(
        x=column(trees.x_m),
        y=column(trees.y_m),
        radius=column(trees.radius_m),
        centre=column(trees.centre_m),
        vertical=column(trees.vertical_m),
        rgb=column(trees.rgb.reshape(-1, 3).T),
        noise=column(noise.ravel()),
        sun=(flat * math.sin(azimuth), -flat * math.cos(azimuth), math.sin(elevation)),
    )


def _leaf_noise(crowns: Crowns, tree: Tensor, at: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Look up the leaf noise in the crown's own coordinates (metres from its centre)."""
    mask = _VOLUME - 1
    tree = tree.int()
    a, b, c = (
        ((part * _VOXELS_PER_M).floor().int() + tree * prime) & mask
        for part, prime in zip(at, (7, 13, 29), strict=True)
    )
    return crowns.noise.index_select(0, (a * _VOLUME + b) * _VOLUME + c)


def _tangents(columns: Columns, radius: Tensor, vertical: Tensor, rise: Tensor) -> list[Tensor]:
    """Return the highest and lowest slope of each column that touches its crown."""
    section = (1.0 - (columns.across / radius) ** 2).clamp(min=0.0)
    half, tall = radius**2 * section, vertical**2 * section
    outside = columns.along**2 - half
    root = (half * rise**2 + tall * outside).clamp(min=0.0).sqrt()
    inside = outside <= 0.05
    divisor = torch.where(inside, 1.0, outside)
    middle = columns.along * rise
    return [
        torch.where(inside, 1e4, (middle + root) / divisor),
        torch.where(inside, -1e4, (middle - root) / divisor),
    ]


@dataclass(frozen=True)
class _Geometry:
    """Rays against crowns, one entry a pixel; coordinates relative to the crown's centre."""

    tree: Tensor
    east: Tensor
    south: Tensor
    slope: Tensor
    along: Tensor
    across: Tensor
    rise: Tensor

    def at(self, distance: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return east, south, up from the crown's centre at a horizontal distance."""
        ahead = distance - self.along
        return (
            ahead * self.east + self.across * self.south,
            ahead * self.south - self.across * self.east,
            distance * self.slope - self.rise,
        )

    def take(self, index: Tensor) -> _Geometry:
        """Return some of the entries."""
        parts = (
            self.tree, self.east, self.south, self.slope, self.along, self.across, self.rise,
        )  # fmt: skip
        return _Geometry(*(part.index_select(0, index) for part in parts))


def _crown_pixels(crowns: Crowns, rays: Rays, columns: Columns, depth: Tensor) -> Painted:
    """Intersect rays with crowns: ``|scaled point|^2 = 1 + roughness * noise``."""
    radius, vertical = (
        crowns.radius.index_select(0, columns.body),
        crowns.vertical.index_select(0, columns.body),
    )
    rise = crowns.centre.index_select(0, columns.body) - rays.height.index_select(0, columns.camera)
    upper, lower = _tangents(columns, radius * _SWELL, vertical * _SWELL, rise)
    pixels = list_pixels(rays, columns, upper, lower, depth, columns.along - radius * _SWELL)
    listed = columns.take(pixels.owner)
    inverse_r2 = (1.0 / radius**2).index_select(0, pixels.owner)
    inverse_v2 = (1.0 / vertical**2).index_select(0, pixels.owner)
    rise = rise.index_select(0, pixels.owner)
    ray = _Geometry(
        listed.body, listed.east, listed.south, pixels.slope, listed.along, listed.across, rise
    )
    a = inverse_r2 + ray.slope**2 * inverse_v2
    b = ray.along * inverse_r2 + ray.slope * rise * inverse_v2
    c = (ray.along**2 + ray.across**2) * inverse_r2 + rise**2 * inverse_v2 - 1.0
    rough = _ROUGH * _leaf_noise(crowns, ray.tree, ray.at(b / a))
    disc = b * b - a * (c - rough)
    distance = (b - disc.clamp(min=0.0).sqrt()) / a
    seen = (disc > 0) & (distance > 0.1) & (distance < depth.index_select(0, pixels.pixel))
    keep = torch.nonzero(seen).squeeze(1)
    distance = distance.index_select(0, keep)
    colour = _leaves(crowns, ray.take(keep), distance)
    return Painted(pixels.pixel.index_select(0, keep), distance, colour)


def _leaves(crowns: Crowns, ray: _Geometry, distance: Tensor) -> Tensor:
    """Shade a crown by the sun, the sky above and leaf noise, ``[3, n]``."""
    at = ray.at(distance)
    leaf = _leaf_noise(crowns, ray.tree, at)
    radius, vertical = (
        1.0 / crowns.radius.index_select(0, ray.tree),
        1.0 / crowns.vertical.index_select(0, ray.tree),
    )
    sun = crowns.sun
    up = at[2] * vertical
    lit = (at[0] * sun[0] + at[1] * sun[1]) * radius + up * sun[2]
    shade = (0.66 + 0.30 * lit + 0.10 * up + 0.26 * leaf).clamp(0.20, 1.35)
    warm = 1.0 + 0.10 * (shade - 0.7)
    rgb = crowns.rgb.index_select(1, ray.tree) * shade
    return torch.stack([rgb[0] * warm, rgb[1], rgb[2] * (2.0 - warm)])


def _trunk_pixels(crowns: Crowns, rays: Rays, columns: Columns, depth: Tensor) -> Painted:
    """Draw trunks as upright cylinders from the ground to the crown's centre."""
    thick = 0.16 + 0.03 * crowns.radius.index_select(0, columns.body)
    keep = torch.nonzero(columns.across.abs() < thick).squeeze(1)
    hit, thick = columns.take(keep), thick.index_select(0, keep)
    distance = (hit.along - thick).clamp(min=0.1)
    height = rays.height.index_select(0, hit.camera)
    upper, lower = (crowns.centre.index_select(0, hit.body) - height) / distance, -height / distance
    pixels = list_pixels(rays, hit, upper, lower, depth, distance)
    side = hit.across / thick
    shade = 0.62 + 0.25 * (1.0 - side**2).clamp(min=0.0).sqrt() + 0.12 * side
    colour = shade.new_tensor(_BARK_RGB)[:, None] * shade.index_select(0, pixels.owner)
    return Painted(pixels.pixel, distance.index_select(0, pixels.owner), colour)


def paint_trees(crowns: Crowns, rays: Rays, depth: Tensor, reach_m: float) -> list[Painted]:
    """Return the pixels that may show a crown or a trunk, nearer than ``depth`` (metres).

    Trees farther than ``reach_m`` from the camera are left out.
    """
    reach = crowns.radius * _SWELL
    columns = list_columns(crowns.x, crowns.y, reach, rays, reach_m)
    return [
        _crown_pixels(crowns, rays, columns, depth),
        _trunk_pixels(crowns, rays, columns, depth),
    ]
