"""The city's surface as tensors: heights, and colours in a pyramid that can be sampled fast."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from cvgl_core.simulation.scene import GroundScene
from cvgl_core.simulation.sky import periodic_noise
from cvgl_core.types import Float32Array, UInt8Array

AMBIENT_RGB = (0.52, 0.55, 0.62)
_SUNLIT = 1.06
_LEVELS = 4
NEAR_M = 22.0
"""Up to here colours are interpolated and grainy, slant distance in metres."""

_GRAIN_SIDE = 256
_THIN_PX = 5
_ROOF_M = 1.8
_GRAIN_M = 0.035


@dataclass(frozen=True)
class Surface:
    """Rasters of a scene on a device; made by ``make_surface``.

    Attributes:
        gsd_m: metres per pixel of the finest level.
        rows, cols: of the finest level.
        height: metres above the street, 0 along the raster's border, ``[rows * cols]``.
        texels: R, G, B, light packed into int32, all pyramid levels one after another.
        level_start, level_cols: where a level starts in ``texels`` and its width, ``[levels]``.
        level_last_row: last row of each level, ``[levels]``.
        grain: fine texture of the ground, mean 1, ``[256 * 256]``.
        sun: direction to the sun, east, south, up.
        texel_range_m: see ``Sight``.
    """

    gsd_m: float
    rows: int
    cols: int
    height: Tensor
    texels: Tensor
    level_start: Tensor
    level_cols: Tensor
    level_last_row: Tensor
    grain: Tensor
    sun: tuple[float, float, float]
    texel_range_m: float

    def height_at(self, x_px: Tensor, y_px: Tensor) -> Tensor:
        """Return the height of the pixel that holds a point given in continuous pixels."""
        index = self.index_at(x_px, y_px)
        return self.height.index_select(0, index.reshape(-1)).reshape(index.shape)

    def smooth_height_at(self, x_px: Tensor, y_px: Tensor) -> Tensor:
        """Return the height interpolated between pixel centres."""
        x, y = x_px.clamp(1, self.cols - 2) - 0.5, y_px.clamp(1, self.rows - 2) - 0.5
        col, row = x.int(), y.int()
        right, down = x - col, y - row
        index = torch.add(col, row, alpha=self.cols).reshape(-1)
        west, east, south_west, south_east = (
            self.height.index_select(0, index + step).reshape(x.shape)
            for step in (0, 1, self.cols, self.cols + 1)
        )
        return torch.lerp(
            torch.lerp(west, east, right), torch.lerp(south_west, south_east, right), down
        )

    def index_at(self, x_px: Tensor, y_px: Tensor) -> Tensor:
        """Return the flat index of the pixel that holds a point given in continuous pixels."""
        col = x_px.clamp(0, self.cols - 1).int()
        return torch.add(col, y_px.clamp(0, self.rows - 1).int(), alpha=self.cols)

    def facing_sun(self, x_m: Tensor, y_m: Tensor) -> Tensor:
        """Return how much more sun a slope gets than level ground does, 0..1.25, ``[n]``."""
        col, row = x_m / self.gsd_m, y_m / self.gsd_m
        rise_e = self.height_at(col + 1, row) - self.height_at(col - 1, row)
        rise_s = self.height_at(col, row + 1) - self.height_at(col, row - 1)
        east, south = (rise.clamp(-3, 3) / (2 * self.gsd_m) for rise in (rise_e, rise_s))
        sun_e, sun_s, sun_u = self.sun
        facing = (sun_u - east * sun_e - south * sun_s) * torch.rsqrt(1.0 + east**2 + south**2)
        return (facing / sun_u).clamp(0.0, 1.25)

    def distant_colours(self, x_m: Tensor, y_m: Tensor, range_m: Tensor) -> Tensor:
        """Return R, G, B, light, ``[4, n]`` in 0..255, from the level that suits the distance."""
        level = torch.log2((range_m * (1.0 / self.texel_range_m)).clamp(min=1.0)).int()
        level = level.clamp(max=_LEVELS - 1)
        scale = torch.exp2(-level.float()) / self.gsd_m
        cols = self.level_cols.index_select(0, level)
        col = torch.minimum((x_m * scale).int().clamp(min=0), cols - 1)
        last_row = self.level_last_row.index_select(0, level)
        row = torch.minimum((y_m * scale).int().clamp(min=0), last_row)
        start = self.level_start.index_select(0, level)
        return _unpack(self.texels.index_select(0, start + row * cols + col))

    def near_colours(self, x_m: Tensor, y_m: Tensor, range_m: Tensor) -> Tensor:
        """Return R, G, B, light, ``[4, n]`` in 0..255, interpolated and with fine grain."""
        packed = self._bilinear(x_m * (1.0 / self.gsd_m), y_m * (1.0 / self.gsd_m))
        grain = 1.0 + (self._grain(x_m, y_m) - 1.0) * (1.3 - range_m * (1.0 / 17.0))
        packed[:3] *= grain
        return packed

    def _bilinear(self, x_px: Tensor, y_px: Tensor) -> Tensor:
        """Interpolate the finest level; ``[4, n]``."""
        x, y = x_px - 0.5, y_px - 0.5
        col, row = x.floor(), y.floor()
        right, down = x - col, y - row
        level_col = col.clamp(0, self.cols - 2).int()
        index = torch.add(level_col, row.clamp(0, self.rows - 2).int(), alpha=self.cols)
        upper = _lerp(self.texels, index, right)
        lower = _lerp(self.texels, index + self.cols, right)
        return torch.lerp(upper, lower, down)

    def _grain(self, x_m: Tensor, y_m: Tensor) -> Tensor:
        """Return the fine texture at places in metres, ``[n]``."""
        mask = _GRAIN_SIDE - 1
        col = (x_m * (1.0 / _GRAIN_M)).int() & mask
        row = (y_m * (1.0 / _GRAIN_M)).int() & mask
        return self.grain.index_select(0, row * _GRAIN_SIDE + col)


def _unpack(texels: Tensor) -> Tensor:
    """Split packed int32 texels into float32 ``[4, n]`` in 0..255."""
    return torch.stack([(texels >> shift) & 255 for shift in (0, 8, 16, 24)]).float()


def _lerp(texels: Tensor, index: Tensor, share: Tensor) -> Tensor:
    """Interpolate between a texel and its right neighbour; ``[4, n]``."""
    left = _unpack(texels.index_select(0, index))
    return torch.lerp(left, _unpack(texels.index_select(0, index + 1)), share)


def daylight(packed: Tensor, sun: Tensor | None) -> Tensor:
    """Light a surface: ``albedo * (a + (1.06 - a) * light)`` per channel, ``[3, n]``.

    Args:
        packed: R, G, B and light in 0..255, ``[4, n]``.
        sun: factor on the light of surfaces that are not level, ``[n]``.
    """
    light = packed[3] * (1.0 / 255.0) if sun is None else packed[3] * (sun * (1.0 / 255.0))
    ambient = packed.new_tensor(AMBIENT_RGB)[:, None]
    return packed[:3] * torch.addcmul(ambient, _SUNLIT - ambient, light)


def _pack(rgb: UInt8Array, light: UInt8Array) -> np.ndarray:
    """Pack colours and light into int32, one number a pixel."""
    layers = np.concatenate([rgb, light[..., None]], axis=2)
    packed: np.ndarray = np.ascontiguousarray(layers).view(np.int32).reshape(-1)
    return packed


def without_thin_parts(scene: GroundScene) -> Float32Array:
    """Return the heights (metres) without parapets and chimneys that rays would half miss.

    What stands on a roof and is thinner than five pixels is lowered to that roof; buildings keep
    their outlines.
    """
    window = np.ones((_THIN_PX, _THIN_PX), np.uint8)
    height = np.ascontiguousarray(scene.height_m, dtype=np.float32)
    opened = cv2.morphologyEx(height, cv2.MORPH_OPEN, window)
    roof = cv2.dilate(opened, window)
    trimmed = (scene.building > 0) & (opened > _ROOF_M)
    corner = (scene.building > 0) & (opened <= _ROOF_M) & (roof > _ROOF_M)
    result = np.where(trimmed, np.minimum(height, opened), height)
    return np.where(corner, np.minimum(height, roof), result).astype(np.float32)


def make_surface(
    scene: GroundScene,
    height_m: Float32Array,
    albedo: UInt8Array,
    device: str,
    texel_range_m: float,
) -> Surface:
    """Move a scene's rasters to a device, with heights and colours given without the cars."""
    height = height_m.copy()
    height[[0, -1], :] = 0.0  # what lies outside the raster is level ground
    height[:, [0, -1]] = 0.0
    rgb, light = albedo, scene.light
    parts, starts, widths, last_rows = [], [], [], []
    start = 0
    for _ in range(_LEVELS):
        parts.append(_pack(rgb, light))
        starts.append(start)
        widths.append(rgb.shape[1])
        last_rows.append(rgb.shape[0] - 1)
        start += rgb.shape[0] * rgb.shape[1]
        half = max(1, rgb.shape[1] // 2), max(1, rgb.shape[0] // 2)
        rgb = cv2.resize(rgb, half, interpolation=cv2.INTER_AREA).astype(np.uint8)
        light = cv2.resize(light, half, interpolation=cv2.INTER_AREA).astype(np.uint8)
    rng = np.random.default_rng(41)
    grain = 1.0 + 0.045 * periodic_noise((_GRAIN_SIDE, _GRAIN_SIDE), rng, 4.0, 0.8)
    azimuth, elevation = map(math.radians, (scene.sun_azimuth_deg, scene.sun_elevation_deg))
    flat = math.cos(elevation)
    return Surface(
        gsd_m=scene.gsd_m_per_px,
        rows=height.shape[0],
        cols=height.shape[1],
        height=torch.from_numpy(height.ravel()).to(device),
        texels=torch.from_numpy(np.concatenate(parts)).to(device),
        level_start=torch.tensor(starts, dtype=torch.int32, device=device),
        level_cols=torch.tensor(widths, dtype=torch.int32, device=device),
        level_last_row=torch.tensor(last_rows, dtype=torch.int32, device=device),
        grain=torch.from_numpy(grain.ravel().astype(np.float32)).to(device),
        sun=(flat * math.sin(azimuth), -flat * math.cos(azimuth), math.sin(elevation)),
        texel_range_m=texel_range_m,
    )
