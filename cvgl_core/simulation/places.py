"""Buildings of a simulated city that can be photographed from its streets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cvgl_core.errors import SettingsError
from cvgl_core.simulation.cameras import sample_cameras
from cvgl_core.simulation.scene import Cameras, City, GroundScene
from cvgl_core.types import BoolArray, Float32Array, FloatArray, IntArray

_LEAST_AREA_M2 = 120.0
_APART_M = 30.0
_CANDIDATES_PER_HA = 160
_NEAR_M = (5.0, 40.0)
_AIM_ERROR_DEG = 6.0
_SIGHT_STEPS = 512


@dataclass(frozen=True)
class Place:
    """A building and the street cameras that look at it (city frame, metres).

    Attributes:
        building: as ``GroundScene.building`` numbers it.
        x_m, y_m: middle of the footprint, which an angular building may leave outside.
        height_m: of the highest roof pixel above the street.
        cameras: ``[N]``, in all directions as far as the streets allow.
        heading_deg: of each camera, towards the middle but for some degrees ``[N]``.
    """

    building: int
    x_m: float
    y_m: float
    height_m: float
    cameras: Cameras
    heading_deg: Float32Array


def choose_places(
    city: City, count: int, views: int, seed: int, border_m: float = 80.0
) -> tuple[Place, ...]:
    """Draw buildings of at least 120 m2, 30 m apart, that enough street cameras see.

    Args:
        city: the city.
        count: at most so many.
        views: street cameras of each.
        seed: of all draws.
        border_m: from a building's middle to the city's edge, at least.

    Raises:
        SettingsError: the city has no such building.
    """
    rng = np.random.default_rng([seed, 0x91ACE])
    scene = city.ground
    side_m = scene.gsd_m_per_px * np.array(scene.building.shape[::-1])
    street = sample_cameras(
        scene, int(_CANDIDATES_PER_HA * side_m.prod() / 1e4), seed, min(20.0, border_m)
    )
    found: list[Place] = []
    for building, middle in _buildings(scene, rng):
        if len(found) == count:
            break
        outside = bool((middle < border_m).any() or (middle > side_m - border_m).any())
        if outside or any(np.hypot(p.x_m - middle[0], p.y_m - middle[1]) < _APART_M for p in found):
            continue
        chosen = _spread(scene, street, building, middle, views, rng)
        if chosen is not None:
            height_m = float(scene.height_m[scene.building == building].max())
            found.append(_place(building, street, chosen, middle, height_m, rng))
    if not found:
        raise SettingsError(
            f"city {city.seed}: no building that {views} street cameras see; make the city larger"
        )
    return tuple(found)


def _buildings(scene: GroundScene, rng: np.random.Generator) -> Iterator[tuple[int, FloatArray]]:
    """Yield number and middle (x, y, metres) of the buildings that are large enough, shuffled."""
    row, col = np.nonzero(scene.building)
    number = scene.building[row, col]
    size_px = np.bincount(number)
    safe = np.maximum(size_px, 1)
    middle_px = np.stack([np.bincount(number, part) / safe for part in (col, row)], axis=1) + 0.5
    large = np.flatnonzero(size_px * scene.gsd_m_per_px**2 >= _LEAST_AREA_M2)
    for building in rng.permutation(large):
        yield int(building), middle_px[building] * scene.gsd_m_per_px


def _spread(
    scene: GroundScene,
    street: Cameras,
    building: int,
    middle: FloatArray,
    views: int,
    rng: np.random.Generator,
) -> IntArray | None:
    """Return cameras that see the building, far apart in azimuth, or None if they are too few."""
    east, south = middle[0] - street.x_m, middle[1] - street.y_m
    around = np.flatnonzero(np.hypot(east, south) < _NEAR_M[1] + 30.0)
    range_m = _first_wall_m(scene, street, around, building, middle)
    seen = around[(range_m >= _NEAR_M[0]) & (range_m <= _NEAR_M[1])]
    if len(seen) < views:
        return None
    azimuth = np.arctan2(east[seen], -south[seen])
    chosen = [int(rng.integers(len(seen)))]
    while len(chosen) < views:
        gap = np.abs(np.angle(np.exp(1j * (azimuth[:, None] - azimuth[chosen]))))
        nearest = gap.min(axis=1)
        nearest[chosen] = -1.0
        chosen.append(int(nearest.argmax()))
    return seen[chosen]


def _first_wall_m(
    scene: GroundScene, street: Cameras, which: IntArray, building: int, middle: FloatArray
) -> FloatArray:
    """Return how far cameras see towards the building's middle; infinite if another is first."""
    share = (np.arange(_SIGHT_STEPS) + 0.5) / _SIGHT_STEPS
    x, y = street.x_m[which, None], street.y_m[which, None]
    col, row = (
        ((start + (end - start) * share) / scene.gsd_m_per_px).astype(int)
        for start, end in ((x, middle[0]), (y, middle[1]))
    )
    met = scene.building[row, col]
    solid: BoolArray = met > 0
    first = solid.argmax(axis=1)
    own = met[np.arange(len(which)), first] == building
    distance = np.hypot(x[:, 0] - middle[0], y[:, 0] - middle[1]) * share[first]
    return np.where(own, distance, np.inf)


def _place(
    building: int,
    street: Cameras,
    chosen: IntArray,
    middle: FloatArray,
    height_m: float,
    rng: np.random.Generator,
) -> Place:
    x, y = street.x_m[chosen], street.y_m[chosen]
    heading = np.degrees(np.arctan2(middle[0] - x, y - middle[1]))
    heading += rng.normal(0.0, _AIM_ERROR_DEG, len(chosen))
    return Place(
        building,
        float(middle[0]),
        float(middle[1]),
        height_m,
        Cameras(x, y, street.height_m[chosen]),
        np.asarray(heading % 360.0, np.float32),
    )
