"""One page for many photos: a map with every estimate, and a table that leads to the reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cvgl_core.export import words
from cvgl_core.export.mapview import BaseMap, Frame, base_uri
from cvgl_core.export.page import render
from cvgl_core.export.pictures import DataUri, fitted, jpeg_uri
from cvgl_core.fsio import write_bytes
from cvgl_core.geo import geodesic_distance_m
from cvgl_core.types import Estimate, Failure, LonLat, UInt8Array, Verdict

THRESHOLDS_M = (5.0, 10.0, 25.0, 50.0)
CURVE_MAX_M = 1000.0
CROWD = 40
"""Photos on a map beyond which numbers would hide one another."""
TONES = (*(verdict.value for verdict in Verdict), "failed")


@dataclass(frozen=True)
class OverviewEntry:
    """A photo of the overview.

    Attributes:
        name: what the photo is called.
        estimate: where it was taken, or None when it failed.
        failure: why it failed.
        thumbnail: a small picture of it.
        truth: where the camera really stood, if known.
        true_tile_rank: rank of the square that holds the true place; None if it was not listed.
        report_href: relative link to its own report.
    """

    name: str
    estimate: Estimate | None = None
    failure: Failure | None = None
    thumbnail: DataUri | None = None
    truth: LonLat | None = None
    true_tile_rank: int | None = None
    report_href: str | None = None


@dataclass(frozen=True)
class OverviewInputs:
    """What the overview shows; the base map and ``crs`` are those of the index.

    ``files`` lie beside the page and are linked to.
    """

    title: str
    base: BaseMap
    crs: str
    entries: tuple[OverviewEntry, ...]
    made_by: Mapping[str, object]
    notes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    attribution: str = ""


@dataclass(frozen=True)
class Row:
    """A line of the table and its marks on the map, frame units."""

    number: int
    name: str
    tone: str
    verdict: str
    confidence: str
    probability: str
    radius: str
    heading: str
    error_m: float | None
    true_tile_rank: int | None
    thumbnail: DataUri | None
    href: str | None
    message: str
    estimate: tuple[float, float] | None
    truth: tuple[float, float] | None


@dataclass(frozen=True)
class Figure:
    """A headline number."""

    label: str
    value: str
    note: str = ""


def thumbnail(rgb: UInt8Array) -> DataUri:
    """Return a photo as small as the overview shows it."""
    return jpeg_uri(fitted(rgb, 190, 76), 75)


def write_overview(path: Path, inputs: OverviewInputs) -> None:
    """Write the page atomically.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """
    write_bytes(path, overview_html(inputs).encode())


def overview_html(inputs: OverviewInputs) -> str:
    """Return the page; it needs no network and no script."""
    frame = Frame(inputs.base.bounds, inputs.crs)
    rows = [_row(number, entry, frame) for number, entry in enumerate(inputs.entries, 1)]
    tones = Counter(row.tone for row in rows)
    errors_m = sorted(row.error_m for row in rows if row.error_m is not None)
    return render(
        "overview.html.j2",
        title=inputs.title,
        rows=rows,
        tones={tone: tones[tone] for tone in TONES if tones[tone]},
        crowded=sum(row.estimate is not None for row in rows) > CROWD,
        faults=_faults(inputs.entries),
        files=inputs.files,
        figures=_figures(inputs.entries, errors_m),
        curve=error_curve(errors_m, len([e for e in inputs.entries if e.truth is not None])),
        has_truth=any(entry.truth is not None for entry in inputs.entries),
        base=base_uri(inputs.base),
        height=round(frame.height, 1),
        scale=frame.scale_bar(),
        north_deg=round(frame.north_deg(), 2),
        notes=inputs.notes,
        attribution=inputs.attribution,
        made_by=inputs.made_by,
    )


def error_curve(errors_m: Sequence[float], total: int) -> str:
    """Return the share of photos within a distance as an SVG path in a 300 x 100 frame.

    The horizontal axis is logarithmic from 0.5 m to 1,000 m; photos without an answer count in
    ``total`` and keep the curve below the top.
    """
    if not errors_m or not total:
        return ""
    start, end = np.log10(0.5), np.log10(CURVE_MAX_M)
    path, level = "M0 100", 0.0
    for count, error_m in enumerate(errors_m, 1):
        reach = (np.log10(min(max(error_m, 0.5), CURVE_MAX_M)) - start) / (end - start) * 300.0
        path += f"H{reach:.1f}"
        level = 100.0 - 100.0 * count / total
        path += f"V{level:.1f}"
    return path + "H300"


def _row(number: int, entry: OverviewEntry, frame: Frame) -> Row:
    """Return one line of the table."""
    estimate = entry.estimate
    truth = frame.place(entry.truth) if entry.truth is not None else None
    if estimate is None:
        message = entry.failure.message if entry.failure is not None else "no result"
        return Row(
            number, entry.name, "failed", "Failed", "", "", "", "", None, None, entry.thumbnail,
            None, message, None, truth,
        )  # fmt: skip
    at = LonLat(estimate.lon, estimate.lat)
    # The best place of a photo that is not from here says nothing, but beside the truth it does.
    shown = estimate.verdict is not Verdict.NOT_IN_AREA or entry.truth is not None
    error_m = None
    if entry.truth is not None:
        distance = geodesic_distance_m(entry.truth.lon, entry.truth.lat, at.lon, at.lat)
        error_m = float(distance)
    return Row(
        number=number,
        name=entry.name,
        tone=estimate.verdict.value,
        verdict=words.TITLES[estimate.verdict],
        confidence=words.CONFIDENCE[estimate.confidence],
        probability=words.percent(estimate.probability),
        radius=words.metres(estimate.radius_90_m),
        heading=words.heading(estimate),
        error_m=error_m,
        true_tile_rank=entry.true_tile_rank,
        thumbnail=entry.thumbnail,
        href=entry.report_href,
        message="",
        estimate=frame.place(at) if shown and frame.inside(at) else None,
        truth=truth,
    )


def _faults(entries: Sequence[OverviewEntry]) -> list[tuple[str, int, str]]:
    """Return what went wrong: class, how often, and what was said the first time."""
    failures = [entry.failure for entry in entries if entry.failure is not None]
    first = {failure.error: failure.message for failure in reversed(failures)}
    counts = Counter(failure.error for failure in failures).most_common()
    return [(error, count, first[error]) for error, count in counts]


def _figures(entries: Sequence[OverviewEntry], errors_m: Sequence[float]) -> list[Figure]:
    """Return the headline numbers: verdicts, and distances where the truth is known."""
    verdicts = Counter(e.estimate.verdict for e in entries if e.estimate is not None)
    figures = [Figure("Photos", str(len(entries)))]
    figures += [
        Figure(words.TITLES[verdict], str(verdicts[verdict]))
        for verdict in Verdict
        if verdicts[verdict]
    ]
    failed = len(entries) - verdicts.total()
    if failed:
        figures.append(Figure("Failed", str(failed)))
    known = [entry for entry in entries if entry.truth is not None]
    if errors_m:
        figures.append(Figure("Median distance", words.metres(float(np.median(errors_m)))))
        for limit_m in THRESHOLDS_M[1:3]:
            within = sum(error <= limit_m for error in errors_m)
            share = f"{within} of {len(known)}"
            figures.append(Figure(f"Within {limit_m:g} m", share, f"{within / len(known):.0%}"))
    ranked = [entry for entry in known if entry.true_tile_rank == 1]
    if any(entry.true_tile_rank is not None for entry in known):
        figures.append(Figure("Right square first", f"{len(ranked)} of {len(known)}"))
    return figures
