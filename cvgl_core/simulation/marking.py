"""Lane lines, crossings and medians along a street's centre line."""

from __future__ import annotations

import numpy as np

from cvgl_core.simulation.plan import Draft, Rgb, Road, Surface
from cvgl_core.simulation.style import CityStyle
from cvgl_core.types import FloatArray

_WHITE: Rgb = (222, 222, 216)
_YELLOW: Rgb = (208, 172, 84)


class Track:
    """A centre line that can be walked by length, in metres, with sideways offsets."""

    def __init__(self, points: FloatArray) -> None:
        steps = np.hypot(*np.diff(points, axis=0).T)
        self._at = np.concatenate([[0.0], np.cumsum(steps)])
        self._points = points
        self.length_m = float(self._at[-1])

    def at(self, s_m: FloatArray, offset_m: float = 0.0) -> FloatArray:
        """Return points ``[N, 2]`` at lengths ``s_m``, ``offset_m`` to the right of travel."""
        s = np.clip(s_m, 0, self.length_m)
        x = np.interp(s, self._at, self._points[:, 0])
        y = np.interp(s, self._at, self._points[:, 1])
        points = np.stack([x, y], axis=1)
        return points + self._normals(s) * offset_m if offset_m else points

    def _normals(self, s_m: FloatArray) -> FloatArray:
        i = np.clip(np.searchsorted(self._at, s_m, side="right") - 1, 0, len(self._points) - 2)
        step = self._points[i + 1] - self._points[i]
        step = step / np.maximum(np.hypot(step[:, 0], step[:, 1]), 1e-9)[:, None]
        return np.stack([-step[:, 1], step[:, 0]], axis=1)

    def angles(self, s_m: FloatArray) -> FloatArray:
        """Return directions of travel, radians from east towards south."""
        normals = self._normals(s_m)
        return np.asarray(np.arctan2(-normals[:, 0], normals[:, 1]))


def _stretch(track: Track, start: float, end: float, offset_m: float, step_m: float) -> FloatArray:
    count = max(2, int((end - start) / step_m) + 1)
    return track.at(np.linspace(start, end, count), offset_m)


class RoadMarker:
    """Draws the markings of one street into a draft."""

    def __init__(self, draft: Draft, road: Road, rng: np.random.Generator) -> None:
        self.draft = draft
        self.road = road
        self.rng = rng
        self.track = Track(road.points)
        self.start = road.clear_start_m + 6.0
        self.end = self.track.length_m - road.clear_end_m - 6.0

    def solid(self, offset_m: float, rgb: Rgb, width_m: float) -> None:
        """Draw one unbroken line."""
        points = _stretch(self.track, self.start, self.end, offset_m, 6.0)
        self.draft.line(points, rgb, width_m, self.draft.style.mark_wear)

    def dashed(self, offset_m: float, rgb: Rgb, width_m: float, on_m: float, off_m: float) -> None:
        """Draw a broken line."""
        for s in np.arange(self.start, self.end - on_m, on_m + off_m):
            points = self.track.at(np.array([s, s + on_m]), offset_m)
            self.draft.line(points, rgb, width_m, self.draft.style.mark_wear)

    def crossing(self, s_m: float, ladder: bool) -> None:
        """Draw a zebra crossing of bars, or two parallel lines, across the street."""
        half = self.road.width_m / 2 - 0.4
        style = self.draft.style
        if not ladder:
            for s in (s_m - 1.5, s_m + 1.5):
                ends = [self.track.at(np.array([s]), o)[0] for o in (-half, half)]
                self.draft.line(np.array(ends), _WHITE, 0.3, style.mark_wear)
            return
        for offset in np.arange(-half + 0.4, half, 1.2):
            points = self.track.at(np.array([s_m - 1.5, s_m + 1.5]), float(offset))
            self.draft.line(points, _WHITE, 0.6, style.mark_wear)

    def median(self) -> None:
        """Plant a strip of grass, with trees, in the middle."""
        strip = 1.2
        left = _stretch(self.track, self.start + 5, self.end - 5, -strip, 5.0)
        right = _stretch(self.track, self.start + 5, self.end - 5, strip, 5.0)
        ring = np.concatenate([left, right[::-1]])
        self.draft.area(ring, Surface.GRASS, self.draft.style.grass_rgb)
        self.draft.line(np.concatenate([ring, ring[:1]]), self.draft.style.sidewalk_rgb, 0.25, 0.8)
        for s in np.arange(self.start + 9, self.end - 9, self.rng.uniform(8, 20)):
            x, y = self.track.at(np.array([s]))[0]
            self.draft.tree(float(x), float(y), self.rng, 1.3, 3.0)


def _lanes(marker: RoadMarker, style: CityStyle) -> None:
    road, rng = marker.road, marker.rng
    colour = _YELLOW if rng.random() < style.yellow_share else _WHITE
    if road.rank == 0 and road.width_m > 12.5:
        if rng.random() < style.median_share and marker.end - marker.start > 40:
            marker.median()
        else:
            marker.solid(-0.3, colour, 0.22)
            marker.solid(0.3, colour, 0.22)
        lane = road.width_m / 4 - 0.3
        for offset in (-lane, lane):
            marker.dashed(offset, _WHITE, 0.2, 3.0, 6.0)
            marker.solid(np.sign(offset) * (road.width_m / 2 - 2.2), _WHITE, 0.18)
    elif road.rank <= 1 and road.width_m > 7.5:
        if rng.random() < 0.5:
            marker.solid(0.0, colour, 0.25)
        else:
            marker.dashed(0.0, colour, 0.25, 3.0, 5.0)
        if rng.random() < 0.5:
            for side in (-1, 1):
                marker.solid(side * (road.width_m / 2 - 2.1), _WHITE, 0.16)
    elif rng.random() < 0.45:
        marker.dashed(0.0, _WHITE, 0.2, 2.5, 5.0)


def _wear(draft: Draft, road: Road, track: Track, rng: np.random.Generator) -> None:
    """Draw the street's own shade of asphalt, darker wheel bands and repaired patches."""
    shift = rng.normal(0, 5)
    r, g, b = draft.style.asphalt_rgb
    own: Rgb = (r + shift, g + shift, b + shift)
    line = _stretch(track, 2, track.length_m - 2, 0.0, 6.0)
    draft.line(line, own, road.width_m - 0.6, 0.8)
    if road.rank < 2:
        for side in (-1.0, 1.0):
            points = _stretch(track, 2, track.length_m - 2, side * road.width_m / 4, 6.0)
            draft.line(points, (own[0] - 9, own[1] - 9, own[2] - 9), 1.9, 0.6)
    for _ in range(int(rng.poisson(track.length_m / 35))):
        s = rng.uniform(0, track.length_m, 1)
        ends = np.concatenate([s, s + rng.uniform(1, 9)])
        tone = float(rng.normal(-6, 11))
        points = track.at(ends, float(rng.uniform(-0.4, 0.4) * road.width_m))
        patch: Rgb = (own[0] + tone, own[1] + tone, own[2] + tone)
        draft.line(points, patch, float(rng.uniform(0.6, 2.6)), 0.8)


def mark_road(draft: Draft, road: Road, rng: np.random.Generator) -> None:
    """Draw a street's asphalt wear, lines, crossings and driving cars into a draft."""
    style = draft.style
    marker = RoadMarker(draft, road, rng)
    track = marker.track
    if track.length_m < 12:
        return
    _wear(draft, road, track, rng)
    if marker.end - marker.start > 12 and road.width_m > 5.5:
        _lanes(marker, style)
    ladder = rng.random() < 0.85
    share = style.zebra_share if road.width_m > 11 else style.zebra_share * 0.5
    for s in (marker.start - 3.0, marker.end + 3.0):
        if marker.end - marker.start > 8 and rng.random() < share:
            marker.crossing(s, ladder)
    if track.length_m > 160 and road.width_m > 11:
        for _ in range(1 + int(track.length_m / 180)):
            marker.crossing(float(rng.uniform(marker.start + 15, marker.end - 15)), True)
    for s in np.arange(marker.start, marker.end, 22.0):
        if rng.random() < 0.3:
            side = 1.0 if rng.random() < 0.5 else -1.0
            at = np.array([s + rng.uniform(0, 12)])
            x, y = track.at(at, side * max(road.width_m / 4, 1.2))[0]
            angle = float(track.angles(at)[0]) + (np.pi if side < 0 else 0.0)
            draft.spots.append((float(x), float(y), angle))
