"""What tells one simulated city from another: sizes, habits and colours drawn from the seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cvgl_core.types import Float32Array

_RGB = tuple[float, float, float]


@dataclass(frozen=True)
class CityStyle:
    """One city's habits; lengths in metres, areas in square metres, shares in [0, 1], RGB 0..255.

    Attributes:
        block_area_m2: smallest block at the centre; blocks grow outwards.
        angle_jitter_rad: how far cuts leave the right angle.
        warp_m: amplitude of the curves that bend the streets.
        density_bias, density_radius: where the town is dense, relative to half its size.
        perimeter_share: mid-rise blocks that close their edges around a courtyard.
        walls, roofs: palettes per building kind, ``[4][P, 3]``.
    """

    block_area_m2: float
    angle_jitter_rad: float
    warp_m: float
    density_bias: float
    density_radius: float
    road_scale: float
    perimeter_share: float
    park_share: float
    plaza_share: float
    industrial_share: float
    gable_share: float
    midrise_gable_share: float
    lot_scale: float
    height_scale: float
    tree_density: float
    parking: float
    verge_share: float
    pool_share: float
    yellow_share: float
    zebra_share: float
    median_share: float
    mark_wear: float
    asphalt_rgb: _RGB
    sidewalk_rgb: _RGB
    paving_rgb: _RGB
    grass_rgb: _RGB
    dirt_rgb: _RGB
    water_rgb: _RGB
    walls: tuple[Float32Array, ...]
    roofs: tuple[Float32Array, ...]


_WALLS = (
    ((206, 200, 188), (190, 178, 156), (176, 184, 190), (200, 190, 158), (150, 148, 144),
     (140, 100, 86), (172, 182, 166), (188, 164, 156), (222, 219, 212), (120, 112, 104)),
    ((134, 98, 84), (118, 88, 76), (172, 152, 128), (200, 190, 168), (166, 164, 160),
     (128, 126, 124), (166, 130, 104), (210, 206, 198), (186, 170, 140), (150, 138, 126)),
    ((118, 134, 148), (138, 148, 156), (186, 186, 184), (66, 70, 76), (184, 174, 156),
     (132, 142, 136), (206, 206, 204), (104, 110, 118)),
    ((186, 186, 184), (132, 146, 160), (146, 154, 142), (150, 112, 92), (200, 194, 178),
     (166, 166, 166)),
)  # fmt: skip
_ROOFS_PITCHED = (
    ((158, 106, 84), (146, 96, 78), (168, 120, 96), (134, 88, 74), (150, 112, 94)),
    ((92, 90, 90), (78, 78, 80), (108, 104, 100), (88, 82, 80), (100, 102, 106)),
    ((118, 104, 92), (100, 92, 86), (136, 122, 108), (112, 112, 104), (146, 136, 122)),
    ((150, 104, 86), (92, 88, 86), (118, 104, 94), (138, 132, 124), (104, 98, 92)),
)
_ROOFS_FLAT = (
    ((156, 154, 150), (126, 124, 122), (98, 98, 98), (168, 160, 146), (138, 128, 116),
     (206, 205, 200), (148, 140, 130)),
    ((146, 145, 142), (176, 175, 172), (120, 120, 120), (164, 156, 144), (92, 93, 95)),
    ((212, 212, 210), (180, 182, 182), (142, 152, 162), (150, 138, 124), (156, 156, 154),
     (122, 124, 126)),
)  # fmt: skip


def _colour(rng: np.random.Generator, low: _RGB, high: _RGB, spread: float = 2.5) -> _RGB:
    """Return a colour between two, with a little noise of its own."""
    t = rng.random()
    mix = np.asarray(low) * (1 - t) + np.asarray(high) * t + rng.normal(0, spread, 3)
    r, g, b = np.clip(mix, 10, 240).tolist()
    return (r, g, b)


def _palettes(rng: np.random.Generator) -> tuple[list[Float32Array], list[Float32Array]]:
    """Return tinted wall and roof palettes per building kind; a city favours part of each."""
    tint = rng.normal(0, 4, 3)
    contrast = rng.uniform(0.75, 1.05)
    walls = [np.asarray(p, np.float32) for p in _WALLS]
    pitched = np.asarray(_ROOFS_PITCHED[int(rng.integers(len(_ROOFS_PITCHED)))], np.float32)
    roofs = [pitched, *(np.asarray(p, np.float32) for p in _ROOFS_FLAT)]
    out: list[list[Float32Array]] = []
    for group, share in ((walls, 1.0), (roofs, 0.5)):
        chosen = []
        for palette in group:
            keep = rng.choice(len(palette), size=max(3, len(palette) * 2 // 3), replace=False)
            part = palette[np.sort(keep)]
            grey = part.mean(axis=1, keepdims=True)
            chosen.append((grey + (part - grey) * contrast + tint * share).astype(np.float32))
        out.append(chosen)
    return out[0], out[1]


def draw_style(rng: np.random.Generator) -> CityStyle:
    """Return a city's habits and colours."""
    walls, roofs = _palettes(rng)
    dryness = 0.85 * rng.beta(1.6, 2.4)
    grass = np.asarray((92, 104, 62)) * (1 - dryness) + np.asarray((134, 130, 98)) * dryness
    grey = rng.uniform(84, 134)
    warm = rng.normal(0, 2.5)
    walk = rng.uniform(138, 184)
    return CityStyle(
        block_area_m2=float(rng.uniform(4200, 11000)),
        angle_jitter_rad=float(rng.uniform(0.01, 0.17)),
        warp_m=float(rng.choice([rng.uniform(0, 2), rng.uniform(2, 13)], p=[0.3, 0.7])),
        density_bias=float(rng.uniform(0.85, 1.55)),
        density_radius=float(rng.uniform(0.8, 1.6)),
        road_scale=float(rng.uniform(0.82, 1.15)),
        perimeter_share=float(rng.beta(0.7, 0.7)),
        park_share=float(rng.uniform(0.04, 0.1)),
        plaza_share=float(rng.uniform(0.01, 0.05)),
        industrial_share=float(rng.uniform(0.03, 0.14)),
        gable_share=float(rng.uniform(0.15, 0.85)),
        midrise_gable_share=float(rng.choice([0.08, 0.4, 0.8])),
        lot_scale=float(rng.uniform(0.75, 1.4)),
        height_scale=float(rng.uniform(0.75, 1.25)),
        tree_density=float(rng.uniform(0.45, 1.3)),
        parking=float(rng.uniform(0.35, 1.2)),
        verge_share=float(rng.uniform(0.0, 0.8)),
        pool_share=float(rng.choice([0.0, rng.uniform(0.02, 0.2)])),
        yellow_share=float(rng.choice([0.0, 0.05, 0.6, 0.95])),
        zebra_share=float(rng.uniform(0.25, 0.85)),
        median_share=float(rng.uniform(0.1, 0.5)),
        mark_wear=float(rng.uniform(0.45, 0.95)),
        asphalt_rgb=(grey + warm, grey, grey - warm),
        sidewalk_rgb=(walk + 4 + warm, walk + 1, walk - 5 - warm),
        paving_rgb=_colour(rng, (122, 120, 116), (172, 162, 148)),
        grass_rgb=(float(grass[0]), float(grass[1]), float(grass[2])),
        dirt_rgb=_colour(rng, (146, 128, 104), (176, 160, 136)),
        water_rgb=_colour(rng, (48, 64, 66), (74, 92, 90)),
        walls=tuple(walls),
        roofs=tuple(roofs),
    )
