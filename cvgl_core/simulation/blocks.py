"""What fills a block: sidewalk, lots, street trees and kerb parking, and its kind of use."""

from __future__ import annotations

import numpy as np
from shapely.geometry import Polygon

from cvgl_core.simulation.layout import Block, Layout, Piece, densify, following, split
from cvgl_core.simulation.lots import LotBuilder
from cvgl_core.simulation.marking import mark_road
from cvgl_core.simulation.plan import BuildingKind, Draft, Plan, Surface, shade
from cvgl_core.simulation.style import CityStyle
from cvgl_core.types import FloatArray

_LOT_AREA_M2: dict[BuildingKind, tuple[float, float]] = {
    BuildingKind.SUBURBAN: (280, 560),
    BuildingKind.MIDRISE: (300, 800),
    BuildingKind.TOWER: (900, 2200),
    BuildingKind.INDUSTRIAL: (1200, 3000),
}
_BASE_HEIGHT_M: dict[BuildingKind, tuple[float, float]] = {
    BuildingKind.SUBURBAN: (3.0, 6.3),
    BuildingKind.MIDRISE: (8, 20),
    BuildingKind.TOWER: (22, 66),
    BuildingKind.INDUSTRIAL: (5, 10),
}


def _kind(block: Block, style: CityStyle, rng: np.random.Generator) -> BuildingKind:
    draw = rng.random(2)
    if draw[0] < style.industrial_share * (1.4 - block.density):
        return BuildingKind.INDUSTRIAL
    if block.density > 0.82:
        return BuildingKind.TOWER if draw[1] < 0.55 else BuildingKind.MIDRISE
    return BuildingKind.MIDRISE if block.density > 0.45 else BuildingKind.SUBURBAN


def _rounded(points: FloatArray, radius_m: float) -> FloatArray:
    """Return the outline with rounded corners."""
    shape = Polygon(points).buffer(-radius_m).buffer(radius_m, quad_segs=3)
    if shape.is_empty or shape.geom_type != "Polygon":
        return points
    return np.asarray(shape.exterior.coords)[:-1]


def cut_lots(piece: Piece, area_m2: float, rng: np.random.Generator) -> list[Piece]:
    """Return the lots of a block; edges labelled 1 lie on the street."""
    out: list[Piece] = []
    stack = [piece]
    while stack:
        current = stack.pop()
        if current.area_m2 < area_m2 * rng.uniform(0.8, 1.5):
            out.append(current)
            continue
        first, second, _ = split(current, rng, 0.42, 0.58, 0.0, 0.0)
        if first is None or second is None:
            out.append(current)
        else:
            stack += [first, second]
    return [lot for lot in out if lot.area_m2 > 60]


class BlockFiller:
    """Turns blocks of a layout into areas, buildings, trees and car spots of a draft."""

    def __init__(self, draft: Draft, layout: Layout, rng: np.random.Generator) -> None:
        self.draft = draft
        self.layout = layout
        self.rng = rng

    def fill(self, block: Block) -> None:
        """Draw one block."""
        rng, style = self.rng, self.draft.style
        walk = float(rng.uniform(1.8, 4.2))
        outline = self.layout.warp(densify(_rounded(block.kerb.points, 4.0), 8.0, closed=True))
        tone = shade(style.sidewalk_rgb, rng, 6, 1)
        self.draft.area(outline, Surface.SIDEWALK, tone)
        kerb = np.concatenate([outline, outline[:1]])
        self.draft.line(kerb, (min(tone[0] + 22, 230), min(tone[1] + 22, 230), tone[2] + 22), 0.3)
        self._street_trees(block.kerb)
        self._kerb_parking(block.kerb)
        inner = block.kerb.inset(np.full(len(block.kerb.points), walk))
        if inner is None or inner.area_m2 < 120:
            return
        inner = Piece(inner.points, np.ones(len(inner.points)))
        draw = rng.random()
        if draw < style.park_share:
            self._park(inner)
        elif draw < style.park_share + style.plaza_share:
            self._plaza(inner)
        else:
            self._built(inner, block, walk)

    def _street_trees(self, kerb: Piece) -> None:
        rng = self.rng
        share = min(0.9, float(rng.uniform(0, 0.75)) * self.draft.style.tree_density)
        ring = kerb.inset(np.full(len(kerb.points), 1.3))
        if ring is None:
            return
        pitch = float(rng.uniform(7, 12))
        for p, q in zip(ring.points, following(ring.points), strict=True):
            length = float(np.hypot(*(q - p)))
            for s in np.arange(6, length - 5, pitch):
                if rng.random() < share:
                    x, y = self.layout.warp((p + (q - p) * (s / length))[None])[0]
                    self.draft.tree(float(x), float(y), rng, 1.3, 3.4)

    def _kerb_parking(self, kerb: Piece) -> None:
        rng = self.rng
        for i, p in enumerate(kerb.points):
            q = kerb.points[(i + 1) % len(kerb.points)]
            share = float(rng.uniform(0.1, 0.75)) * self.draft.style.parking
            length = float(np.hypot(*(q - p)))
            if kerb.labels[i] < 4.0 or length < 25:
                continue
            step = (q - p) / length
            out = np.array([step[1], -step[0]]) * 1.25
            for s in np.arange(11, length - 11, 6.2):
                if rng.random() < share:
                    at = p + step * s + out
                    ends = self.layout.warp(np.stack([at, at + step]))
                    angle = float(np.arctan2(*(ends[1] - ends[0])[::-1]))
                    angle += np.pi if rng.random() < 0.2 else 0.0
                    self.draft.spots.append((float(ends[0, 0]), float(ends[0, 1]), angle))

    def _bent(self, points: FloatArray) -> FloatArray:
        return self.layout.warp(densify(points, 8.0, closed=True))

    def _scatter(self, points: FloatArray, count: int, low_m: float, high_m: float) -> None:
        """Plant trees at random inside a convex outline."""
        weights = self.rng.dirichlet(np.full(len(points), 0.6), count)
        for x, y in self.layout.warp(weights @ points):
            self.draft.tree(float(x), float(y), self.rng, low_m, high_m)

    def _park(self, inner: Piece) -> None:
        rng, style = self.rng, self.draft.style
        self.draft.area(self._bent(inner.points), Surface.GRASS, shade(style.grass_rgb, rng, 5))
        path = shade(style.dirt_rgb if rng.random() < 0.5 else style.paving_rgb, rng, 6)
        for _ in range(int(rng.integers(1, 4))):
            ends = inner.points[rng.permutation(len(inner.points))[:2]]
            mid = inner.centre + rng.normal(0, 8, 2)
            t = np.linspace(0, 1, 14)[:, None]
            curve = ends[0] * (1 - t) ** 2 + 2 * mid * t * (1 - t) + ends[1] * t**2
            self.draft.line(self.layout.warp(curve), path, 2.2)
        lots = LotBuilder(self.draft, self.layout.warp, rng)
        if rng.random() < 0.6:
            lots.court_or_pond(inner)
        count = int(inner.area_m2 / rng.uniform(50, 200) * style.tree_density)
        self._scatter(inner.points, count, 2.0, 4.8)

    def _plaza(self, inner: Piece) -> None:
        rng, style = self.rng, self.draft.style
        if rng.random() < 0.5:
            LotBuilder(self.draft, self.layout.warp, rng).parking(inner)
            return
        self.draft.area(self._bent(inner.points), Surface.PAVING, shade(style.paving_rgb, rng, 10))
        bed = inner.inset(np.full(len(inner.points), float(rng.uniform(7, 14))))
        if bed is not None:
            surface = Surface.GRASS if rng.random() < 0.7 else Surface.WATER
            tone = style.grass_rgb if surface == Surface.GRASS else style.water_rgb
            self.draft.area(self._bent(bed.points), surface, shade(tone, rng, 5))
        self._scatter(inner.points, int(inner.area_m2 / 150 * style.tree_density), 1.5, 3.5)

    def _built(self, inner: Piece, block: Block, walk_m: float) -> None:
        rng, style = self.rng, self.draft.style
        kind = _kind(block, style, rng)
        ground = {
            BuildingKind.SUBURBAN: (Surface.GRASS, style.grass_rgb),
            BuildingKind.INDUSTRIAL: (Surface.PAVING, style.asphalt_rgb),
        }.get(kind, (Surface.PAVING, style.paving_rgb))
        self.draft.area(self._bent(inner.points), ground[0], shade(ground[1], rng, 8))
        low, high = _LOT_AREA_M2[kind]
        area = float(rng.uniform(low, high)) * style.lot_scale
        low, high = _BASE_HEIGHT_M[kind]
        base = float(rng.uniform(low, high)) * (
            1.0 if kind == BuildingKind.SUBURBAN else style.height_scale
        )
        lots = LotBuilder(self.draft, self.layout.warp, rng)
        lots.start_block(kind, base, walk_m)
        for lot in cut_lots(inner, area, rng):
            lots.build(lot)


def plan_city(rng: np.random.Generator, layout: Layout, style: CityStyle) -> Plan:
    """Return the drawing of an invented city: streets, then blocks with all they hold."""
    draft = Draft(style)
    for road in sorted(layout.roads, key=lambda r: -r.rank):
        mark_road(draft, road, rng)
    filler = BlockFiller(draft, layout, rng)
    for block in layout.blocks:
        filler.fill(block)
    return draft.finish(Surface.ROAD, style.asphalt_rgb)
