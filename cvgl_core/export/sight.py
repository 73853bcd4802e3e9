"""A place as the camera would see it: photo and imagery in the same order of azimuths.

Azimuths are true; lengths are units of a picture 1000 wide.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cvgl_core.export.mapview import WIDTH, BaseMap, Frame
from cvgl_core.export.panel import WINDS, Panel, Tick, axis_centred, panel_of, ruler
from cvgl_core.export.pictures import DataUri, jpeg_uri, polar
from cvgl_core.geo import from_lonlat
from cvgl_core.types import BoolArray, Candidate, FloatArray, GroundView, LonLat

_BAR = 38.0
_UNROLLED_PX = (200, 1000)
_OUTSIDE_TILE = 0.5


@dataclass(frozen=True)
class ColumnMatch:
    """How well each direction of the photo fits a place; what they say adds up to the match score.

    Attributes:
        first_deg: azimuth of the left edge of the first column; the others follow to the right.
        here: what each column adds to the cosine at the best position of the square ``[n]``.
        usual: what it adds on average, over all positions of the squares compared ``[n]``.
        seen: columns that show picture ``[n]``.
        best: the best position.
    """

    first_deg: float
    here: FloatArray
    usual: FloatArray
    seen: BoolArray
    best: LonLat

    @property
    def width_deg(self) -> float:
        """Degrees that a column shows."""
        return 360.0 / len(self.here)

    @property
    def evidence(self) -> FloatArray:
        """For the place where positive, against it where negative ``[n]``; unseen columns are 0."""
        told: FloatArray = np.where(self.seen, self.here - self.usual, 0.0)
        return told

    def around(self, azimuth_deg: float) -> FloatArray:
        """Return what columns of the same width add that begin at another azimuth ``[n]``."""
        shift = ((azimuth_deg - self.first_deg) / self.width_deg) % len(self.here)
        whole, part = int(shift), shift - int(shift)
        mixed: FloatArray = (
            np.roll(self.here, -whole) * (1.0 - part) + np.roll(self.here, -whole - 1) * part
        )
        return mixed


@dataclass(frozen=True)
class Sight:
    """A place that may be the camera's.

    Attributes:
        candidate: the square that it lies in.
        place: the camera point.
        heading_deg: azimuth of the optical axis there, None where nothing says it.
        imagery: around the point, north up in its grid.
        covered: which of its pixels show picture ``[H, W]``.
        crs: of the grid.
        reach_m: how far around the point is shown.
        match: how the photo's directions fit, None where that was not looked at.
    """

    candidate: Candidate
    place: LonLat
    heading_deg: float | None
    imagery: BaseMap
    covered: BoolArray
    crs: str
    reach_m: float
    match: ColumnMatch | None = None

    @property
    def coverage(self) -> float:
        """Share of the surroundings within reach that the imagery shows."""
        frame = Frame(self.imagery.bounds, self.crs)
        height, width = self.covered.shape
        u, v = (at * width / WIDTH for at in frame.place(self.place))
        reach_px = self.reach_m * frame.units_per_m * width / WIDTH
        rows, columns = np.indices((height, width)) + 0.5
        near = np.hypot(columns - u, rows - v) <= reach_px
        return float(self.covered[near].mean()) if near.any() else 0.0


@dataclass(frozen=True)
class Bar:
    """What one column says: its place across the panel, its height (negative: against).

    ``rivals`` is the height that the mean of other places would have, None where there is none.
    """

    x: float
    width: float
    height: float
    label: str
    rivals: float | None


@dataclass(frozen=True)
class Sector:
    """One column around the camera on the map: an arc, and how strongly it is coloured (-1 to 1).

    ``strength`` is None where the photo shows nothing.
    """

    path: str
    strength: float | None


@dataclass(frozen=True)
class SightDrawing:
    """A sight ready for the template."""

    sight: Sight
    panel: Panel
    ticks: tuple[Tick, ...]
    bars: tuple[Bar, ...]
    unseen: tuple[tuple[float, float], ...]
    unrolled: DataUri | None
    picture: DataUri
    camera: tuple[float, float]
    reach: float
    tile: str
    sectors: tuple[Sector, ...]
    compass: tuple[tuple[float, float, str], ...]
    wedge: str
    arrow_deg: float | None
    best: tuple[float, float] | None

    @property
    def rise(self) -> float:
        """Room that bars need above their line."""
        return max((max(bar.height, bar.rivals or 0.0) for bar in self.bars), default=0.0) + 6.0

    @property
    def fall(self) -> float:
        """Room that bars need below it."""
        return 6.0 - min((min(bar.height, bar.rivals or 0.0) for bar in self.bars), default=0.0)


def rivals_of(first: Sight, others: Sequence[Sight]) -> FloatArray | None:
    """Return what the columns of ``first`` add on average at other places ``[n]``.

    Columns are those of the photo: where another heading was found, other azimuths.
    """
    if first.match is None:
        return None
    theirs = [
        other.match.around(
            first.match.first_deg + (other.heading_deg or 0.0) - (first.heading_deg or 0.0)
        )
        for other in others
        if other.match is not None
    ]
    return np.mean(theirs, axis=0) if theirs else None


def draw_sight(
    sight: Sight, view: GroundView, scale: float, rivals: FloatArray | None = None
) -> SightDrawing:
    """Return a sight as it is drawn.

    Args:
        sight: to draw.
        view: what the network saw.
        scale: evidence that gets a full bar.
        rivals: what the columns add at other places, to be marked.
    """
    panel = panel_of(view, sight.heading_deg)
    frame = Frame(sight.imagery.bounds, sight.crs)
    camera = frame.place(sight.place)
    reach = sight.reach_m * frame.units_per_m
    ring = _Ring(camera, reach, frame.north_deg())
    shown_deg = 360.0 * float(view.visible.mean())
    wedge = ""
    if sight.heading_deg is not None and shown_deg < 180.0:
        wedge = ring.wedge(sight.heading_deg - shown_deg / 2, shown_deg)
    match = sight.match
    return SightDrawing(
        sight=sight,
        panel=panel,
        ticks=ruler(panel),
        bars=() if match is None else tuple(_bars(match, panel, scale, rivals)),
        unseen=tuple(_unseen(view, panel)),
        unrolled=None if sight.heading_deg is None else jpeg_uri(_unrolled(sight, panel), 84),
        picture=jpeg_uri(sight.imagery.rgb, 88),
        camera=camera,
        reach=round(reach, 1),
        tile=frame.path([sight.candidate.polygon]),
        sectors=() if match is None else tuple(_sectors(match, ring, scale)),
        compass=tuple((*ring.at(45.0 * k, 1.13), name) for k, name in enumerate(WINDS)),
        wedge=wedge,
        arrow_deg=None if sight.heading_deg is None else sight.heading_deg + frame.north_deg(),
        best=None if match is None else frame.place(match.best),
    )


def _bars(
    match: ColumnMatch, panel: Panel, scale: float, rivals: FloatArray | None
) -> Iterator[Bar]:
    """Yield a bar for each column that the photo shows, two where it is cut by the panel's ends."""
    heights = np.clip(match.evidence / scale, -1.0, 1.0) * _BAR
    marks = None if rivals is None else np.clip((rivals - match.usual) / scale, -1.0, 1.0) * _BAR
    for column in np.flatnonzero(match.seen):
        azimuth_deg = match.first_deg + float(column) * match.width_deg
        for left, right in panel.pieces(azimuth_deg, match.width_deg):
            yield Bar(
                round(left, 1),
                round(right - left, 1),
                round(float(heights[column]), 1),
                points(float(match.evidence[column])),
                None if marks is None else round(float(marks[column]), 1),
            )


def _unseen(view: GroundView, panel: Panel) -> Iterator[tuple[float, float]]:
    """Yield left end and width of what the panel shows and the photo does not."""
    visible = axis_centred(view).visible
    count = len(visible)
    edges = np.flatnonzero(np.diff(np.concatenate([[True], visible, [True]]).astype(int)))
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        ends_deg = (360.0 * float(at) / count - 180.0 for at in (start, stop))
        left, right = (panel.x(max(-panel.half_deg, min(panel.half_deg, d))) for d in ends_deg)
        if right - left > 0.1:
            yield round(left, 1), round(right - left, 1)


def points(told: float) -> str:
    """Return evidence in hundredths of the score, with its sign."""
    return f"{100.0 * told:+.1f}".replace("-", "\u2212")


def _unrolled(sight: Sight, panel: Panel) -> np.ndarray:
    """Return the imagery with azimuth across and distance up, dark beyond the square."""
    rgb = np.where(sight.covered[..., None], sight.imagery.rgb, 110).astype(np.uint8)
    rgb = np.where(_inside_tile(sight)[..., None], rgb, rgb * _OUTSIDE_TILE).astype(np.uint8)
    frame = Frame(sight.imagery.bounds, sight.crs)
    px_per_unit = rgb.shape[1] / WIDTH
    u, v = (at * px_per_unit for at in frame.place(sight.place))
    axis_deg = (sight.heading_deg or 0.0) + frame.north_deg()
    height, width = _UNROLLED_PX
    return polar(
        rgb,
        (u, v),
        sight.reach_m * frame.units_per_m * px_per_unit,
        (axis_deg - panel.half_deg, axis_deg + panel.half_deg),
        (height, width),
    )


def _inside_tile(sight: Sight) -> BoolArray:
    """Return which pixels of the imagery belong to the square that was matched ``[H, W]``."""
    ring = sight.candidate.polygon
    x_m, y_m = from_lonlat(sight.crs, [p.lon for p in ring], [p.lat for p in ring])
    bounds, (height, width) = sight.imagery.bounds, sight.imagery.rgb.shape[:2]
    across_m = np.linspace(bounds.left_m, bounds.right_m, 2 * width + 1)[1::2]
    down_m = np.linspace(bounds.top_m, bounds.bottom_m, 2 * height + 1)[1::2]
    inside: BoolArray = ((down_m > y_m.min()) & (down_m < y_m.max()))[:, None] & (
        (across_m > x_m.min()) & (across_m < x_m.max())
    )
    return inside


@dataclass(frozen=True)
class _Ring:
    """Directions around the camera on the map."""

    camera: tuple[float, float]
    reach: float
    north_deg: float

    def at(self, azimuth_deg: float, share: float) -> tuple[float, float]:
        """Return the point in a direction, at a share of the reach."""
        angle = math.radians(azimuth_deg + self.north_deg)
        length = self.reach * share
        return (
            round(self.camera[0] + length * math.sin(angle), 1),
            round(self.camera[1] - length * math.cos(angle), 1),
        )

    def arc(self, azimuth_deg: float, width_deg: float, inner: float, outer: float) -> str:
        """Return a piece of a ring as path data."""
        end_deg, long = azimuth_deg + width_deg, int(width_deg > 180.0)
        corners = (
            self.at(azimuth_deg, outer), self.at(end_deg, outer),
            self.at(end_deg, inner), self.at(azimuth_deg, inner),
        )  # fmt: skip
        (x1, y1), (x2, y2), (x3, y3), (x4, y4) = corners
        far, near = round(self.reach * outer, 1), round(self.reach * inner, 1)
        return (
            f"M{x1} {y1}A{far} {far} 0 {long} 1 {x2} {y2}L{x3} {y3}"
            f"A{near} {near} 0 {long} 0 {x4} {y4}Z"
        )

    def wedge(self, azimuth_deg: float, width_deg: float) -> str:
        """Return a piece of pie as path data."""
        (x, y), far = self.camera, round(self.reach, 1)
        (x1, y1), (x2, y2) = self.at(azimuth_deg, 1.0), self.at(azimuth_deg + width_deg, 1.0)
        return f"M{x:.1f} {y:.1f}L{x1} {y1}A{far} {far} 0 0 1 {x2} {y2}Z"


def _sectors(match: ColumnMatch, ring: _Ring, scale: float) -> Iterator[Sector]:
    """Yield the columns around the camera."""
    for column, told in enumerate(match.evidence):
        azimuth_deg = match.first_deg + column * match.width_deg
        path = ring.arc(azimuth_deg, match.width_deg, 0.88, 1.03)
        strength = float(np.clip(told / scale, -1.0, 1.0)) if match.seen[column] else None
        yield Sector(path, strength)
