"""The aircraft's day: its cars, crowns, sun and sensor, as a true orthophoto."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from cvgl_core.simulation.canvas import Canvas
from cvgl_core.simulation.shadow import Sun
from cvgl_core.types import Float32Array, UInt8Array

_STRIP_ROWS = 256


@dataclass(frozen=True)
class AerialLook:
    """Colour cast, haze and sharpness of one flight; ambient and haze as RGB 0..1 and 0..255."""

    ambient: Float32Array
    cast: Float32Array
    haze: float
    haze_rgb: Float32Array
    blur_px: float
    noise: float
    gamma: float


def draw_look(rng: np.random.Generator) -> AerialLook:
    """Return one flight's look."""
    ambient = np.array([0.46, 0.50, 0.58], np.float32) + np.float32(rng.uniform(-0.07, 0.07))
    return AerialLook(
        ambient=ambient,
        cast=(1 + rng.normal(0, 0.02, 3)).astype(np.float32) * np.float32(rng.uniform(0.88, 1.12)),
        haze=float(rng.uniform(0.0, 0.13)),
        haze_rgb=np.array([178, 188, 198], np.float32) + np.float32(rng.normal(0, 8)),
        blur_px=float(rng.uniform(0.5, 0.95)),
        noise=float(rng.uniform(0.8, 3.0)),
        gamma=float(rng.uniform(0.88, 1.14)),
    )


def roof_gain(canvas: Canvas, sun: Sun) -> Float32Array:
    """Return the sun's share on each pixel's slope relative to flat ground, ``[H, W]``."""
    east, south, up = sun.vector()
    gain = np.ones(canvas.surface.shape, np.float32)
    rows, cols = np.nonzero((canvas.normal_x != 0) | (canvas.normal_y != 0))
    nx = canvas.normal_x[rows, cols].astype(np.float32) / 127
    ny = canvas.normal_y[rows, cols].astype(np.float32) / 127
    nz = np.sqrt(np.maximum(1 - nx * nx - ny * ny, 0))
    gain[rows, cols] = np.clip((nx * east + ny * south + nz * up) / up, 0.0, 1.6)
    return gain


def expose(
    albedo: UInt8Array,
    light: UInt8Array,
    gain: Float32Array,
    look: AerialLook,
    rng: np.random.Generator,
) -> UInt8Array:
    """Return the picture of lit ground, uint8 ``[H, W, 3]``; ``albedo`` is overwritten."""
    rows, cols = light.shape
    noise = (rng.standard_normal((512, 512, 3), dtype=np.float32)) * look.noise
    repeats = -(-cols // 512)
    table = (255 * (np.arange(1024) / 1023) ** look.gamma).astype(np.uint8)
    for r0 in range(0, rows, _STRIP_ROWS):
        part = slice(r0, min(r0 + _STRIP_ROWS, rows))
        sun = gain[part] * (light[part].astype(np.float32) / 255)
        factor = look.ambient + (1.06 - look.ambient) * sun[..., None]
        colour = albedo[part].astype(np.float32) * factor * look.cast
        index = np.clip(colour * (1023 / 255), 0, 1023).astype(np.uint16)
        albedo[part] = table.take(index)
    blurred = cv2.GaussianBlur(albedo, (0, 0), look.blur_px)
    for r0 in range(0, rows, _STRIP_ROWS):
        part = slice(r0, min(r0 + _STRIP_ROWS, rows))
        lines = np.arange(part.start, part.stop) % 512
        grain = np.tile(noise[lines], (1, repeats, 1))[:, :cols]
        colour = blurred[part].astype(np.float32) * (1 - look.haze) + look.haze * look.haze_rgb
        blurred[part] = np.clip(colour + grain, 0, 255)
    return np.asarray(blurred)
