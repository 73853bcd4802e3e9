"""A whole simulated city from a seed: the aircraft's day and the street camera's day."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cvgl_core.errors import SettingsError
from cvgl_core.simulation.blocks import plan_city
from cvgl_core.simulation.canvas import new_canvas
from cvgl_core.simulation.days import StaticCity, aerial_day, ground_day
from cvgl_core.simulation.paint import paint_buildings, paint_ground
from cvgl_core.simulation.rules import RULES
from cvgl_core.simulation.scene import LOOKS, City, Look
from cvgl_core.simulation.texture import apply_texture, draw_grain, smooth_noise
from cvgl_core.simulation.vegetation import standing_trees
from cvgl_core.types import Progress, no_progress

_STEPS = 5
_MIN_SIZE_M = 100.0
_MAX_SIDE_PX = 20_000


def generate_city(
    seed: int,
    size_m: float = 1200.0,
    gsd_m_per_px: float = 0.25,
    osm: Path | None = None,
    progress: Progress = no_progress,
    look: Look = "plain",
) -> City:
    """Return a simulated city (city frame: metres east and south of the north-west corner).

    Layout, markings, surfaces, buildings and tree positions are common to both days; cars, sun
    and the colours of plants are drawn separately for the orthophoto and for the street.

    Args:
        seed: the city's name; the same seed and settings give the same bytes.
        size_m: side of the square.
        gsd_m_per_px: ground sampling distance of all rasters.
        osm: OpenStreetMap extract to take streets and footprints from; the rest is drawn.
        progress: called after each stage.
        look: ``foreign`` draws by other rules, to test what a model learnt beyond ours.

    Raises:
        SettingsError: a size is out of bounds, or the extract holds no town.
    """
    if look not in RULES:
        raise SettingsError(f"look {look!r} is not known; give one of {', '.join(LOOKS)}")
    size_px = _checked_size_px(seed, size_m, gsd_m_per_px)
    style_rng, plan_rng, aerial_rng, ground_rng, place_rng = (
        np.random.default_rng([seed, stream]) for stream in range(5)
    )
    rules = RULES[look]
    style = rules.style(style_rng)
    if osm is None:
        plan = plan_city(plan_rng, rules.layout(plan_rng, style, size_m), style)
        crs, east_m, north_m = _draw_place(place_rng)
    else:
        from cvgl_core.simulation.osm import plan_from_osm

        placed = plan_from_osm(osm, plan_rng, style, size_m)
        plan, crs, east_m, north_m = placed.plan, placed.crs, placed.east_m, placed.north_m
    if rules.revise is not None:
        plan = rules.revise(plan, plan_rng)
    progress("city", 1, _STEPS)
    canvas = new_canvas(size_px, gsd_m_per_px, plan.base, plan.base_rgb)
    paint_ground(canvas, plan)
    paint_buildings(canvas, plan.buildings)
    progress("city", 2, _STEPS)
    trees = standing_trees(canvas, plan.trees)
    seasons = rules.season(aerial_rng), rules.season(ground_rng)
    grain = draw_grain(plan_rng, size_px, gsd_m_per_px)
    gains = (seasons[0].grass_gain, seasons[1].grass_gain)
    aerial_albedo, ground_albedo = apply_texture(
        canvas.albedo, canvas.surface, grain, gains, rules.grain
    )
    cell_m, strength = rules.crown_noise
    noise = strength * smooth_noise(plan_rng, 512, 512, max(cell_m / gsd_m_per_px, 1.5))
    progress("city", 3, _STEPS)
    static = StaticCity(canvas, plan, trees, noise, crs.startswith("EPSG:327"), rules)
    ground = ground_day(static, ground_albedo, seasons[1], ground_rng)
    progress("city", 4, _STEPS)
    ortho, surface_m = aerial_day(static, aerial_albedo, seasons[0], aerial_rng)
    surface_m += np.float32(place_rng.uniform(2, 300))
    progress("city", _STEPS, _STEPS)
    return City(seed, crs, east_m, north_m, gsd_m_per_px, ortho, surface_m, ground)


def _checked_size_px(seed: int, size_m: float, gsd_m_per_px: float) -> int:
    """Return the rasters' side in pixels.

    Raises:
        SettingsError: a setting is out of bounds.
    """
    if seed < 0:
        raise SettingsError(f"seed {seed} is negative; give a whole number from 0 upwards")
    if not 0.05 <= gsd_m_per_px <= 2.0:
        raise SettingsError(f"gsd {gsd_m_per_px} m is out of bounds; give 0.05 to 2 m per pixel")
    if not size_m >= _MIN_SIZE_M:
        raise SettingsError(f"a city of {size_m} m is too small; give at least {_MIN_SIZE_M:.0f} m")
    size_px = round(size_m / gsd_m_per_px)
    if size_px > _MAX_SIDE_PX:
        raise SettingsError(
            f"{size_m} m at {gsd_m_per_px} m per pixel are {size_px} pixels a side; "
            f"the limit is {_MAX_SIDE_PX}: make the city smaller or its pixels larger"
        )
    return size_px


def _draw_place(rng: np.random.Generator) -> tuple[str, float, float]:
    """Return a UTM zone and an origin in it, in whole metres, well inside the zone's own strip."""
    lat_deg = float(rng.uniform(-50, 55))
    zone = int(rng.integers(1, 61))
    reach_m = min(200_000.0, 0.7 * 3 * 111_320 * float(np.cos(np.radians(lat_deg))))
    east_m = float(round(500_000 + rng.uniform(-reach_m, reach_m)))
    north_m = lat_deg * 110_650 + (0.0 if lat_deg >= 0 else 10_000_000.0)
    code = (32600 if lat_deg >= 0 else 32700) + zone
    return f"EPSG:{code}", east_m, float(round(north_m))
