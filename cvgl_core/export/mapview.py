"""A map as SVG: imagery, probability over it, outlines, marks, scale and north.

Drawn in a frame 1000 units wide whose height follows the bounds; grid metres, grid north up.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from cvgl_core.export.pictures import (
    DataUri,
    fitted,
    heat_rgba,
    jpeg_uri,
    png_uri,
    pooled,
)
from cvgl_core.geo import convergence_deg, from_lonlat, to_lonlat
from cvgl_core.types import Bounds, CredibleRegion, LonLat, Posterior, UInt8Array

WIDTH = 1000.0
MAX_IMAGE_PX = 1600
MAX_HEAT_PX = 900
_NICE = (1, 2, 5)


@dataclass(frozen=True)
class BaseMap:
    """Imagery of a rectangle in grid metres, north up, uint8 ``[H, W, 3]``."""

    rgb: UInt8Array
    bounds: Bounds
    title: str = ""


@dataclass(frozen=True)
class Overlay:
    """A picture placed on the map, frame units."""

    uri: DataUri
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class ScaleBar:
    """A round distance and its length in frame units."""

    label: str
    length: float


@dataclass(frozen=True)
class Frame:
    """From grid metres and degrees to the frame of a map."""

    bounds: Bounds
    crs: str

    @property
    def units_per_m(self) -> float:
        """Frame units per metre."""
        return WIDTH / (self.bounds.right_m - self.bounds.left_m)

    @property
    def height(self) -> float:
        """Height of the frame in its units."""
        return (self.bounds.top_m - self.bounds.bottom_m) * self.units_per_m

    def at(self, x_m: float, y_m: float) -> tuple[float, float]:
        """Return the frame position of a point in grid metres."""
        scale = self.units_per_m
        return (x_m - self.bounds.left_m) * scale, (self.bounds.top_m - y_m) * scale

    def place(self, place: LonLat) -> tuple[float, float]:
        """Return the frame position of a place in degrees."""
        x_m, y_m = from_lonlat(self.crs, [place.lon], [place.lat])
        return self.at(float(x_m[0]), float(y_m[0]))

    def inside(self, place: LonLat) -> bool:
        """Whether a place lies on the map."""
        x, y = self.place(place)
        return 0.0 <= x <= WIDTH and 0.0 <= y <= self.height

    def path(self, rings: Iterable[Sequence[LonLat]]) -> str:
        """Return rings in degrees as the data of one SVG path."""
        parts: list[str] = []
        for ring in rings:
            x_m, y_m = from_lonlat(self.crs, [p.lon for p in ring], [p.lat for p in ring])
            scale = self.units_per_m
            xs, ys = (x_m - self.bounds.left_m) * scale, (self.bounds.top_m - y_m) * scale
            points = " ".join(f"{x:.1f} {y:.1f}" for x, y in zip(xs, ys, strict=True))
            parts.append(f"M{points}Z")
        return "".join(parts)

    def region_path(self, region: CredibleRegion) -> str:
        """Return the outline of a credible region as path data."""
        return self.path(ring for rings in region.polygons for ring in rings)

    def north_deg(self) -> float:
        """Return the direction of true north on the map, clockwise from up."""
        x_m = (self.bounds.left_m + self.bounds.right_m) / 2.0
        y_m = (self.bounds.top_m + self.bounds.bottom_m) / 2.0
        lon, lat = to_lonlat(self.crs, [x_m], [y_m])
        return -convergence_deg(self.crs, float(lon[0]), float(lat[0]))

    def scale_bar(self) -> ScaleBar:
        """Return the longest round distance of at most a quarter of the map."""
        longest_m = WIDTH / 4.0 / self.units_per_m
        power = 10.0 ** math.floor(math.log10(longest_m))
        distance_m = max(n * power for n in _NICE if n * power <= longest_m)
        label = f"{distance_m:g} m" if distance_m < 1000 else f"{distance_m / 1000:g} km"
        return ScaleBar(label, distance_m * self.units_per_m)

    def cone(self, place: LonLat, heading_deg: float, fov_deg: float, reach: float) -> str:
        """Return a view cone from a place as path data; the heading counts from true north."""
        x, y = self.place(place)
        axis_deg = heading_deg + self.north_deg()
        half_deg = min(fov_deg, 120.0) / 2.0
        ends = [math.radians(axis_deg + side * half_deg) for side in (-1, 1)]
        points = [(x + reach * math.sin(end), y - reach * math.cos(end)) for end in ends]
        (x1, y1), (x2, y2) = points
        return f"M{x:.1f} {y:.1f}L{x1:.1f} {y1:.1f}A{reach:g} {reach:g} 0 0 1 {x2:.1f} {y2:.1f}Z"


def base_uri(base: BaseMap) -> DataUri:
    """Return the imagery as JPEG, reduced to what a page can show."""
    return jpeg_uri(fitted(base.rgb, MAX_IMAGE_PX, MAX_IMAGE_PX), 82)


def heat_overlay(posterior: Posterior, frame: Frame) -> Overlay | None:
    """Return the part of a posterior on the map as a picture; None where there is nothing."""
    cell_m, bounds = posterior.cell_m, frame.bounds
    height, width = posterior.probability.shape
    first_row = max(0, math.floor((posterior.top_m - bounds.top_m) / cell_m))
    last_row = min(height, math.ceil((posterior.top_m - bounds.bottom_m) / cell_m))
    first_col = max(0, math.floor((bounds.left_m - posterior.left_m) / cell_m))
    last_col = min(width, math.ceil((bounds.right_m - posterior.left_m) / cell_m))
    if first_row >= last_row or first_col >= last_col:
        return None
    part = np.nan_to_num(posterior.probability[first_row:last_row, first_col:last_col])
    if not part.any():
        return None
    times = max(1, math.ceil(max(part.shape) / MAX_HEAT_PX))
    peak = float(np.nan_to_num(posterior.probability).max())
    colours = heat_rgba(pooled(part.astype(np.float32), times), peak)
    x, y = frame.at(posterior.left_m + first_col * cell_m, posterior.top_m - first_row * cell_m)
    unit = cell_m * times * frame.units_per_m
    return Overlay(png_uri(colours), x, y, colours.shape[1] * unit, colours.shape[0] * unit)


def close_up(posterior: Posterior, places: Sequence[LonLat], area: Bounds) -> Bounds:
    """Return a square window around places with room to see the streets, grid metres.

    The first place is the one that must be seen; the others only as far as 400 m away.
    """
    x_m, y_m = from_lonlat(posterior.crs, [p.lon for p in places], [p.lat for p in places])
    reach_m = np.maximum(np.abs(x_m - x_m[0]), np.abs(y_m - y_m[0]))
    near = reach_m <= 400.0
    left, right = float(x_m[near].min()), float(x_m[near].max())
    bottom, top = float(y_m[near].min()), float(y_m[near].max())
    half_m = max(90.0, (right - left) / 2.0 + 50.0, (top - bottom) / 2.0 + 50.0)
    half_m = min(half_m, max(area.right_m - area.left_m, area.top_m - area.bottom_m) / 2.0)
    x, y = (left + right) / 2.0, (bottom + top) / 2.0
    return Bounds(x - half_m, y - half_m, x + half_m, y + half_m)
