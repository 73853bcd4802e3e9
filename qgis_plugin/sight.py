# SPDX-License-Identifier: GPL-2.0-or-later
"""Directions in a photo and on a tile: which azimuth a column shows, where a place lies.

Azimuths are degrees clockwise from true north. A tile's picture has the grid's north up, which is
a little off true north; `up_deg` is the difference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from .result import Place


class TileFrame(NamedTuple):
    """A tile's picture on the ground.

    Attributes:
        u, v: a place as shares of the picture's side, right and down from its upper left.
        up_deg: azimuth that is up in the picture.
    """

    u: float
    v: float
    up_deg: float


def tile_frame(ring: Sequence[Place], place: Place) -> TileFrame:
    """Return where a place lies on a tile.

    Args:
        ring: corners in degrees: lower left, lower right, upper right, upper left.
        place: longitude and latitude in degrees.
    """
    (west, south), right, _, top = ring
    shrink = math.cos(math.radians(south))
    right_x, right_y = _turn(right[0] - west) * shrink, right[1] - south
    top_x, top_y = _turn(top[0] - west) * shrink, top[1] - south
    x, y = _turn(place[0] - west) * shrink, place[1] - south
    area = right_x * top_y - right_y * top_x
    u = (x * top_y - y * top_x) / area
    up = (right_x * y - right_y * x) / area
    return TileFrame(u, 1.0 - up, math.degrees(math.atan2(top_x, top_y)))


def azimuth_at(share: float, heading_deg: float, fov_deg: float) -> float:
    """Return the azimuth that a column of a photo shows; `share` counts from its left, 0 to 1."""
    if fov_deg >= 180.0:
        return (heading_deg + (share - 0.5) * fov_deg) % 360.0
    reach = math.tan(math.radians(fov_deg / 2.0))
    return (heading_deg + math.degrees(math.atan((2.0 * share - 1.0) * reach))) % 360.0


def column_of(azimuth_deg: float, heading_deg: float, fov_deg: float) -> float | None:
    """Return the share of a photo's width where an azimuth is seen, None outside the photo."""
    off_deg = _turn(azimuth_deg - heading_deg)
    if abs(off_deg) > fov_deg / 2.0:
        return None
    if fov_deg >= 180.0:
        return 0.5 + off_deg / fov_deg
    reach = math.tan(math.radians(fov_deg / 2.0))
    return 0.5 + math.tan(math.radians(off_deg)) / (2.0 * reach)


def _turn(degrees: float) -> float:
    """Return an angle between -180 and 180 degrees."""
    return (degrees + 180.0) % 360.0 - 180.0
