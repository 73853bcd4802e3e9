"""From a plan to static rasters: ground, markings, buildings with true roof planes, wall codes."""

from __future__ import annotations

import cv2
import numpy as np
from shapely.geometry import MultiPolygon, Polygon

from cvgl_core.simulation.canvas import SHIFT, Canvas
from cvgl_core.simulation.layout import following
from cvgl_core.simulation.plan import Building, Line, Part, Plan, RoofKind, Surface
from cvgl_core.types import BoolArray, Float32Array, FloatArray

_WALL_BAND_M = 1.5
_PARAPET_M = 0.5
_MAX_RISE_M = 5.0
_WIDE_M = 0.7


def paint_ground(canvas: Canvas, plan: Plan) -> None:
    """Fill the areas of a plan in order, then draw its lines."""
    wide = [line for line in plan.lines if line.width_m > _WIDE_M]
    wear = [line for line in wide if line.strength < 1.0]
    if plan.base == Surface.ROAD:
        _draw_lines(canvas, wear)
    for area in plan.areas:
        canvas.fill(area.polygon, area.surface, area.rgb, area.holes)
    if plan.base != Surface.ROAD:
        _draw_lines(canvas, wear)
    _draw_lines(canvas, [line for line in wide if line.strength >= 1.0])
    _draw_lines(canvas, [line for line in plan.lines if line.width_m <= _WIDE_M])


def _draw_lines(canvas: Canvas, lines: list[Line]) -> None:
    """Draw lines, mixed with the ground at their middle; thin ones fade with their width."""
    side = canvas.surface.shape[0] << SHIFT
    for line in lines:
        width_px = line.width_m / canvas.gsd_m_per_px
        points = canvas.corners(line.points)
        if (points.max(axis=0) < 0).any() or (points.min(axis=0) > side).any():
            continue
        middle = np.clip(points[len(points) // 2], 0, side - 1) >> SHIFT
        under = canvas.albedo[middle[1], middle[0]].astype(np.float64)
        strength = line.strength * min(1.0, 0.25 + 0.75 * width_px)
        rgb = (under + (np.asarray(line.rgb) - under) * strength).tolist()
        thick = max(1, round(width_px))
        cv2.polylines(canvas.albedo, [points], False, rgb, thick, cv2.LINE_AA, SHIFT)
        if line.width_m > _WIDE_M and line.strength >= 1.0:
            paved = int(Surface.PAVING)
            cv2.polylines(canvas.surface, [points], False, paved, thick, cv2.LINE_8, SHIFT)


def paint_buildings(canvas: Canvas, buildings: tuple[Building, ...]) -> None:
    """Raise all buildings, low bodies first, so that the tallest wins where two meet."""
    bodies = [(part.eaves_m, index, part) for index, b in enumerate(buildings) for part in b.parts]
    for _, index, part in sorted(bodies, key=lambda body: body[0]):
        _paint_part(canvas, index + 1, part)


def _paint_part(canvas: Canvas, building_id: int, part: Part) -> None:
    rings = (part.polygon, *part.holes)
    found = canvas.patch(rings)
    if found is None:
        return
    window, mask = found
    if not mask.any():
        return
    canvas.building[window][mask] = building_id
    canvas.surface[window][mask] = int(Surface.ROOF)
    canvas.albedo[window][mask] = np.asarray(part.rgb).astype(np.uint8)
    canvas.normal_x[window][mask] = 0
    canvas.normal_y[window][mask] = 0
    if part.roof == RoofKind.FLAT:
        canvas.height_m[window][mask] = part.eaves_m
        if part.seam_m > 0:
            _seams(canvas, window, mask, part)
        if part.parapet:
            _parapet(canvas, window, mask, part)
    else:
        _slopes(canvas, window, mask, part)
    for ring in rings:
        _wall_codes(canvas, ring)


def _seams(canvas: Canvas, window: tuple[slice, slice], mask: BoolArray, part: Part) -> None:
    """Darken thin stripes across a flat roof, and give its sheets slightly different tones."""
    x, y = canvas.coordinates(window)
    edges = following(part.polygon) - part.polygon
    longest = edges[int(np.hypot(edges[:, 0], edges[:, 1]).argmax())]
    u = longest / np.hypot(*longest)
    along = (x * u[0] + y * u[1]) / part.seam_m
    sheet = np.floor(along)
    tone = 1 + 0.04 * np.sin(sheet * 12.9898 + part.eaves_m)
    tone = np.where(along - sheet < 0.35 / part.seam_m, 0.88, tone)
    colour = np.asarray(part.rgb) * tone[..., None]
    canvas.albedo[window][mask] = np.clip(colour, 0, 250).astype(np.uint8)[mask]


def _parapet(canvas: Canvas, window: tuple[slice, slice], mask: BoolArray, part: Part) -> None:
    inner = Polygon(part.polygon, part.holes).buffer(-_PARAPET_M, join_style="mitre")
    shapes = inner.geoms if isinstance(inner, MultiPolygon) else [inner]
    inside = np.zeros(mask.shape, np.uint8)
    origin = np.array([window[1].start, window[0].start], np.int32) * (1 << SHIFT)
    for shape in shapes:
        if isinstance(shape, Polygon) and not shape.is_empty:
            parts = (shape.exterior, *shape.interiors)
            rings = [canvas.corners(np.asarray(r.coords)) - origin for r in parts]
            cv2.fillPoly(inside, rings, 1, cv2.LINE_8, SHIFT)
    rim = mask & (inside == 0)
    canvas.height_m[window][rim] = part.eaves_m + 0.3
    rgb = np.clip(np.asarray(part.rgb) + 16, 0, 240)
    canvas.albedo[window][rim] = rgb.astype(np.uint8)


def _slopes(canvas: Canvas, window: tuple[slice, slice], mask: BoolArray, part: Part) -> None:
    """Write the planes of a gable or hip roof: heights and normals."""
    x, y = canvas.coordinates(window)
    run: np.ndarray
    nx: np.ndarray
    ny: np.ndarray
    if part.roof == RoofKind.GABLE:
        run, nx, ny = _gable(part.polygon, x, y)
    else:
        run, nx, ny = _nearest_edge((part.polygon, *part.holes), x, y)
    rise = np.minimum(run * part.pitch, _MAX_RISE_M)
    flat = run * part.pitch >= _MAX_RISE_M
    scale = np.where(flat, 0.0, 127 * part.pitch / np.hypot(1.0, part.pitch))
    canvas.height_m[window][mask] = (part.eaves_m + rise)[mask]
    canvas.normal_x[window][mask] = np.round(nx * scale)[mask].astype(np.int8)
    canvas.normal_y[window][mask] = np.round(ny * scale)[mask].astype(np.int8)


def _gable(
    ring: FloatArray, x: FloatArray, y: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the distance from the eaves and the slope's direction for two slopes."""
    edges = following(ring) - ring
    longest = edges[int(np.hypot(edges[:, 0], edges[:, 1]).argmax())]
    u = longest / np.hypot(*longest)
    v = np.array([-u[1], u[0]])
    across = ring @ v
    middle, half = (across.min() + across.max()) / 2, np.ptp(across) / 2
    offset = x * v[0] + y * v[1] - middle
    side = np.sign(offset)
    return np.maximum(half - np.abs(offset), 0), side * v[0], side * v[1]


def _nearest_edge(
    rings: tuple[FloatArray, ...], x_m: FloatArray, y_m: FloatArray
) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Return the distance to the outline and the outward normal of the nearest edge."""
    x, y = x_m.astype(np.float32), y_m.astype(np.float32)
    shape = np.broadcast_shapes(x.shape, y.shape)
    best = np.full(shape, np.inf, np.float32)
    east, south = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for ring in rings:
        for p, q in zip(ring.tolist(), following(ring).tolist(), strict=True):
            length = float(np.hypot(q[0] - p[0], q[1] - p[1]))
            if length < 1e-6:
                continue
            ux, uy = (q[0] - p[0]) / length, (q[1] - p[1]) / length
            t = np.clip((x - p[0]) * ux + (y - p[1]) * uy, 0, length)
            dx, dy = x - p[0] - t * ux, y - p[1] - t * uy
            squared = dx * dx + dy * dy
            nearer = squared < best
            np.copyto(best, squared, where=nearer)
            np.copyto(east, dx, where=nearer)
            np.copyto(south, dy, where=nearer)
    distance = np.asarray(np.sqrt(best))
    scale = -1 / np.maximum(distance, 0.05)
    return distance, east * scale, south * scale


def _is_clockwise(ring: FloatArray) -> bool:
    """Tell whether a ring turns positively with y pointing south (clockwise as seen on a map)."""
    x, y = ring.T
    return bool(np.dot(x, following(y)) - np.dot(y, following(x)) > 0)


def edge_azimuth_codes(ring: FloatArray) -> np.ndarray:
    """Return the outward normal of each edge of an outer ring as 1/256 turns from north."""
    edges = following(ring) - ring
    sign = 1.0 if _is_clockwise(ring) else -1.0
    east, south = sign * edges[:, 1], -sign * edges[:, 0]
    azimuth = np.degrees(np.arctan2(east, -south))
    return np.asarray(np.round(azimuth / 360 * 256).astype(np.int64) % 256)


def _wall_codes(canvas: Canvas, ring: FloatArray) -> None:
    """Write the code of each edge within 1.5 m of it; neighbours meet on the angle's bisector."""
    codes = edge_azimuth_codes(ring)
    edges = following(ring) - ring
    lengths = np.hypot(edges[:, 0], edges[:, 1])
    normal = np.stack([edges[:, 1], -edges[:, 0]], axis=1) / np.maximum(lengths, 1e-9)[:, None]
    before = np.concatenate([normal[-1:], normal[:-1]])
    mitre = before + normal
    mitre /= np.maximum((mitre**2).sum(axis=1, keepdims=True) / 2, 0.35)
    ahead = following(mitre)
    after = following(ring)
    band = _WALL_BAND_M
    quads = np.stack(
        [ring + band * mitre, after + band * ahead, after - band * ahead, ring - band * mitre],
        axis=1,
    )
    corners = canvas.corners(quads)
    for i in np.flatnonzero(lengths > 0.1):
        cv2.fillPoly(canvas.wall_azimuth, [corners[i]], int(codes[i]), cv2.LINE_8, SHIFT)
