"""Trees: which ones stand, their colours on a day, and their crowns seen from above."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from cvgl_core.simulation.canvas import Canvas
from cvgl_core.simulation.plan import Surface
from cvgl_core.simulation.scene import TreeTable
from cvgl_core.simulation.shadow import Sun
from cvgl_core.types import Float32Array, UInt8Array

_SUMMER = ((62, 78, 46), (74, 88, 52), (54, 70, 44), (84, 92, 58), (68, 80, 56))
_SPRING = (
    (92, 108, 62),
    (82, 100, 56),
    (104, 112, 70),
    (72, 88, 52),
    (88, 100, 60),
    (96, 108, 68),
    (132, 122, 110),
)
_AUTUMN = ((132, 104, 58), (146, 118, 62), (118, 82, 52), (88, 86, 52), (72, 78, 48))
_SEASONS = (_SUMMER, _SUMMER, _SPRING, _AUTUMN)


@dataclass(frozen=True)
class Season:
    """One day's vegetation: crown colours ``[P, 3]`` and a gain on grass ``[3]``."""

    crowns: Float32Array
    grass_gain: Float32Array


@dataclass(frozen=True)
class CrownLayers:
    """Rasters that crowns are painted into, in place.

    ``albedo`` takes colours and ``gain`` the sun's share relative to flat ground; both or neither.
    """

    height_m: Float32Array
    albedo: UInt8Array | None = None
    gain: Float32Array | None = None


def draw_season(rng: np.random.Generator) -> Season:
    """Return one day's vegetation colours."""
    crowns = np.asarray(_SEASONS[int(rng.integers(len(_SEASONS)))], np.float32)
    hue = rng.normal(0, 0.03, 3).astype(np.float32)
    bright = np.float32(rng.uniform(0.85, 1.2))
    dry = float(rng.uniform(-0.06, 0.08))
    grass = np.array([1 + dry, 1.0, 1 - 0.2 * dry], np.float32) * (1 + hue)
    return Season(crowns * bright * (1 + hue), grass * np.float32(rng.uniform(0.9, 1.12)))


def standing_trees(canvas: Canvas, trees: Float32Array) -> Float32Array:
    """Return the trees ``[T, 5]`` whose trunk is on open ground, not on asphalt or in water."""
    px = np.floor(trees[:, :2] / canvas.gsd_m_per_px).astype(int)
    rows, cols = canvas.surface.shape
    inside = ((px >= 0) & (px < (cols, rows))).all(axis=1)
    px = np.clip(px, 0, (cols - 1, rows - 1))
    surface = canvas.surface[px[:, 1], px[:, 0]]
    bad = np.isin(surface, [int(Surface.ROAD), int(Surface.WATER), int(Surface.COURT)])
    side = 2 * round(0.8 / canvas.gsd_m_per_px) + 1
    solid = cv2.dilate((canvas.height_m > 0).astype(np.uint8), np.ones((side, side), np.uint8))
    free = solid[px[:, 1], px[:, 0]] == 0
    return np.asarray(trees[inside & free & ~bad])


def tree_table(trees: Float32Array, season: Season, rng: np.random.Generator) -> TreeTable:
    """Return the trees with their colours on one day."""
    count = len(trees)
    pick = rng.integers(len(season.crowns), size=count)
    rgb = season.crowns[pick] * (1 + rng.normal(0, 0.1, (count, 1)))
    x, y, radius, centre, vertical = (np.ascontiguousarray(column) for column in trees.T)
    return TreeTable(x, y, radius, centre, vertical, np.clip(rgb, 12, 235).astype(np.uint8))


def paint_crowns(
    layers: CrownLayers, gsd_m_per_px: float, table: TreeTable, noise: Float32Array, sun: Sun
) -> None:
    """Raise ellipsoid crowns with a ragged rim, lower ones first.

    Args:
        layers: rasters of the city, changed in place.
        gsd_m_per_px: of all rasters.
        table: the trees and their colours.
        noise: smooth noise of unit variance, ``[n, n]``, a window of it for each crown.
        sun: lights the crowns.
    """
    rows, cols = layers.height_m.shape
    side = noise.shape[0]
    sx, sy, sz = sun.vector()
    for i in np.argsort(table.centre_m + table.vertical_m, kind="stable"):
        x, y, radius = float(table.x_m[i]), float(table.y_m[i]), float(table.radius_m[i])
        span = 1.15 * radius
        c0, c1 = int((x - span) / gsd_m_per_px), int((x + span) / gsd_m_per_px) + 1
        r0, r1 = int((y - span) / gsd_m_per_px), int((y + span) / gsd_m_per_px) + 1
        c0, r0, c1, r1 = max(c0, 0), max(r0, 0), min(c1, cols), min(r1, rows)
        if c0 >= c1 or r0 >= r1:
            continue
        dx = ((np.arange(c0, c1, dtype=np.float32) + 0.5) * gsd_m_per_px - x) / radius
        dy = ((np.arange(r0, r1, dtype=np.float32) + 0.5) * gsd_m_per_px - y) / radius
        u0 = (c0 + 97 * int(i)) % max(side - (c1 - c0), 1)
        v0 = (r0 + 61 * int(i)) % max(side - (r1 - r0), 1)
        bumps = noise[v0 : v0 + r1 - r0, u0 : u0 + c1 - c0]
        rim = np.sqrt(dx[None] ** 2 + dy[:, None] ** 2) + 0.13 * bumps
        up = np.sqrt(np.maximum(1 - rim * rim, 0))
        top = table.centre_m[i] + table.vertical_m[i] * (up + 0.10 * bumps * up)
        window = (slice(r0, r1), slice(c0, c1))
        mask = (rim < 1) & (top > layers.height_m[window])
        layers.height_m[window][mask] = top[mask]
        if layers.albedo is None or layers.gain is None:
            continue
        flat = dx[None] * sx + dy[:, None] * sy
        lit = np.clip((flat + up * sz) / sz + 0.2 * bumps, 0.05, 1.7)
        layers.albedo[window][mask] = table.rgb[i]
        layers.gain[window][mask] = lit[mask]
