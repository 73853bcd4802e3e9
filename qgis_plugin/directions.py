# SPDX-License-Identifier: GPL-2.0-or-later
"""What each direction of a photo says for a place, as the engine's result tells it.

Standard library only. A column of azimuths adds its part to the match of a place; what it adds
above the average position speaks for the place, what it lacks against it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from .result import Json

FOR, AGAINST = "#2b6fd6", "#e07b1a"
LEAST_SCALE = 0.05
"""What fills a bar, at least: small differences must not look large."""


class Directions(NamedTuple):
    """Columns of azimuths from true north, clockwise.

    Attributes:
        first_deg: left edge of the first.
        width_deg: of each.
        told: in scores, for each column; None where the photo shows nothing.
        rivals: the same for the mean of other places, None where there are none.
        scale: what fills a bar.
    """

    first_deg: float
    width_deg: float
    told: Sequence[float | None]
    rivals: Sequence[float | None]
    scale: float

    def column(self, azimuth_deg: float) -> int:
        """Return the column that shows an azimuth."""
        return int((azimuth_deg - self.first_deg) % 360.0 / self.width_deg) % len(self.told)

    def height(self, told: float | None) -> float:
        """Return how high a bar stands, -1 to 1; 0 where the photo shows nothing."""
        return 0.0 if told is None else max(-1.0, min(1.0, told / self.scale))


def directions_of(evidence: Json, rank: int) -> Directions | None:
    """Return what directions say for the place of a candidate, None where nobody looked.

    The file may come from anyone: what is not as it should be counts as not there.
    """
    try:
        places = {place["rank"]: place["directions"] for place in evidence["places"]}
        found = places[rank]
        told = _numbers(found["told"])
        rivals = _numbers(found["rivals"] or [None] * len(told))
        first_deg, width_deg = float(found["first_deg"]), float(found["width_deg"])
        others = [_numbers(place["told"]) for place in places.values() if place]
        highest = max(abs(value or 0.0) for each in others for value in each)
    except (KeyError, TypeError, ValueError):
        return None
    whole = abs(len(told) * width_deg - 360.0) < 1e-6 and math.isfinite(first_deg)
    if not whole or len(rivals) != len(told):
        return None
    return Directions(first_deg, width_deg, told, rivals, max(LEAST_SCALE, highest))


def words_of(evidence: Json, rank: int) -> list[str]:
    """Return what speaks for the place of a candidate and against it, a sentence each."""
    places = evidence.get("places")
    for place in places if isinstance(places, list) else ():
        if isinstance(place, dict) and place.get("rank") == rank:
            return texts(place.get("words"))
    return []


def texts(value: object) -> list[str]:
    """Return a list of texts, empty where the file holds something else."""
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _numbers(values: object) -> list[float | None]:
    """Return numbers or None; raises ``ValueError`` for anything else."""
    if not isinstance(values, list):
        raise ValueError("no list")
    numbers = [None if value is None else float(value) for value in values]
    if not all(value is None or math.isfinite(value) for value in numbers):
        raise ValueError("not finite")
    return numbers
