"""Prior retrieval (UnifyGeo III-A, Eq. 1): the tiles whose descriptors are nearest the photo's.

A photo of unknown heading is one query for each heading that the descriptor's columns can tell
apart: the strip is turned, and a tile keeps its best turn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cvgl_core.errors import SettingsError
from cvgl_core.geo import from_lonlat
from cvgl_core.localization.area import Area, tiles_in
from cvgl_core.localization.ports import Features, MatchEngine, TileIndex
from cvgl_core.types import (
    BoolArray,
    Float32Array,
    GroundView,
    IntArray,
    ModelCard,
    Progress,
    no_progress,
)


@dataclass(frozen=True)
class Near:
    """A prior for the place: within ``radius_m`` of a point in degrees, WGS 84."""

    lon: float
    lat: float
    radius_m: float

    def __post_init__(self) -> None:
        """Check that it is a place on Earth.

        Raises:
            SettingsError: it is not, or the radius is not positive.
        """
        on_earth = abs(self.lon) <= 180 and abs(self.lat) <= 90
        if not (on_earth and 0 < self.radius_m < 2.1e7):
            raise SettingsError(
                f"near {self.lon},{self.lat},{self.radius_m}: give longitude, latitude in degrees "
                "and a radius in metres"
            )


@dataclass(frozen=True)
class Query:
    """A described photo under the headings that are considered.

    Attributes:
        features: of the view as it is, for matching.
        rolls: columns by which the view is turned to the right, ``[R]``; 0 for a known heading.
        descriptors: of the turned views ``[R, D]``.
    """

    features: Features
    rolls: tuple[int, ...]
    descriptors: Float32Array


@dataclass(frozen=True)
class Retrieved:
    """The nearest tiles, best first: their indices ``[K]`` and cosines for each roll ``[K, R]``."""

    tiles: IntArray
    scores: Float32Array


def describe(engine: MatchEngine, view: GroundView, progress: Progress = no_progress) -> Query:
    """Describe a view, under all headings if its own is unknown."""
    known = view.centre_azimuth_deg is not None
    rolls = (0,) if known else tuple(range(engine.card.ground_columns))
    described: list[Features] = []
    for roll in rolls:
        progress("describing", roll, len(rolls))
        described.append(engine.describe_view(turn(view, roll, engine.card)))
    return Query(described[0], rolls, np.stack([each.descriptor for each in described]))


def turn(view: GroundView, roll: int, card: ModelCard) -> GroundView:
    """Return the view as seen with a heading greater by ``roll`` descriptor columns."""
    shift_px = roll * view.rgb.shape[1] // card.ground_columns
    return replace(
        view, rgb=np.roll(view.rgb, shift_px, axis=1), visible=np.roll(view.visible, shift_px)
    )


def retrieve(index: TileIndex, query: Query, depth: int, where: BoolArray | None) -> Retrieved:
    """Return the ``depth`` tiles of ``where [N]`` with the highest cosine under any roll."""
    available = len(index.rows) if where is None else int(where.sum())
    found = index.search(query.descriptors, min(depth, available), where)
    # A tile among the best over all rolls is among the best of its own best roll.
    tiles = np.unique(np.asarray(found.indices, dtype=np.int64).ravel())
    tiles = tiles[tiles >= 0]
    scores = compare(index, query, tiles)
    order = np.lexsort((tiles, -scores.max(axis=1)))[:depth]
    return Retrieved(tiles[order], scores[order])


def compare(index: TileIndex, query: Query, tiles: IntArray) -> Float32Array:
    """Return the cosines of tiles with the query under each roll ``[K, R]``."""
    cosines: Float32Array = _unit(index.descriptors[tiles]) @ _unit(query.descriptors).T
    return cosines


def _unit(rows: NDArray[np.floating]) -> Float32Array:
    """Return rows of unit length in single precision."""
    values: Float32Array = np.asarray(rows, dtype=np.float32)
    norms = np.linalg.norm(values, axis=1, keepdims=True)
    unit: Float32Array = values / np.maximum(norms, np.float32(1e-12))
    return unit


def tiles_allowed(index: TileIndex, prior: Near | Area) -> BoolArray:
    """Return which tiles ``[N]`` a prior for the place leaves.

    Raises:
        SettingsError: none.
    """
    return tiles_in(index, prior) if isinstance(prior, Area) else tiles_near(index, prior)


def tiles_near(index: TileIndex, near: Near) -> BoolArray:
    """Return which tiles ``[N]`` are the nearest tile of some place in the disc.

    Raises:
        SettingsError: none is.
    """
    x_m, y_m = from_lonlat(index.grid.crs, [near.lon], [near.lat])
    centre_x_m, centre_y_m = index.grid.centre(index.rows, index.cols)
    reach_m = near.radius_m + index.grid.stride_m / np.sqrt(2)
    away_m = np.hypot(centre_x_m - x_m[0], centre_y_m - y_m[0])
    inside: BoolArray = away_m <= reach_m
    if not inside.any():
        closest = f"{np.nanmin(away_m):,.0f} m" if np.isfinite(away_m).any() else "very far"
        raise SettingsError(
            f"no tile of the index lies within {near.radius_m:g} m of {near.lon},{near.lat} (the "
            f"nearest is {closest} away); check the order LON,LAT,RADIUS_M or widen the radius"
        )
    return inside
