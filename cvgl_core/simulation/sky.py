"""The sky of a scene's day: a gradient that knows the sun, and clouds without a seam."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cvgl_core.simulation.scene import Look
from cvgl_core.types import Float32Array

_ELEVATION_BINS = 192
_AZIMUTH_BINS = 720
_CLOUD_ROWS = 1024
_CLOUD_COLS = 2048
_CLOUD_RISE = 0.42
_CLOUD_RGB = (236.0, 237.0, 240.0)
_Rgb = tuple[float, float, float]
# of the horizon, the zenith and the sun's glow
_COLOURS: dict[Look, tuple[_Rgb, _Rgb, _Rgb]] = {
    "plain": ((198.0, 208.0, 218.0), (92.0, 138.0, 205.0), (255.0, 246.0, 226.0)),
    "foreign": ((216.0, 204.0, 184.0), (138.0, 158.0, 182.0), (255.0, 226.0, 180.0)),
}


def periodic_noise(
    shape: tuple[int, ...], rng: np.random.Generator, wavelength_px: float, roughness: float
) -> Float32Array:
    """Return smooth noise, mean 0 and deviation 1, that repeats along every axis.

    Spectral synthesis: white noise shaped by ``1 / (1 + (f * wavelength)^2)^roughness``.
    """
    spectrum = np.fft.rfftn(rng.standard_normal(shape))
    axes = [np.fft.fftfreq(n) for n in shape[:-1]] + [np.fft.rfftfreq(shape[-1])]
    square = np.zeros(spectrum.shape)
    for axis, frequencies in enumerate(axes):
        view = [1] * len(shape)
        view[axis] = len(frequencies)
        square = square + frequencies.reshape(view) ** 2
    spectrum *= (1.0 + square * wavelength_px**2) ** -roughness
    spectrum.flat[0] = 0.0
    noise = np.fft.irfftn(spectrum, s=shape, axes=tuple(range(len(shape))))
    scaled: Float32Array = (noise / noise.std()).astype(np.float32)
    return scaled


@dataclass(frozen=True)
class Sky:
    """Tables that colour any direction of the sky; made by ``make_sky``.

    Attributes:
        table: clear sky, float32 ``[3, elevation bins * azimuth bins]``, elevation 0..90 deg.
        clouds: noise, float32 ``[rows * cols]``, periodic along the columns.
        horizon: colour that distance fades to, ``[3]``.
    """

    table: Tensor
    clouds: Tensor
    horizon: Tensor

    def colours(
        self, azimuth: Tensor, elevation: Tensor, shift: Tensor, coverage: Tensor
    ) -> Tensor:
        """Colour sky pixels, float32 ``[3, n]`` in 0..255.

        Args:
            azimuth: of each pixel in radians clockwise from north, ``[n]``.
            elevation: of each pixel in radians, ``[n]``.
            shift: turn of the cloud texture per pixel, 0..1, ``[n]``.
            coverage: offset of the cloud noise per pixel: -1 few ... 1 overcast, ``[n]``.
        """
        turn = azimuth * (0.5 / math.pi)
        high = elevation.clamp(0.0, math.pi / 2)
        row = (high * ((_ELEVATION_BINS - 1) * 2 / math.pi)).long()
        col = ((turn - turn.floor()) * _AZIMUTH_BINS).long().clamp_(0, _AZIMUTH_BINS - 1)
        clear = self.table.index_select(1, row * _AZIMUTH_BINS + col)
        turn = turn + shift
        col = ((turn - turn.floor()) * _CLOUD_COLS).long().clamp_(0, _CLOUD_COLS - 1)
        row = ((_CLOUD_ROWS - 1) * _CLOUD_RISE / (torch.sin(high) + _CLOUD_RISE)).long()
        cloud = self.clouds.index_select(0, row * _CLOUD_COLS + col)
        thick = cloud + coverage
        alpha = (thick * 0.6).clamp_(0.0, 0.95) * (high * 9.0).clamp_(0.0, 1.0)
        shade = 1.03 - 0.06 * thick.clamp_(0.0, 2.5)
        white = clear.new_tensor(_CLOUD_RGB)[:, None] * shade
        return clear + alpha * (white - clear)


def make_sky(
    sun_azimuth_deg: float,
    sun_elevation_deg: float,
    seed: int,
    device: str,
    look: Look = "plain",
) -> Sky:
    """Build the sky of a day from where the sun stands (degrees, clockwise from north)."""
    elevation = (np.arange(_ELEVATION_BINS) / (_ELEVATION_BINS - 1) * np.pi / 2)[:, None]
    azimuth = ((np.arange(_AZIMUTH_BINS) + 0.5) / _AZIMUTH_BINS * 2 * np.pi)[None]
    sun_az, sun_el = math.radians(sun_azimuth_deg), math.radians(sun_elevation_deg)
    cosine = np.sin(elevation) * math.sin(sun_el) + np.cos(elevation) * math.cos(sun_el) * np.cos(
        azimuth - sun_az
    )
    blend = np.minimum(elevation / math.radians(50.0), 1.0) ** 0.6
    glow = 0.30 * np.exp((cosine - 1.0) * 3.5) + 0.65 * np.exp((cosine - 1.0) * 60.0)
    darker = 1.0 - 0.10 * np.clip(1.0 - cosine, 0.0, 1.0) * blend
    horizon, zenith, warm = (np.asarray(c)[:, None, None] for c in _COLOURS[look])
    colour = (horizon + (zenith - horizon) * blend) * darker
    colour = colour + np.clip(glow, 0.0, 0.95) * (warm - colour)
    rng = np.random.default_rng([seed, 0x5C1])
    clouds = periodic_noise((_CLOUD_ROWS, _CLOUD_COLS), rng, 130.0, 1.3)
    return Sky(
        table=torch.from_numpy(colour.reshape(3, -1).astype(np.float32)).to(device),
        clouds=torch.from_numpy(clouds.ravel()).to(device),
        horizon=torch.tensor(_COLOURS[look][0], device=device),
    )
