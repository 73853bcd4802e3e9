"""The ground of a mapped city: land use, water, railways and paths from OpenStreetMap."""

from __future__ import annotations

import numpy as np
from shapely import contains_xy, prepare
from shapely.geometry import Point, Polygon, box
from shapely.geometry.base import BaseGeometry
from shapely.ops import polygonize, unary_union

from cvgl_core.simulation.extract import (
    Extract,
    below_ground,
    lines_of,
    number_of,
    polygons_of,
    rings_of,
)
from cvgl_core.simulation.lots import rectangle
from cvgl_core.simulation.marking import Track
from cvgl_core.simulation.plan import Draft, Rgb, Surface, shade

_PATHS: dict[str, float] = {
    "pedestrian": 5.0, "footway": 2.0, "path": 1.6, "cycleway": 2.4, "steps": 2.2, "track": 3.0,
}  # fmt: skip
_GREEN = {
    "grass", "meadow", "forest", "cemetery", "recreation_ground", "village_green", "orchard",
    "vineyard", "allotments", "farmland", "flowerbed", "park", "garden", "golf_course", "wood",
    "scrub", "grassland", "heath", "nature_reserve", "dog_park", "common",
}  # fmt: skip
_WOODED = {"forest", "wood", "park", "cemetery", "scrub", "orchard", "garden"}
_USE_KEYS = ("landuse", "leisure", "natural", "amenity", "highway")
_WATER = {"water", "basin", "reservoir", "swimming_pool", "bay"}
_COURTS = {"pitch", "track"}
_SQUARES = {"pedestrian", "plaza", "marketplace", "square"}
_DIRT = {"sand", "beach", "construction", "brownfield", "bare_rock", "playground"}
_PAVED = {"commercial", "retail", "industrial", "railway", "garages", "depot", "port"}
_HOUSES_AT_SEA = 3


class LandDraft:
    """Draws what lies under streets and buildings; ``bare`` collects areas without gardens."""

    def __init__(
        self, extract: Extract, draft: Draft, rng: np.random.Generator, size_m: float
    ) -> None:
        self.extract = extract
        self.style = draft.style
        self.rng = rng
        self.square = box(-30, -30, size_m + 30, size_m + 30)
        self.draft = draft
        self.bare: list[BaseGeometry] = []

    def draw(self) -> None:
        """Draw everything, the lowest first."""
        self._yards()
        self._land_use()
        self._sea_and_rivers()
        self._railways()
        self._paths()

    def plant_gardens(self) -> None:
        """Plant trees at random wherever the map says nothing else."""
        gardens = self.square.difference(unary_union(self.bare)) if self.bare else self.square
        self.scatter(gardens, 17.0 / float(np.sqrt(self.style.tree_density)))

    def fill(self, shape: BaseGeometry, surface: Surface, rgb: Rgb) -> None:
        """Fill all polygons of a shape."""
        for polygon in polygons_of(shape):
            self.draft.area(*rings_of(polygon)[:1], surface, rgb, rings_of(polygon)[1])

    def _yards(self) -> None:
        """Pave the ground between buildings that stand close together."""
        near = [f.shape.buffer(9) for f in self.extract.polygons if "building" in f.tags]
        if near:
            yards = unary_union(near).buffer(-6.5)
            self.fill(yards, Surface.PAVING, shade(self.style.paving_rgb, self.rng, 6))

    def _land_use(self) -> None:
        ordered = sorted(self.extract.polygons, key=lambda f: -f.shape.area)
        for feature in ordered:
            tags = feature.tags
            uses = {tags.get(key, "") for key in _USE_KEYS} - {""}
            if below_ground(tags) or "building" in tags or not uses:
                continue
            if not uses & (_GREEN | {"residential"}):
                self.bare.append(feature.shape)
            self._one_use(feature.shape, uses)

    def _one_use(self, shape: BaseGeometry, uses: set[str]) -> None:
        """Draw one mapped area; the first of its known uses decides."""
        rng, style = self.rng, self.style
        court: Rgb = (0, 0, 0)
        if not uses & _WATER and uses & _COURTS:
            court = (98, 122, 84) if rng.random() < 0.5 else (146, 106, 90)
        looks: tuple[tuple[set[str], Surface, Rgb, float], ...] = (
            (_WATER, Surface.WATER, style.water_rgb, 3),
            (_COURTS, Surface.COURT, court, 8),
            ({"parking"}, Surface.PAVING, style.asphalt_rgb, 6),
            (_GREEN, Surface.GRASS, style.grass_rgb, 6),
            (_SQUARES, Surface.PAVING, style.paving_rgb, 8),
            (_DIRT, Surface.DIRT, style.dirt_rgb, 8),
            (_PAVED, Surface.PAVING, style.paving_rgb, 8),
        )
        for names, surface, rgb, spread in looks:
            if uses & names:
                self.fill(shape, surface, shade(rgb, rng, spread))
                if names == {"parking"}:
                    self._stalls(shape)
                elif names is _GREEN and uses & _WOODED:
                    pitch = 6.5 if uses & {"forest", "wood"} else 13.0
                    self.scatter(shape, pitch / float(np.sqrt(style.tree_density)))
                return

    def _stalls(self, shape: BaseGeometry) -> None:
        """Draw the stalls of a car park along its longest side."""
        for polygon in polygons_of(shape.intersection(self.square)):
            ring = np.asarray(polygon.minimum_rotated_rectangle.exterior.coords)[:4]
            first, second = ring[1] - ring[0], ring[3] - ring[0]
            if np.hypot(*first) < np.hypot(*second):
                first, second = second, first
            long, deep = float(np.hypot(*first)), float(np.hypot(*second))
            if deep < 4.5 or long > 400:
                continue
            u, v = first / long, second / deep
            inside = polygon.buffer(0.3)
            for row in np.arange(0.3, deep - 4.5, 8.25):
                for a in np.arange(0.5, long - 2.7, 2.7):
                    stall = rectangle(ring[0], u, v, (a, a + 2.7, float(row), float(row) + 4.6))
                    if inside.contains(Polygon(stall)):
                        self.draft.line(stall[[0, 3]], (214, 214, 208), 0.14, self.style.mark_wear)
                        if self.rng.random() < 0.6:
                            x, y = stall.mean(axis=0)
                            angle = float(np.arctan2(v[1], v[0]))
                            self.draft.spots.append((float(x), float(y), angle))

    def scatter(self, shape: BaseGeometry, pitch_m: float) -> None:
        """Plant trees at random, one per ``pitch_m`` squared, inside a shape."""
        for polygon in polygons_of(shape.intersection(self.square)):
            x0, y0, x1, y1 = polygon.bounds
            count = min(int((x1 - x0) * (y1 - y0) / pitch_m**2), 20_000)
            places = self.rng.uniform((x0, y0), (x1, y1), (count, 2))
            prepare(polygon)
            for x, y in places[contains_xy(polygon, places)]:
                self.draft.tree(float(x), float(y), self.rng, 1.8, 4.8)

    def _sea_and_rivers(self) -> None:
        tone = shade(self.style.water_rgb, self.rng, 3)
        coasts = [f.shape for f in self.extract.lines if f.tags.get("natural") == "coastline"]
        if coasts:
            cut = unary_union([*coasts, self.square.exterior])
            # An extract cuts coastlines off, and a face that is not closed by one reaches inland.
            homes = [f.shape.centroid for f in self.extract.polygons if "building" in f.tags]
            faces = [
                face
                for face in polygonize(cut)
                if sum(face.contains(home) for home in homes) <= _HOUSES_AT_SEA
            ]
            for coast in coasts:
                for line in lines_of(coast.intersection(self.square)):
                    track = Track(line)
                    middle = np.array([track.length_m / 2])
                    right = Point(track.at(middle, 0.5)[0])
                    for face in faces:
                        if face.contains(right):
                            self.fill(face, Surface.WATER, tone)
        for feature in self.extract.lines:
            kind = feature.tags.get("waterway")
            if kind in ("river", "canal", "stream") and not below_ground(feature.tags):
                usual = 2.0 if kind == "stream" else 8.0
                width = number_of(feature.tags, "width", 0.5, 60) or usual
                self.fill(feature.shape.buffer(width / 2), Surface.WATER, tone)

    def _railways(self) -> None:
        for feature in self.extract.lines:
            if feature.tags.get("railway") not in ("rail", "light_rail", "narrow_gauge"):
                continue
            if below_ground(feature.tags):
                continue
            bed = shade((118, 108, 98), self.rng, 4)
            self.fill(feature.shape.buffer(1.9, cap_style="flat"), Surface.DIRT, bed)
            for line in lines_of(feature.shape):
                for side in (-0.72, 0.72):
                    track = Track(line)
                    s = np.linspace(0, track.length_m, max(2, int(track.length_m / 4)))
                    self.draft.line(track.at(s, side), (70, 64, 62), 0.2, 0.9)

    def _paths(self) -> None:
        for feature in self.extract.lines:
            width = _PATHS.get(feature.tags.get("highway", ""))
            if width is None or below_ground(feature.tags):
                continue
            dirt = feature.tags.get("highway") == "track" or self.rng.random() < 0.15
            surface = Surface.DIRT if dirt else Surface.PAVING
            tone = self.style.dirt_rgb if dirt else self.style.paving_rgb
            self.fill(feature.shape.buffer(width / 2), surface, shade(tone, self.rng, 6))
