"""The two days of a city: the street camera's and the aircraft's, drawn independently."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from cvgl_core.simulation.aerial import expose, roof_gain
from cvgl_core.simulation.canvas import Canvas
from cvgl_core.simulation.plan import Building, BuildingKind, Plan, Surface
from cvgl_core.simulation.rules import Rules
from cvgl_core.simulation.scene import BuildingTable, GroundScene
from cvgl_core.simulation.shadow import Sun, cast_shadow
from cvgl_core.simulation.survey import Photographer
from cvgl_core.simulation.traffic import park_cars
from cvgl_core.simulation.vegetation import CrownLayers, Season, paint_crowns, tree_table
from cvgl_core.types import BoolArray, Float32Array, UInt8Array

_CLEARANCE_M = 1.2
_TRUNK_CLEARANCE_M = 1.0


@dataclass(frozen=True)
class StaticCity:
    """What both days share.

    ``trees`` are those that stand, ``noise`` roughens crowns, ``southern`` tells the hemisphere,
    ``rules`` how the days are drawn.
    """

    canvas: Canvas
    plan: Plan
    trees: Float32Array
    noise: Float32Array
    southern: bool
    rules: Rules


def draw_sun(rng: np.random.Generator, southern: bool, low_deg: float, high_deg: float) -> Sun:
    """Return a sun about the noon side of the sky (north of the zenith in the south)."""
    azimuth = float(rng.uniform(120, 240))
    azimuth = (azimuth + 180) % 360 if southern else azimuth
    return Sun(azimuth, float(rng.uniform(low_deg, high_deg)))


def aerial_day(
    static: StaticCity, albedo: UInt8Array, season: Season, rng: np.random.Generator
) -> tuple[UInt8Array, Float32Array]:
    """Return the orthophoto and its surface in metres above the street; overwrites ``albedo``."""
    canvas = static.canvas
    sun = draw_sun(rng, static.southern, *static.rules.air_sun_deg)
    height = canvas.height_m.copy()
    park_cars(canvas, static.plan.spots, rng, albedo, height)
    gain = roof_gain(canvas, sun)
    table = tree_table(static.trees, season, rng)
    layers = CrownLayers(height, albedo, gain)
    paint_crowns(layers, canvas.gsd_m_per_px, table, static.noise, sun)
    light = cast_shadow(height, height, canvas.gsd_m_per_px, sun)
    ortho = expose(albedo, light, gain, static.rules.flight(rng), rng)
    if static.rules.survey is not None:
        survey = static.rules.survey(rng, len(height) * canvas.gsd_m_per_px)
        photographer = Photographer(survey, canvas, height, static.plan.buildings, sun)
        ortho = photographer.fly(ortho)
    return ortho, height


def ground_day(
    static: StaticCity, albedo: UInt8Array, season: Season, rng: np.random.Generator
) -> GroundScene:
    """Return the city as the street camera meets it; overwrites ``albedo``."""
    canvas = static.canvas
    sun = draw_sun(rng, static.southern, *static.rules.street_sun_deg)
    height = canvas.height_m.copy()
    park_cars(canvas, static.plan.spots, rng, albedo, height)
    table = tree_table(static.trees, season, rng)
    crowned = height.copy()
    paint_crowns(CrownLayers(crowned), canvas.gsd_m_per_px, table, static.noise, sun)
    light = cast_shadow(crowned, height, canvas.gsd_m_per_px, sun)
    return GroundScene(
        gsd_m_per_px=canvas.gsd_m_per_px,
        height_m=height,
        albedo=albedo,
        light=light,
        building=canvas.building,
        wall_azimuth=canvas.wall_azimuth,
        walkable=_walkable(canvas, height, static.trees),
        buildings=building_table(static.plan.buildings, rng),
        trees=table,
        sun_azimuth_deg=sun.azimuth_deg,
        sun_elevation_deg=sun.elevation_deg,
        sky_seed=int(rng.integers(1 << 31)),
        look=static.rules.look,
    )


def _walkable(canvas: Canvas, height_m: Float32Array, trees: Float32Array) -> BoolArray:
    """Tell where a camera may stand: street or sidewalk, clear of solids and trunks."""
    blocked = (height_m > 0.05).astype(np.uint8)
    for x, y in trees[:, :2]:
        centre = (round(float(x) / canvas.gsd_m_per_px), round(float(y) / canvas.gsd_m_per_px))
        reach = max(1, round((_TRUNK_CLEARANCE_M - _CLEARANCE_M + 0.4) / canvas.gsd_m_per_px))
        cv2.circle(blocked, centre, reach, 1, -1)
    span = 2 * int(np.ceil(_CLEARANCE_M / canvas.gsd_m_per_px)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (span, span))
    blocked = np.asarray(cv2.dilate(blocked, disc), np.uint8)
    street = canvas.surface <= int(Surface.SIDEWALK)
    return np.asarray(street & (blocked == 0))


def building_table(buildings: tuple[Building, ...], rng: np.random.Generator) -> BuildingTable:
    """Return the buildings' facade attributes, drawn after a trial's ranges."""
    count = len(buildings)
    kind = np.array([int(b.kind) for b in buildings], np.uint8).reshape(count)
    points = np.array([b.parts[0].polygon.mean(axis=0) for b in buildings]).reshape(count, 2)

    def uniform(low: float, high: float) -> Float32Array:
        return rng.uniform(low, high, count).astype(np.float32)

    floor = uniform(2.9, 3.7)
    floor[kind == int(BuildingKind.SUBURBAN)] *= np.float32(0.9)
    return BuildingTable(
        kind=kind,
        height_m=np.array([b.height_m for b in buildings], np.float32).reshape(count),
        wall_rgb=np.array([b.wall_rgb for b in buildings]).reshape(count, 3).astype(np.uint8),
        floor_height_m=floor,
        window_pitch_m=uniform(1.7, 3.6),
        window_width=uniform(0.3, 0.68),
        window_height=uniform(0.38, 0.66),
        style=rng.random((count, 3)).astype(np.float32),
        x_m=points[:, 0].astype(np.float32),
        y_m=points[:, 1].astype(np.float32),
    )
