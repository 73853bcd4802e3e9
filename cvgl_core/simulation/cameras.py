"""Where street cameras stand: random walkable places that are clear of solids and crowns."""

from __future__ import annotations

from itertools import product

import numpy as np

from cvgl_core.errors import SettingsError
from cvgl_core.simulation.scene import Cameras, GroundScene
from cvgl_core.types import BoolArray, Float32Array, FloatArray

CAMERA_HEIGHTS_M = (1.2, 3.0)
"""From a phone held low to a mast on a car's roof."""

_PAVEMENT_SHARE = 0.22
_ASPHALT_BRIGHTEST = 132.0
_CLEARANCE_M = 1.5
_TRUNK_CLEARANCE_M = 2.5
_CROWN_CLEARANCE_M = 0.4
_SOLID_M = 0.05
_DRAWS = 4096
_MAX_ROUNDS = 200


def sample_cameras(scene: GroundScene, count: int, seed: int, border_m: float = 40.0) -> Cameras:
    """Draw camera places (city frame, metres): mostly carriageway, clear of cars and crowns.

    A place is taken when the pixel is walkable, nothing rises at eight points 1.5 m away,
    and no crown hangs over it. Pale surfaces (pavements, markings) are accepted with probability
    .22. The same scene, count and seed give the same cameras.

    Args:
        scene: the city on the street camera's day.
        count: how many cameras.
        seed: of the draw.
        border_m: distance kept from the edges of the rasters.

    Returns:
        ``count`` cameras, 1.2 to 3 m above the street.

    Raises:
        SettingsError: the scene has no such place.
    """
    rng = np.random.default_rng([seed, 0x0CA3])
    size_m = np.asarray(scene.height_m.shape[::-1]) * scene.gsd_m_per_px
    if np.any(size_m <= 2 * border_m):
        raise SettingsError(f"a scene of {size_m} m leaves no room inside a border of {border_m} m")
    found: list[FloatArray] = []
    total = 0
    for _ in range(_MAX_ROUNDS):
        if total >= count:
            break
        places = rng.uniform(border_m, size_m - border_m, size=(_DRAWS, 2))
        lottery = rng.random(_DRAWS)
        places = places[_on_street(scene, places, lottery)]
        places = places[_clear_of_trees(scene, places)]
        found.append(places)
        total += len(places)
    if total < count:
        raise SettingsError(
            f"only {total} of {count} camera places found; simulate a larger or emptier city"
        )
    chosen = np.concatenate([np.empty((0, 2)), *found])[:count].astype(np.float32)
    height: Float32Array = rng.uniform(*CAMERA_HEIGHTS_M, count).astype(np.float32)
    return Cameras(x_m=chosen[:, 0].copy(), y_m=chosen[:, 1].copy(), height_m=height)


def _on_street(scene: GroundScene, places: FloatArray, lottery: FloatArray) -> BoolArray:
    """Tell which places (``[M, 2]`` x, y metres) are walkable, level and lucky."""
    rows_cols = (places[:, ::-1] / scene.gsd_m_per_px).astype(np.int64)
    row, col = rows_cols.T
    keep: BoolArray = scene.walkable[row, col].astype(bool)
    reach = round(_CLEARANCE_M / scene.gsd_m_per_px)
    last_row, last_col = scene.height_m.shape[0] - 1, scene.height_m.shape[1] - 1
    for down, right in product((-reach, 0, reach), repeat=2):
        at = (row + down).clip(0, last_row), (col + right).clip(0, last_col)
        keep &= scene.height_m[at] < _SOLID_M
    pale = scene.albedo[row, col].mean(axis=1) > _ASPHALT_BRIGHTEST
    keep &= ~pale | (lottery < _PAVEMENT_SHARE)
    return keep


def _clear_of_trees(scene: GroundScene, places: FloatArray) -> BoolArray:
    """Tell which places (``[M, 2]`` x, y metres) lie under no crown and near no trunk."""
    trees = scene.trees
    reach = np.maximum(_TRUNK_CLEARANCE_M, trees.radius_m + _CROWN_CLEARANCE_M)
    keep = np.ones(len(places), dtype=bool)
    for start in range(0, len(places), 512):
        part = places[start : start + 512]
        square = (part[:, :1] - trees.x_m) ** 2 + (part[:, 1:] - trees.y_m) ** 2
        keep[start : start + 512] = ~np.any(square < reach**2, axis=1)
    return keep
