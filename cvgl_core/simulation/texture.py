"""Grain of surfaces, and the day's tint of the ground."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from cvgl_core.simulation.plan import Surface
from cvgl_core.types import Float32Array, UInt8Array

_STRIP_ROWS = 256
AMPLITUDES = {
    Surface.ROAD: (0.03, 0.025, 0.045, 0.0),
    Surface.SIDEWALK: (0.03, 0.025, 0.03, 0.0),
    Surface.PAVING: (0.035, 0.03, 0.045, 0.01),
    Surface.GRASS: (0.06, 0.07, 0.07, 0.035),
    Surface.DIRT: (0.05, 0.06, 0.06, 0.02),
    Surface.WATER: (0.012, 0.01, 0.02, 0.0),
    Surface.ROOF: (0.025, 0.03, 0.03, 0.0),
    Surface.COURT: (0.02, 0.02, 0.03, 0.0),
}
"""Relative amplitude of noise per pixel, at 1 m, at 20 m, and of slow drift in hue."""


@dataclass(frozen=True)
class Grain:
    """Noise fields of a city: unit variance, per pixel, at about 1 m, at 20 m, and of hue."""

    fine: Float32Array
    middle: Float32Array
    coarse: Float32Array
    hue: Float32Array


def smooth_noise(rng: np.random.Generator, rows: int, cols: int, cell_px: float) -> Float32Array:
    """Return smooth noise of unit variance ``[rows, cols]`` with features of ``cell_px``."""
    shape = (int(np.ceil(rows / cell_px)) + 2, int(np.ceil(cols / cell_px)) + 2)
    field = rng.standard_normal(shape, dtype=np.float32)
    wide = cv2.resize(field, (cols, rows), interpolation=cv2.INTER_CUBIC)
    return np.asarray(wide / max(float(wide.std()), 1e-6), np.float32)


def draw_grain(rng: np.random.Generator, size_px: int, gsd_m_per_px: float) -> Grain:
    """Return the noise of a city; the finest repeats every 1024 pixels."""
    tile = min(1024, size_px)
    return Grain(
        rng.standard_normal((tile, tile), dtype=np.float32),
        smooth_noise(rng, tile, tile, max(1.0 / gsd_m_per_px, 2.0)),
        smooth_noise(rng, size_px // 4 + 1, size_px // 4 + 1, 5.0 / gsd_m_per_px),
        smooth_noise(rng, size_px // 4 + 1, size_px // 4 + 1, 8.0 / gsd_m_per_px),
    )


def apply_texture(
    albedo: UInt8Array,
    surface: UInt8Array,
    grain: Grain,
    grass_gains: tuple[Float32Array, ...],
    amplitudes: Mapping[Surface, tuple[float, float, float, float]] = AMPLITUDES,
) -> tuple[UInt8Array, ...]:
    """Return the grained ground, once for each day's gain on grass, uint8 ``[H, W, 3]`` each."""
    rows, cols = surface.shape
    table = np.array([amplitudes[s] for s in Surface], np.float32)
    luts = [np.resize(column, 256) for column in table.T]
    days = [np.ones((len(Surface), 3), np.float32) for _ in grass_gains]
    for day, gain in zip(days, grass_gains, strict=True):
        day[int(Surface.GRASS)] = gain
    out = tuple(np.empty_like(albedo) for _ in grass_gains)
    repeats = -(-cols // grain.fine.shape[1])
    for r0 in range(0, rows, _STRIP_ROWS):
        r1 = min(r0 + _STRIP_ROWS, rows)
        part = surface[r0:r1]
        lines = np.arange(r0, r1) % grain.fine.shape[0]
        fine = np.tile(grain.fine[lines], (1, repeats))[:, :cols]
        middle = np.tile(grain.middle[lines], (1, repeats))[:, :cols]
        slow = [_strip(field, r0, r1, rows, cols) for field in (grain.coarse, grain.hue)]
        amount = [cv2.LUT(part, lut) for lut in luts]
        gain = 1 + amount[0] * fine + amount[1] * middle + amount[2] * slow[0]
        drift = amount[3] * slow[1]
        base = albedo[r0:r1].astype(np.float32) * gain[..., None]
        base[..., 0] *= 1 + drift
        base[..., 2] *= 1 - 0.5 * drift
        for day, target in zip(days, out, strict=True):
            target[r0:r1] = np.clip(base * day.take(part, axis=0), 0, 255)
    return out


def _strip(field: Float32Array, r0: int, r1: int, rows: int, cols: int) -> Float32Array:
    """Return rows ``r0..r1`` of a coarse field stretched over ``rows`` by ``cols``."""
    y = (np.arange(r0, r1, dtype=np.float32) * ((field.shape[0] - 1) / rows))[:, None]
    x = (np.arange(cols, dtype=np.float32) * ((field.shape[1] - 1) / cols))[None]
    grid_y, grid_x = np.broadcast_to(y, (r1 - r0, cols)), np.broadcast_to(x, (r1 - r0, cols))
    return np.asarray(cv2.remap(field, grid_x.copy(), grid_y.copy(), cv2.INTER_LINEAR), np.float32)
