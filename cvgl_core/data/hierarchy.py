"""Batches that hold every level of relevance: several views of a place, several places of an area.

HAPPIER's sampler, which DyCL's settings name but its code replaces by random batches. Areas are
found from coordinates: DA-Campus has 8 of them, but its lists do not say which.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from cvgl_core.data.relevance import relevance_matrix
from cvgl_core.types import FloatArray, IntArray


@dataclass(frozen=True)
class HierarchyRules:
    """How batches are built; the defaults are the published ones.

    Attributes:
        size: pairs of a batch.
        per_place: views of one place.
        areas: areas of a batch.
        repeats: batches for each combination of areas, an epoch.
    """

    size: int = 128
    per_place: int = 4
    areas: int = 2
    repeats: int = 4


def areas_of(lonlat_deg: FloatArray, reach_m: float) -> IntArray:
    """Return a number for each place, the same for places joined by steps of up to ``reach_m``.

    Args:
        lonlat_deg: places ``[N, 2]``; one without coordinates is an area of its own.
        reach_m: for DA-Campus the distance of its lowest level.
    """
    area = np.full(len(lonlat_deg), -1, np.int64)
    count = 0
    for first in range(len(area)):
        if area[first] >= 0:
            continue
        area[first] = count
        edge = np.array([first])
        while len(edge):
            rest = np.flatnonzero(area < 0)
            near = relevance_matrix(lonlat_deg[edge], lonlat_deg[rest], (reach_m,)).any(axis=0)
            edge = rest[near]
            area[edge] = count
        count += 1
    return area


def hierarchical_batches(
    place: IntArray, area: IntArray, rules: HierarchyRules, rng: np.random.Generator
) -> IntArray:
    """Return the batches of an epoch ``[n, size]``, pairs by number, in random order.

    Every combination of areas makes ``repeats`` batches, which share their pairs evenly between the
    areas and hold ``per_place`` views of each place. Where an area has too few places, it gives
    more views of each, and other areas fill what is left; a batch holds no pair twice. Of very many
    combinations some are drawn: as many as batches that hold all pairs ``repeats`` times.

    Args:
        place: of each pair ``[P]``.
        area: of each place.
        rules: of the batches.
        rng: of every choice.
    """
    if len(place) < rules.size:
        return np.empty((0, rules.size), np.int64)
    by_place = np.split(np.argsort(place, kind="stable"), np.cumsum(np.bincount(place))[:-1])
    areas = [np.flatnonzero(area == number) for number in range(int(area.max()) + 1)]
    together = min(rules.areas, len(areas))
    enough = rules.repeats * (len(place) // rules.size)
    if comb(len(areas), together) * rules.repeats <= enough:
        chosen = [*combinations(range(len(areas)), together)] * rules.repeats
    else:
        draws = (rng.choice(len(areas), together, replace=False) for _ in range(enough))
        chosen = [tuple(draw.tolist()) for draw in draws]
    drawn = [_batch([areas[n] for n in numbers], by_place, rules, rng) for numbers in chosen]
    order = rng.permutation(len(drawn))
    return np.stack([_filled(drawn[number], len(place), rules.size, rng) for number in order])


def _batch(
    areas: list[IntArray], by_place: list[IntArray], rules: HierarchyRules, rng: np.random.Generator
) -> IntArray:
    """Return pairs of some areas, at most a batch."""
    share = -(-rules.size // len(areas))
    parts = [_of_area(places, by_place, share, rules.per_place, rng) for places in areas]
    return np.concatenate(parts)[: rules.size]


def _of_area(
    places: IntArray, by_place: list[IntArray], count: int, per_place: int, rng: np.random.Generator
) -> IntArray:
    """Return up to ``count`` pairs of an area: some of each place, then more where it is small."""
    shuffled = [rng.permutation(by_place[number]) for number in rng.permutation(places)]
    first = [views[:per_place] for views in shuffled]
    more = [views[per_place:] for views in shuffled]
    return np.concatenate([*first, *more])[:count]


def _filled(batch: IntArray, pairs: int, size: int, rng: np.random.Generator) -> IntArray:
    """Fill a batch with pairs from anywhere."""
    if len(batch) == size:
        return batch
    others = np.setdiff1d(np.arange(pairs), batch)
    return np.concatenate([batch, rng.choice(others, size - len(batch), replace=False)])
