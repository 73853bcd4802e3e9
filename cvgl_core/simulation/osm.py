"""A plan from an OpenStreetMap extract: mapped streets and footprints, the rest from the seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from shapely.geometry import LineString, Point, Polygon

from cvgl_core.errors import SettingsError
from cvgl_core.simulation.extract import (
    Extract,
    Feature,
    below_ground,
    lines_of,
    number_of,
    polygons_of,
    read_extract,
    rings_of,
)
from cvgl_core.simulation.landuse import LandDraft
from cvgl_core.simulation.lots import LotBuilder
from cvgl_core.simulation.marking import Track, mark_road
from cvgl_core.simulation.plan import (
    Building,
    BuildingKind,
    Draft,
    Part,
    Plan,
    Rgb,
    Road,
    RoofKind,
    Surface,
    shade,
)
from cvgl_core.simulation.style import CityStyle
from cvgl_core.types import FloatArray

# highway class: width in metres, rank of its markings (3: none), sidewalk
_STREETS: dict[str, tuple[float, int, bool]] = {
    "motorway": (14.0, 0, False), "trunk": (14.0, 0, False), "primary": (14.0, 0, True),
    "secondary": (12.0, 1, True), "tertiary": (10.0, 1, True), "residential": (8.0, 2, True),
    "unclassified": (7.5, 2, True), "living_street": (6.5, 3, True), "busway": (7.0, 3, True),
    "motorway_link": (7.0, 2, False), "trunk_link": (7.0, 2, False), "road": (7.0, 3, True),
    "primary_link": (7.0, 2, True), "secondary_link": (7.0, 2, True), "service": (4.0, 3, False),
}  # fmt: skip
_HOUSES = {"house", "detached", "semidetached_house", "terrace", "bungalow", "hut", "cabin",
           "garage", "garages", "shed", "residential_house", "allotment_house"}  # fmt: skip
_SHEDS = {"industrial", "warehouse", "hangar", "factory", "manufacture", "supermarket", "retail"}
_HIPPED = {"hipped", "half-hipped", "pyramidal", "mansard", "dome", "round", "onion", "cone"}
_GABLED = {"gabled", "gambrel", "saltbox", "skillion"}


@dataclass(frozen=True)
class PlacedPlan:
    """A plan and where its north-west corner lies."""

    plan: Plan
    crs: str
    east_m: float
    north_m: float


class OsmDraft:
    """Turns the features of one extract into a plan."""

    def __init__(
        self, extract: Extract, style: CityStyle, rng: np.random.Generator, size_m: float
    ) -> None:
        self.extract = extract
        self.style = replace(style, median_share=0.0)
        self.rng = rng
        self.draft = Draft(self.style)
        self.land = LandDraft(extract, self.draft, rng, size_m)

    def plan(self) -> Plan:
        """Return the finished plan."""
        self.land.draw()
        self._streets()
        for feature in self.extract.polygons:
            if "building" in feature.tags and not below_ground(feature.tags):
                self._building(feature)
        self._trees()
        return self.draft.finish(Surface.GRASS, self.style.grass_rgb)

    def _street_width(self, tags: dict[str, str]) -> float:
        width, _, _ = _STREETS[tags["highway"]]
        mapped = number_of(tags, "width", 2.5, 40)
        lanes = number_of(tags, "lanes", 1, 10)
        if mapped is None and lanes is not None and tags["highway"] != "service":
            mapped = lanes * 3.2 + 1.6
        one_way = tags.get("oneway") == "yes" and lanes is None
        return mapped or width * (0.75 if one_way else 1.0) * self.style.road_scale

    def _streets(self) -> None:
        """Draw streets, cut at junctions so that markings stop there."""
        chosen = [
            (line, self._street_width(f.tags), *_STREETS[f.tags["highway"]][1:])
            for f in self.extract.lines
            if f.tags.get("highway") in _STREETS and not below_ground(f.tags)
            for line in lines_of(f.shape)
        ]
        chosen.sort(key=lambda street: -street[2])
        walk = self.style.sidewalk_rgb
        for line, width, _, paved in chosen:
            if paved:
                shape = LineString(line).buffer(width / 2 + float(self.rng.uniform(1.8, 3.4)))
                self.land.fill(shape, Surface.SIDEWALK, walk)
        for line, width, _, _ in chosen:
            self.land.fill(LineString(line).buffer(width / 2), Surface.ROAD, self.style.asphalt_rgb)
        uses: Counter[tuple[float, float]] = Counter()
        widest: dict[tuple[float, float], float] = {}
        for line, width, _, _ in chosen:
            for i, node in enumerate(map(_node, line)):
                uses[node] += 1 if i in (0, len(line) - 1) else 2
                widest[node] = max(widest.get(node, 0.0), width)
        for line, width, rank, _ in chosen:
            for piece in _split_at(line, uses):
                clear = [
                    widest[_node(end)] / 2 if uses[_node(end)] > 2 else 0.0
                    for end in (piece[0], piece[-1])
                ]
                road = Road(piece, width, rank, clear[0], clear[1])
                if rank < 3:
                    mark_road(self.draft, road, self.rng)
                    self._kerbside(road)

    def _kerbside(self, road: Road) -> None:
        """Park cars, and plant trees, along a street."""
        rng, track = self.rng, Track(road.points)
        plant = rng.random() < 0.4 * self.style.tree_density
        for side in (-1.0, 1.0):
            share = float(rng.uniform(0.1, 0.75)) * self.style.parking
            for s in np.arange(road.clear_start_m + 7, track.length_m - road.clear_end_m - 7, 6.2):
                at = np.array([s])
                if road.rank == 2 and road.width_m > 6.0 and rng.random() < share:
                    x, y = track.at(at, side * (road.width_m / 2 - 1.1))[0]
                    angle = float(track.angles(at)[0]) + (np.pi if side < 0 else 0.0)
                    self.draft.spots.append((float(x), float(y), angle))
                if plant and rng.random() < 0.4:
                    x, y = track.at(at, side * (road.width_m / 2 + 1.3))[0]
                    self.draft.tree(float(x), float(y), rng, 1.3, 3.4)

    def _building(self, feature: Feature) -> None:
        tags, rng = feature.tags, self.rng
        if tags["building"] in ("no", "roof", "ruins", "construction"):
            return
        for polygon in polygons_of(feature.shape.simplify(0.25)):
            if polygon.area < 8:
                continue
            kind, height = self._use_and_height(tags, polygon.area)
            lots = LotBuilder(self.draft, lambda points: points, rng)
            lots.start_block(kind, height, 0.0)
            wall, roof = lots.colours(kind)
            part = self._body(tags, polygon, kind, height, roof)
            parts = [part]
            if part.roof == RoofKind.FLAT and not part.holes and polygon.area > 120:
                parts += lots.roof_units(part.polygon, height)
            self.draft.buildings.append(Building(kind, height, wall, tuple(parts)))

    def _use_and_height(self, tags: dict[str, str], area_m2: float) -> tuple[BuildingKind, float]:
        rng = self.rng
        levels = number_of(tags, "building:levels", 1, 100)
        height = number_of(tags, "height", 2, 400) or (levels and levels * 3.2 + 0.6)
        if tags["building"] in _SHEDS:
            return BuildingKind.INDUSTRIAL, height or float(rng.uniform(5, 10))
        if tags["building"] in _HOUSES or (area_m2 < 170 and (height or 0) < 9):
            small = 2.6 if area_m2 < 40 else float(rng.uniform(3.2, 6.5))
            return BuildingKind.SUBURBAN, height or small
        height = height or float(rng.uniform(8, 19)) * self.style.height_scale
        return (BuildingKind.TOWER if height > 30 else BuildingKind.MIDRISE), height

    def _body(
        self, tags: dict[str, str], polygon: Polygon, kind: BuildingKind, height_m: float, roof: Rgb
    ) -> Part:
        rng, style = self.rng, self.style
        mapped = tags.get("roof:shape", "")
        house = kind == BuildingKind.SUBURBAN
        pitched = mapped in _HIPPED | _GABLED or (
            not mapped
            and kind in (BuildingKind.SUBURBAN, BuildingKind.MIDRISE)
            and rng.random() < (0.9 if house else style.midrise_gable_share)
        )
        ring, holes = rings_of(polygon)
        if not pitched:
            seam_m = float(rng.uniform(1.5, 7)) if rng.random() < 0.6 else 0.0
            return Part(ring, height_m, RoofKind.FLAT, roof, 0.0, not house, holes, seam_m)
        gable = len(ring) == 4 and mapped not in _HIPPED and rng.random() < 0.7
        if kind == BuildingKind.MIDRISE:
            tone = style.roofs[0][int(rng.integers(len(style.roofs[0])))].tolist()
            roof = shade((tone[0], tone[1], tone[2]), rng, 8)
        pitch = float(rng.uniform(0.35, 0.75))
        eaves = max(2.4, height_m - 1.2) if "height" in tags else height_m
        shape = RoofKind.GABLE if gable else RoofKind.HIP
        return Part(ring, eaves, shape, roof, pitch, False, holes)

    def _trees(self) -> None:
        rng = self.rng
        for feature in self.extract.points:
            if feature.tags.get("natural") == "tree" and isinstance(feature.shape, Point):
                self.draft.tree(feature.shape.x, feature.shape.y, rng, 1.5, 4.2)
        for feature in self.extract.lines:
            if feature.tags.get("natural") == "tree_row":
                for line in lines_of(feature.shape):
                    track = Track(line)
                    for x, y in track.at(np.arange(0, track.length_m, float(rng.uniform(6, 10)))):
                        self.draft.tree(float(x), float(y), rng, 1.5, 3.6)
        self.land.plant_gardens()


def _node(point: FloatArray) -> tuple[float, float]:
    return round(float(point[0]), 2), round(float(point[1]), 2)


def _split_at(line: FloatArray, uses: Counter[tuple[float, float]]) -> Iterator[FloatArray]:
    """Yield the pieces of a line between junctions."""
    start = 0
    for i in range(1, len(line)):
        if i == len(line) - 1 or uses[_node(line[i])] > 2:
            yield line[start : i + 1]
            start = i


def plan_from_osm(
    path: Path, rng: np.random.Generator, style: CityStyle, size_m: float
) -> PlacedPlan:
    """Return the plan of the densest square of an extract, in the UTM zone of the extract.

    Raises:
        SettingsError: the file cannot be read, or holds neither streets nor buildings.
    """
    extract = read_extract(path, size_m)
    plan = OsmDraft(extract, style, rng, size_m).plan()
    if not any(area.surface == Surface.ROAD for area in plan.areas):
        raise SettingsError(f"{path}: its densest part has no streets; give an extract of a town")
    return PlacedPlan(plan, extract.crs, extract.east_m, extract.north_m)
