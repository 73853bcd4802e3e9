"""What a simulated city is made of.

City frame: ``x_m`` east, ``y_m`` south, both from the north-west corner of the rasters; the centre
of pixel (row, col) lies at ``((col + .5) * gsd, (row + .5) * gsd)``. In the CRS, easting is
``origin_e_m + x_m`` and northing is ``origin_n_m - y_m``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from cvgl_core.types import BoolArray, Float32Array, UInt8Array

Look = Literal["plain", "foreign"]
"""The rules a city is drawn by; models are trained on ``plain`` cities only."""
LOOKS: tuple[Look, ...] = get_args(Look)


@dataclass(frozen=True)
class BuildingTable:
    """Attributes of the buildings, one row each; ``GroundScene.building`` holds row + 1.

    Attributes:
        kind: 0 suburban, 1 mid-rise, 2 tower, 3 industrial, ``[B]``.
        height_m: eaves above the street, ``[B]``.
        wall_rgb: base colour of the walls, uint8 ``[B, 3]``.
        floor_height_m, window_pitch_m: facade raster, ``[B]``.
        window_width, window_height: as fractions of pitch and floor, ``[B]``.
        style: three random numbers in [0, 1) for the facade's features, ``[B, 3]``.
        x_m, y_m: a point of the footprint (city frame), ``[B]``.
    """

    kind: UInt8Array
    height_m: Float32Array
    wall_rgb: UInt8Array
    floor_height_m: Float32Array
    window_pitch_m: Float32Array
    window_width: Float32Array
    window_height: Float32Array
    style: Float32Array
    x_m: Float32Array
    y_m: Float32Array


@dataclass(frozen=True)
class TreeTable:
    """Ellipsoid crowns on trunks, one row each (city frame, metres above the street).

    Attributes:
        x_m, y_m: trunk, ``[T]``.
        radius_m: horizontal radius of the crown, ``[T]``.
        centre_m, vertical_m: height of the crown's centre, and its vertical radius, ``[T]``.
        rgb: colour of the crown in the street's season, uint8 ``[T, 3]``.
    """

    x_m: Float32Array
    y_m: Float32Array
    radius_m: Float32Array
    centre_m: Float32Array
    vertical_m: Float32Array
    rgb: UInt8Array


@dataclass(frozen=True)
class GroundScene:
    """The city as a street camera meets it, on its own day.

    Attributes:
        gsd_m_per_px: of all rasters.
        height_m: solid surface with this day's cars, without trees; 0 is the street, ``[H, W]``.
        albedo: colour of the surface seen from above, in plain daylight, ``[H, W, 3]``.
        light: 0 full shadow ... 255 lit, for horizontal surfaces, ``[H, W]``.
        building: 0 none, else row of ``buildings`` + 1, int32 ``[H, W]``.
        wall_azimuth: outward normal of the nearest wall, clockwise from north in 1/256 turns;
            valid within about 1.5 m of a wall, ``[H, W]``.
        walkable: where a camera may stand, ``[H, W]``.
        sun_azimuth_deg, sun_elevation_deg: where the sun stands.
        sky_seed: of clouds, exposure and everything else drawn per view.
        look: rules by which facades, leaves and sky are drawn.
    """

    gsd_m_per_px: float
    height_m: Float32Array
    albedo: UInt8Array
    light: UInt8Array
    building: NDArray[np.int32]
    wall_azimuth: UInt8Array
    walkable: BoolArray
    buildings: BuildingTable
    trees: TreeTable
    sun_azimuth_deg: float
    sun_elevation_deg: float
    sky_seed: int
    look: Look = "plain"


@dataclass(frozen=True)
class City:
    """A simulated city: what the aircraft saw, and what the street camera will see.

    Attributes:
        seed: the city's name; the same seed and settings give the same bytes.
        crs: metric CRS such as ``EPSG:32633``.
        origin_e_m, origin_n_m: of the rasters' north-west corner.
        ortho: shaded orthophoto on the aircraft's day, uint8 ``[H, W, 3]``; a true one in plain
            cities, as flown (leaning, 1-2 m out of place) in foreign ones.
        dsm_m: surface with crowns and that day's cars, metres above sea level, ``[H, W]``.
        ground: the street camera's day.
    """

    seed: int
    crs: str
    origin_e_m: float
    origin_n_m: float
    gsd_m_per_px: float
    ortho: UInt8Array
    dsm_m: Float32Array
    ground: GroundScene


@dataclass(frozen=True)
class Cameras:
    """Street cameras in the city frame, float32 ``[N]`` each; height above the street."""

    x_m: Float32Array
    y_m: Float32Array
    height_m: Float32Array
