"""An accuracy as a page and as JSON."""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np

from cvgl_core.evaluation.accuracy import NEAR_M, Accuracy, within_curve
from cvgl_core.evaluation.metrics import Interval, Reliability, error_thresholds_m
from cvgl_core.evaluation.published import SOURCE
from cvgl_core.evaluation.tables import compared, metres, tables, way_label
from cvgl_core.export.accuracy import AccuracyPage, Headline
from cvgl_core.export.chart import Chart, Points, Series, ticks
from cvgl_core.types import FloatArray

_NOTES = (
    "Intervals in brackets are the middle 95 % of 1,000 bootstrap samples of the views; they say "
    "nothing about other cities or other weights.",
    "Among equal scores the tile with the lower number comes first; the usual scripts count ties "
    "in favour.",
    "As the paper: the tile with the highest s_t + max M0 among the best by descriptor, and the "
    "arg-max of its heatmap. Arg-max on the winner: the same, deeper and with the model's own "
    "weight of max M0. Fused posterior: the mode of all candidates' heatmaps together.",
    "Distances are on the ground; the estimate is inclusive of its threshold (at most 1 m).",
)


def page(found: Accuracy, protocol: str, skipped: int = 0) -> AccuracyPage:
    """Return the page of a benchmark.

    Args:
        found: what was measured.
        protocol: of the published tables, or "" if there are none.
        skipped: rows of the data set that could not be used.
    """
    subject = found.subject
    beside = compared(found, protocol)
    weights = (subject.weights_sha256 or "untrained")[:12]
    return AccuracyPage(
        title=subject.data,
        subtitle=(
            f"{subject.model}, weights {weights}. {len(found.given_m):,} views against "
            f"{subject.gallery_size:,} tiles; places: {subject.labels}."
            + (f" {skipped:,} rows of the data set were left out." if skipped else "")
        ),
        headlines=_headlines(found),
        charts=_charts(found),
        tables=tables(found),
        published=beside,
        published_note=published_note(protocol),
        notes=_NOTES,
    )


def published_note(protocol: str) -> str:
    """Say where published figures come from, or that there are none."""
    if not protocol:
        return "No published figures: nobody else has measured this protocol."
    return f"Figures of others: {SOURCE}; rows of this run are tinted, with their intervals."


def as_json(found: Accuracy, protocol: str, skipped: int = 0) -> dict[str, object]:
    """Return everything but the rows of single views; what is not a number is null."""
    thresholds_m = error_thresholds_m()
    curves = {way: within_curve(error_m, thresholds_m) for way, error_m in found.ways().items()}
    metric = found.subject.metric
    return {
        **asdict(found.subject),
        "views": len(found.given_m),
        "skipped": skipped,
        "figures": {name: _interval(value) for name, value in found.figures.items()},
        "by_depth": [
            {
                "depth": depth,
                "r@1": float((at.rank == 0).mean()),
                **{f"r@{m}m": _number(float((at.error_m <= m).mean())) for m in (1, 5, 10)},
                "match_seconds": found.match_seconds.get(depth),
            }
            for depth, at in found.by_depth.items()
        ],
        "thresholds_m": [round(float(value), 4) for value in thresholds_m],
        "within": {way: curve.tolist() for way, curve in curves.items()} if metric else {},
        "reliability": {
            "tile": _reliability(found.tile_reliability()),
            "place": _reliability(found.place_reliability()),
        }
        if metric
        else {},
        "published": [
            {"table": t.title, "columns": t.columns, "rows": {r.label: r.cells for r in t.rows}}
            for t in compared(found, protocol)
        ],
        "seconds": {stage: round(seconds, 3) for stage, seconds in found.seconds.items()},
    }


def as_text(found: Accuracy, protocol: str) -> str:
    """Return all tables for a terminal."""
    subject = found.subject
    head = (
        f"{subject.data}: {len(found.given_m):,} views, {subject.gallery_size:,} tiles, "
        f"{subject.model} {(subject.weights_sha256 or 'untrained')[:12]}"
    )
    made = [*tables(found), *compared(found, protocol)]
    return "\n\n".join([head, *(table.text() for table in made), published_note(protocol)])


def _headlines(found: Accuracy) -> tuple[Headline, ...]:
    figures, depth = found.figures, found.subject.depth
    wanted = [
        ("R@1", "r@1", "by descriptor"),
        (f"R@1, depth {depth}", f"argmax_{depth}_r@1", "re-ranked"),
    ]
    if found.subject.metric:
        wanted += [
            ("within 1 m", f"fused_{depth}_r@1m", "fused posterior"),
            ("within 10 m", f"fused_{depth}_r@10m", "fused posterior"),
            ("median error", "given_tile_median_m", "right tile given"),
            ("ECE of the place", "ece_place", f"within {NEAR_M:.0f} m"),
        ]
    return tuple(
        Headline(
            label,
            f"{metres(figures[name].value)} m"
            if name.endswith("_m")
            else f"{100 * figures[name].value:.1f} %",
            note,
        )
        for label, name, note in wanted
    )


def _charts(found: Accuracy) -> tuple[Chart, ...]:
    made = (_depth_chart(found),)
    if not found.subject.metric:
        return made
    return (_error_chart(found), *made, _reliability_chart(found))


def _error_chart(found: Accuracy) -> Chart:
    thresholds_m = error_thresholds_m()
    series = []
    for way, error_m in found.ways().items():
        curve = within_curve(error_m, thresholds_m)
        series.append(Series(way_label(way), _points(thresholds_m, curve)))
    return Chart(
        "Error of the whole pipeline",
        "distance to the camera (m)",
        "Share of estimates within a distance",
        tuple(series),
        ticks((0.25, 1, 5, 10, 50, 250, 1000)),
        x_log=True,
    )


def _depth_chart(found: Accuracy) -> Chart:
    depths = np.array(list(found.by_depth), dtype=np.float64)
    columns = {"R@1": np.array([float((at.rank == 0).mean()) for at in found.by_depth.values()])}
    if found.subject.metric:
        for limit in (1, 10):
            shares = [float((at.error_m <= limit).mean()) for at in found.by_depth.values()]
            columns[f"within {limit} m"] = np.array(shares)
    last = max(found.by_depth)
    across = [depth for depth in (1, 5, 20, 100, 500) if depth <= 0.6 * last]
    return Chart(
        "Depth of re-ranking",
        "tiles re-ranked",
        "The right tile first, and the arg-max on the winner within a distance",
        tuple(Series(label, _points(depths, shares), True) for label, shares in columns.items()),
        ticks([*(across or [1]), max(last, 2)]),
        x_log=True,
        marks=((found.subject.depth, "default"),),
    )


def _reliability_chart(found: Accuracy) -> Chart:
    tile, place = found.tile_reliability(), found.place_reliability()
    return Chart(
        "Reliability of stated probabilities",
        "stated probability",
        "Share that came true, per tenth; on the diagonal, statements hold",
        (
            Series(f"tile, ECE {tile.error:.3f}", _points(tile.stated, tile.came_true), True),
            Series(
                f"place within {NEAR_M:.0f} m, ECE {place.error:.3f}",
                _points(place.stated, place.came_true),
                True,
            ),
        ),
        tuple((share / 4, f"{25 * share} %") for share in range(5)),
        diagonal=True,
    )


def _points(x: FloatArray, y: FloatArray) -> Points:
    return tuple(zip(x.tolist(), y.tolist(), strict=True))


def _interval(figure: Interval) -> dict[str, float | None]:
    return {name: _number(value) for name, value in asdict(figure).items()}


def _number(value: float) -> float | None:
    return round(value, 5) if math.isfinite(value) else None


def _reliability(curve: Reliability) -> dict[str, list[float]]:
    return {
        "stated": curve.stated.tolist(),
        "came_true": curve.came_true.tolist(),
        "count": curve.count.tolist(),
    }
