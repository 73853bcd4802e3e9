"""What real orthophotos have and true ones lack: leaning buildings, seams, places slightly off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cvgl_core.simulation.canvas import Canvas
from cvgl_core.simulation.plan import Building
from cvgl_core.simulation.shadow import Sun
from cvgl_core.types import BoolArray, Float32Array, FloatArray, IntArray, UInt8Array

_BLOCK_PX = 256
_WALL_M = 2.0
_STOREY_M = 3.2


@dataclass(frozen=True)
class Flight:
    """One aircraft's part of a mosaic.

    Attributes:
        nadir_m: place that the camera looked straight down on (city frame), ``[2]``.
        height_m: of the aircraft above the street.
        error_m: by which its picture is out of place, ``[2]``.
        gain: exposure per channel, ``[3]``.
    """

    nadir_m: FloatArray
    height_m: float
    error_m: FloatArray
    gain: Float32Array


@dataclass(frozen=True)
class Survey:
    """Two flights and the seam between them: ``x cos(a) + y sin(a) + wave > offset``."""

    flights: tuple[Flight, Flight]
    angle_rad: float
    offset_m: float
    wave_m: float
    phase: float

    def second(self, x_m: FloatArray, y_m: FloatArray) -> BoolArray:
        """Tell which places the second flight shows."""
        across = x_m * np.cos(self.angle_rad) + y_m * np.sin(self.angle_rad)
        along = y_m * np.cos(self.angle_rad) - x_m * np.sin(self.angle_rad)
        return np.asarray(across + self.wave_m * np.sin(along / 60.0 + self.phase) > self.offset_m)


def draw_survey(rng: np.random.Generator, size_m: float) -> Survey:
    """Return two flights over a square, one on either side of a seam through its middle."""
    angle = float(rng.uniform(0, 2 * np.pi))
    normal = np.array([np.cos(angle), np.sin(angle)])
    middle = size_m / 2 + rng.normal(0, 0.08 * size_m, 2)
    height = float(rng.uniform(1300, 2200))
    flights = []
    for side in (-1, 1):
        turn = rng.uniform(0, 2 * np.pi)
        flights.append(
            Flight(
                nadir_m=middle + side * normal * rng.uniform(0.15, 0.35) * size_m,
                height_m=height,
                error_m=rng.uniform(1.0, 2.0) * np.array([np.cos(turn), np.sin(turn)]),
                gain=(rng.uniform(0.93, 1.07) * (1 + rng.normal(0, 0.02, 3))).astype(np.float32),
            )
        )
    return Survey(
        (flights[0], flights[1]),
        angle,
        float(middle @ normal),
        float(rng.uniform(4, 15)),
        float(rng.uniform(0, 6)),
    )


class Photographer:
    """Flies a survey over a city whose true orthophoto is known; flat terrain is assumed."""

    def __init__(
        self,
        survey: Survey,
        canvas: Canvas,
        surface_m: Float32Array,
        buildings: tuple[Building, ...],
        sun: Sun,
    ) -> None:
        """Keep what the city looks like.

        Args:
            survey: the flights.
            canvas: knows which building a pixel belongs to.
            surface_m: above the street, with crowns and cars, ``[H, W]``.
            buildings: know the colours of walls.
            sun: of the day.
        """
        self.survey, self.canvas, self.surface_m, self.sun = survey, canvas, surface_m, sun
        self.walls = np.array([(0.0, 0.0, 0.0), *(b.wall_rgb for b in buildings)], np.float32)
        self.tallest_m = float(surface_m.max())

    def fly(self, ortho: UInt8Array) -> UInt8Array:
        """Return the mosaic of a true orthophoto, uint8 ``[H, W, 3]`` both.

        What stands ``h`` above the street is displaced by ``h / height`` of its distance from the
        nadir, away from it (relief displacement), hides what lies behind, and shows a wall.
        """
        out = np.empty_like(ortho)
        for top in range(0, len(ortho), _BLOCK_PX):
            for left in range(0, len(ortho), _BLOCK_PX):
                window = (slice(top, top + _BLOCK_PX), slice(left, left + _BLOCK_PX))
                out[window] = self._block(window, ortho)
        return out

    def _block(self, window: tuple[slice, slice], ortho: UInt8Array) -> UInt8Array:
        rows, cols = ortho[window].shape[:2]
        gsd = self.canvas.gsd_m_per_px
        x, y = np.meshgrid(
            (window[1].start + np.arange(cols) + 0.5) * gsd,
            (window[0].start + np.arange(rows) + 0.5) * gsd,
        )
        second = self.survey.second(x, y)[..., None]
        first, other = self.survey.flights
        places = np.stack([x, y], axis=-1) + np.where(second, other.error_m, first.error_m)
        nadir = np.where(second, other.nadir_m, first.nadir_m)
        lean = ((places - nadir) / first.height_m).astype(np.float32)
        at, height = self._trace(
            (places / gsd).astype(np.float32).reshape(-1, 2), lean.reshape(-1, 2), window
        )
        picture = self._colours(at.reshape(rows, cols), height.reshape(rows, cols), ortho)
        picture *= np.where(second, other.gain, first.gain)
        return np.asarray(np.clip(picture, 0, 255), np.uint8)

    def _trace(
        self, places_px: Float32Array, lean: Float32Array, window: tuple[slice, slice]
    ) -> tuple[IntArray, Float32Array]:
        """Return the pixel that each ray meets, and how high: from the tallest height downwards.

        Args:
            places_px: where rays reach the street, x and y ``[N, 2]``.
            lean: metres away from the nadir per metre of height, ``[N, 2]``.
            window: of the block.
        """
        gsd, side = self.canvas.gsd_m_per_px, len(self.surface_m)
        steepest = max(float(np.hypot(*lean.T).max()), 1e-3)
        reach = int(np.ceil(self.tallest_m * steepest / gsd)) + 10
        near = tuple(slice(max(part.start - reach, 0), part.stop + reach) for part in window)
        step = np.float32(min(gsd / steepest, 1.5))
        levels = np.arange(np.ceil(self.surface_m[near].max() / step), -1, -1) * step
        lean_px = lean / np.float32(gsd)
        pixel = np.zeros(len(lean), np.int64)
        height = np.zeros(len(lean), np.float32)
        waiting = np.arange(len(lean))
        for level in levels.astype(np.float32):
            meets = places_px[waiting] - lean_px[waiting] * level
            col, row = np.clip(meets, 0, side - 1).astype(np.int64).T
            at = row * side + col
            solid = self.surface_m.take(at) >= level
            pixel[waiting[solid]], height[waiting[solid]] = at[solid], level
            waiting = waiting[~solid]
        return pixel, height

    def _colours(self, at: IntArray, height_m: Float32Array, ortho: UInt8Array) -> Float32Array:
        """Return what is seen from above, or a wall where its side is met, ``[h, w, 3]``."""
        canvas = self.canvas
        building = canvas.building.take(at)
        wall = (building > 0) & (canvas.height_m.take(at) - height_m > _WALL_M)
        storey = height_m / _STOREY_M % 1.0
        window = np.where((storey > 0.3) & (storey < 0.75), 0.55, 1.0)
        away = canvas.wall_azimuth.take(at) * (2 * np.pi / 256) - np.radians(self.sun.azimuth_deg)
        flat = np.cos(np.radians(self.sun.elevation_deg))
        light = 0.5 + 0.55 * flat * np.maximum(np.cos(away), 0.0)
        side = self.walls[building] * (window * light)[..., None]
        seen = ortho.reshape(-1, 3)[at]
        return np.where(wall[..., None], side, seen).astype(np.float32)
