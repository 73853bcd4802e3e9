"""The foreign city: other colours, habits, roofs, trees, seasons and flights than the plain one's.

Ranges are chosen to lie outside those of ``style``, ``vegetation`` and ``aerial`` where they can.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cvgl_core.simulation.aerial import AerialLook
from cvgl_core.simulation.plan import Building, BuildingKind, Part, Plan, RoofKind
from cvgl_core.simulation.style import CityStyle, draw_style
from cvgl_core.simulation.vegetation import Season
from cvgl_core.types import Float32Array

_WALLS = (
    (228, 184, 118), (216, 138, 108), (238, 222, 178), (158, 192, 198), (208, 150, 152),
    (240, 236, 226), (180, 198, 148), (196, 100, 76), (232, 206, 120), (148, 158, 190),
)  # fmt: skip
_ROOFS = (
    (68, 78, 98), (110, 150, 132), (200, 134, 72), (226, 224, 218), (142, 64, 46), (58, 58, 66),
    (176, 92, 58), (128, 132, 108),
)  # fmt: skip
_GROUNDS = (  # asphalt, sidewalk, paving
    ((162, 158, 150), (160, 122, 106), (150, 122, 98)),
    ((64, 68, 76), (206, 196, 176), (104, 110, 120)),
    ((124, 112, 104), (112, 114, 118), (186, 168, 132)),
)
_LAWNS = ((72, 116, 50), (158, 146, 108), (112, 128, 78))
_CROWNS = (
    ((40, 66, 58), (52, 78, 66), (46, 60, 62), (66, 84, 70)),  # conifers
    ((112, 92, 76), (128, 106, 88), (98, 84, 72), (86, 80, 60)),  # bare
    ((116, 128, 84), (132, 138, 96), (98, 116, 78), (146, 110, 140)),  # olives and blossom
)
_COLUMN_SHARE = 0.55


def _rgb(rng: np.random.Generator, rgb: tuple[float, ...]) -> tuple[float, float, float]:
    r, g, b = np.clip(np.asarray(rgb) + rng.normal(0, 4) + rng.normal(0, 3, 3), 10, 245).tolist()
    return (r, g, b)


def _palette(rng: np.random.Generator, colours: tuple[tuple[int, ...], ...]) -> Float32Array:
    keep = rng.choice(len(colours), size=5, replace=False)
    chosen = np.asarray(colours, np.float32)[keep]
    grey = chosen.mean(axis=1, keepdims=True)
    faded = grey + (chosen - grey) * np.float32(rng.uniform(0.6, 0.9))
    return np.asarray(faded + rng.normal(0, 5, 3), np.float32)


def draw_foreign_style(rng: np.random.Generator) -> CityStyle:
    """Return the habits and colours of a foreign city."""
    asphalt, sidewalk, paving = _GROUNDS[int(rng.integers(len(_GROUNDS)))]
    return replace(
        draw_style(rng),
        road_scale=float(rng.uniform(0.72, 0.95)),
        lot_scale=float(rng.uniform(0.5, 0.8)),
        height_scale=float(rng.uniform(0.6, 1.0)),
        perimeter_share=float(rng.uniform(0.6, 1.0)),
        gable_share=float(rng.uniform(0.0, 0.3)),
        tree_density=float(rng.uniform(0.6, 1.2)),
        parking=float(rng.uniform(0.1, 0.4)),
        pool_share=float(rng.uniform(0.15, 0.4)),
        yellow_share=float(rng.choice([0.0, 1.0])),
        zebra_share=float(rng.uniform(0.0, 0.2)),
        median_share=float(rng.uniform(0.5, 0.9)),
        mark_wear=float(rng.uniform(0.25, 0.55)),
        asphalt_rgb=_rgb(rng, asphalt),
        sidewalk_rgb=_rgb(rng, sidewalk),
        paving_rgb=_rgb(rng, paving),
        grass_rgb=_rgb(rng, _LAWNS[int(rng.integers(len(_LAWNS)))]),
        dirt_rgb=_rgb(rng, (150, 108, 84)),
        water_rgb=_rgb(rng, (66, 112, 116)),
        walls=tuple(_palette(rng, _WALLS) for _ in BuildingKind),
        roofs=tuple(_palette(rng, _ROOFS) for _ in BuildingKind),
    )


def draw_foreign_season(rng: np.random.Generator) -> Season:
    """Return one day's vegetation colours."""
    crowns = np.asarray(_CROWNS[int(rng.integers(len(_CROWNS)))], np.float32)
    bright = np.float32(rng.uniform(0.8, 1.15))
    grass = np.array([rng.uniform(0.92, 1.08), 1.0, rng.uniform(0.88, 1.0)], np.float32)
    return Season(crowns * bright, grass * np.float32(rng.uniform(0.85, 1.1)))


def draw_foreign_flight(rng: np.random.Generator) -> AerialLook:
    """Return one flight's look: hazier, softer and with more of a cast than plain ones."""
    warmth = float(rng.choice([-1, 1]) * rng.uniform(0.04, 0.08))
    cast = np.array([1 + warmth, 1.0, 1 - warmth], np.float32) * np.float32(rng.uniform(0.85, 1.1))
    return AerialLook(
        ambient=np.array([0.38, 0.44, 0.56], np.float32),
        cast=cast,
        haze=float(rng.uniform(0.12, 0.24)),
        haze_rgb=np.array([196, 196, 194], np.float32),
        blur_px=float(rng.uniform(0.9, 1.4)),
        noise=float(rng.uniform(1.0, 4.0)),
        gamma=float(rng.uniform(0.78, 1.25)),
    )


def revise(plan: Plan, rng: np.random.Generator) -> Plan:
    """Return a plan with other roofs, and with columns and umbrellas for trees."""
    buildings = tuple(_reroofed(building, rng) for building in plan.buildings)
    x, y, radius, _, vertical = plan.trees.T
    column = rng.random(len(plan.trees)) < _COLUMN_SHARE
    radius = np.where(column, 0.6 * radius, 1.25 * radius)
    vertical = np.where(column, 1.9 * vertical, 0.5 * vertical)
    centre = np.where(column, vertical + 1.2, vertical + rng.uniform(3.2, 5.0, len(radius)))
    trees = np.stack([x, y, radius, centre, vertical], axis=1).astype(np.float32)
    return replace(plan, buildings=buildings, trees=trees)


def _reroofed(building: Building, rng: np.random.Generator) -> Building:
    """Make some houses flat, others steep, and put mansards on plain town buildings."""
    draw = float(rng.random())
    pitch = float(rng.uniform(0.9, 1.4))
    body = building.parts[0]
    if building.kind == BuildingKind.SUBURBAN:
        flat = draw < 0.4
        parts = [_flat(p) if flat else _steeper(p) for p in building.parts]
        return replace(building, parts=tuple(parts))
    if building.kind == BuildingKind.MIDRISE and len(building.parts) == 1 and draw < 0.6:
        mansard = replace(body, roof=RoofKind.HIP, pitch=pitch, parapet=False)
        return replace(building, parts=(mansard,))
    return building


def _flat(part: Part) -> Part:
    return replace(part, roof=RoofKind.FLAT, pitch=0.0, parapet=True)


def _steeper(part: Part) -> Part:
    return replace(part, pitch=1.5 * part.pitch)
