"""The report of one photo: a single HTML file with its evidence, to read, print and archive."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cvgl_core.export import words
from cvgl_core.export.limits import ImagerySource, limits, query_of
from cvgl_core.export.mapview import (
    WIDTH,
    BaseMap,
    Frame,
    Overlay,
    ScaleBar,
    base_uri,
    close_up,
    heat_overlay,
)
from cvgl_core.export.page import render
from cvgl_core.export.panel import panel_of, strip_uri
from cvgl_core.export.pictures import DataUri, fitted, jpeg_uri
from cvgl_core.export.reasons import match_weight, reasons, why_behind
from cvgl_core.export.sight import Sight, SightDrawing, draw_sight, points, rivals_of
from cvgl_core.fsio import write_bytes
from cvgl_core.geo import from_lonlat, geodesic_distance_m
from cvgl_core.types import (
    Bounds,
    Candidate,
    GroundView,
    LocalizationResult,
    LonLat,
    PhotoMetadata,
    UInt8Array,
)

MAX_CARDS = 6
PANORAMA_CONE_DEG = 30.0
SOURCES_SHOWN = 12
LEAST_SCALE = 0.05
"""Evidence that fills a bar, at least: small differences must not look large."""


@dataclass(frozen=True)
class ReportInputs:
    """What a report shows beside the result itself.

    Attributes:
        result: the answer for one photo.
        photo_rgb: the photo, any size, ``[H, W, 3]``.
        strip: the full circle as the network saw it, the optical axis in its middle.
        tiles_rgb: imagery of the first K candidates in their order, ``[K, p, p, 3]``.
        maps: base maps in grid metres, the close-up first; see ``map_windows``.
        sights: the estimate, then other places that candidates mean.
        sources: imagery that was searched.
        truth: the camera's true place, where known (simulated and test photos).
        attribution: who made the imagery, for the maps' captions.
    """

    result: LocalizationResult
    photo_rgb: UInt8Array
    strip: GroundView
    tiles_rgb: UInt8Array
    maps: tuple[BaseMap, ...]
    sights: tuple[Sight, ...] = ()
    sources: tuple[ImagerySource, ...] = ()
    truth: LonLat | None = None
    attribution: str = ""


@dataclass(frozen=True)
class MapDrawing:
    """A map ready for the template, frame units (1000 wide)."""

    title: str
    height: float
    base: DataUri
    heat: Overlay | None
    contours: tuple[tuple[float, str], ...]
    tiles: tuple[tuple[int, str], ...]
    window: str | None
    spots: tuple[tuple[int, float, float], ...]
    estimate: tuple[float, float]
    cone: str | None
    exif: tuple[float, float] | None
    truth: tuple[float, float] | None
    scale: ScaleBar
    north_deg: float


@dataclass(frozen=True)
class Card:
    """A candidate with its picture; its best place in percent of the tile from the top left."""

    candidate: Candidate
    picture: DataUri
    spot_percent: tuple[float, float] | None
    score_percent: float


@dataclass(frozen=True)
class Alternative:
    """A place that was considered and lost."""

    drawn: SightDrawing
    away_m: float
    why: str


def write_report(path: Path, inputs: ReportInputs) -> None:
    """Write ``NAME.html`` atomically.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """
    write_bytes(path, report_html(inputs).encode())


def map_windows(result: LocalizationResult, area: Bounds) -> tuple[Bounds, Bounds]:
    """Return the rectangles worth showing, grid metres: a close-up, and the whole area.

    The close-up holds the estimate and, not farther than 400 m, the other likely candidates.
    """
    estimate = result.estimate
    best = max((c.probability for c in result.candidates), default=0.0)
    likely = [c for c in result.candidates if c.probability >= 0.2 * best]
    places = [LonLat(estimate.lon, estimate.lat)] + [LonLat(c.lon, c.lat) for c in likely]
    return close_up(result.posterior, places, area), area


def report_html(inputs: ReportInputs) -> str:
    """Return the page; it needs no network, no script and no other file."""
    result = inputs.result
    estimate = result.estimate
    cards = _cards(inputs)
    maps = [draw_map(inputs, base, closest=not i) for i, base in enumerate(inputs.maps)]
    return render(
        "report.html.j2",
        result=result,
        estimate=estimate,
        verdict=words.TITLES[estimate.verdict],
        confidence=words.CONFIDENCE[estimate.confidence],
        summary=words.summary(result),
        place=words.lonlat(LonLat(estimate.lon, estimate.lat)),
        heading=words.heading(estimate),
        maps=maps,
        map_columns=[round(WIDTH / drawn.height, 3) for drawn in maps],
        photo=jpeg_uri(fitted(inputs.photo_rgb, 1400, 700)),
        ground=jpeg_uri(fitted(result.view.rgb, 700, 700)) if result.from_above else None,
        evidence=_evidence(inputs),
        after=cards,
        before=sorted(cards, key=lambda card: card.candidate.retrieval_rank),
        links=_links(cards),
        match_weight=match_weight(result),
        query=query_of(result),
        limits=limits(result, inputs.sources),
        sources=inputs.sources[:SOURCES_SHOWN],
        more_sources=max(0, len(inputs.sources) - SOURCES_SHOWN),
        metadata=metadata_rows(result.metadata),
        truth=inputs.truth,
        truth_distance_m=_distance_m(inputs.truth, LonLat(estimate.lon, estimate.lat)),
        attribution=inputs.attribution,
    )


def _evidence(inputs: ReportInputs) -> dict[str, object] | None:
    """Return the close look at the estimate and at other places, None where there is none."""
    if not inputs.sights:
        return None
    view, (first, *others) = inputs.result.view, inputs.sights
    told = [abs(s.match.evidence).max() for s in inputs.sights if s.match is not None]
    scale = max(LEAST_SCALE, float(max(told, default=0.0)))
    weight = match_weight(inputs.result)
    panel = panel_of(view, first.heading_deg)
    height, width = inputs.strip.rgb.shape[:2]
    return {
        "first": draw_sight(first, view, scale, rivals_of(first, others)),
        "strip": strip_uri(inputs.strip, panel),
        "strip_height": round(WIDTH * height / width * 180.0 / panel.half_deg, 1),
        "scale": points(scale),
        "reasons": reasons(first, others),
        "others": [
            Alternative(
                draw_sight(other, view, scale),
                _distance_m(first.place, other.place) or 0.0,
                why_behind(first, other, weight),
            )
            for other in others
        ],
    }


def draw_map(inputs: ReportInputs, base: BaseMap, closest: bool) -> MapDrawing:
    """Return one map; outlines of tiles and the view cone are drawn on the close-up only."""
    result, estimate = inputs.result, inputs.result.estimate
    frame = Frame(base.bounds, result.posterior.crs)
    at = LonLat(estimate.lon, estimate.lat)
    cone = None
    if closest and estimate.heading_deg is not None:
        cone = frame.cone(at, estimate.heading_deg, cone_deg(result.view), 130.0)
    shown = result.candidates[:MAX_CARDS] if closest else ()
    return MapDrawing(
        title=base.title,
        height=round(frame.height, 1),
        base=base_uri(base),
        heat=heat_overlay(result.posterior, frame),
        contours=tuple((r.level, frame.region_path(r)) for r in result.regions),
        tiles=tuple((c.rank, frame.path([c.polygon])) for c in reversed(shown)),
        window=None if closest else _window(frame, inputs.maps[0].bounds),
        spots=_spots(frame, inputs.result),
        estimate=frame.place(at),
        cone=cone,
        exif=_mark(frame, exif_place(result.metadata)),
        truth=_mark(frame, inputs.truth),
        scale=frame.scale_bar(),
        north_deg=round(frame.north_deg(), 2),
    )


def cone_deg(view: GroundView) -> float:
    """Return how wide the view cone is drawn: as the picture, a narrow one for a full circle."""
    shown_deg = 360.0 * float(view.visible.mean())
    return shown_deg if shown_deg < 180.0 else PANORAMA_CONE_DEG


def _window(frame: Frame, bounds: Bounds) -> str:
    """Return the outline of another map's bounds as path data."""
    left, top = frame.at(bounds.left_m, bounds.top_m)
    right, bottom = frame.at(bounds.right_m, bounds.bottom_m)
    return f"M{left:.1f} {top:.1f}H{right:.1f}V{bottom:.1f}H{left:.1f}Z"


def _spots(frame: Frame, result: LocalizationResult) -> tuple[tuple[int, float, float], ...]:
    """Return rank and position of candidates' own places that do not hide one another."""
    taken = [frame.place(LonLat(result.estimate.lon, result.estimate.lat))]
    spots: list[tuple[int, float, float]] = []
    for candidate in result.candidates[:MAX_CARDS]:
        x, y = frame.place(LonLat(candidate.lon, candidate.lat))
        clear = all(math.hypot(x - other[0], y - other[1]) > 34.0 for other in taken)
        if clear and 0.0 <= x <= WIDTH and 0.0 <= y <= frame.height:
            taken.append((x, y))
            spots.append((candidate.rank, round(x, 1), round(y, 1)))
    return tuple(spots)


def exif_place(metadata: PhotoMetadata) -> LonLat | None:
    """Return where the file says that it was taken."""
    if metadata.exif_lon is None or metadata.exif_lat is None:
        return None
    return LonLat(metadata.exif_lon, metadata.exif_lat)


def metadata_rows(metadata: PhotoMetadata) -> list[tuple[str, str, str]]:
    """Return name, value and source of what the file says about itself."""
    exif = exif_place(metadata)
    values = {
        "size": ("Size", f"{metadata.width_px} x {metadata.height_px} px"),
        "projection": ("Projection", metadata.projection.value),
        "heading_deg": ("Heading", _heading(metadata)),
        "magnetic_heading_deg": ("Compass showed", _degrees(metadata.magnetic_heading_deg)),
        "fov_deg": ("Field of view", _degrees(metadata.fov_deg)),
        "pitch_deg": ("Pitch", _degrees(metadata.pitch_deg)),
        "roll_deg": ("Roll", _degrees(metadata.roll_deg)),
        "exif_lon": ("Position", words.lonlat(exif) if exif else "not stated"),
        "taken_at": ("Taken at", metadata.taken_at or "not stated"),
        "camera": ("Camera", metadata.camera or "not stated"),
    }
    if metadata.height_m is not None:
        values["height_m"] = ("Height of the drone", f"{metadata.height_m:.1f} m")
    if metadata.altitude_m is not None:
        values["altitude_m"] = ("Altitude", f"{metadata.altitude_m:.1f} m")
    sources = {"size": "header of the file", "projection": "assumed"} | metadata.sources
    return [(label, value, sources.get(name, "")) for name, (label, value) in values.items()]


def _heading(metadata: PhotoMetadata) -> str:
    """Return the heading for the table; one from magnetic north alone is shown as such."""
    if metadata.heading_deg is None and metadata.magnetic_heading_deg is not None:
        return f"{metadata.magnetic_heading_deg:.1f}° from magnetic north"
    return _degrees(metadata.heading_deg)


def _degrees(value_deg: float | None) -> str:
    """Return an angle for the table."""
    return "not stated" if value_deg is None else f"{value_deg:.1f}°"


def _cards(inputs: ReportInputs) -> list[Card]:
    """Return the first candidates with their imagery, in their final order."""
    shown = inputs.result.candidates[: min(MAX_CARDS, len(inputs.tiles_rgb))]
    scores = [card.score for card in shown]
    low, high = min(scores, default=0.0), max(scores, default=1.0)
    return [
        Card(
            candidate=candidate,
            picture=jpeg_uri(fitted(picture, 320, 320), 86),
            spot_percent=_spot(inputs.result.posterior.crs, candidate),
            score_percent=15.0 + 85.0 * (candidate.score - low) / max(high - low, 1e-9),
        )
        for candidate, picture in zip(shown, inputs.tiles_rgb, strict=False)
    ]


def _spot(crs: str, candidate: Candidate) -> tuple[float, float] | None:
    """Return a candidate's best place in percent of its tile, from left and from top."""
    x_m, y_m = from_lonlat(
        crs, [p.lon for p in candidate.polygon], [p.lat for p in candidate.polygon]
    )
    spot_x, spot_y = from_lonlat(crs, [candidate.lon], [candidate.lat])
    width, height = float(x_m.max() - x_m.min()), float(y_m.max() - y_m.min())
    if width <= 0.0 or height <= 0.0:
        return None
    left = float(spot_x[0] - x_m.min()) / width * 100.0
    top = float(y_m.max() - spot_y[0]) / height * 100.0
    inside = 0.0 <= left <= 100.0 and 0.0 <= top <= 100.0
    return (round(left, 2), round(top, 2)) if inside else None


def _links(cards: Sequence[Card]) -> list[tuple[int, int, bool]]:
    """Return, for lines between the two columns: row before, row after, is it the winner."""
    before = sorted(cards, key=lambda card: card.candidate.retrieval_rank)
    rows = {id(card): row for row, card in enumerate(before)}
    return [(rows[id(card)], row, row == 0) for row, card in enumerate(cards)][::-1]


def _mark(frame: Frame, place: LonLat | None) -> tuple[float, float] | None:
    """Return where a place lies on a map, None where it does not."""
    if place is None or not frame.inside(place):
        return None
    return frame.place(place)


def _distance_m(truth: LonLat | None, place: LonLat) -> float | None:
    """Return how far a place lies from the truth."""
    if truth is None:
        return None
    return float(geodesic_distance_m(truth.lon, truth.lat, place.lon, place.lat))
