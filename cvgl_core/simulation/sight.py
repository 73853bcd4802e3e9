"""How far a camera sees, and how finely: what differs between the street and the air."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sight:
    """Limits of a renderer, horizontal metres unless said otherwise.

    Attributes:
        last_m: rays look at the surface up to here; beyond lies level ground.
        growth: share of the distance by which a ray's steps grow.
        trees_m, cars_m: farther ones are not drawn.
        texel_range_m: slant distance at which colours are as fine as the rasters; twice as far
            they are half as fine.
    """

    last_m: float
    growth: float
    trees_m: float
    cars_m: float
    texel_range_m: float


STREET_SIGHT = Sight(last_m=190.0, growth=0.017, trees_m=90.0, cars_m=110.0, texel_range_m=11.0)
"""Weights were trained on pictures with these limits."""

DRONE_SIGHT = Sight(last_m=400.0, growth=0.01, trees_m=300.0, cars_m=300.0, texel_range_m=60.0)
