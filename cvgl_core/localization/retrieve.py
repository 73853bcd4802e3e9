"""Prior retrieval (UnifyGeo III-A, Eq. 1): the tiles whose descriptors are nearest the photo's.

A photo of unknown heading is one query for each of ``HEADINGS`` around the circle: the view is
turned, and a tile keeps its best turn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cvgl_core.errors import SettingsError
from cvgl_core.geo import from_lonlat
from cvgl_core.geo.heading import HeadingPrior, Hypotheses, hypotheses
from cvgl_core.localization.area import Area, tiles_in
from cvgl_core.localization.period import Period, tiles_of_period
from cvgl_core.localization.ports import DatedTiles, Features, MatchEngine, TileIndex, TileMember
from cvgl_core.types import (
    BoolArray,
    Float32Array,
    GroundView,
    IntArray,
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
        turns: the headings.
        descriptors: of the turned views ``[R, D]``.
    """

    turns: Hypotheses
    descriptors: Float32Array

    @property
    def rolls(self) -> tuple[int, ...]:
        """Parts of the circle by which the view is turned to the right; 0 for a known heading."""
        return self.turns.rolls


@dataclass(frozen=True)
class ViewQuery(Query):
    """A described ground view, which can be matched with tiles, too.

    Attributes:
        features: of the view under every heading.
    """

    features: Features


@dataclass(frozen=True)
class Retrieved:
    """The nearest tiles, best first: their indices ``[K]`` and cosines for each roll ``[K, R]``."""

    tiles: IntArray
    scores: Float32Array


def describe(
    engine: MatchEngine,
    view: GroundView,
    prior: HeadingPrior | None = None,
    progress: Progress = no_progress,
) -> ViewQuery:
    """Describe a view, under all headings if its own is unknown.

    Args:
        engine: the network.
        view: the strip.
        prior: for the azimuth of its centre column from grid north, if it is not known.
        progress: told when it begins.
    """
    progress("describing", 0, 1)
    turns = hypotheses(view, prior)
    features = engine.describe_view(view, len(turns.rolls))
    return ViewQuery(turns, features.descriptors_at(turns.rolls), features)


def retrieve(index: TileIndex, query: Query, depth: int, where: BoolArray | None) -> Retrieved:
    """Return the ``depth`` tiles of ``where [N]`` with the highest cosine under any roll."""
    available = len(index.rows) if where is None else int(where.sum())
    likely = query.turns.searched
    found = index.search(query.descriptors[likely], min(depth, available), where)
    # A tile among the best over all rolls is among the best of its own best roll.
    tiles = np.unique(np.asarray(found.indices, dtype=np.int64).ravel())
    tiles = tiles[tiles >= 0]
    scores = compare(index, query, tiles)
    order = np.lexsort((tiles, -scores[:, likely].max(axis=1)))[:depth]
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


def tiles_allowed(
    index: TileIndex, prior: Near | Area | None, taken: Period | None = None
) -> BoolArray | None:
    """Return which tiles ``[N]`` priors for the place and for its imagery leave; None for all.

    Raises:
        SettingsError: none.
    """
    if prior is None and taken is None:
        return None
    found: list[BoolArray] = []
    refused: list[SettingsError] = []
    for member in index.members:
        try:
            found.append(_allowed(member, prior, taken))
        except SettingsError as error:  # the place asked for lies in another member
            refused.append(error)
            found.append(np.zeros(len(member.rows), np.bool_))
    if len(refused) == len(found):
        raise refused[0]
    return np.concatenate(found)


def _allowed(member: DatedTiles, prior: Near | Area | None, taken: Period | None) -> BoolArray:
    """Return which tiles of one grid ``[N]`` are left; SettingsError if none is."""
    if prior is None:
        inside: BoolArray = np.ones(len(member.rows), np.bool_)
    else:
        inside = tiles_in(member, prior) if isinstance(prior, Area) else tiles_near(member, prior)
    return inside if taken is None else tiles_of_period(member, taken, inside)


def tiles_near(index: TileMember, near: Near) -> BoolArray:
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
