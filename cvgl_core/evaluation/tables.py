"""An accuracy as tables for people, the paper's figures beside ours where the protocol is one."""

from __future__ import annotations

import math
from collections.abc import Mapping

from cvgl_core.evaluation.accuracy import NEAR_M, Accuracy
from cvgl_core.evaluation.metrics import (
    Interval,
    one_percent_sample4geo,
    one_percent_vigor,
    within,
)
from cvgl_core.evaluation.published import (
    OWN_NAME,
    SOURCE,
    PublishedTable,
    published_tables,
)
from cvgl_core.export.accuracy import Row, Table

Figures = Mapping[str, Interval]

_HEADS = {
    "r@1": "R@1",
    "r@5": "R@5",
    "r@10": "R@10",
    "r@1%": "R@1%",
    "hit": "hit rate",
    "mean_m": "mean",
    "median_m": "median",
    "r@1m": "R@1m",
    "r@10m": "R@10m",
}

_WAYS = {
    "unifygeo": "as the paper",
    "argmax": "arg-max on the winner",
    "fused": "fused posterior",
}


def tables(found: Accuracy) -> tuple[Table, ...]:
    """Return what was found; each figure with the 95 % interval of its bootstrap."""
    figures = found.figures
    made = [_retrieval(found, figures)]
    if found.subject.metric:
        made += [_pipeline(found, figures), _given(figures), _calibration(figures)]
    return (*made, _depths(found), _time(found))


def compared(found: Accuracy, protocol: str) -> tuple[Table, ...]:
    """Return the paper's tables of a protocol with our rows added to each."""
    figures = found.figures
    return tuple(_beside(found, figures, table) for table in published_tables(protocol))


def way_label(way: str) -> str:
    """Return the name of a way such as ``fused_50`` in words."""
    method, depth = way.split("_")
    return f"{_WAYS[method]}, depth {depth}"


def share(value: float) -> str:
    """Return a share as a percentage with one decimal."""
    return f"{100 * value:.1f}" if math.isfinite(value) else "-"


def metres(value: float) -> str:
    """Return metres with two decimals; what is infinite lies in another city."""
    if math.isinf(value):
        return "elsewhere"
    return f"{value:.2f}" if math.isfinite(value) else "-"


def _retrieval(found: Accuracy, figures: Figures) -> Table:
    ways = list(found.reranked())
    size = found.subject.gallery_size
    labels = {
        "r@1": "R@1",
        "r@5": "R@5",
        "r@10": "R@10",
        "r@1%_sample4geo": f"R@1% (Sample4Geo, k = {one_percent_sample4geo(size)})",
        "r@1%_vigor": f"R@1% (VIGOR, k = {one_percent_vigor(size)})",
        "hit_rate_code": "hit rate (code)",
        "hit_rate_prose": "hit rate (prose)",
        "cover_rate": "cover rate",
    }
    rows = [
        Row(
            label,
            (
                _cell(figures, name),
                *(_cell(figures, f"{way}_{name}") for way in ways),
            ),
        )
        for name, label in labels.items()
        if name in figures
    ]
    return Table(
        "Retrieval (%)",
        ("by descriptor", *(way_label(way) for way in ways)),
        tuple(rows),
        "Hit rate (code): no tile but semi-positives scores above the right one; (prose): the "
        "first tile is the right one or a semi-positive. Cover rate: the first tile shows the "
        "camera, by its coordinates.",
    )


def _pipeline(found: Accuracy, figures: Figures) -> Table:
    rows = []
    for way in found.ways():
        names = [f"{way}_r@{limit}m" for limit in (1, 5, 10)]
        cells = [_cell(figures, name) for name in names]
        median = figures[f"{way}_median_m"]
        rows.append(Row(way_label(way), (*cells, metres(median.value))))
    gains = [
        f"{100 * gain.value:+.1f} % ({100 * gain.low:+.1f} to {100 * gain.high:+.1f}) over "
        f"{way_label(name.split('_over_')[1])}"
        for name, gain in figures.items()
        if name.startswith("gain_r@1m") and math.isfinite(gain.value)
    ]
    return Table(
        "Whole pipeline: share of estimates within a distance (%)",
        ("1 m", "5 m", "10 m", "median m"),
        tuple(rows),
        "A wrong tile counts as its true error. R@1m of the fused posterior: "
        + "; ".join(gains or ["nothing to compare with"])
        + ".",
    )


def _given(figures: Figures) -> Table:
    names = [f"given_tile_{name}_m" for name in ("mean", "median", "p90")]
    cells = tuple(_cell(figures, name) for name in names)
    return Table(
        "Metric localization: error of the arg-max on the right tile (m)",
        ("mean", "median", "p90"),
        (Row("this run", cells),),
    )


def _calibration(figures: Figures) -> Table:
    names = ["ece_tile", "ece_place", "in_radius_50", "in_radius_90"]
    heads = ["ECE, tile", f"ECE, place within {NEAR_M:.0f} m", "in the 50 % radius", "in the 90 %"]
    note = (
        "ECE over ten bins of equal width. Tile: the winner's probability against whether it is "
        "the right tile; place: the mass round the estimate against whether the camera is there."
    )
    if "auroc_strangers" in figures:
        names.append("auroc_strangers")
        heads.append("strangers told (AUROC)")
        note += (
            " Both ECEs include strangers: views from elsewhere, for which nothing is right. They "
            "are told from the others by the place's probability."
        )
    cells = tuple(_cell(figures, name) for name in names)
    return Table("Calibration (%)", tuple(heads), (Row("this run", cells),), note)


def _depths(found: Accuracy) -> Table:
    rows = []
    for depth, at in found.by_depth.items():
        cost = found.match_seconds.get(depth)
        cells = [share(float((at.rank == 0).mean()))]
        cells += [share(within(at.error_m, limit)) for limit in (1.0, 5.0, 10.0)]
        if not found.subject.metric:
            cells[1:] = ["-"] * 3
        rows.append(Row(f"{depth:,}", (*cells, "-" if cost is None else f"{1000 * cost:.1f}")))
    per_tile_ms = 1000 * found.seconds.get("describe tiles", 0.0) / found.subject.gallery_size
    return Table(
        "Depth of re-ranking, arg-max on the winner (%)",
        ("R@1", "1 m", "5 m", "10 m", "ms a photo"),
        tuple(rows),
        "Milliseconds to match one photo with as many tiles whose level-0 maps are kept. Where "
        f"they are not, a tile is described again: {per_tile_ms:.1f} ms each on this machine.",
        first="tiles",
    )


def _time(found: Accuracy) -> Table:
    views = len(found.given_m)
    rows = []
    for stage, seconds in found.seconds.items():
        per_tile = stage == "describe tiles"
        each_ms = 1000 * seconds / (found.subject.gallery_size if per_tile else views)
        unit = "a tile" if per_tile else "a photo"
        rows.append(Row(stage, (f"{seconds:.1f}", f"{each_ms:.1f}", unit)))
    return Table(
        "Time of this run",
        ("s", "ms", ""),
        tuple(rows),
        "Match: to the deepest depth above. Decode: all tiles that any answer needs.",
    )


def _beside(found: Accuracy, figures: Figures, table: PublishedTable) -> Table:
    paper, depth = found.paper_depth, found.subject.depth
    as_paper = {
        "r@1": f"unifygeo_{paper}_r@1",
        "r@5": "r@5",
        "r@10": "r@10",
        "r@1%": "r@1%_vigor",
        "hit": "hit_rate_prose",
        "mean_m": "given_tile_mean_m",
        "median_m": "given_tile_median_m",
        "r@1m": f"unifygeo_{paper}_r@1m",
        "r@10m": f"unifygeo_{paper}_r@10m",
    }
    by_default = {
        "r@1": f"argmax_{depth}_r@1",
        "r@1m": f"fused_{depth}_r@1m",
        "r@10m": f"fused_{depth}_r@10m",
    }
    rows = [
        Row(f"{method} (paper)" if method == OWN_NAME else method, tuple(map(_published, values)))
        for method, values in table.rows.items()
    ]
    ours = {f"this run, as the paper, depth {paper}": as_paper}
    if any(column in by_default for column in table.columns):
        ours[f"this run, default, depth {depth}"] = by_default
    for label, names in ours.items():
        cells = tuple(_cell(figures, names.get(column, "")) for column in table.columns)
        rows.append(Row(label, cells, ours=True))
    heads = tuple(_HEADS[column] for column in table.columns)
    return Table(f"Table {table.number} of {SOURCE}: {table.title}", heads, tuple(rows))


def _published(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _cell(figures: Figures, name: str) -> str:
    """Return a figure with its interval; nothing where there is no such figure."""
    figure = figures.get(name)
    if figure is None:
        return ""
    form = metres if name.endswith("_m") else share
    return f"{form(figure.value)} ({form(figure.low)}-{form(figure.high)})"
