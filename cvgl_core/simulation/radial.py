"""Another way to lay out streets: rings and spokes around a hub, the spokes doubling outwards."""

from __future__ import annotations

import numpy as np

from cvgl_core.simulation.layout import (
    Block,
    Layout,
    Piece,
    Warp,
    densify,
    draw_warp,
    following,
    split,
)
from cvgl_core.simulation.plan import Road
from cvgl_core.simulation.style import CityStyle
from cvgl_core.types import FloatArray

_HUB_M = (34.0, 60.0)
_RING_GAP_M = (58.0, 104.0)
_WIDEST_ARC_M = 125.0
_ALLEY_M = 6.5


class RadialTown:
    """Rings ``k`` at ``radii[k]``; the band outside ring ``k`` is cut at the angles ``cuts[k]``."""

    def __init__(self, rng: np.random.Generator, style: CityStyle, size_m: float) -> None:
        self.rng, self.style, self.size_m = rng, style, size_m
        self.hub = size_m / 2 + rng.normal(0, 0.12 * size_m, 2)
        reach = float(np.hypot(*np.maximum(self.hub, size_m - self.hub))) + 120.0
        radii = [float(rng.uniform(*_HUB_M))]
        while radii[-1] < reach:
            radii.append(radii[-1] + float(rng.uniform(*_RING_GAP_M)))
        self.radii = radii
        count = int(rng.integers(5, 9))
        turns = (np.arange(count) + rng.uniform(-0.16, 0.16, count)) * (2 * np.pi / count)
        self.avenues = turns + rng.uniform(0, 2 * np.pi)
        self.cuts = [self.avenues]
        for radius in radii[1:]:
            self.cuts.append(self._doubled(self.cuts[-1], radius))
        self.ring_widths = [self._width(1 if k % 3 == 0 else 2) for k in range(len(radii))]
        self.spoke_widths = {float(a): self._width(0) for a in self.avenues}
        for cut in self.cuts:
            for a in cut:
                self.spoke_widths.setdefault(float(a), self._width(2))

    def _width(self, rank: int) -> float:
        low, high = ((14.5, 20.0), (10.5, 14.0), (6.8, 9.5))[rank]
        return float(self.rng.uniform(low, high)) * self.style.road_scale

    def _doubled(self, cut: FloatArray, radius: float) -> FloatArray:
        """Return the angles with one more between any two that lie far apart at a radius."""
        out = []
        for start, end in zip(cut, self._next(cut), strict=True):
            out.append(float(start))
            if (end - start) * radius > _WIDEST_ARC_M:
                out.append(float(start + (end - start) * self.rng.uniform(0.42, 0.58)))
        return np.array(out)

    @staticmethod
    def _next(cut: FloatArray) -> FloatArray:
        """Return the angle that follows each; the last one is followed by the first, a turn on."""
        ends = following(cut).copy()
        ends[-1] += 2 * np.pi
        return ends

    def at(self, ring: int, angles: FloatArray) -> FloatArray:
        """Return points ``[N, 2]`` on a ring."""
        return self.hub + self.radii[ring] * np.stack([np.cos(angles), np.sin(angles)], axis=1)

    def spoke_width(self, angle: float) -> float:
        """Return the width of the street at an angle of any turn."""
        return min(
            self.spoke_widths.items(),
            key=lambda item: abs((item[0] - angle + np.pi) % (2 * np.pi) - np.pi),
        )[1]

    def seen(self, points: FloatArray) -> bool:
        """Tell whether points reach into the square."""
        return bool(
            (points.max(axis=0) > -60).all() and (points.min(axis=0) < self.size_m + 60).all()
        )

    def cells(self) -> list[Piece]:
        """Return what lies between rings and spokes; labels are half widths of the streets."""
        hub = self.at(0, self.cuts[0])
        out = [Piece(hub, np.full(len(hub), self.ring_widths[0] / 2))]
        for ring in range(len(self.radii) - 1):
            outer_cut = np.concatenate([self.cuts[ring + 1], self.cuts[ring + 1] + 2 * np.pi])
            ends = self._next(self.cuts[ring])
            for start, end in zip(self.cuts[ring], ends, strict=True):
                inside = (outer_cut > start - 1e-9) & (outer_cut < end + 1e-9)
                outer = self.at(ring + 1, outer_cut[inside])
                points = np.concatenate([outer, self.at(ring, np.array([end, start]))])
                labels = [self.ring_widths[ring + 1]] * (len(outer) - 1)
                labels += [self.spoke_width(end), self.ring_widths[ring], self.spoke_width(start)]
                if self.seen(points):
                    out.append(Piece(points, np.array(labels) / 2))
        return out

    def roads(self, warp: Warp) -> list[Road]:
        """Return the streets along rings and spokes, piece by piece between crossings."""
        out = []
        for ring in range(len(self.radii) - 1):
            wide = self.ring_widths[ring]
            for start, end in zip(self.cuts[ring], self._next(self.cuts[ring]), strict=True):
                chord = self.at(ring, np.array([start, end]))
                spoke = np.concatenate(
                    [self.at(ring, np.array([start])), self.at(ring + 1, np.array([start]))]
                )
                across = [self.spoke_width(angle) / 2 for angle in (start, end)]
                avenue = float(start) in self.avenues
                rings = wide / 2, self.ring_widths[ring + 1] / 2
                for line, width, rank, clear in (
                    (chord, wide, 1 if ring % 3 == 0 else 2, across),
                    (spoke, self.spoke_width(start), 0 if avenue else 2, rings),
                ):
                    if self.seen(line):
                        bent = warp(densify(line, 6.0, closed=False))
                        out.append(Road(bent, width, rank, clear[0], clear[1]))
        return out


def draw_radial_layout(rng: np.random.Generator, style: CityStyle, size_m: float) -> Layout:
    """Return the streets and blocks of a town that grew around a hub (city frame, metres)."""
    town = RadialTown(rng, style, size_m)
    warp = draw_warp(rng, 3.0 + style.warp_m)
    roads = town.roads(warp)
    radius = style.density_radius * max(size_m, 600.0) * 0.48
    blocks: list[Block] = []
    stack = town.cells()
    while stack:
        piece = stack.pop()
        if piece.area_m2 > style.block_area_m2 * rng.uniform(1.1, 2.0):
            first, second, ends = split(piece, rng, 0.4, 0.6, 0.12, _ALLEY_M / 2)
            if first is not None and second is not None:
                line = warp(densify(ends, 6.0, closed=False))
                roads.append(Road(line, _ALLEY_M, 2, 6.0, 6.0))
                stack += [first, second]
                continue
        kerb = piece.inset(piece.labels)
        distance = float(np.hypot(*(piece.centre - town.hub)))
        density = float(np.clip(style.density_bias - distance / radius + rng.normal(0, 0.12), 0, 1))
        if kerb is not None and kerb.area_m2 > 150:
            blocks.append(Block(kerb, density))
    return Layout(tuple(roads), tuple(blocks), warp)
