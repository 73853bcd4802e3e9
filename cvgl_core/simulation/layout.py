"""Streets and blocks: convex pieces cut again and again, then bent by a smooth warp."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cvgl_core.simulation.plan import Road
from cvgl_core.simulation.style import CityStyle
from cvgl_core.types import FloatArray

_CHAMFER_M = 4.0


def following(points: FloatArray) -> FloatArray:
    """Return a ring's points ``[N, ...]`` shifted so that each stands where the last one stood."""
    return np.concatenate([points[1:], points[:1]])


@dataclass(frozen=True)
class Warp:
    """Sum of sines that displaces points (city frame, metres): straight streets become curved."""

    waves: FloatArray
    phases: FloatArray
    amplitudes_m: FloatArray

    def __call__(self, points: FloatArray) -> FloatArray:
        """Return displaced points ``[N, 2]``."""
        return points + np.sin(points @ self.waves.T + self.phases) @ self.amplitudes_m


@dataclass(frozen=True)
class Piece:
    """A convex polygon ``[N, 2]``, positive turning, with a number on each edge ``[N]``.

    Edge ``i`` runs from point ``i`` to the next one. For streets the number is the half width of
    the road on that edge; for lots it is 1 on the street and 0 inside the block.
    """

    points: FloatArray
    labels: FloatArray

    @property
    def area_m2(self) -> float:
        """Enclosed area."""
        x, y = self.points.T
        return float(abs(np.dot(x, following(y)) - np.dot(y, following(x))) / 2)

    @property
    def centre(self) -> FloatArray:
        """Mean of the corners."""
        return np.asarray(self.points.mean(axis=0))

    def extents(self) -> tuple[FloatArray, float, float]:
        """Return the direction of the longest edge, and the extents along and across it."""
        edges = following(self.points) - self.points
        lengths = np.hypot(edges[:, 0], edges[:, 1])
        axis = edges[int(lengths.argmax())] / lengths.max()
        along = self.points @ axis
        across = self.points @ np.array([-axis[1], axis[0]])
        return axis, float(np.ptp(along)), float(np.ptp(across))

    def clip(self, normal: FloatArray, offset_m: float, label: float) -> Piece | None:
        """Return the part with ``normal . p <= offset_m``; the new edge gets ``label``."""
        side = self.points @ normal - offset_m
        out: list[tuple[FloatArray, float]] = []
        count = len(self.points)
        for i in range(count):
            j = (i + 1) % count
            if side[i] <= 0:
                out.append((self.points[i], float(self.labels[i])))
            if (side[i] <= 0) != (side[j] <= 0):
                t = side[i] / (side[i] - side[j])
                crossing = self.points[i] + t * (self.points[j] - self.points[i])
                out.append((crossing, label if side[i] <= 0 else float(self.labels[i])))
        if len(out) < 3:
            return None
        return Piece(np.array([p for p, _ in out]), np.array([v for _, v in out]))

    def inset(self, distances_m: FloatArray) -> Piece | None:
        """Return the polygon moved inwards by a distance per edge, or None if nothing is left."""
        edges = following(self.points) - self.points
        lengths = np.maximum(np.hypot(edges[:, 0], edges[:, 1]), 1e-9)
        outward = np.stack([edges[:, 1], -edges[:, 0]], axis=1) / lengths[:, None]
        piece: Piece | None = self
        for i in range(len(edges)):
            if piece is None:
                return None
            limit = float(self.points[i] @ outward[i] - distances_m[i])
            piece = piece.clip(outward[i], limit, float(self.labels[i]))
        if piece is None:
            return None
        piece = _without_short_edges(piece)
        return piece if piece is not None and piece.area_m2 > 1.0 else None


@dataclass(frozen=True)
class Block:
    """What lies between streets, up to the kerb; ``density`` 0 edge of town .. 1 centre."""

    kerb: Piece
    density: float


@dataclass(frozen=True)
class Layout:
    """Streets (already bent) and blocks (to be bent by ``warp``)."""

    roads: tuple[Road, ...]
    blocks: tuple[Block, ...]
    warp: Warp


def _without_short_edges(piece: Piece) -> Piece | None:
    """Return the piece without edges shorter than 5 cm, which clipping leaves at corners."""
    lengths = np.linalg.norm(following(piece.points) - piece.points, axis=1)
    keep = lengths > 0.05
    if keep.sum() < 3:
        return None
    return piece if keep.all() else Piece(piece.points[keep], piece.labels[keep])


def densify(points: FloatArray, step_m: float, closed: bool) -> FloatArray:
    """Return a line or ring ``[N, 2]`` with extra points no further apart than ``step_m``."""
    ends = following(points) if closed else points[1:]
    starts = points if closed else points[:-1]
    rows = []
    for start, end in zip(starts, ends, strict=True):
        count = max(1, int(np.ceil(np.hypot(*(end - start)) / step_m)))
        rows.append(start + (end - start) * (np.arange(count) / count)[:, None])
    if not closed:
        rows.append(points[-1:])
    return np.concatenate(rows)


def draw_warp(rng: np.random.Generator, warp_m: float) -> Warp:
    """Return four random waves, 350 to 800 m long, of about ``warp_m`` each way."""
    angles = rng.uniform(0, 2 * np.pi, 4)
    numbers = 2 * np.pi / rng.uniform(350, 800, 4)
    waves = np.stack([np.cos(angles), np.sin(angles)], axis=1) * numbers[:, None]
    amplitudes = rng.normal(0, 1, (4, 2)) * rng.uniform(0.4, 1.0, (4, 1)) * warp_m
    return Warp(waves, rng.uniform(0, 2 * np.pi, 4), amplitudes)


def split(
    piece: Piece, rng: np.random.Generator, low: float, high: float, jitter_rad: float, label: float
) -> tuple[Piece | None, Piece | None, FloatArray]:
    """Return two parts of a piece, cut across its longest side, and the cut's two ends."""
    axis, length, _ = piece.extents()
    start = float((piece.points @ axis).min())
    angle = rng.normal(0, jitter_rad) if jitter_rad > 0 else 0.0
    cos, sin = np.cos(angle), np.sin(angle)
    normal = np.array([axis[0] * cos - axis[1] * sin, axis[0] * sin + axis[1] * cos])
    place = start + length * rng.uniform(low, high)
    point = piece.centre + axis * (place - float(piece.centre @ axis))
    offset = float(point @ normal)
    first = piece.clip(normal, offset, label)
    second = piece.clip(-normal, -offset, label)
    if first is None or second is None:
        return None, None, np.zeros((2, 2))
    on_cut = first.points[np.abs(first.points @ normal - offset) < 1e-6]
    return first, second, on_cut[[0, -1]]


def _crossed_half_width(piece: Piece, point: FloatArray) -> float:
    """Return the half width of the road whose edge a point of the outline lies on."""
    starts = piece.points
    edges = following(starts) - starts
    t = ((point - starts) * edges).sum(axis=1) / np.maximum((edges**2).sum(axis=1), 1e-9)
    nearest = starts + np.clip(t, 0, 1)[:, None] * edges
    return float(piece.labels[int(np.hypot(*(nearest - point).T).argmin())])


def _road_width(depth: int, rng: np.random.Generator, scale: float) -> tuple[float, int]:
    if depth <= 2:
        return float(rng.uniform(16, 24) * scale), 0
    if depth <= 5:
        return float(rng.uniform(11.5, 16) * scale), 1
    return float(rng.uniform(7.5, 11) * scale), 2


def draw_layout(rng: np.random.Generator, style: CityStyle, size_m: float) -> Layout:
    """Return the streets and blocks of a square town (city frame, metres).

    Convex polygons are cut recursively; the density of the town, highest near a centre drawn
    from the stream, decides how small blocks become.
    """
    warp = draw_warp(rng, style.warp_m)
    half = max(1.6 * size_m, size_m + 260.0) / 2
    turn = rng.uniform(0, np.pi / 2)
    corners = (
        half
        * np.sqrt(2)
        * np.array([[np.cos(a), np.sin(a)] for a in turn + np.pi / 4 + np.arange(4) * np.pi / 2])
    )
    centre = np.full(2, size_m / 2)
    town = centre + rng.normal(0, 0.15 * size_m, 2)
    radius = style.density_radius * max(size_m, 600.0) * 0.48
    stack = [(Piece(corners + centre, np.full(4, 8.0)), 0)]
    roads: list[Road] = []
    blocks: list[Block] = []
    while stack:
        piece, depth = stack.pop()
        if (piece.points.max(axis=0) < -60).any() or (piece.points.min(axis=0) > size_m + 60).any():
            continue
        distance = float(np.hypot(*(piece.centre - town)))
        density = float(np.clip(style.density_bias - distance / radius + rng.normal(0, 0.12), 0, 1))
        limit = (style.block_area_m2 + 7500 * (1 - density)) * rng.uniform(0.7, 1.5)
        _, length, across = piece.extents()
        width, rank = _road_width(depth, rng, style.road_scale)
        parts: tuple[Piece | None, Piece | None, FloatArray] | None = None
        if piece.area_m2 > limit and min(length, across) > 46:
            jitter = style.angle_jitter_rad * (0.6 if depth < 2 else 1.0)
            parts = split(piece, rng, 0.38, 0.62, jitter, width / 2)
        if (
            parts is None
            or parts[0] is None
            or parts[1] is None
            or min(parts[0].area_m2, parts[1].area_m2) < 1200
        ):
            kerb = piece.inset(piece.labels)
            if kerb is not None and kerb.area_m2 > 150:
                blocks.append(Block(kerb, density))
            continue
        ends = parts[2]
        if np.hypot(*(ends[1] - ends[0])) > 15:
            clear = [_crossed_half_width(piece, end) for end in ends]
            line = warp(densify(ends, 6.0, closed=False))
            roads.append(Road(line, width, rank, clear[0], clear[1]))
        stack += [(parts[0], depth + 1), (parts[1], depth + 1)]
    return Layout(tuple(roads), tuple(blocks), warp)
