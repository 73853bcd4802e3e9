"""The drawing of a city before it becomes pixels: areas, lines, buildings, trees, car spots.

City frame throughout: metres, ``x_m`` east and ``y_m`` south.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from cvgl_core.simulation.style import CityStyle
from cvgl_core.types import Float32Array, FloatArray

Rgb = tuple[float, float, float]


class Surface(IntEnum):
    """What the ground is made of."""

    ROAD = 0
    SIDEWALK = 1
    PAVING = 2
    GRASS = 3
    DIRT = 4
    WATER = 5
    ROOF = 6
    COURT = 7


class RoofKind(IntEnum):
    """How a roof falls: flat, two slopes along the longest side, or a slope from every edge."""

    FLAT = 0
    GABLE = 1
    HIP = 2


class BuildingKind(IntEnum):
    """Use of a building, as stored in ``BuildingTable.kind``."""

    SUBURBAN = 0
    MIDRISE = 1
    TOWER = 2
    INDUSTRIAL = 3


@dataclass(frozen=True)
class Area:
    """A filled polygon ``[N, 2]`` in metres; ``holes`` are left as they were."""

    polygon: FloatArray
    surface: Surface
    rgb: Rgb
    holes: tuple[FloatArray, ...] = ()


@dataclass(frozen=True)
class Line:
    """A painted line ``[N, 2]`` in metres; ``strength`` blends it with what lies below."""

    points: FloatArray
    rgb: Rgb
    width_m: float
    strength: float = 1.0


@dataclass(frozen=True)
class Part:
    """One body of a building: footprint ``[N, 2]``, eaves above the street, roof.

    ``pitch`` is the rise per metre of the roof's slopes; ``holes`` are courtyards; ``seam_m`` is
    the distance of the seams of a flat roof, 0 for none.
    """

    polygon: FloatArray
    eaves_m: float
    roof: RoofKind
    rgb: Rgb
    pitch: float = 0.0
    parapet: bool = False
    holes: tuple[FloatArray, ...] = ()
    seam_m: float = 0.0


@dataclass(frozen=True)
class Building:
    """One building with its bodies; facade attributes are drawn from the seed later."""

    kind: BuildingKind
    height_m: float
    wall_rgb: Rgb
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Road:
    """A street's centre line ``[N, 2]``, its width, rank (0 major, 1 middle, 2 minor, 3 path).

    ``clear_start_m`` and ``clear_end_m`` are the lengths hidden by the crossing streets.
    """

    points: FloatArray
    width_m: float
    rank: int
    clear_start_m: float = 8.0
    clear_end_m: float = 8.0


@dataclass(frozen=True)
class Plan:
    """Everything that stays from day to day, ready to be painted.

    Attributes:
        trees: x, y, crown radius, centre height, vertical radius, ``[T, 5]``.
        spots: x, y, direction in radians from east towards south, ``[C, 3]``.
    """

    base: Surface
    base_rgb: Rgb
    areas: tuple[Area, ...]
    lines: tuple[Line, ...]
    buildings: tuple[Building, ...]
    trees: Float32Array
    spots: Float32Array


@dataclass
class Draft:
    """A plan in the making."""

    style: CityStyle
    areas: list[Area] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    buildings: list[Building] = field(default_factory=list)
    trees: list[tuple[float, float, float, float, float]] = field(default_factory=list)
    spots: list[tuple[float, float, float]] = field(default_factory=list)

    def area(
        self, polygon: FloatArray, surface: Surface, rgb: Rgb, holes: tuple[FloatArray, ...] = ()
    ) -> None:
        """Add a filled polygon."""
        self.areas.append(Area(polygon, surface, rgb, holes))

    def line(
        self, points: FloatArray, rgb: Rgb, width_m: float = 0.2, strength: float = 1.0
    ) -> None:
        """Add a painted line."""
        self.lines.append(Line(points, rgb, width_m, strength))

    def tree(
        self,
        x_m: float,
        y_m: float,
        rng: np.random.Generator,
        low_m: float = 1.4,
        high_m: float = 4.2,
    ) -> None:
        """Add a tree with a crown radius between two bounds; sizes after a trial's figures."""
        radius = rng.uniform(low_m, high_m)
        centre = rng.uniform(1.8, 3.0) + radius * rng.uniform(0.9, 1.3)
        self.trees.append((x_m, y_m, radius, centre, radius * rng.uniform(0.85, 1.4)))

    def finish(self, base: Surface, base_rgb: Rgb) -> Plan:
        """Return the finished plan over a ground of one surface."""
        return Plan(
            base,
            base_rgb,
            tuple(self.areas),
            tuple(self.lines),
            tuple(self.buildings),
            np.asarray(self.trees, np.float32).reshape(-1, 5),
            np.asarray(self.spots, np.float32).reshape(-1, 3),
        )


def shade(rgb: Rgb, rng: np.random.Generator, brightness: float, channel: float = 2.0) -> Rgb:
    """Return a colour with normal noise in brightness and, less, in each channel."""
    noisy = np.asarray(rgb) + rng.normal(0, brightness) + rng.normal(0, channel, 3)
    r, g, b = np.clip(noisy, 8, 246).tolist()
    return (r, g, b)
