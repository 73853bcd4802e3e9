"""Lots: houses with gardens, town buildings, towers, sheds, yards, car parks, courts, ponds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from shapely.geometry import Polygon

from cvgl_core.simulation.layout import Piece, densify, following
from cvgl_core.simulation.plan import (
    Building,
    BuildingKind,
    Draft,
    Part,
    Rgb,
    RoofKind,
    Surface,
    shade,
)
from cvgl_core.types import FloatArray

_COURTS: tuple[Rgb, ...] = ((108, 128, 104), (150, 104, 88), (96, 112, 134), (128, 126, 120))


def rectangle(
    origin: FloatArray, u: FloatArray, v: FloatArray, box: tuple[float, float, float, float]
) -> FloatArray:
    """Return the corners of ``[u0, u1] x [v0, v1]`` in a local frame of two unit vectors."""
    u0, u1, v0, v1 = box
    corners = np.array([[u0, v0], [u1, v0], [u1, v1], [u0, v1]])
    return np.asarray(origin + corners[:, :1] * u + corners[:, 1:] * v)


def ring_of(shape: object) -> FloatArray | None:
    """Return the outer ring ``[N, 2]`` of a simple polygon, or None for anything else."""
    if not isinstance(shape, Polygon) or shape.is_empty or shape.interiors:
        return None
    return np.asarray(shape.exterior.coords)[:-1]


class LotBuilder:
    """Builds on the lots of one block after another, into a draft."""

    def __init__(
        self, draft: Draft, warp: Callable[[FloatArray], FloatArray], rng: np.random.Generator
    ) -> None:
        self.draft = draft
        self.warp = warp
        self.rng = rng
        self.start_block(BuildingKind.SUBURBAN, 4.0, 2.0)

    def start_block(self, kind: BuildingKind, base_height_m: float, walk_m: float) -> None:
        """Draw what the buildings of a block have in common."""
        rng, style = self.rng, self.draft.style
        self.kind = kind
        self.base_m = base_height_m
        self.walk_m = walk_m
        self.setback_m = {
            BuildingKind.SUBURBAN: float(rng.uniform(2.5, 7)),
            BuildingKind.INDUSTRIAL: float(rng.uniform(2, 6)),
        }.get(kind, float(rng.choice([0.05, 0.4, 1.5, 3.0])))
        self.perimeter = bool(kind == BuildingKind.MIDRISE and rng.random() < style.perimeter_share)
        self.depth_m = float(rng.uniform(10.5, 15))
        self.roof_index = int(rng.integers(100))
        self.uniform = bool(rng.random() < 0.45)
        self.seam_m = float(rng.uniform(1.5, 7)) if rng.random() < 0.6 else 0.0
        self.hedges = bool(rng.random() < 0.65)

    def build(self, lot: Piece) -> None:
        """Draw one lot."""
        draw = self.rng.random()
        if self.kind == BuildingKind.SUBURBAN:
            if draw < 0.1:
                self._yard(lot)
            else:
                self._house(lot)
        elif draw < 0.09:
            self.parking(lot)
        elif draw < 0.14 or (self.perimeter and lot.labels.max() < 0.5):
            self._yard(lot)
        else:
            self._town_building(lot)

    def colours(self, kind: BuildingKind) -> tuple[Rgb, Rgb]:
        """Return a wall and a roof colour, weakly related to each other."""
        rng, style = self.rng, self.draft.style
        walls, roofs = style.walls[kind], style.roofs[kind]
        wall = walls[int(rng.integers(len(walls)))] + rng.normal(0, 9) + rng.normal(0, 2.5, 3)
        index = self.roof_index if self.uniform else int(rng.integers(len(roofs)))
        roof = roofs[index % len(roofs)] + rng.normal(0, 10) + rng.normal(0, 2.5, 3)
        wall = np.clip(wall, 20, 238)
        roof = np.clip(roof * 0.85 + wall * 0.15, 20, 232)
        return (
            (float(wall[0]), float(wall[1]), float(wall[2])),
            (float(roof[0]), float(roof[1]), float(roof[2])),
        )

    def _frame(self, lot: Piece) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return origin, street direction, inward normal and extents of a lot, after the warp."""
        ring = self.warp(lot.points)
        edges = following(ring) - ring
        lengths = np.hypot(edges[:, 0], edges[:, 1]) * (0.01 + lot.labels)
        front = int(lengths.argmax())
        u = edges[front] / max(float(np.hypot(*edges[front])), 1e-9)
        v = np.array([-u[1], u[0]])
        local = ring - ring[front]
        along, across = local @ u, local @ v
        return ring[front], u, v, np.array([along.min(), along.max(), 0.0, across.max()])

    def _inside(self, rect: FloatArray, lot: Piece, margin_m: float) -> FloatArray | None:
        """Return the rectangle cut to the lot, if most of it is left."""
        shape = Polygon(self.warp(lot.points)).buffer(-margin_m)
        box = Polygon(rect)
        cut = box.intersection(shape)
        if cut.area > 0.985 * box.area:
            return rect
        return ring_of(cut) if cut.area > max(0.6 * box.area, 28) else None

    def _house(self, lot: Piece) -> None:
        rng, style = self.rng, self.draft.style
        origin, u, v, (u0, u1, _, depth) = self._frame(lot)
        self.draft.area(self.warp(lot.points), Surface.GRASS, shade(style.grass_rgb, rng, 6))
        if self.hedges and rng.random() < 0.8:
            outline = self.warp(densify(lot.points, 12.0, closed=True))
            tone: Rgb = (62, 76, 46) if rng.random() < 0.6 else (116, 106, 92)
            self.draft.line(np.concatenate([outline, outline[:1]]), tone, 0.55, 0.85)
        width = min(float((u1 - u0) * rng.uniform(0.5, 0.8)), 18.0)
        deep = min(float(depth * rng.uniform(0.3, 0.55)), 12.5)
        mid = (u0 + u1) / 2 + float(rng.uniform(-0.12, 0.12)) * (u1 - u0)
        back = self.setback_m + deep
        box = (mid - width / 2, mid + width / 2, self.setback_m, back)
        ring = self._inside(rectangle(origin, u, v, box), lot, 0.6)
        side = 1.0 if rng.random() < 0.5 else -1.0
        if lot.labels.max() > 0.5:
            edge = mid + side * (width / 2 - 1.6)
            drive = (edge - 1.6, edge + 1.6, -self.walk_m, self.setback_m + 0.5)
            paving = shade(style.paving_rgb, rng, 12)
            self.draft.area(rectangle(origin, u, v, drive), Surface.PAVING, paving)
            if rng.random() < 0.5 and self.setback_m > 4.5:
                x, y = origin + u * edge + v * (self.setback_m - 2.6)
                self.draft.spots.append((float(x), float(y), float(np.arctan2(v[1], v[0]))))
        if ring is None:
            return
        self._raise_house(ring, origin, u, v, (mid, width, back, side), lot)
        self._garden(lot, origin, u, v, (u0, u1, back, float(depth)))

    def _raise_house(
        self,
        ring: FloatArray,
        origin: FloatArray,
        u: FloatArray,
        v: FloatArray,
        box: tuple[float, float, float, float],
        lot: Piece,
    ) -> None:
        rng, style = self.rng, self.draft.style
        mid, width, back, side = box
        wall, roof = self.colours(BuildingKind.SUBURBAN)
        height = max(2.8, self.base_m + float(rng.normal(0, 0.6)))
        kind = RoofKind.GABLE if rng.random() < style.gable_share else RoofKind.HIP
        pitch = float(rng.uniform(0.4, 0.85))
        parts = [Part(ring, height, kind, roof, pitch)]
        if rng.random() < 0.45:
            wide = width * float(rng.uniform(0.35, 0.6))
            u_mid = mid + side * (width - wide) / 2
            annex = (u_mid - wide / 2, u_mid + wide / 2, back - 0.3, back + rng.uniform(3.5, 5.5))
            other = self._inside(rectangle(origin, u, v, annex), lot, 0.6)
            if other is not None:
                flat = rng.random() < 0.3
                shape = RoofKind.FLAT if flat else kind
                parts.append(Part(other, height * (0.75 if flat else 0.95), shape, roof, pitch))
        if rng.random() < 0.35:
            at = ring.mean(axis=0) + u * width * float(rng.uniform(-0.3, 0.3))
            top = height + pitch * 3 + 1.2
            stack = rectangle(at, u, v, (-0.5, 0.5, -0.5, 0.5))
            parts.append(Part(stack, top, RoofKind.FLAT, shade((128, 104, 94), rng, 10)))
        self.draft.buildings.append(Building(BuildingKind.SUBURBAN, height, wall, tuple(parts)))

    def _garden(
        self,
        lot: Piece,
        origin: FloatArray,
        u: FloatArray,
        v: FloatArray,
        free: tuple[float, float, float, float],
    ) -> None:
        rng, style = self.rng, self.draft.style
        u0, u1, back, depth = free
        if rng.random() < 0.5 and depth - back > 4:
            a = float(rng.uniform(u0 + 1, max(u0 + 1.1, u1 - 6)))
            terrace = rectangle(origin, u, v, (a, a + 5, back, back + float(rng.uniform(2, 3.5))))
            self.draft.area(terrace, Surface.PAVING, shade(style.paving_rgb, rng, 12))
        if rng.random() < style.pool_share and depth - back > 10:
            a = float(rng.uniform(u0 + 2, max(u0 + 2.1, u1 - 8)))
            deck = rectangle(origin, u, v, (a - 1, a + 7, back + 4, back + 9.6))
            self.draft.area(deck, Surface.PAVING, shade(style.paving_rgb, rng, 8))
            pool = rectangle(origin, u, v, (a, a + 6, back + 5, back + 8.6))
            self.draft.area(pool, Surface.WATER, (112, 164, 178))
        if rng.random() < 0.25 and depth - back > 6:
            a = float(rng.uniform(u0 + 1, max(u0 + 1.1, u1 - 4.5)))
            ring = self._inside(rectangle(origin, u, v, (a, a + 3, depth - 4, depth - 1)), lot, 0.3)
            wall, roof = self.colours(BuildingKind.SUBURBAN)
            if ring is not None:
                shed = Part(ring, 2.2, RoofKind.GABLE, roof, 0.3)
                self.draft.buildings.append(Building(BuildingKind.SUBURBAN, 2.2, wall, (shed,)))
        for _ in range(int(rng.poisson(2.0 * style.tree_density))):
            w = rng.dirichlet(np.ones(len(lot.points)))
            x, y = self.warp((w @ lot.points)[None])[0]
            self.draft.tree(float(x), float(y), rng, 1.0, 3.8)

    def _yard(self, lot: Piece) -> None:
        rng, style = self.rng, self.draft.style
        green = rng.random() < 0.7
        tone = style.grass_rgb if green else style.dirt_rgb
        surface = Surface.GRASS if green else Surface.DIRT
        self.draft.area(self.warp(lot.points), surface, shade(tone, rng, 7))
        for w in rng.dirichlet(np.ones(len(lot.points)), int(rng.integers(0, 6))):
            x, y = self.warp((w @ lot.points)[None])[0]
            self.draft.tree(float(x), float(y), rng)

    def parking(self, lot: Piece) -> None:
        """Draw a car park with rows of stalls."""
        rng, style = self.rng, self.draft.style
        self.draft.area(self.warp(lot.points), Surface.PAVING, shade(style.asphalt_rgb, rng, 8))
        origin, u, v, (u0, u1, _, depth) = self._frame(lot)
        inside = Polygon(self.warp(lot.points)).buffer(-1.0)
        share = float(rng.uniform(0.2, 0.85))
        for row, v0 in enumerate(np.arange(1.0, depth - 5.5, 8.25)):
            for a in np.arange(u0 + 1.5, u1 - 2.7, 2.7):
                stall = rectangle(origin, u, v, (a, a + 2.7, float(v0), float(v0) + 5.0))
                if not inside.contains(Polygon(stall)):
                    continue
                self.draft.line(stall[[0, 3]], (214, 214, 208), 0.14, style.mark_wear)
                if rng.random() < share:
                    x, y = stall.mean(axis=0)
                    angle = float(np.arctan2(v[1], v[0])) + (np.pi if row % 2 else 0.0)
                    self.draft.spots.append((float(x), float(y), angle))

    def court_or_pond(self, piece: Piece) -> None:
        """Draw a sports court with its lines, or a pond, in the middle of a park."""
        rng, style = self.rng, self.draft.style
        _, u, v, (u0, u1, _, depth) = self._frame(piece)
        centre = self.warp(piece.centre[None])[0]
        half_u = min(float(rng.uniform(9, 26)), (u1 - u0) * 0.35)
        half_v = min(half_u * float(rng.uniform(0.5, 0.65)), depth * 0.35)
        if rng.random() < 0.35:
            t = np.linspace(0, 2 * np.pi, 40, endpoint=False)
            r = 1 + 0.12 * np.sin(2 * t + rng.uniform(0, 6)) + 0.08 * np.sin(3 * t)
            ring = centre + (np.cos(t) * r * half_u)[:, None] * u
            ring = ring + (np.sin(t) * r * half_v)[:, None] * v
            self.draft.area(ring, Surface.WATER, shade(style.water_rgb, rng, 4))
            return
        ring = rectangle(centre, u, v, (-half_u, half_u, -half_v, half_v))
        self.draft.area(ring, Surface.COURT, shade(_COURTS[int(rng.integers(4))], rng, 6))
        lines = rectangle(centre, u, v, (-half_u + 1, half_u - 1, -half_v + 1, half_v - 1))
        white: Rgb = (216, 216, 210)
        self.draft.line(np.concatenate([lines, lines[:1]]), white, 0.15, 0.8)
        halves = np.stack([lines[:2].mean(axis=0), lines[2:].mean(axis=0)])
        self.draft.line(halves, white, 0.15, 0.8)
        t = np.linspace(0, 2 * np.pi, 24)[:, None]
        self.draft.line(centre + 0.3 * half_v * (np.cos(t) * u + np.sin(t) * v), white, 0.15, 0.8)

    def _footprint(self, lot: Piece) -> FloatArray | None:
        """Return the unbent outline of a town building on its lot."""
        rng = self.rng
        between = self.setback_m if self.setback_m > 1 else 0.0
        gaps = np.where(lot.labels > 0.5, self.setback_m, between)
        core = lot.inset(gaps.astype(np.float64))
        if core is None or core.area_m2 < 45:
            return None
        if not self.perimeter:
            return core.points
        inner = core.inset(np.where(core.labels > 0.5, self.depth_m, -1.0))
        if inner is None or inner.area_m2 < 25:
            return core.points
        wing = Polygon(core.points).difference(Polygon(inner.points))
        wing = wing.buffer(-0.5, join_style="mitre").buffer(0.5, join_style="mitre")
        ring = ring_of(wing)
        if ring is None or wing.area < 60:
            return core.points if rng.random() < 0.5 else None
        return ring

    def _town_building(self, lot: Piece) -> None:
        rng, style = self.rng, self.draft.style
        if self.perimeter:
            green = rng.random() < 0.5
            tone = style.grass_rgb if green else style.paving_rgb
            surface = Surface.GRASS if green else Surface.PAVING
            self.draft.area(self.warp(lot.points), surface, shade(tone, rng, 7))
            w = rng.dirichlet(np.full(len(lot.points), 3.0), int(rng.integers(0, 3)))
            for x, y in self.warp(w @ lot.points):
                self.draft.tree(float(x), float(y), rng, 1.5, 3.5)
        ring = self._footprint(lot)
        if ring is None:
            return
        ring = self.warp(densify(ring, 60.0, closed=True))
        height = max(3.5, self.base_m * float(rng.uniform(0.6, 1.35)))
        if self.kind == BuildingKind.MIDRISE and self.uniform:
            height = max(3.5, self.base_m * float(rng.uniform(0.9, 1.1)))
        wall, roof = self.colours(self.kind)
        parts = self._town_parts(ring, height, roof)
        self.draft.buildings.append(Building(self.kind, height, wall, tuple(parts)))

    def _town_parts(self, ring: FloatArray, height_m: float, roof: Rgb) -> list[Part]:
        rng, style = self.rng, self.draft.style
        shape = Polygon(ring)
        if self.kind == BuildingKind.TOWER and rng.random() < 0.5:
            tower = ring_of(shape.buffer(-float(rng.uniform(3, 7)), join_style="mitre"))
            if tower is not None and Polygon(tower).area > 150:
                low = min(0.3 * height_m, 12.0)
                podium = Part(ring, low, RoofKind.FLAT, shade(roof, rng, 10), 0.0, True)
                return [podium, *self._flat(tower, height_m, shade(roof, rng, 8), False)]
        share = style.midrise_gable_share if self.kind == BuildingKind.MIDRISE else 0.25
        pitched = self.kind in (BuildingKind.MIDRISE, BuildingKind.INDUSTRIAL)
        if pitched and rng.random() < share:
            if self.kind == BuildingKind.MIDRISE:
                roof = shade(_pick(style.roofs[0], rng), rng, 8)
            steep = 0.16 if self.kind == BuildingKind.INDUSTRIAL else float(rng.uniform(0.35, 0.7))
            kind = RoofKind.GABLE if len(ring) == 4 and rng.random() < 0.6 else RoofKind.HIP
            return [Part(ring, height_m, kind, roof, steep)]
        if shape.area > 220 and not self.perimeter and rng.random() < 0.35 and len(ring) == 4:
            t = float(rng.uniform(0.35, 0.6))
            a, b, c, d = ring
            front = np.array([a, b, b + (c - b) * t, a + (d - a) * t])
            side = np.array([a + (d - a) * t, a + (d - a) * t + (b - a) * t, d + (c - d) * t, d])
            low = height_m * (1.0 if rng.random() < 0.5 else 0.7)
            return [*self._flat(front, height_m, roof, True), Part(side, low, RoofKind.FLAT, roof)]
        return self._flat(ring, height_m, roof, self.kind != BuildingKind.TOWER)

    def _flat(self, ring: FloatArray, height_m: float, roof: Rgb, parapet: bool) -> list[Part]:
        """Return a flat-roofed body with the machines that stand on it."""
        body = Part(ring, height_m, RoofKind.FLAT, roof, 0.0, parapet, (), self.seam_m)
        return [body, *self.roof_units(ring, height_m)]

    def roof_units(self, ring: FloatArray, height_m: float) -> list[Part]:
        """Return machines and stair heads for a flat roof without holes."""
        rng = self.rng
        parts: list[Part] = []
        shape = Polygon(ring).buffer(-1.2)
        edge = ring[1] - ring[0]
        u = edge / max(float(np.hypot(*edge)), 1e-9)
        v = np.array([-u[1], u[0]])
        for _ in range(int(rng.integers(0, 2 + min(int(shape.area / 110), 9)))):
            w = rng.dirichlet(np.ones(len(ring)))
            half = rng.uniform((0.6, 0.6), (2.2, 1.6))
            box = rectangle(w @ ring, u, v, (-half[0], half[0], -half[1], half[1]))
            if shape.contains(Polygon(box)):
                top = height_m + float(rng.uniform(0.8, 2.6))
                parts.append(Part(box, top, RoofKind.FLAT, shade((156, 156, 154), rng, 22)))
        return parts


def _pick(palette: FloatArray | np.ndarray, rng: np.random.Generator) -> Rgb:
    r, g, b = palette[int(rng.integers(len(palette)))].tolist()
    return (r, g, b)
